"""Calls that FreeSWITCH streams with mod_audio_stream: it plays what the agent says from files."""

from contextlib import contextmanager

import pytest
from call_providers import ANSWER, providers, voice
from call_world import named, wait

from engine.net.errors import SocketClosed
from engine.net.websocket import WebSocket
from engine.web import parts
from tests.fakes.audio_stream import AudioStreamModule

STREAMED = {"backend": "websocket"}


@pytest.fixture
def streamed(world, tmp_path, monkeypatch):
    """``with streamed(given, media={...}) as (world, module)``: an engine with HTTP, a FreeSWITCH with the module."""

    @contextmanager
    def open_world(given=None, module=True, **changes):
        folder = tmp_path / "temp"
        folder.mkdir()
        loaded = AudioStreamModule(folder)
        if module:
            loaded.install(monkeypatch)
        with world(given or providers(), media={**STREAMED, **changes.pop("media", {})}, **changes) as at:
            web = parts.web(at.engine)
            web.start()
            at.engine.streams.http_port = web.address[1]
            try:
                yield at, loaded
            finally:
                loaded.close()
                web.stop()

    return open_world


def test_a_whole_call(streamed):
    """Greeting, question, answer, a key, the caller's hangup: all as with unicast, and nothing stays: no line, no
    expectation, no file."""
    with streamed(providers(["when do you open"])) as (at, module):
        call = at.place()
        call.greeted()
        assert module.files()
        call.say(voice(0.6))
        call.hears()
        call.hears_silence()
        call.dtmf("*")
        call.pause(0.5)
        variables = dict(call.channel.variables.items())
        call.hangup()
        at.over(call)
        events = at.events(call)
        assert at.engine._backends.lines == 0
        assert not at.engine.streams._expected
        wait(lambda: not module.files(), "files are left")
    assert [event["text"] for event in named(events, "agent_said")] == ["Hello there.", ANSWER]
    attached, = named(events, "media_attached")
    assert attached["backend"] == "websocket" and attached["rate"] == 8000
    assert named(events, "dtmf")[0]["digit"] == "*"
    assert named(events, "hangup")[0]["by"] == "caller"
    assert variables["send_silence_when_idle"] == "-1", "carriers drop calls without RTP"
    assert variables["playback_terminators"] == "none", "keys would stop the agent"
    assert not named(events, "error", "media_lost")


def test_a_wideband_caller(streamed):
    """Streamed and played at 16 kHz."""
    with streamed() as (at, module):
        call = at.place(codec="G722")
        call.greeted()
        assert all(path.suffix == ".r16" for path in module.files())
        call.hangup()
        at.over(call)
        assert named(at.events(call), "media_attached")[0]["rate"] == 16000


def test_the_agent_is_interrupted(streamed):
    """FreeSWITCH is told to stop, and what it had not played was not said."""
    with streamed(providers(["wait"]), agent={"greeting": "Hello there and welcome to all of us here today."}) as (
            at, module):
        call = at.place()
        call.hears()
        call.pause(0.5)
        call.say(voice(1.2))
        wait(lambda: named(at.events(call), "agent_said"), "the greeting was not cut")
        stops = [command for _, command in call.channel.all_sessions[0].commands
                 if command.argument.startswith("uuid_break")]
        call.hangup()
        at.over(call)
        said = named(at.events(call), "agent_said")[0]
    assert said["interrupted"]
    assert len(said["text"]) < len("Hello there and welcome to all of us here today.")
    assert stops


def test_a_stream_that_breaks_is_started_again_until_that_happens_too_often(streamed):
    """The conversation goes on over another one, with another token; the caller sees to the rest."""
    with streamed(providers(["when do you open"]), media={"max_reattach": 1}) as (at, module):
        call = at.place()
        call.greeted()
        module.streams[call.uuid].socket.abort("cut")
        wait(lambda: len(named(at.events(call), "media_attached")) == 2, "not started again")
        assert len(set(module.started)) == 2, "a token is good for one stream"
        call.say(voice(0.6))
        call.hears()
        call.hears_silence()
        module.streams[call.uuid].socket.abort("cut")
        call.went_on()
        at.over(call)
        events = at.events(call)
    assert [event["text"] for event in named(events, "agent_said")] == ["Hello there.", ANSWER]
    assert len(named(events, "media_lost")) == 2
    assert "max_reattach" in named(events, "error")[0]["message"]


def test_the_engine_leaves_and_the_dialplan_goes_on(streamed):
    """The stream is stopped, and variables are those of before: nothing of the engine stays on the channel."""
    with streamed() as (at, module):
        call = at.place(variables={"playback_terminators": "#"})
        call.greeted()
        at.engine.calls[call.uuid].let_go("the test says so")
        call.went_on()
        at.over(call)
        assert call.uuid not in module.streams
        assert call.channel.variables.get("playback_terminators") == "#"
        assert not call.channel.variables.get("STREAM_HEART_BEAT")


def test_somebody_else_transfers_the_caller(streamed):
    """They are not listened to there, and what is played to them there goes on."""
    with streamed() as (at, module):
        call = at.place(extensions={"2000": ["echo"]})
        call.greeted()
        at.engine.calls[call.uuid]._session.api("uuid_transfer", f"{call.uuid} 2000 XML default")
        at.over(call)
        call.pause(0.3)
        assert call.outcome.action == "echo" and call.up
        assert call.uuid not in module.streams
        call.hangup()
        assert not named(at.events(call), "media_lost")


def test_a_switch_without_the_module(streamed):
    """The log says what to install, or to choose."""
    with streamed(module=False) as (at, module):
        call = at.place()
        call.went_on()
        at.over(call)
        message = named(at.events(call), "error")[0]["message"]
    assert "no mod_audio_stream" in message and "media.backend" in message


def test_an_engine_that_freeswitch_does_not_reach(streamed):
    """+OK says nothing: the error comes as an event, and the log has it, with the address and what to look at."""
    with streamed(media={"stream_url": "ws://127.0.0.1:9"}) as (at, module):
        call = at.place()
        call.went_on()
        at.over(call)
        message = named(at.events(call), "error")[0]["message"]
        assert len(module.started) == 2
    assert "ws://127.0.0.1:9" in message and "media.stream_url" in message and "refused" in message


def test_strangers_are_sent_away(streamed):
    """Nobody gets into a call by guessing, nor with a token that was used."""
    with streamed() as (at, module):
        call = at.place()
        call.greeted()
        base = f"ws://127.0.0.1:{at.engine.streams.http_port}/ws/freeswitch/"
        for url in (f"{base}guessed", module.started[0]):
            socket = WebSocket.connect(url)
            with pytest.raises(SocketClosed) as closed:
                while True:
                    socket.receive(5)
            assert closed.value.code == 1008
            socket.close()
        assert "2 WebSockets that nobody expected" in at.engine.snapshot().components["media"].detail
        call.hangup()
        at.over(call)
