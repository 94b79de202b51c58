"""Twenty callers at once, placed by sipp, each with an ear of its own."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest
from measured import NUMBER, Figures
from rtpstream import RtpStream, audible
from switchboard import HOST, Engine, FreeSwitch, free_port, wait_for

pytestmark = pytest.mark.switch

CALLS = 20
SCENARIO = Path(__file__).parent / "sipp/call.xml"


def test_twenty_calls_at_once(
    switch: FreeSwitch, engines: Callable[..., Engine], folder: Path, figures: Figures
) -> None:
    """All are greeted and none is cut. The ears measure from their first packet, silent or not, to the first sound."""
    sipp = shutil.which("sipp")
    if not sipp:
        pytest.skip("sipp is not installed (Debian: sip-tester)")
    engine = engines()
    ears = [RtpStream() for _ in range(CALLS)]
    ports = folder / "ears.csv"
    ports.write_text("SEQUENTIAL\n" + "".join(f"{ear.port}\n" for ear in ears))
    try:
        for ear in ears:
            ear.listen()
        command = [sipp, f"{switch.sip[0]}:{switch.sip[1]}", "-sf", str(SCENARIO), "-inf", str(ports), "-s", NUMBER,
                   "-i", HOST, "-p", str(free_port()), "-m", str(CALLS), "-l", str(CALLS), "-r", str(CALLS),
                   "-nostdin", "-timeout", "40", "-timeout_error"]
        with (folder / "sipp.log").open("wb") as log:
            code = subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, timeout=60).returncode
        assert code == 0, f"calls failed: see {folder}/sipp.log"
    finally:
        for ear in ears:
            ear.close()
    assert all(len(audible(ear.heard)) > 50 for ear in ears), [len(audible(ear.heard)) for ear in ears]
    waits = [(audible(ear.heard)[0].time - ear.heard[0].time) * 1000 for ear in ears]
    figures.add(f"{CALLS} calls at once: first packet to first sound, median", median(waits), "ms")
    figures.add(f"{CALLS} calls at once: first packet to first sound, worst", max(waits), "ms")
    gaps = [(later.time - earlier.time) * 1000
            for ear in ears for earlier, later in zip(ear.heard, ear.heard[1:], strict=False)]
    figures.add(f"{CALLS} calls at once: packets that come more than 40 ms after the one before",
                100 * sum(gap > 40 for gap in gaps) / len(gaps), "%")
    wait_for(lambda: len(engine.calls()) == CALLS, 10, f"{CALLS} event logs")
    for call in engine.calls():
        assert call.wait("hangup", 10)[0]["by"] == "caller"
        assert not call.events("error")
    assert wait_for(lambda: not switch.channels(), 10, "all channels to end")
