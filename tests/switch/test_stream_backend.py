"""FreeSWITCH streams calls to the engine with mod_audio_stream and plays files (``media.backend: websocket``).

Skipped where FreeSWITCH has no such module: it is a third party's, and none of ours.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from measured import NUMBER, Figures
from rtpstream import RATE, audible
from sipphone import SipPhone
from switchboard import ROOT, CallLog, Engine, FreeSwitch, wait_for
from test_dialplan import FAILOVER_HZ
from test_sip_backend import ECHO, answers, hears_tone, longest_gap

pytestmark = pytest.mark.switch

Phones = Callable[..., SipPhone]
Engines = Callable[..., Engine]
STREAMED = {"backend": "websocket"}


@pytest.fixture(scope="module", autouse=True)
def module(switch: FreeSwitch) -> None:
    """mod_audio_stream is there."""
    switch.api("load mod_audio_stream")
    if switch.api("module_exists mod_audio_stream") != "true":
        pytest.skip("this FreeSWITCH has no mod_audio_stream; FREESWITCH_MOD names a folder of modules with it")


@pytest.fixture(scope="module")
def engine(switch: FreeSwitch, engines: Engines) -> Iterator[Engine]:
    """One that calls are streamed to."""
    yield engines(media=STREAMED)


def dial(caller: SipPhone, engine: Engine) -> CallLog:
    """Call, listen to the greeting, and wait until the agent is silent."""
    caller.dial(NUMBER)
    caller.last_sound(caller.first_sound())
    return engine.call_of(caller.name)


def files(switch: FreeSwitch) -> list[Path]:
    """What the module has in FreeSWITCH's folder for temporary files."""
    return list((switch.folder / "temp").glob("*.tmp.r*"))


def test_a_whole_call(switch: FreeSwitch, engine: Engine, phone: Phones, folder: Path, figures: Figures) -> None:
    """Greeting, question, answer, a key, the caller's hangup; the agent's files are deleted with the call."""
    caller = phone()
    call = dial(caller, engine)
    attached = call.wait("media_attached", 5)[0]
    assert attached["backend"] == "websocket"
    figures.add("websocket: attached", attached["ms"], "ms")
    answers(caller, folder)
    assert files(switch)
    caller.rtp.press("*")
    assert call.wait("dtmf", 5)[0]["digit"] == "*"
    caller.pause(0.5)
    assert longest_gap(caller, caller.answered_at + 1.0) < 0.5, "the caller was without RTP while the agent was silent"
    caller.hangup()
    call.wait("call_ended", 10)
    assert len(call.events("agent_said")) == 2
    assert not call.events("error") and not call.events("media_lost")
    wait_for(lambda: not files(switch), 5, "the agent's files to be deleted")


def test_a_prompt_of_freeswitch_does_not_end_the_audio(
    switch: FreeSwitch, engine: Engine, phone: Phones, folder: Path
) -> None:
    """``uuid_broadcast`` to the caller, and a change of codec."""
    caller = phone()
    call = dial(caller, engine)
    prompted = time.monotonic()
    switch.api(f"uuid_broadcast {switch.uuid_of(caller.name)} tone_stream://%(800,0,620) aleg")
    hears_tone(caller, 620, prompted)
    caller.change_codec("PCMA")
    caller.pause(1.0)
    answers(caller, folder)
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
    assert abs(ended["caller_frames"] * 0.02 - ended["seconds"]) < 1.0


def test_hold_and_back(engine: Engine, phone: Phones, folder: Path) -> None:
    """The call goes on afterwards, and nothing that FreeSWITCH plays to who holds is heard as the caller."""
    caller = phone()
    call = dial(caller, engine)
    caller.hold()
    caller.pause(2)
    caller.resume()
    answers(caller, folder)
    assert len(call.events("user_said")) == 1
    assert not call.events("media_lost")


def test_a_stream_that_ends_is_started_again(
    switch: FreeSwitch, engine: Engine, phone: Phones, folder: Path, figures: Figures
) -> None:
    """Somebody stops it: it is started again, in the same conversation; after ``media.max_reattach`` times the
    dialplan's next action has the caller."""
    caller = phone()
    call = dial(caller, engine)
    uuid = switch.uuid_of(caller.name)
    switch.api(f"uuid_audio_stream {uuid} stop")
    attached = call.wait("media_attached", 5, 2)
    lost = call.events("media_lost")[0]["t"]
    figures.add("websocket: stream ended to started again", (attached[1]["t"] - lost) * 1000, "ms")
    answers(caller, folder)
    for times in range(2, 5):
        call.wait("media_attached", 5, times)
        stopped = time.monotonic()
        switch.api(f"uuid_audio_stream {uuid} stop")
    hears_tone(caller, FAILOVER_HZ, stopped)
    assert "max_reattach" in call.events("error")[0]["message"]


def test_somebody_else_takes_the_caller(switch: FreeSwitch, engine: Engine, phone: Phones) -> None:
    """``uuid_transfer`` from a console: the call goes there, and the stream ends."""
    caller = phone()
    call = dial(caller, engine)
    moved = time.monotonic()
    uuid = switch.uuid_of(caller.name)
    assert switch.api(f"uuid_transfer {uuid} trunkline_failover XML public").startswith("+OK")
    hears_tone(caller, FAILOVER_HZ, moved)
    call.wait("call_ended", 5)
    assert "-ERR" in switch.api(f"uuid_audio_stream {uuid} send_text hello"), "the caller is streamed on"
    assert not call.events("media_lost")


def test_the_engine_is_killed(engines: Engines, phone: Phones, switch: FreeSwitch, figures: Figures) -> None:
    """In the middle of its greeting: what FreeSWITCH has is played, then the dialplan's next action has the caller."""
    engine, caller = engines(media=STREAMED), phone()
    caller.dial(NUMBER)
    caller.first_sound()
    gone = time.monotonic()
    engine.child.signal(signal.SIGKILL)
    after = hears_tone(caller, FAILOVER_HZ, gone)
    figures.add("websocket: engine killed: to the fail-over's tone heard", after * 1000, "ms")
    assert after < 3
    engine.child.wait(5)
    caller.wait_ended(15)
    wait_for(lambda: not switch.channels() and not files(switch), 10, "channels and files to go")


def test_an_engine_that_freeswitch_does_not_reach(engines: Engines, phone: Phones) -> None:
    """The caller goes on to the dialplan's next action, and the log says which address FreeSWITCH was told."""
    engine, caller = engines(media={**STREAMED, "stream_url": "ws://127.0.0.1:9"}), phone()
    caller.dial(NUMBER)
    hears_tone(caller, FAILOVER_HZ, caller.answered_at)
    message = engine.call_of(caller.name).wait("error", 5)[0]["message"]
    assert "ws://127.0.0.1:9" in message and "refused" in message.lower()


def test_the_seams_of_speech(
    folder: Path, home: Path, engine_port: int, engines: Engines, phone: Phones, figures: Figures
) -> None:
    """Pieces follow each other without a hole in RTP, and without noise: a voice that is one steady tone stays one."""
    engines().child.end(10)  # the port is free then
    (folder / "targets.json").write_text("{}")
    program = [sys.executable, str(ROOT / "tests/switch/handover_engine.py"), str(folder)]
    greeting = "A greeting that takes as long as several pieces take, one behind the other"
    engine = Engine(folder, engine_port, home, program=program, media=STREAMED, agent={"greeting": greeting})
    engine.wait_ready()
    try:
        caller = phone()
        caller.dial(NUMBER)
        first = caller.first_sound()
        last = caller.last_sound(first)
        assert last - first > 2.5
        heard = [packet for packet in caller.rtp.heard if first <= packet.time <= last][2:-2]
        gaps = [(after.time - packet.time) * 1000 for packet, after in zip(heard, heard[1:], strict=False)]
        levels = np.array([packet.level for packet in heard])
        seams = int((abs(levels / np.median(levels) - 1) > 0.1).sum())
        figures.add("websocket: longest gap between packets of the agent's speech", max(gaps), "ms")
        figures.add("websocket: packets of a steady tone that are not like the others", seams, "packets")
        assert seams <= 2
    finally:
        engine.child.end(10)


def test_round_trip(
    folder: Path, home: Path, engine_port: int, engines: Engines, phone: Phones, figures: Figures
) -> None:
    """From a sound that leaves the caller to the same sound back in their ear. It is an echo of 0.1 s, said in pieces
    as they come; between back-ends only the first sound of each can be compared."""
    engines().child.end(10)  # the port is free then
    engine = Engine(folder, engine_port, home, program=ECHO, media=STREAMED, agent={"greeting": ""})
    engine.wait_ready()
    try:
        caller = phone()
        caller.dial(NUMBER)
        engine.call_of(caller.name).wait("recording", 5)
        caller.pause(1.0)
        burst = (np.sin(2 * np.pi * 500 * np.arange(RATE // 10) / RATE) * 8000).astype(np.int16)
        trips = []
        for trial in range(10):
            before = len(caller.rtp.sent)
            caller.say(burst)
            left = audible(caller.rtp.sent[before:])[0].time
            trips.append((caller.first_sound(left, 3) - left) * 1000)
            caller.last_sound(time.monotonic() - 0.1, 0.2)
            caller.pause(0.3 + 0.007 * trial)
        figures.add("websocket: round trip caller to caller through the engine, median of 10", np.median(trips), "ms")
        figures.add("websocket: round trip caller to caller through the engine, worst of 10", max(trips), "ms")
        assert len(trips) == 10
    finally:
        engine.child.end(10)
