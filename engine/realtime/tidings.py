"""What each happening on the engine's side does to a session. What belongs to nothing known is not told. Pure."""

from collections.abc import Callable

from engine.realtime import happenings as happen
from engine.realtime import serverevents as events
from engine.realtime.replies import CLIENT_CANCELLED
from engine.realtime.talk import Step, Talk

# ---------------------------------------------------------------- the caller


def speech_started(talk: Talk, happening: happen.SpeechStarted, step: Step) -> None:
    """The voice started."""
    step.sends += talk.hearing.speech_started(happening, talk.session)


def speech_stopped(talk: Talk, happening: happen.SpeechStopped, step: Step) -> None:
    """It stopped."""
    talk.hearing.speech_stopped(happening.at_ms)


def turn_dropped(talk: Talk, happening: happen.TurnDropped, step: Step) -> None:
    """It was no turn."""
    step.sends += talk.hearing.dropped(happening.at_ms)


def turn_ended(talk: Talk, happening: happen.TurnEnded, step: Step) -> None:
    """The turn is an item."""
    step.sends += talk.hearing.turn_ended(happening, talk.session)


def transcribed(talk: Talk, happening: happen.Transcribed, step: Step) -> None:
    """The caller's words."""
    step.sends += talk.hearing.transcribed(happening, talk.session)


def transcription_failed(talk: Talk, happening: happen.TranscriptionFailed, step: Step) -> None:
    """There will be none."""
    step.sends += talk.hearing.transcription_failed(happening, talk.session)


def digit(talk: Talk, happening: happen.DigitReceived, step: Step) -> None:
    """A key of the phone."""
    if talk.phone:
        step.sends.append(events.event("input_audio_buffer.dtmf_event_received", event=happening.digit,
                                       received_at=happening.at_s))


# ---------------------------------------------------------------- replies


def reply_begun(talk: Talk, happening: happen.ReplyBegun, step: Step) -> None:
    """A reply begins."""
    if talk.session["type"] == "realtime":
        step.sends += talk.replies.begun(happening.generation, happening.response_id, talk.session)


def reply_words(talk: Talk, happening: happen.ReplyWords, step: Step) -> None:
    """Its next words."""
    response = talk.replies.find(happening.generation)
    step.sends += response.words(happening.text) if response else []


def reply_audio(talk: Talk, happening: happen.ReplyAudio, step: Step) -> None:
    """Its next audio; where it is heard on the phone, clients get none of it."""
    sends = talk.replies.audio(happening.generation, happening.audio, happening.ms)
    step.sends += [event for event in sends if not (talk.phone and event["type"] == "response.output_audio.delta")]


def reply_cited(talk: Talk, happening: happen.ReplyCited, step: Step) -> None:
    """What it stands on: for clients that ask, an event of its own; for all, annotations of the message."""
    response = talk.replies.find(happening.generation)
    if response is None or response.finished:
        return
    response.cited(happening.sources)
    if talk.extensions:
        step.sends.append(events.cited(happening.sources, talk.conversation.last_id))


def client_tool(talk: Talk, happening: happen.ClientToolCalled, step: Step) -> None:
    """The client is to run a function."""
    response = talk.replies.find(happening.generation)
    if response:
        step.sends += response.client_tool(happening.call_id, happening.name, happening.arguments)


def server_tool(talk: Talk, happening: happen.ServerToolCalled, step: Step) -> None:
    """The engine runs a skill."""
    response = talk.replies.find(happening.generation)
    if response and happening.shown:
        step.sends += response.server_tool(happening.call_id, happening.name, happening.arguments)


def server_tool_returned(talk: Talk, happening: happen.ServerToolReturned, step: Step) -> None:
    """It is done."""
    for response in talk.replies.running:
        step.sends += response.server_tool_returned(happening.call_id, happening.output, happening.error)


def reply_ended(talk: Talk, happening: happen.ReplyEnded, step: Step) -> None:
    """It is complete."""
    step.sends += talk.replies.ended(happening)


def reply_cut(talk: Talk, happening: happen.ReplyCut, step: Step) -> None:
    """It was stopped. A response that was waiting for its end is wanted no more where the caller's turn is answered."""
    step.sends += talk.replies.cut(happening, talk.phone)
    response = talk.replies.find(happening.generation)
    if response and response is talk.playing:
        step.sends += talk.playback_cleared()
    if response and not response.aside and (happening.by == CLIENT_CANCELLED or talk.answers_turns):
        talk.queued = None


def reply_failed(talk: Talk, happening: happen.ReplyFailed, step: Step) -> None:
    """It failed."""
    step.sends += talk.replies.failed(happening)


def truncated(talk: Talk, happening: happen.Truncated, step: Step) -> None:
    """The words of an item that were heard. The client is told unless it asked: then it knows."""
    entry = talk.conversation.find(happening.item_id)
    asked = happening.item_id in talk.truncating
    talk.truncating.discard(happening.item_id)
    if entry is None or entry.spoken is None:
        return
    entry.cut(happening.heard, None if asked else happening.audio_end_ms)
    if not asked:
        step.sends.append(events.truncated(happening.item_id, happening.audio_end_ms))


def playback_started(talk: Talk, happening: happen.PlaybackStarted, step: Step) -> None:
    """It is being heard on the phone."""
    response = talk.replies.find(happening.generation)
    if response and talk.phone and response is not talk.playing:
        talk.playing = response
        step.sends.append(events.event("output_audio_buffer.started", response_id=response.id))


def playback_stopped(talk: Talk, happening: happen.PlaybackStopped, step: Step) -> None:
    """All of it was heard."""
    response = talk.replies.find(happening.generation)
    if response and response is talk.playing:
        talk.playing = None
        step.sends.append(events.event("output_audio_buffer.stopped", response_id=response.id))


# ---------------------------------------------------------------- the session


def rate_limits(talk: Talk, happening: happen.RateLimits, step: Step) -> None:
    """Told with the next response."""
    talk.replies.limits = happening.limits


def faulted(talk: Talk, happening: happen.Faulted, step: Step) -> None:
    """Something failed here."""
    step.sends.append(events.error(happening.message, happening.code, None, None, "server_error"))


HANDLERS: dict[type, Callable[..., None]] = {
    happen.SpeechStarted: speech_started,
    happen.SpeechStopped: speech_stopped,
    happen.TurnDropped: turn_dropped,
    happen.TurnEnded: turn_ended,
    happen.Transcribed: transcribed,
    happen.TranscriptionFailed: transcription_failed,
    happen.ReplyBegun: reply_begun,
    happen.ReplyWords: reply_words,
    happen.ReplyAudio: reply_audio,
    happen.ReplyCited: reply_cited,
    happen.ClientToolCalled: client_tool,
    happen.ServerToolCalled: server_tool,
    happen.ServerToolReturned: server_tool_returned,
    happen.ReplyEnded: reply_ended,
    happen.ReplyCut: reply_cut,
    happen.ReplyFailed: reply_failed,
    happen.Truncated: truncated,
    happen.PlaybackStarted: playback_started,
    happen.PlaybackStopped: playback_stopped,
    happen.RateLimits: rate_limits,
    happen.Faulted: faulted,
    happen.DigitReceived: digit,
}
