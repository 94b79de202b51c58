"""Engines that are full, hung, killed or told to stop: no caller is left in silence."""

import signal
import threading
import time
from collections.abc import Callable

import pytest
from measured import NUMBER, Figures, unicast_only
from rtpstream import audible, tone_hz
from sipphone import SipPhone
from switchboard import Engine, FreeSwitch, wait_for
from test_dialplan import FAILOVER_HZ, hears_failover

pytestmark = pytest.mark.switch

Engines = Callable[..., Engine]
Phones = Callable[..., SipPhone]


def greeted(caller: SipPhone) -> bool:
    """Dials, and returns whether the first thing heard is the agent, not the fail-over."""
    caller.dial(NUMBER)
    assert caller.wait(lambda: len(audible(caller.rtp.heard)) >= 12, 5), "nothing heard"
    return abs(tone_hz(audible(caller.rtp.heard)[:12]) - FAILOVER_HZ) > 10


def failover_after(caller: SipPhone, since: float) -> float:
    """Wait for the fail-over's tone; returns when it was first heard, in seconds after ``since``."""
    def tone() -> bool:
        new = audible(caller.rtp.heard, since)[-12:]
        return len(new) == 12 and abs(tone_hz(new) - FAILOVER_HZ) < 10

    assert caller.wait(tone, 15), "the caller never heard the fail-over"
    return audible(caller.rtp.heard, since)[-12].time - since


def test_killed_in_mid_call(switch: FreeSwitch, engines: Engines, phone: Phones, figures: Figures) -> None:
    """SIGKILL: the kernel closes the engine's sockets and FreeSWITCH goes on with the dialplan. Workers go too.

    A worker process that had inherited the event socket would keep it open, and the caller in silence.
    """
    engine, caller = engines(), phone()
    assert greeted(caller)
    killed = time.monotonic()
    engine.child.signal(signal.SIGKILL)
    figures.add("engine killed: to the fail-over's tone heard", failover_after(caller, killed) * 1000, "ms")
    engine.child.wait(5)
    wait_for(lambda: not engine.workers_left(), 10, "the worker processes to end with their engine")


def test_full(switch: FreeSwitch, engines: Engines, phone: Phones, figures: Figures) -> None:
    """The second caller of an engine for one goes on in the dialplan at once, the first is not disturbed."""
    engines(event_socket={"max_calls": 1})
    first, second, third = phone(), phone(), phone()
    assert greeted(first)
    dialled = time.monotonic()
    second.dial(NUMBER)
    figures.add("engine full: dialled to fail-over answered", (second.answered_at - dialled) * 1000, "ms")
    assert second.answered_at - dialled < 2
    assert hears_failover(second)
    assert not first.ended_at
    first.hangup()
    first.pause(2)
    assert greeted(third), "the place of the caller who left is not given to the next"


def test_a_burst_on_an_engine_that_becomes_full(
    switch: FreeSwitch, engines: Engines, phone: Phones, figures: Figures
) -> None:
    """Twenty calls within a moment, room for five: five are greeted, all others get the fail-over, nobody silence.

    The listening socket closes while connections arrive. One that was accepted and dropped would be parked for ever,
    and so would one that was taken and left before FreeSWITCH had parked it; only the watchdog would save it.
    """
    engines(event_socket={"max_calls": 5})
    callers = [phone() for _ in range(20)]
    dialled = time.monotonic()
    dialling = [threading.Thread(target=caller.dial, args=(NUMBER, 15)) for caller in callers]
    for thread in dialling:
        thread.start()
    for thread in dialling:
        thread.join()
    served = 0
    for caller in callers:
        assert caller.wait(lambda caller=caller: len(audible(caller.rtp.heard)) >= 12, 5), "a caller hears nothing"
        served += abs(tone_hz(audible(caller.rtp.heard)[:12]) - FAILOVER_HZ) > 10
    assert served == 5
    worst = max(caller.answered_at for caller in callers) - dialled
    figures.add("burst of 20 on room for 5: dialled to answered, by engine or fail-over, worst", worst * 1000, "ms")
    assert worst < 3.5, "somebody had to wait for the watchdog"


@unicast_only
def test_a_full_engine_can_still_take_its_own_audio_anew(switch: FreeSwitch, engines: Engines, phone: Phones) -> None:
    """Attaching anew comes in as a second connection of the same call; it must not need a free place."""
    engine, caller = engines(event_socket={"max_calls": 1}), phone(codec="PCMU")
    assert greeted(caller)
    caller.change_codec("PCMA")
    engine.call_of(caller.name).wait("media_attached", 5, 2)
    caller.pause(1)
    assert not caller.ended_at


def test_hung_before_the_call(switch: FreeSwitch, engines: Engines, phone: Phones, figures: Figures) -> None:
    """A stopped process still accepts (its kernel does); the watchdog takes the call, and the engine recovers."""
    engine, caller, later = engines(), phone(), phone()
    engine.child.signal(signal.SIGSTOP)
    dialled = time.monotonic()
    caller.dial(NUMBER)
    figures.add("engine hung: dialled to fail-over answered", (caller.answered_at - dialled) * 1000, "ms")
    assert hears_failover(caller)
    engine.child.signal(signal.SIGCONT)
    assert caller.wait_ended(15)
    assert caller.ended_by == "switch"
    assert greeted(later), "the engine does not take calls after it was hung"


def test_drain(switch: FreeSwitch, engines: Engines, phone: Phones) -> None:
    """SIGTERM: calls go on to their end, new ones go to the dialplan's next action, then the engine leaves with 0."""
    engine, caller, late = engines(), phone(), phone()
    assert greeted(caller)
    engine.child.signal(signal.SIGTERM)
    caller.pause(0.5)
    dialled = time.monotonic()
    late.dial(NUMBER)
    assert late.answered_at - dialled < 2
    assert hears_failover(late)
    caller.pause(2)
    assert engine.child.running
    assert not caller.ended_at
    caller.hangup()
    assert engine.child.wait(15), "the engine does not end after its last call"
    assert engine.child.process.returncode == 0


def test_drain_has_an_end(switch: FreeSwitch, engines: Engines, phone: Phones) -> None:
    """After ``drain_s`` calls that are left go to the dialplan's next action; the engine does not hang them up."""
    engine, caller = engines(drain_s=2), phone()
    assert greeted(caller)
    told = time.monotonic()
    engine.child.signal(signal.SIGTERM)
    assert 1.5 < failover_after(caller, told) < 12
    assert engine.child.wait(15)
