"""The event log of a call: one JSON line an event, on disk, in memory, and to whoever listens.

    log = EventLog(folder / "events.jsonl", disk, clock)
    log.write("voice_on", at=1.24)
    with log.listen(print): ...
    log.close()

Writing costs about 10 µs and never waits: the disk has its own thread (``engine/disk.py``), each listener its own
greenlet. ``read`` takes a log back in, also one that was cut off by a crash.
"""

import json
import logging
import math
import os
import re
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import gevent
import gevent.event

from engine.disk import DiskWriter
from engine.lifecycle import Life
from engine.telemetry.errors import TelemetryError
from engine.telemetry.vocabulary import FIELDS

Event = dict[str, Any]
"""A line of the log: ``t`` (float, seconds of call time), ``event`` (name) and the fields of that event."""

logger = logging.getLogger(__name__)

KEPT_LINES = 2000
"""Lines of one call kept in memory, about 150 bytes each."""

STRICT = sys.flags.dev_mode or "PYTEST_VERSION" in os.environ
"""Whether a line that is not in the vocabulary raises: in development and under test, never in a caller's call."""

MASK = "***"

SHOWN = frozenset({"why", "reason", "cause", "by", "where", "mode", "target", "file", "backend", "address", "decision",
                   "ended_by", "verdict", "state", "before", "means", "carrier"})
"""Fields whose text is the engine's own. Every other text of a masked line is ``MASK``."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class EventLog:
    """One call's log. All methods belong to the hub's thread."""

    def __init__(self, path: Path, disk: DiskWriter, clock: Callable[[], float], strict: bool = STRICT,
                 held: bool = True) -> None:
        """``path``: the new file; ``clock``: seconds of call time; ``strict``: names and fields must be known;
        ``held``: see ``DiskWriter.open``."""
        self.path = path
        self.masked = False
        """Whether lines say only that something happened: nothing of what was said, heard or pressed."""

        self._clock = clock
        self._strict = strict
        self._file = disk.open(path, held)
        self._kept: deque[bytes] = deque(maxlen=KEPT_LINES)
        self._listeners: list[Listener] = []
        self._closed = False
        self._life = Life()

    def write(self, event: str, /, **fields: object) -> None:
        """One line now. Values are JSON; floats are kept to four places. After ``close`` it does nothing."""
        known = FIELDS.get(event)
        if known is None or not known.issuperset(fields):
            self._unknown(event, fields.keys() - (known or frozenset()))
        self._line(event, fields)

    def note(self, name: str, /, why: str, **fields: object) -> None:
        """One line for a decision: its own name, and why it fell so. A name of the vocabulary keeps its fields."""
        if name in FIELDS:
            self.write(name, why=why, **fields)
            return
        if self._strict and not _NAME.fullmatch(name):
            raise TelemetryError(f"a note's name is lower case with underscores, not {name!r}")
        self._line(name, {"why": why, **fields})

    def listen(self, callback: Callable[[Event], None], limit: int = 500) -> "Listener":
        """Call ``callback`` with every event from now on, in order, in a greenlet of its own.

        At most ``limit`` events wait for it; what comes then is dropped and counted. It may block; if it raises, that
        is logged and it is called no more.
        """
        listener = Listener(self, callback, limit)
        self._listeners.append(listener)
        return listener

    def events(self) -> list[Event]:
        """The newest events, up to ``KEPT_LINES``, oldest first."""
        return [json.loads(line) for line in self._kept]

    def close(self, timeout_s: float = 1.0) -> None:
        """End the file and the listeners; these get ``timeout_s`` for what still waits. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._file.close()
        for listener in list(self._listeners):
            listener.close(timeout_s)

    def _line(self, event: str, fields: dict[str, object]) -> None:
        if self._closed:
            return
        before, state = self._life.state, self._life.take({"event": event, **fields})
        if event == "call_ended":
            fields = {**fields, "state": state}  # it stays the last line
        if self.masked:
            fields = {name: value if name in SHOWN or isinstance(value, int | float | None) else MASK
                      for name, value in fields.items()}
        line = encode({"t": self._clock(), "event": event, **fields})
        self._file.write(line)
        self._kept.append(line)
        if self._listeners:
            whole = json.loads(line)
            for listener in self._listeners:
                listener.put(whole)
        if state != before and event != "call_ended":
            self._line("state", {"state": state, "before": before, "why": event})

    @property
    def state(self) -> str:
        """Of the session, one of ``engine.lifecycle.STATES``."""
        return self._life.state

    def _unknown(self, event: str, extra: "frozenset[str] | set[str]") -> None:
        text = f"field {', '.join(sorted(extra))} of event {event}" if event in FIELDS else f"event {event}"
        if self._strict:
            raise TelemetryError(f"{text} is not in engine/telemetry/vocabulary.py; add it there or mend the name")
        logger.warning("%s is not in the vocabulary; the line is written all the same", text)


class Listener:
    """A subscription to a log. As a context manager it ends with its block."""

    def __init__(self, log: EventLog, callback: Callable[[Event], None], limit: int) -> None:
        """Made by ``EventLog.listen``."""
        self.dropped = 0
        self._log = log
        self._callback = callback
        self._limit = limit
        self._waiting: deque[Event] = deque()
        self._wake = gevent.event.Event()
        self._closing = False
        self._greenlet = gevent.spawn(self._run)

    def put(self, event: Event) -> None:
        """Hand over an event, or drop it when too many wait."""
        if len(self._waiting) >= self._limit:
            self.dropped += 1
            return
        self._waiting.append(event)
        self._wake.set()

    def close(self, timeout_s: float = 1.0) -> None:
        """No further events; those that wait are delivered for up to ``timeout_s``. Idempotent."""
        self._detach()
        self._closing = True
        self._wake.set()
        if gevent.getcurrent() is self._greenlet:
            return  # closed by its own callback: the loop ends after it
        self._greenlet.join(timeout_s)
        self._greenlet.kill()

    def __enter__(self) -> "Listener":
        """The subscription itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close."""
        self.close()

    def _detach(self) -> None:
        if self in self._log._listeners:
            self._log._listeners.remove(self)

    def _run(self) -> None:
        try:
            while True:
                while self._waiting:
                    self._callback(self._waiting.popleft())
                if self._closing:
                    return
                self._wake.clear()
                self._wake.wait()
        except Exception:  # noqa: BLE001  whatever a listener does, the call goes on
            logger.exception("a listener of %s failed and is called no more", self._log.path)
            self._detach()


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log read back. ``damaged`` counts lines that are no events: of a crashed call usually one, the last."""

    events: list[Event]
    damaged: int


def read(path: Path) -> LogFile:
    """The events of a log file, in its order. Raises ``TelemetryError`` when the file cannot be read at all."""
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise TelemetryError(f"{path}: cannot be read: {fault.strerror or fault}") from fault
    events: list[Event] = []
    damaged = 0
    for line in data.split(b"\n"):
        if line.strip():
            event = decode(line)
            if event is None:
                damaged += 1
            else:
                events.append(event)
    return LogFile(events, damaged)


def decode(line: bytes) -> Event | None:
    """The event in a line, or None when it is none."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return None
    time = event.get("t")
    if isinstance(time, bool) or not isinstance(time, int | float) or not math.isfinite(time):
        return None
    return event


def encode(event: Event) -> bytes:
    """One line with its newline. What JSON cannot hold is written as its text: a log line never fails a call."""
    for name, value in event.items():
        if type(value) is float and -1e9 < value < 1e9:
            event[name] = (value * 1e4 + 0.5) // 1 / 1e4  # a fifth of what round() takes
    try:
        text = _encode(event)
    except (TypeError, ValueError, RecursionError):
        text = _encode({name: _plain(value) for name, value in event.items()})
    # A lone surrogate (undecodable bytes of a SIP header) becomes \udcXX, which is again valid JSON.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _plain(value: object) -> object:
    """The value itself where JSON can hold it, else its text."""
    try:
        _encode(value)
    except (TypeError, ValueError, RecursionError):
        return repr(value)[:1000]
    return value


def _unwrap(value: object) -> object:
    """For the encoder: numpy scalars and arrays as numbers and lists, paths and the rest as text."""
    unwrapped = getattr(value, "tolist", None)
    return unwrapped() if unwrapped else str(value)


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_unwrap).encode
