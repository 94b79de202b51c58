"""Providers and disks that fail: the caller hears something, the log says what, and other calls notice nothing."""

import errno
import os
from pathlib import Path

from call_providers import ANSWER, DialogError, LookUp, ScriptedStream, SpeechError, ToneVoice, providers, voice
from call_world import named, wait


def ask(*calls):
    """Hear the greeting, ask, and hear what comes to its end."""
    for call in calls:
        call.greeted()
        call.say(voice(0.6, call.rate))
    for call in calls:
        call.hears()
        call.hears_silence()


def test_a_brain_that_fails_is_tried_again_then_the_agent_apologises(world):
    """Once may be chance: the second try answers. Twice: the caller is told, and the log says why. An error that the
    brain should not raise, and no answer at all, are failures too."""
    away, bug = DialogError("the model is away"), KeyError("choices")
    brain = LookUp(once=lambda tries: away if tries == 1 else ANSWER, away=away, bug=bug, stall="stall")
    given = providers(["once"], ["away"], ["bug"], ["stall"], brain=brain)
    with world(given) as at:
        calls = []
        for number in range(4):
            calls.append(at.place())
            wait(lambda number=number: len(given.recogniser.streams) > number, "no call")
        ask(*calls)
        for call in calls:
            call.hangup()
        at.over(*calls)
        once, *others = map(at.events, calls)
    assert [event["text"] for event in named(once, "agent_said")] == ["Hello there.", ANSWER]
    for events, why in zip(others, ("the model is away", "KeyError: 'choices'", None), strict=True):
        assert [event["text"] for event in named(events, "agent_said")] == ["Hello there.", "I am sorry."]
        reasons = [event["reason"] for event in named(events, "reply_failed")]
        assert set(reasons) == ({why} if why else set())
        assert len(reasons) >= 2 if why else len(named(events, "reply_timeout")) == 2
        assert named(events, "hangup")[0]["by"] == "caller"


def test_a_voice_that_breaks_off_is_apologised_for_and_one_that_is_dumb_lets_go(world):
    """What was rendered is heard. An agent that cannot say a word is of no use: the dialplan's next action is."""
    tone = ToneVoice(closed=SpeechError("out of breath"))
    with world(providers(["when"], tone=tone)) as at:
        call = at.place()
        ask(call)
        call.hangup()
        at.over(call)
        events = at.events(call)
    said = [event["text"] for event in named(events, "agent_said")]
    assert said == ["Hello there.", "We open at nine.", "I am sorry."]
    assert named(events, "reply_failed")[0]["reason"] == "out of breath"

    with world(providers(tone=ToneVoice(hello=SpeechError("no voice")))) as at:
        call = at.place()
        call.went_on()
        at.over(call)
        events = at.events(call)
    assert named(events, "reply_failed")[0]["reason"] == "no voice"
    assert "fault" in named(events, "let_go")[0]["why"]


def test_a_fault_inside_one_conversation_ends_that_one_only(world, monkeypatch):
    """A bug that one call brings to light must not silence the others; its caller goes on in the dialplan."""
    given = providers(["break it", "when"], ["when"])
    with world(given) as at:
        broken = at.place()
        wait(lambda: at.engine.calls, "no call")
        sound = at.place()
        talk = at.engine.calls[broken.uuid]
        wait(lambda: talk._conversation is not None, "no conversation")
        monkeypatch.setattr(talk._conversation._turns, "step", lambda now, event: [][0])
        broken.went_on()
        ask(sound)
        sound.hangup()
        at.over(broken, sound)
        (fault,) = named(at.events(broken), "error")
        assert fault["where"] == "conversation" and "IndexError" in fault["message"]
        assert named(at.events(sound), "agent_said")[-1]["text"] == ANSWER

        given.recogniser.feed_fault = RuntimeError("deaf")
        deaf = at.place()
        deaf.went_on()
        at.over(deaf)
        faults = named(at.events(deaf), "error")
        assert [fault["where"] for fault in faults] == ["recogniser"]
        given.recogniser.feed_fault = None
        monkeypatch.setattr(given.recogniser, "open", lambda rate, deliver: 1 / 0)
        unheard = at.place()
        unheard.went_on()
        at.over(unheard)
        assert "ZeroDivisionError" in named(at.events(unheard), "error")[0]["message"]
        assert not given.recogniser.streams and not given.vad.open_rows


def test_what_fails_to_close_does_not_keep_the_rest_open(world, monkeypatch):
    """A leg that is left behind would be ticked for ever."""
    given = providers()
    monkeypatch.setattr(ScriptedStream, "close", lambda self: 1 / 0)
    with world(given) as at:
        call = at.place()
        call.greeted()
        call.hangup()
        at.over(call)
        assert at.events(call)[-1]["event"] == "call_ended"
        assert at.engine._clock.stats()["legs"] == at.engine._backends.lines == 0 == len(at.engine._timers)
    assert not given.vad.open_rows


def test_a_disk_that_fills_up_costs_the_recording_and_nothing_else(world, monkeypatch):
    """The call goes on, and the log, which still had room, says what is missing."""
    real = os.pwrite

    def full(descriptor, data, offset):
        if Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".wav" and offset > 20_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", full)
    with world(providers(["when"])) as at:
        call = at.place()
        ask(call)
        assert at.engine.snapshot().components["disk"].status == "degraded"
        call.hangup()
        at.over(call)
        events = at.events(call)
    assert events[-1]["dropped_bytes"] > 10_000
    assert "No space left" in named(events, "error")[0]["message"]
    assert named(events, "agent_said")[-1]["text"] == ANSWER
