"""Call flows with the real engine: it logs in by its own login, calls out by the outbound flow, and lets callers go."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from everything import ENGINE_PASSWORD, NUMBERS, TRUNK_PORT, everything
from rtpstream import RATE, audible, tone_hz
from siphuman import SipHuman
from sipphone import SipPhone
from switchboard import ROOT, TRUNKLINE, Engine, FreeSwitch, find_freeswitch, free_port, wait_for

pytestmark = pytest.mark.switch


@pytest.fixture(scope="module")
def engine_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def switch(folder: Path, engine_port: int) -> Iterator[FreeSwitch]:
    """FreeSWITCH with all flows on."""
    place = folder / "flows-engine"
    freeswitch = FreeSwitch(find_freeswitch(), place, engine_port, **everything(place, engine_port))
    try:
        freeswitch.start()
        yield freeswitch
    finally:
        freeswitch.stop()


@pytest.fixture(scope="module")
def place(folder: Path) -> Path:
    place = folder / "flows-engine-home"
    place.mkdir()
    return place


@pytest.fixture(scope="module")
def engine(switch: FreeSwitch, place: Path, home: Path, engine_port: int) -> Iterator[Engine]:
    """The product, with the login that may do little, and calls out by the dialplan."""
    engine = Engine(
        place, engine_port, home, telephony={"dial_string": "loopback/{number}/default"},
        switch={"enabled": True, "port": switch.esl_port, "user": "engine@event-socket", "password": ENGINE_PASSWORD},
    )
    engine.wait_ready()
    yield engine
    engine.child.end(10)


def test_the_engine_calls_out_by_the_flow(switch: FreeSwitch, engine: Engine, place: Path) -> None:
    """``trunkline dial`` with telephony.dial_string: the trunk's own caller number, audio through the loopback call,
    and nothing left when the person hangs up."""
    with SipHuman(switch.sip, address="127.0.0.84", port=TRUNK_PORT) as person:
        command = [*TRUNKLINE, "dial", "+4930123456", "--config", str(place / "engine.yaml"), "--json"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["result"] == "answered"
        assert "sip:+4930999@" in person.requests_all[-1].headers["from"]
        person.first_sound(person.answered_at, 15)
        person.hangup()
        wait_for(lambda: not switch.channels(), 10, "the end of all channels")
    (log,) = engine.calls()
    assert log.wait("call_ended", 10)
    assert not log.events("error")


def test_the_engine_lets_go_of_who_is_taken_to_a_human(
    switch: FreeSwitch, engine: Engine, phone: Callable[..., SipPhone]
) -> None:
    """queue-with-ai: the caller hears the agent, then the human alone. The engine does not fetch them back, and its
    log says how the call ended for it."""
    with SipHuman(switch.sip, after=4) as person:
        for command in ("agent add anna@default callback", f"agent set contact anna@default {person.dial_string}",
                        "agent set status anna@default Available", "agent set state anna@default Waiting",
                        "tier add support@default anna@default 1 1"):
            assert switch.api(f"callcenter_config {command}").startswith("+OK"), command
        caller = phone(name="+4930778")
        caller.dial(NUMBERS["queue_ai_numbers"])
        caller.first_sound(caller.answered_at)
        log = engine.call_of("+4930778")
        assert caller.wait(lambda: bool(person.answered_at), 10)
        assert log.wait("call_ended", 10)
        assert log.events("hangup")[0]["by"] == "engine"
        caller.pause(2)
        began = time.monotonic()
        person.rtp.say((np.sin(2 * np.pi * 700 * np.arange(RATE) / RATE) * 8000).astype(np.int16))
        assert caller.wait(lambda: len(audible(caller.rtp.heard, began)) > 30, 5)
        assert abs(tone_hz(audible(caller.rtp.heard, began)[5:25]) - 700) < 20
        caller.hangup()
        assert person.wait_ended(5)
        wait_for(lambda: not switch.channels(), 10, "the end of all channels")
