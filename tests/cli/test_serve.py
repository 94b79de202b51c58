"""``trunkline serve`` as a supervisor sees it: a ready line, health, signals, and one clear line when it cannot."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import gevent
import pytest

from engine.cli.child import EngineProcess
from engine.cli.main import main
from engine.errors import TrunklineError
from engine.standin.standin import StandIn

SCRIPT = Path(__file__).with_name("serve_quick.py")
"""``trunkline serve`` with providers that need no models."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    monkeypatch.setenv("TRUNKLINE_EVENT_SOCKET__PORT", "0")
    monkeypatch.setenv("TRUNKLINE_HTTP__PORT", "0")
    return tmp_path


def engine(home, **options):
    return EngineProcess(options, log=home / "engine.log", command=(str(SCRIPT),))


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as fault:
        return fault.code, json.loads(fault.read())


def wait(condition, what, timeout=10):
    with gevent.Timeout(timeout, AssertionError(what)):
        while not condition():
            gevent.sleep(0.05)


def test_ready_health_drain_and_the_second_signal(home):
    """SIGTERM: not ready for new calls, but alive for those there are; a second one does not wait for them."""
    with engine(home, DRAIN_S="60") as process, StandIn() as switch:
        status, health = get(process.health)
        assert (status, health["status"], health["calls"]["active"]) == (200, "ok", 0)
        assert set(health["components"]) == {"event_socket", "frame_clock", "media", "disk", "db"}
        assert health["hub"]["blocks"] >= 0 and "late_p99_ms" in health["frame_clock"]
        call = switch.place(process.address, dialplan=["playback sorry.wav"])
        wait(lambda: get(process.health)[1]["calls"]["active"] == 1, "no call")
        os.kill(process.pid, signal.SIGTERM)
        wait(lambda: get(process.health)[1]["status"] == "draining", "does not drain")
        assert get(f"{process.health}/ready")[0] == 503 and get(f"{process.health}/live")[0] == 200
        assert call.up and call.outcome.action.startswith("socket")
        assert process._process.poll() is None
        os.kill(process.pid, signal.SIGTERM)
        assert process._process.wait(15) == 1
        assert call.wait(lambda call: call.outcome.action == "playback sorry.wav", 2)


def test_an_idle_engine_ends_at_once_with_0(home):
    with engine(home) as process:
        began = time.monotonic()
        assert process.stop(20) == 0
        assert time.monotonic() - began < 20
    lines = [json.loads(line) for line in (home / "engine.log").read_text().splitlines()]
    assert any("draining" in line["message"] for line in lines)


def test_log_lines_of_a_call_name_it(home):
    """At three in the morning one greps for the call."""
    with engine(home) as process, StandIn() as switch:
        call = switch.place(process.address, mode="async", dialplan=["playback sorry.wav"])
        assert call.wait(lambda call: call.outcome.action == "playback sorry.wav", 10)
        process.stop(20)
    lines = [json.loads(line) for line in (home / "engine.log").read_text().splitlines()]
    (refusal,) = [line for line in lines if "async full" in line["message"]]
    assert refusal["call"] == call.uuid and refusal["level"] == "error"


@pytest.mark.parametrize("group", ["event_socket", "http"])
def test_a_port_in_use_is_said_before_anybody_calls(home, monkeypatch, group):
    """Exit code 2, and what to do about it. No traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        environ = dict(os.environ, **{f"TRUNKLINE_{group.upper()}__PORT": port})
        ended = subprocess.run([sys.executable, str(SCRIPT)], env=environ, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("trunkline serve:") and port in last and f"{group}.port" in last
    assert "Traceback" not in ended.stderr and ended.stdout == ""


def test_a_misspelt_option_is_named_with_its_place(home, capsys):
    path = home / "config.yaml"
    path.write_text("agent:\n  greeting: Hi\nturns:\n  endpoint_min: 300\n")
    assert main(["serve", "--config", str(path)]) == 2
    said = capsys.readouterr().err
    assert f"{path}:4:3: turns.endpoint_min: no such option; did you mean turns.endpoint_min_ms?" in said


def test_a_missing_collection_is_named_with_the_command_that_makes_it(home, capsys):
    """The knowledge base comes first: an engine that knows nothing would answer every call with an apology."""
    assert main(["serve"]) == 2
    assert "trunkline ingest PATH --collection sample" in capsys.readouterr().err


def test_a_child_that_does_not_start_tells_why(home):
    with pytest.raises(TrunklineError, match="trunkline ingest"):
        EngineProcess(log=home / "engine.log", ready_s=30)
