"""``trunkline serve`` with a store that cannot be opened: calls go on, and ``/health`` says what to do."""

import json
import sqlite3
import urllib.request
from pathlib import Path

import gevent
import pytest

from engine.cli.child import EngineProcess
from engine.standin.standin import StandIn

SCRIPT = Path(__file__).with_name("serve_quick.py")
"""``trunkline serve`` with providers that need no models."""


def in_no_folder(home):
    """As in a read-only folder: the file cannot be made. (Root may write into those.)"""
    (home / "a-file").write_text("")
    return f"sqlite:///{home}/a-file/store.sqlite"


def by_the_future(home):
    """Tables of a Trunkline that is newer than this one."""
    with sqlite3.connect(home / "newer.sqlite") as database:
        database.execute("CREATE TABLE trunkline_version (version_num VARCHAR(32))")
        database.execute("INSERT INTO trunkline_version VALUES ('9999')")
    return f"sqlite:///{home}/newer.sqlite"


@pytest.mark.parametrize(("url", "says"), [
    (in_no_folder, "a-file"),
    (by_the_future, "install a newer Trunkline"),
    (lambda home: "postgresql://nobody@127.0.0.1:1/sessions", "127.0.0.1:1"),
], ids=["no folder", "newer tables", "PostgreSQL down"])
def test_calls_are_taken_and_health_has_the_reason(tmp_path, monkeypatch, url, says):
    """It is told before the first call; nothing but the store is degraded, and the call leaves its log."""
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))

    def health():
        with urllib.request.urlopen(process.health, timeout=5) as answer:
            return answer.status, json.loads(answer.read())

    with EngineProcess({"STORE__URL": url(tmp_path)}, log=tmp_path / "log", command=(str(SCRIPT),)) as process, \
            StandIn() as switch:
        with gevent.Timeout(10, AssertionError("the store is told to be well")):
            while health()[1]["components"]["db"]["status"] == "ok":
                gevent.sleep(0.05)
        status, told = health()
        assert (status, told["status"]) == (200, "degraded")
        assert says in told["components"]["db"]["detail"]
        call = switch.place(process.address, dialplan=["playback sorry.wav"])
        assert call.wait(lambda call: len(call.heard) and abs(call.heard).max() > 500, 10), "nobody greets"
        call.hangup()
        with gevent.Timeout(10, AssertionError("the call does not end")):
            while health()[1]["calls"]["active"]:
                gevent.sleep(0.05)
        assert process.stop(30) == 0
    (log,) = tmp_path.glob("calls/*/*/events.jsonl")
    assert json.loads(log.read_text().splitlines()[-1])["event"] == "call_ended"
