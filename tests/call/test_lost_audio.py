"""Unicast that never starts, that dies, that carries what it should not."""

import gevent
import pytest
from call_providers import ANSWER, providers, voice
from call_world import named, wait
from gevent import socket

from engine import call as call_module


def error_of(events):
    """The message of the call's only fault."""
    (fault,) = named(events, "error")
    return fault["message"]


def test_audio_that_died_is_attached_again_and_the_conversation_goes_on(world):
    """A re-INVITE kills unicast for good; only a transfer to the own extension brings it back. The dialplan's watchdog
    is set again on that way, and must be called off again. The second time (max_reattach 1) the dialplan goes on."""
    given = providers(["when do you open", "what about Monday"])
    with world(given, media={"max_reattach": 1}) as at:
        call = at.place(before=["sched_transfer +1 lost XML default"], extensions={"lost": ["playback lost.wav"]})
        call.greeted()
        call.say(voice(0.6))
        call.hears()
        call.hears_silence()
        call.change_codec("PCMA")
        wait(lambda: len(named(at.events(call), "media_attached")) == 2, "not attached again")
        call.pause(1.3)  # longer than the watchdog
        call.say(voice(0.6))
        call.hears()
        call.hears_silence()
        call.change_codec("PCMU")
        call.went_on()
        at.over(call)
        events = at.events(call)
    assert [event["text"] for event in named(events, "agent_said")] == ["Hello there.", ANSWER, ANSWER]
    assert given.brain.requests[-1].history[1:] == (("user", "when do you open"), ("agent", ANSWER))
    addresses = {event["address"] for event in named(events, "media_attached")}
    assert len(addresses) == 2 and len(named(events, "media_lost")) == 2
    assert "max_reattach" in error_of(events)
    assert named(events, "hangup")[0]["by"] == "engine"


def test_a_call_that_does_not_come_back_or_comes_back_otherwise_is_let_go(world, monkeypatch):
    """Audio is attached again only where that can work; a caller is never left with an engine that is deaf."""
    monkeypatch.setattr(call_module, "ADOPT_TIMEOUT_S", 0.5)
    with world() as at:
        elsewhere, wider, taken = at.place(), at.place(), at.place(extensions={"2000": ["echo"]})
        for call in (elsewhere, wider, taken):
            call.greeted()
        elsewhere.channel.setup.extensions["1000"] = [("echo", "")]
        elsewhere.change_codec("PCMA")
        wider.call.rate = 16000
        wider.change_codec("G722")
        at.engine.calls[taken.uuid]._session.api("uuid_transfer", f"{taken.uuid} 2000 XML default")
        at.over(elsewhere, wider, taken)
        wider.went_on()
        assert elsewhere.outcome.action == "echo" and elsewhere.up
        taken.pause(0.5)  # longer than it takes to notice that audio is gone
        assert taken.outcome.action == "echo" and taken.up
        assert "no new connection" in error_of(at.events(elsewhere))
        assert "8000 to 16000 Hz" in error_of(at.events(wider))
        assert "transferred" in named(at.events(taken), "let_go")[0]["why"]
        for call in (elsewhere, wider, taken):
            call.hangup()


def test_unicast_that_never_comes_or_at_a_rate_that_nobody_knows(world, monkeypatch):
    """FreeSWITCH says +OK whether it could bind the port or not; the caller must not sit in silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", 0))
        with world(media={"switch_port": taken.getsockname()[1]}) as at:
            call, opus = at.place(), at.place()
            opus.channel.codec = opus.channel.codec.__class__(**{
                **{name: getattr(opus.channel.codec, name) for name in opus.channel.codec.__dataclass_fields__},
                "rate": 48000})  # fmt: skip
            for each in (call, opus):
                each.went_on()
            at.over(call, opus)
            assert "no audio from FreeSWITCH" in error_of(at.events(call))
            assert "media.switch_port" in error_of(at.events(call))
            assert "48000 Hz" in error_of(at.events(opus))
            for each in (call, opus):
                each.hangup()


def test_datagrams_that_are_no_frames_of_the_call_are_counted_and_nothing_more(world):
    """Any local program can send to the engine's socket, and an empty datagram is one too."""
    with world(providers(["when do you open"])) as at:
        call = at.place()
        call.greeted()
        leg = at.engine.calls[call.uuid].leg
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for size in (0, 160, 320, 9000):
                stranger.sendto(bytes(size), (leg.remote_ip, leg.remote_port))
        own = call._standin._sockets[call.uuid]
        for size in (0, 160, 640):
            own.sendto(bytes(size), (leg.remote_ip, leg.remote_port))
        call.say(voice(0.6))
        call.hears()
        call.hears_silence()
        detail = at.engine.snapshot().components["media"].detail
        call.hangup()
        at.over(call)
        events = at.events(call)
    assert "4 datagrams of strangers, 3 frames of a wrong size" in detail
    assert events[-1]["bad_frames"] == 3
    assert [event["text"] for event in named(events, "agent_said")] == ["Hello there.", ANSWER]
    assert not named(events, "error", "media_lost")


@pytest.mark.parametrize(
    ("when", "cause"), [("before the answer", "ORIGINATOR_CANCEL"), ("before the first frame", "NORMAL_CLEARING")]
)
def test_a_caller_who_hangs_up_early(world, when, cause):
    """The call is over at once, with its cause and without a fault."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", 0))
        with world(media={"switch_port": taken.getsockname()[1]}) as at:
            call = at.place()
            what = "answer" if when == "before the answer" else "unicast"
            wait(lambda: any(what in text for _, text in call.commands), f"no {what} command", step_s=0.001)
            call.hangup()
            with gevent.Timeout(1.0):
                at.over(call)
            events = at.events(call)
    assert not named(events, "error", "agent_said")
    assert named(events, "hangup")[0] | {"t": 0} == {"t": 0, "event": "hangup", "cause": cause, "by": "caller"}
