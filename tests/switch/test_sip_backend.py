"""FreeSWITCH bridges calls to the engine (``media.backend: sip``): what the audio survives, and what ends it."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from callers import speak
from measured import NUMBER, Figures
from rtpstream import RATE, audible, samples, tone_hz
from sipphone import SipPhone
from switchboard import ROOT, CallLog, Engine, FreeSwitch, wait_for
from test_dialplan import FAILOVER_HZ

pytestmark = pytest.mark.switch

Phones = Callable[..., SipPhone]
Engines = Callable[..., Engine]
SIP = {"backend": "sip"}
QUESTION = "When is the open day?"
ECHO = [sys.executable, str(ROOT / "tests/switch/echo_engine.py")]


@pytest.fixture(scope="module")
def engine(switch: FreeSwitch, engines: Engines) -> Iterator[Engine]:
    """One that is reached by SIP."""
    yield engines(media=SIP)


def dial(caller: SipPhone, engine: Engine) -> CallLog:
    """Call, listen to the greeting, and wait until the agent is silent."""
    caller.dial(NUMBER)
    caller.last_sound(caller.first_sound())
    return engine.call_of(caller.name)


def answers(caller: SipPhone, folder: Path) -> None:
    """The conversation goes on: a question has an answer."""
    caller.last_sound(caller.first_sound(caller.say(speak(QUESTION, folder))))


def engine_leg(switch: FreeSwitch, call: CallLog) -> str:
    """The uuid of the leg that is bridged to the engine; one that has just died may still be among the channels."""
    own = call.events("call_started")[0]["id"]

    def find() -> str | None:
        bond = switch.api(f"uuid_getvar {own} signal_bond")
        return bond if any(row["uuid"] == bond for row in switch.channels()) else None

    found: str = wait_for(find, 5, "the engine's leg")
    return found


def hears_tone(caller: SipPhone, hz: float, since: float, timeout: float = 10.0) -> float:
    """Wait for a tone; returns after how many seconds it was there."""
    def tone() -> bool:
        new = audible(caller.rtp.heard, since)[-12:]
        return len(new) == 12 and abs(tone_hz(new) - hz) < 10

    assert caller.wait(tone, timeout), f"{hz} Hz was not heard within {timeout} s"
    return audible(caller.rtp.heard, since)[-12].time - since


def longest_gap(caller: SipPhone, since: float) -> float:
    """Seconds between two packets that the caller got one after the other."""
    times = [packet.time for packet in caller.rtp.heard if packet.time >= since]
    return max(later - earlier for earlier, later in zip(times, times[1:], strict=False))


def test_a_change_of_codec_is_no_matter(engine: Engine, phone: Phones, folder: Path, figures: Figures) -> None:
    """A re-INVITE to A-law and back: FreeSWITCH converts, and the engine's leg is not touched."""
    caller = phone(codec="PCMU")
    call = dial(caller, engine)
    for codec, payload_type in (("PCMA", 8), ("PCMU", 0)):
        changed = time.monotonic()
        caller.change_codec(codec)
        caller.pause(1.0)
        assert caller.rtp.heard[-1].payload_type == payload_type
        gap = longest_gap(caller, changed - 0.1)
        figures.add(f"sip: change of codec to {codec}: longest gap in what the caller hears", gap * 1000, "ms")
        assert gap < 1.0, "the caller was without sound"
    answers(caller, folder)
    assert len(call.events("media_attached")) == 1
    assert not call.events("media_lost")


def test_a_prompt_of_freeswitch_does_not_end_the_audio(
    switch: FreeSwitch, engine: Engine, phone: Phones, folder: Path
) -> None:
    """``uuid_broadcast`` to the caller, which would end unicast for good; recording and keys go on as well."""
    caller, theirs = phone(), folder / "sip-prompt.wav"
    call = dial(caller, engine)
    uuid = switch.uuid_of(caller.name)
    assert switch.api(f"uuid_record {uuid} start {theirs}").startswith("+OK")
    prompted = time.monotonic()
    switch.api(f"uuid_broadcast {uuid} tone_stream://%(800,0,620) aleg")
    hears_tone(caller, 620, prompted)
    caller.pause(1.0)
    answers(caller, folder)
    caller.rtp.press("7")
    assert call.wait("dtmf", 5)[0]["digit"] == "7"
    assert not call.events("media_lost")
    assert switch.api(f"uuid_record {uuid} stop {theirs}").startswith("+OK")
    assert theirs.stat().st_size > 8 * RATE


def test_hold_and_back(switch: FreeSwitch, engine: Engine, phone: Phones, folder: Path) -> None:
    """Nothing is played to a caller who holds, nobody plays music to the agent, and the call goes on afterwards."""
    caller = phone()
    call = dial(caller, engine)
    caller.hold()
    heard = len(caller.rtp.heard)
    caller.pause(2)
    assert len(caller.rtp.heard) - heard < 5
    caller.resume()
    answers(caller, folder)
    assert len(call.events("user_said")) == 1, "what FreeSWITCH plays to the engine while the caller holds was heard"
    assert not call.events("media_lost")


def test_a_silent_telephone_is_no_lost_call(engine: Engine, phone: Phones, folder: Path) -> None:
    """A phone that sends nothing while its owner is silent: the call's audio clock goes on all the same."""
    caller = phone()
    call = dial(caller, engine)
    caller.rtp.muted = True
    caller.pause(3)
    caller.rtp.muted = False
    answers(caller, folder)
    assert not call.events("media_lost")
    caller.hangup()
    ended = call.wait("call_ended", 5)[0]
    assert abs(ended["caller_frames"] * 0.02 - ended["seconds"]) < 0.5


def test_the_engines_leg_dies(
    switch: FreeSwitch, engine: Engine, phone: Phones, folder: Path, figures: Figures
) -> None:
    """Somebody kills the leg between FreeSWITCH and the engine: it is bridged again, in the same conversation."""
    caller = phone()
    call = dial(caller, engine)
    killed = time.monotonic()
    assert switch.api(f"uuid_kill {engine_leg(switch, call)}").startswith("+OK")
    attached = call.wait("media_attached", 5, 2)
    figures.add("sip: leg killed to bridged again", (attached[1]["t"] - call.events("media_lost")[0]["t"]) * 1000, "ms")
    caller.pause(0.5)
    assert longest_gap(caller, killed - 0.1) < 1.0
    answers(caller, folder)
    assert not caller.ended_at
    assert len(call.events("call_started")) == 1


def test_a_leg_that_dies_too_often(switch: FreeSwitch, engine: Engine, phone: Phones) -> None:
    """After ``media.max_reattach`` the dialplan's next action has the caller."""
    caller = phone()
    call = dial(caller, engine)
    for times in range(4):
        call.wait("media_attached", 5, times + 1)
        killed = time.monotonic()
        switch.api(f"uuid_kill {engine_leg(switch, call)}")
    hears_tone(caller, FAILOVER_HZ, killed)
    assert "max_reattach" in call.events("error")[0]["message"]


def test_somebody_else_takes_the_caller(switch: FreeSwitch, engine: Engine, phone: Phones) -> None:
    """``uuid_transfer`` from a console: the call goes there and stays there, and the engine lets it go."""
    caller = phone()
    call = dial(caller, engine)
    moved = time.monotonic()
    assert switch.api(f"uuid_transfer {switch.uuid_of(caller.name)} trunkline_failover XML public").startswith("+OK")
    hears_tone(caller, FAILOVER_HZ, moved)
    assert "transferred" in call.wait("let_go", 5)[0]["why"]
    call.wait("call_ended", 5)
    assert len(switch.channels()) == 1
    caller.pause(3)
    assert not caller.ended_at, "the engine has taken the call along when it left"
    assert not call.events("media_lost")


def test_the_agent_hangs_up(engine: Engine, phone: Phones, switch: FreeSwitch, folder: Path) -> None:
    """Both legs end, and nobody is expected any more."""
    caller = phone()
    call = dial(caller, engine)
    caller.say(speak("Goodbye.", folder))
    assert caller.wait_ended(15), call.events("user_said")
    assert call.wait("hangup", 5)[0]["by"] == "agent"
    report = call.wait("rtp_report", 5)[0]
    assert report["codec"] == "PCMU"
    assert report["packets_in"] > 100
    assert report["lost"] == 0
    wait_for(lambda: not switch.channels(), 10, "all channels to end")


@pytest.mark.parametrize("how", ["killed", "hung"])
def test_the_engine_is_gone(how: str, engines: Engines, phone: Phones, switch: FreeSwitch, figures: Figures) -> None:
    """Killed: its event socket ends, and that ends the bridge. Hung: its RTP stops, and FreeSWITCH ends the leg."""
    engine, caller = engines(media=SIP), phone()
    dial(caller, engine)
    gone = time.monotonic()
    engine.child.signal(signal.SIGKILL if how == "killed" else signal.SIGSTOP)
    if how == "killed":
        after = hears_tone(caller, FAILOVER_HZ, gone)
        figures.add("sip: engine killed: to the fail-over's tone heard", after * 1000, "ms")
        assert after < 2
        engine.child.wait(5)
    else:
        after = hears_tone(caller, FAILOVER_HZ, gone, 15)
        figures.add("sip: engine hung: to the fail-over's tone heard (silent_engine_ms 5000)", after * 1000, "ms")
        engine.child.signal(signal.SIGCONT)
    caller.wait_ended(15)
    assert caller.ended_by == "switch"
    wait_for(lambda: not switch.channels(), 10, "all channels to end")


def test_an_endpoint_that_freeswitch_does_not_reach(engines: Engines, phone: Phones) -> None:
    """The caller goes on to the dialplan's next action, and the log says what to look at."""
    wrong = {"advertise": "127.0.0.1", "bind": "127.0.0.9", "connect_timeout_s": 1}
    engine, caller = engines(media=SIP, sip=wrong), phone()
    caller.dial(NUMBER)
    hears_tone(caller, FAILOVER_HZ, caller.answered_at)
    assert "127.0.0.1" in engine.call_of(caller.name).wait("error", 5)[0]["message"]


@pytest.mark.parametrize("backend", ["unicast", "sip"])
def test_round_trip(
    backend: str, folder: Path, home: Path, engine_port: int, engines: Engines, phone: Phones, figures: Figures
) -> None:
    """From a sound that leaves the caller to the same sound back in their ear, through FreeSWITCH and the engine."""
    engines().child.end(10)  # the port is free then
    engine = Engine(folder, engine_port, home, program=ECHO, media={"backend": backend}, agent={"greeting": ""})
    engine.wait_ready()
    try:
        caller = phone()
        caller.dial(NUMBER)
        engine.call_of(caller.name).wait("recording", 5)
        caller.pause(1.0)
        burst = (np.sin(2 * np.pi * 500 * np.arange(RATE // 10) / RATE) * 8000).astype(np.int16)
        trips = []
        for trial in range(20):
            before = len(caller.rtp.sent)
            caller.say(burst)
            left = audible(caller.rtp.sent[before:])[0].time
            trips.append((caller.first_sound(left, 3) - left) * 1000)
            caller.last_sound(time.monotonic() - 0.1, 0.2)
            caller.pause(0.05 + 0.007 * trial)
        figures.add(f"{backend}: round trip caller to caller through the engine, median of 20", median(trips), "ms")
        figures.add(f"{backend}: round trip caller to caller through the engine, worst of 20", max(trips), "ms")
        assert len(trips) == 20
        assert len(samples(caller.rtp.heard)) > 8 * RATE
    finally:
        engine.child.end(10)
