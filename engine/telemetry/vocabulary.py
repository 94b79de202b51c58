"""Every event of the call's log: name and fields. The log is the only account of a call; everything else reads it.

A line is ``{"t": 12.345, "event": name, ...fields}``: ``t`` seconds of call time (0 = answered; negative before) at
which the line was written; ``at`` where present is when it happened in the audio. ``gen`` is the generation of a reply.

A line whose name is not here is a note: a decision of the turn engine under its own name, with ``why``.
"""

import re

EVENTS: dict[str, str] = {
    # the call
    "call_started": "id, transport (freeswitch, ws, relay, text, twilio, exotel), direction (inbound, outbound), "
    "caller, called, node, version, started (ISO 8601, UTC), switch, variables",
    "state": "state, before (states of engine/lifecycle.py), why (the line that it followed from)",
    "carrier_told": "carrier, call (the carrier's id of it), word (as the carrier says it), means (the state), kind, "
    "caller, called, cause, seconds, recording, at (ISO 8601, UTC: when, as the carrier has it), more",
    "carrier_stream": "carrier, call (the carrier's id of it), stream (likewise), encoding (mulaw, pcm), rate",
    "carrier_joined": "carrier, call, session (of the carrier's webhooks before the audio), state (of it)",
    "joined": "session (that goes on with the call), state",
    "agent_picked": "name, variant, why, language",
    "app_asked": "id (of the webhook event)",
    "app_answered": "verdict (accepted, rejected, nobody), why, status (of SIP), ms",
    "attached": "clients (that are attached to the call), why",
    "referred": "target, by (refer, dialplan, carrier)",
    "answered": "ms (accept to answered)",
    "media_attached": "backend, rate, address, ms",
    "media_lost": "why, silent_ms",
    "rtp_report": "codec, packets_in, packets_out, lost, late, duplicates, resyncs, bad_packets, concealed_ms, "
    "jitter_ms, round_trip_ms, peer_lost, mos (at the end of a call that came by RTP)",
    "recording": "file, rate, at (call time of its first sample)",
    "dtmf": "digit, at, duration_ms",
    "handover_started": "target, mode (blind, warm, queue)",
    "handover_dialing": "target, leg (uuid of the human's channel)",
    "handover_answered": "ms (from the beginning)",
    "handover_key": "digit (the human's)",
    "handover_queued": "target, queue",
    "queue_position": "position",
    "handover_bridged": "target, ms (asked to be bridged, or since the caller is in the queue)",
    "handover_failed": "target, why, cause, ms",
    "caller_back": "why, away_s",
    "recording_gap": "file (silent from here to caller_back), humans (whether FreeSWITCH records the human)",
    "recording_human": "file, target",
    "digits_wanted": "least, most, secret",
    "digits": "digits (empty where they are secret), count, ended_by, ms",
    "masked": "on",
    "answering": "verdict (human, machine), why, at (seconds since the answer)",
    "beep": "at (seconds since the answer)",
    "hangup": "cause, by (caller, agent, switch, engine)",
    "call_ended": "state (the last one), seconds, caller_frames, agent_frames, underruns, refused_datagrams, "
    "bad_frames, dropped_bytes",
    "error": "where, message",
    "config": "options (those that differ from the defaults)",
    "language": "language, before, why",
    "brain_lost": "why (the speech-to-speech model that held the call), lines (of the conversation so far)",
    "dialect": "dialect, confidence, why",
    # hearing
    "voice_on": "at",
    "voice_off": "at",
    "partial": "text, at (end of the audio it covers)",
    "final": "text, start, end, ms (voice_off to final), confidence, language (if the recogniser tells it)",
    # deciding; every Note of the turn engine is a line too, its own name with `why`
    "turn": "text, waited_ms (last voiced frame to decision), why, gen",
    "user_said": "text, start, end, item (its id, where the session's client has one for it)",
    "agent_said": "gen, text, interrupted, item (likewise)",
    # A client's word of what was heard: it holds, whatever agent_said has, and whichever of the two comes first.
    "agent_heard": "gen, text, ms (of its audio)",
    # thinking and speaking, per reply
    "think": "gen, text, speculative",
    "say": "gen, text, interruptible",
    "grounds": "gen, decision, score, citations, ms (think to here), detail",
    "first_text": "gen, ms (think to first text)",
    "clause": "gen, text, spoken (what the voice was given, where it differs)",
    "first_audio": "gen, ms (first text to first audio), cached",
    "reply_done": "gen, clauses, audio_ms",
    "reply_failed": "gen, reason",
    "release": "gen",
    "cancel": "gen",
    "on_wire": "gen, at (first frame written), after_voice_ms (from the caller's last voiced frame)",
    "pause": "gen, at, after_onset_ms (from the first voiced frame of the caller)",
    "resume": "gen, at",
    "cut": "gen, at, heard",
    "playout_finished": "gen, at",
    # the language model and its skills, per reply
    "model_answer": "gen, step (from 0), model, first_ms (to the first part), ms, calls (skills called), input_tokens, "
    "output_tokens",
    "model_broke_off": "gen, step, said (whether the caller has something to hear), reason",
    "tool_call": "gen, id, skill, arguments, speculative, repeated (an earlier result is given again), side (server, "
    "mcp: who runs it)",
    "tool_result": "gen (that of the call: the reply may be over), id, skill, success, error, ms, result",
    "client_call": "gen, id, name (of the tool; the client runs it), arguments (JSON text)",
    "client_result": "id, output (text), item",
    "filler": "gen, text, skill, after_ms",
    "ask_back": "gen, confidence",
    "middleware": "gen, hook, name, problem (late, failed), ms, message",
    # routing; capability is stt, llm or tts
    "provider_chosen": "capability, provider, model, language, by (rule or list that decided), place, score",
    "provider_switched": "capability, provider, model, language, before (provider/model), why",
    "provider_failed": "capability, provider, model, kind, message, ms, begun (the caller had something of it)",
    "provider_wait": "capability, provider, seconds (of a rate limit), alone (nobody else is left)",
    "second_opinion": "provider, model, before, after (confidence), taken, ms",
    "breaker_opened": "capability, provider, seconds (until it is tried again)",
    "breaker_closed": "capability, provider",
    "cost": "total, currency, providers (use and cost of each)",
}


def _names(fields: str) -> frozenset[str]:
    """``"ms (accept to answered), gen"`` -> ``{"ms", "gen"}``."""
    return frozenset(re.sub(r"\(.*?\)", "", fields).replace(" ", "").split(","))


FIELDS: dict[str, frozenset[str]] = {name: _names(fields) for name, fields in EVENTS.items()}
"""The names of the fields of each event. A line may leave fields out; it has no others."""
