"""The process's log: JSON that a machine reads, the call in every line, and nobody who can hold the hub."""

import io
import json
import logging

import gevent
import pytest
from gevent.monkey import get_original

from engine.telemetry import logs

logger = logging.getLogger("engine.media.clock")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def root():
    """The root logger as it was."""
    root = logging.getLogger()
    level = root.level
    yield root
    root.setLevel(level)


def lines(stream: io.StringIO, writer: logs.LogWriter) -> list[dict]:
    writer.close()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_time_level_place_and_message(root):
    stream = io.StringIO()
    writer = logs.setup(stream=stream)
    logger.warning("frame late by %d ms", 12, extra={"late_ms": 12})
    (line,) = lines(stream, writer)
    assert line.pop("ts").endswith("Z")
    assert line == {"level": "warning", "logger": "engine.media.clock", "message": "frame late by 12 ms", "late_ms": 12}


def test_the_call_is_in_every_line_of_its_greenlets_and_in_no_other(root):
    stream = io.StringIO()
    writer = logs.setup(stream=stream)

    def one(name: str) -> None:
        with logs.call(name):
            gevent.sleep(0.001)
            logger.info("call %s", name)
            logs.spawn(logger.info, "child of %s", name).join()

    gevent.joinall([gevent.spawn(one, name) for name in ("a", "b")], raise_error=True)
    logger.info("outside")
    found = {line["message"]: line.get("call") for line in lines(stream, writer)}
    assert found == {"call a": "a", "call b": "b", "child of a": "a", "child of b": "b", "outside": None}


def test_an_exception_is_one_line(root):
    stream = io.StringIO()
    writer = logs.setup(stream=stream)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logger.exception("failed")
    (line,) = lines(stream, writer)
    assert "ValueError: two\nlines" in line["exception"]


def test_a_terminal_gets_lines_for_people(root):
    stream = Terminal()
    writer = logs.setup(stream=stream)
    with logs.call("6c1f0e52-aaaa"):
        logger.warning("slow")
        logger.debug("unseen")
    writer.close()
    (line,) = stream.getvalue().splitlines()
    assert "warning media.clock [6c1f0e52] slow" in line


def test_a_reader_that_stopped_does_not_hold_the_caller(root, monkeypatch):
    """``docker logs`` that hangs must not stop calls."""
    gate = get_original("_thread", "allocate_lock")()
    gate.acquire()

    class Stuck(io.StringIO):
        def write(self, text: str) -> int:
            gate.acquire()
            gate.release()
            return super().write(text)

    monkeypatch.setattr(logs, "WAITING_BYTES", 1000)
    stream = Stuck()
    writer = logs.setup(stream=stream)
    for _ in range(100):
        logger.info("x" * 100)
    assert writer.dropped > 0
    gate.release()
    assert 0 < len(lines(stream, writer)) < 100


def test_a_wrong_argument_does_not_fail_the_caller(capsys):
    stream = io.StringIO()
    writer = logs.LogWriter(stream, logs.JsonLines())
    for argument in ("many", 3):
        writer.handle(logging.LogRecord("engine", logging.INFO, __file__, 1, "%d frames", (argument,), None))
    assert [line["message"] for line in lines(stream, writer)] == ["3 frames"]
    assert "Logging error" in capsys.readouterr().err


def test_real_threads_may_log_too(until):
    """The disk's thread reports a full disk; gevent's locks are not for it."""
    stream = io.StringIO()
    writer = logs.LogWriter(stream, logs.JsonLines())
    done: list[int] = []

    def work() -> None:
        for number in range(200):
            writer.handle(logging.LogRecord("engine.disk", logging.ERROR, __file__, 1, "%d", (number,), None))
        done.append(1)

    for _ in range(3):
        get_original("_thread", "start_new_thread")(work, ())
    until(lambda: len(done) == 3)
    assert len(lines(stream, writer)) == 600


def test_words_from_outside_make_no_lines_and_no_colours_of_their_own(root):
    """A path, a caller's name: whoever reads the log at a terminal must see who said what."""
    stream = Terminal()
    writer = logs.setup(stream=stream)
    logger.error("GET %s failed", "/a\n12:00:00.000 info all is well\x1b[2J\r\x9b1m")
    writer.close()
    (line,) = stream.getvalue().splitlines()
    assert "\\x0a12:00" in line and "\x1b[2J" not in line and "\x9b" not in line
