"""Full, draining, dead, and hit by many at once."""

import os
import signal
from pathlib import Path

import gevent
import pytest
from call_providers import providers
from call_world import NEXT, Caller, named, wait

from engine.cli.child import EngineProcess
from engine.standin.standin import StandIn

CALLS = 60
"""As many as this process can hold on a busy machine, the switch included; ``trunkline load`` goes further."""


def test_a_full_engine_refuses_and_the_dialplan_goes_on_at_once(world):
    """Accepting and closing would leave the caller parked in silence for ever."""
    with world(event_socket={"port": 0, "max_calls": 1}) as at:
        first = at.place()
        first.greeted()
        second = at.place()
        second.went_on(timeout=1)
        assert first.up and at.engine.snapshot().components["event_socket"].status == "degraded"
        first.hangup()
        at.over(first)
        third = at.place()
        third.greeted()
        third.hangup()


def test_audio_lost_in_a_full_engine_comes_back_too(world):
    """The transferred call needs a new connection while the old one still holds the only slot."""
    with world(event_socket={"port": 0, "max_calls": 1}) as at:
        call = at.place()
        call.greeted()
        call.change_codec("PCMA")
        wait(lambda: len(named(at.events(call), "media_attached")) == 2, "not attached again")
        call.hangup()


def test_a_draining_engine_waits_for_its_calls_and_lets_go_of_the_rest(world):
    """Nobody is cut off: who ends in time ends as always, who stays is taken by the dialplan."""
    with world(drain_s=1.0) as at:
        short, long = at.place(), at.place()
        for call in (short, long):
            call.greeted()
        draining = gevent.spawn(at.engine.drain)
        gevent.sleep(0.1)
        late = at.place()
        late.went_on(timeout=1)
        assert at.engine.snapshot().status == "draining"
        short.hangup()
        at.over(short)
        assert not draining.ready()
        long.went_on()
        assert draining.get(timeout=10) is False
        assert at.engine.drain() is True
        assert named(at.events(short), "hangup")[0]["by"] == "caller"
        assert named(at.events(long), "let_go")[0]["why"] == "the engine is draining"
        assert named(at.events(long), "hangup")[0]["by"] == "engine"


@pytest.mark.parametrize("phase", ["answering", "attaching", "greeting", "thinking", "attaching again"])
def test_an_engine_that_stops_leaves_no_call_behind_in_any_phase(world, phase):
    """``stop`` in the middle of anything: the caller is in the next action, and nothing of the call is left."""
    commands = {"answering": "answer", "attaching": "unicast"}
    with world() as at:
        call = at.place()
        if phase in commands:
            wait(lambda: any(commands[phase] in text for _, text in call.commands), "no command", step_s=0.001)
        else:
            call.hears()
        if phase == "thinking":
            from engine.turns.events import Written

            at.engine.calls[call.uuid]._conversation.tell(Written("stall please", 1.0))
        if phase == "attaching again":
            call.change_codec("PCMA")
            wait(lambda: at.engine.calls[call.uuid].moving, "not moving", step_s=0.001)
        at.engine.stop()
        wait(lambda: call.outcome.action == NEXT, f"not in the next action: {call.outcome}, {call.notes}")
        call.pause(0.1)
        assert call.outcome.action == NEXT, (call.outcome, call.notes)
        assert not at.engine.calls
        assert call.unicast is None


def test_an_engine_that_is_killed_leaves_its_callers_to_the_dialplan(home, tidy):
    """SIGKILL in mid-call: FreeSWITCH sees the connection end and goes on."""
    script = Path(__file__).with_name("engine_process.py")
    engine = EngineProcess({"HOME": str(home)}, log=home / "engine.log", command=(str(script),))
    try:
        with StandIn() as switch:
            call = Caller(switch.place(engine.address, dialplan=[NEXT]))
            call.greeted()
            os.kill(engine.pid, signal.SIGKILL)
            call.went_on()
    finally:
        engine.stop()


def test_many_calls_that_hang_up_at_once_leave_nothing(world):
    """Rows of the ears, streams, addresses, timers, greenlets and sockets: all are given back."""
    given = providers()
    with world(given, record={"audio": False}, media={"watchdog_ms": 10_000, "idle": "none"}) as at:
        calls = []
        for _ in range(CALLS):
            calls.append(at.switch.place(at.engine.event_socket_address, record=False))
            gevent.sleep(0.01)
        wait(lambda: len(given.recogniser.streams) == CALLS, "not all calls came", 30)
        wait(lambda: all(call.unicast for call in calls), "not all have audio", 30)
        for call in calls:
            call.hangup()
        wait(lambda: not at.engine.calls, "calls are left", 30)
        engine = at.engine
        assert not given.recogniser.streams and not given.vad.open_rows
        assert engine._backends.lines == 0 and engine._clock.stats()["legs"] == 0
        wait(lambda: engine._server.connection_count == 0, "slots are taken")
        assert len(engine._timers) == 0
        causes = {event["by"] for call in calls for event in named(at.events(call), "hangup")}
        assert causes == {"caller"}
