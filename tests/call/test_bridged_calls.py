"""Calls whose audio comes by SIP: FreeSWITCH bridges them to the engine, the event socket keeps control."""

import call_providers
import pytest
from call_providers import ANSWER, providers, voice
from call_world import named, wait

from engine.backends.backends import is_ours

SIP = {"backend": "sip"}


@pytest.fixture(autouse=True)
def quick_tongue(monkeypatch):
    """What is said does not matter here, only that it is."""
    monkeypatch.setattr(call_providers, "CHAR_S", 0.015)


def test_a_whole_call(world):
    """Greeting, question, answer, a key, the caller's hangup: all as with unicast, and nothing stays open. The line of
    RTP's figures is there, and the channel's variables are those that the bridge needs."""
    with world(providers(["when do you open"]), media=SIP) as at:
        call = at.place()
        call.greeted()
        call.say(voice(0.6))
        call.hears()
        call.hears_silence()
        call.dtmf("5")
        call.pause(0.5)
        variables = dict(call.channel.variables.items())
        call.hangup()
        at.over(call)
        events = at.events(call)
        assert at.engine._backends.lines == 0
        assert at.engine._backends._sip.endpoint.calls == 0
        assert not at.engine._backends._sip._expected
    assert [event["text"] for event in named(events, "agent_said")] == ["Hello there.", ANSWER]
    assert named(events, "media_attached")[0]["backend"] == "sip"
    assert named(events, "dtmf")[0]["digit"] == "5"
    assert named(events, "hangup")[0]["by"] == "caller"
    assert named(events, "rtp_report")[0]["codec"] == "PCMU"
    assert variables["hangup_after_bridge"] == "false" and variables["socket_resume"] == "true"
    assert not named(events, "error", "media_lost")


def test_a_wideband_caller(world):
    """G.711 goes through untouched; everything else is converted to L16, here at 16 kHz."""
    with world(media=SIP) as at:
        call = at.place(codec="G722")
        call.greeted()
        call.hangup()
        at.over(call)
        events = at.events(call)
    assert named(events, "rtp_report")[0]["codec"] == "L16"
    assert named(events, "media_attached")[0]["rate"] == 16000


def test_a_leg_that_dies_is_bridged_again_until_that_happens_too_often(world):
    """The engine's leg ends, the caller is up: the conversation goes on over another one. After ``max_reattach`` the
    dialplan's next action has the caller."""
    with world(providers(["when do you open"]), media={**SIP, "max_reattach": 1}) as at:
        call = at.place()
        call.greeted()
        first = call.channel.stack[-1].leg
        first.die("MEDIA_TIMEOUT")
        wait(lambda: len(named(at.events(call), "media_attached")) == 2, "not bridged again")
        assert call.channel.stack[-1].leg.user != first.user, "a token is good for one call"
        call.say(voice(0.6))
        call.hears()
        call.hears_silence()
        call.channel.stack[-1].leg.die("MEDIA_TIMEOUT")
        call.went_on()
        at.over(call)
        events = at.events(call)
    assert [event["text"] for event in named(events, "agent_said")] == ["Hello there.", ANSWER]
    assert len(named(events, "media_lost")) == 2
    assert "max_reattach" in named(events, "error")[0]["message"]


def test_the_engine_leaves_and_the_dialplan_goes_on(world):
    """Its variables are those of before, but for the one that ends the bridge; FreeSWITCH would else stay in it."""
    with world(media=SIP) as at:
        call = at.place(variables={"hangup_after_bridge": "true"})
        call.greeted()
        at.engine.calls[call.uuid].let_go("the test says so")
        call.went_on()
        at.over(call)
        variables = call.channel.variables
        assert variables.get("hangup_after_bridge") == "true"
        assert variables.get("socket_resume") == "true"
        assert not variables.get("bridge_filter_dtmf")


def test_somebody_else_transfers_the_caller(world):
    """They have a channel without traces of us: ``socket_resume`` would take their call down when we leave."""
    with world(media=SIP) as at:
        call = at.place(extensions={"2000": ["echo"]})
        call.greeted()
        at.engine.calls[call.uuid]._session.api("uuid_transfer", f"{call.uuid} 2000 XML default")
        at.over(call)
        call.pause(0.3)
        assert call.outcome.action == "echo" and call.up
        assert not call.channel.variables.get("socket_resume")
        events = at.events(call)
        call.hangup()
    assert "transferred" in named(events, "let_go")[0]["why"]
    assert not named(events, "media_lost")


def test_a_call_with_a_wrong_token_is_refused_and_told(world):
    """The SIP port answers FreeSWITCH, but nobody gets into a call by guessing."""
    with world(media=SIP) as at:
        call = at.place()
        call.greeted()
        where = f"sofia/external/guessed@127.0.0.1:{at.engine._backends._sip.endpoint.address[1]}"
        bridge = f"bridge {{absolute_codec_string=PCMU@8000h}}{where}"
        stranger = at.place(before=["set continue_on_fail=true", bridge])
        wait(lambda: at.engine._backends._sip.refused == 1, "nobody was refused")
        assert "1 SIP calls that nobody expected" in at.engine.snapshot().components["media"].detail
        stranger.greeted()  # its dialplan has gone on to the engine
        for each in (call, stranger):
            each.hangup()
        at.over(call, stranger)


def test_freeswitch_cannot_reach_the_engine(world):
    """The caller goes on in the dialplan, and the log says which address FreeSWITCH was told."""
    with world(media=SIP, sip={"bind": "127.0.0.1", "advertise": "127.0.0.9", "connect_timeout_s": 1}) as at:
        call = at.place()
        call.went_on()
        at.over(call)
        fault = named(at.events(call), "error")[0]["message"]
    assert "127.0.0.9" in fault
    assert "could not bridge" in fault or "sip.advertise" in fault


def test_where_freeswitch_is_is_told_by_its_address():
    """``auto``: an address that can be bound is ours."""
    assert is_ours("127.0.0.1") and is_ours("127.8.8.8") and is_ours("::1")
    assert not is_ours("192.0.2.1")
