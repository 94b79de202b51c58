"""Calls from the first command to the last file, over real sockets."""

import json
import wave

import pytest
from call_providers import ANSWER, CHAR_S, LookUp, providers, voice
from call_world import folder, named, wait

ROAD = ["call_started", "answered", "media_attached", "recording", "say", "on_wire", "agent_said", "voice_on",
        "voice_off", "final", "on_wire", "user_said", "agent_said", "hangup", "call_ended"]  # fmt: skip


def voiced_s(pcm, rate):
    """Seconds of 20 ms frames with sound in them."""
    frames = pcm[: len(pcm) // (rate // 50) * (rate // 50)].reshape(-1, rate // 50)
    return (abs(frames.astype(int)).max(axis=1) > 500).sum() * 0.02


def test_greeting_question_answer_and_the_caller_hangs_up(world):
    """The log tells the call in its order, history is what was played, and what is left on disk agrees with it; at 8
    and at 16 kHz (G.722)."""
    with world(providers(["when do you open"], ["when do you open"]), reports=True) as at:
        calls = [at.place(rate=rate, caller="15551234") for rate in (8000, 16000)]
        for call in calls:
            call.greeted()
            call.say(voice(0.6, call.rate))
        for call in calls:
            call.hears()
            call.hears_silence()
            call.hangup()
        at.over(*calls)
        for call in calls:
            wait(lambda call=call: (folder(call.uuid) / "call.html").exists(), "no page", 30)
        for call in calls:
            check(call, at.events(call), folder(call.uuid))


def check(call, events, kept):
    assert [event["event"] for event in named(events, *ROAD)] == ROAD
    assert [event["text"] for event in named(events, "agent_said")] == ["Hello there.", ANSWER]
    assert [event["text"] for event in named(events, "user_said")] == ["when do you open"]
    (hangup,) = named(events, "hangup")
    assert (hangup["cause"], hangup["by"]) == ("NORMAL_CLEARING", "caller")
    ended = events[-1]
    assert ended["bad_frames"] == ended["dropped_bytes"] == ended["underruns"] == 0
    clauses = [event["text"] for event in named(events, "clause")]
    assert voiced_s(call.heard, call.rate) == pytest.approx(sum(map(len, clauses)) * CHAR_S, abs=0.2)

    report = json.loads((kept / "report.json").read_text())
    assert [(line["who"], line["text"]) for line in report["transcript"]] == [
        ("agent", "Hello there."), ("caller", "when do you open"), ("agent", ANSWER)]  # fmt: skip
    assert report["call"]["rate_hz"] == call.rate and report["call"]["caller"] == "15551234"
    assert report["complete"] and not report["faults"]
    with wave.open(str(kept / "recording.wav")) as recording:
        assert recording.getframerate() == call.rate and recording.getnchannels() == 2
        seconds = recording.getnframes() / call.rate
    assert seconds == pytest.approx(ended["caller_frames"] * 0.02, abs=0.3)
    assert "when do you open" in (kept / "call.html").read_text()


def test_an_interruption_is_heard_at_once_and_noise_is_talked_over(world):
    """History holds the words that were heard and no more; a cough costs the caller nothing of the answer."""
    given = providers(["when do you open", "what about Monday"], ["when do you open", ""], brain=LookUp(what="At ten."))
    with world(given) as at:
        cut = at.place()
        wait(lambda: cut.answered is not None, "no answer")
        noisy = at.place()
        for call in (cut, noisy):
            call.greeted()
            call.say(voice(0.6))
        for call in (cut, noisy):
            call.hears()
        cut.say(voice(0.8))
        noisy.say(voice(0.16))
        cut.hears_silence(seconds=0.1, timeout=1)
        cut.hears()
        for call in (cut, noisy):
            call.hears_silence(seconds=0.6)
            call.hangup()
        at.over(cut, noisy)
        events, calm = at.events(cut), at.events(noisy)

    said = named(events, "agent_said")
    assert [event["interrupted"] for event in said] == [False, True, False]
    assert ANSWER.startswith(said[1]["text"]) and 0 < len(said[1]["text"]) < len(ANSWER)
    assert said[2]["text"] == "At ten."
    assert [event["text"] for event in named(events, "user_said")] == ["when do you open", "what about Monday"]
    assert named(events, "pause")[0]["after_onset_ms"] < 500
    assert given.brain.requests[-1].history[-2:] == (("user", "when do you open"), ("agent", said[1]["text"]))

    assert [event["text"] for event in named(calm, "agent_said")] == ["Hello there.", ANSWER]
    assert named(calm, "pause", "resume", "cut")[0]["event"] == "pause"
    assert not named(calm, "cut") and named(calm, "resume")


def test_hold_is_no_speech_and_keys_are_in_the_log(world):
    """While a caller is on hold FreeSWITCH sends frames of 0xFF: as samples they are no silence for a detector."""
    with world() as at:
        call = at.place()
        call.greeted()
        call.hold()
        call.pause(0.6)
        call.unhold()
        call.dtmf("5#", duration_ms=120)
        call.pause(0.6)
        call.hangup()
        at.over(call)
        events = at.events(call)
    assert not named(events, "voice_on")
    assert [(event["digit"], event["duration_ms"]) for event in named(events, "dtmf")] == [("5", 120), ("#", 120)]


def test_a_hold_is_no_absence(world):
    """FreeSWITCH tells of it; the agent waits, then takes up its patience again."""
    with world(turns={"away_ms": 1000, "away_limit": 1}) as at:
        call = at.place()
        call.greeted()
        call.hold()
        call.pause(2.5)
        assert call.up and not named(at.events(call), "caller_away")
        call.unhold()
        assert call.wait_end(8)
        at.over(call)
        events = at.events(call)
    order = [event["event"] for event in named(events, "held", "unheld", "caller_away")]
    assert order[:3] == ["held", "unheld", "caller_away"]


def test_the_agent_ends_the_call_after_its_goodbye_was_heard_whole(world):
    """A farewell of the brain ends the call; so does a caller who does not answer, after a reminder."""
    given = providers(["bye now"], [], brain=LookUp(bye="It was nice to talk to you. FAREWELL"))
    with world(given, turns={"away_ms": 1000, "away_limit": 1}) as at:
        polite = at.place()
        wait(lambda: polite.answered is not None, "no answer")
        silent = at.place()
        polite.greeted()
        polite.say(voice(0.5))
        for call in (polite, silent):
            assert call.wait_end(15)
        at.over(polite, silent)
        farewell, away = at.events(polite), at.events(silent)
    assert named(farewell, "agent_said")[-1]["text"] == "It was nice to talk to you."
    assert [event["text"] for event in named(away, "agent_said")] == ["Hello there.", "Still there?", "Good bye."]
    for call, events in ((polite, farewell), (silent, away)):
        assert named(events, "hangup")[0]["by"] == "agent"
        assert call.outcome.cause == "NORMAL_CLEARING" and len(call.outcome.actions) == 1
    text = "It was nice to talk to you."
    assert voiced_s(polite.heard, 8000) == pytest.approx(len("Hello there." + text) * CHAR_S, abs=0.2)
