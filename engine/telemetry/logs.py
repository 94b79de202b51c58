"""The process's log on stderr: JSON lines for machines, short lines for people at a terminal.

    writer = logs.setup()
    with logs.call("6c1f0e52"):      # every line from here, in this greenlet, names the call
        ...
    writer.close()

A thread writes, so that nobody who stopped reading stderr can hold the hub; what does not fit is dropped and counted.
"""

import contextvars
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, TextIO

import gevent

from engine.disk import DiskWriter

_call: contextvars.ContextVar[str] = contextvars.ContextVar("call", default="")
_request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="")

WAITING_BYTES = 4 * 1024 * 1024
COLOURS = {"WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[31;1m"}
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@contextmanager
def call(call_id: str) -> Iterator[None]:
    """Log lines of this greenlet in this block carry ``call``; ``spawn`` hands it on to other greenlets."""
    token = _call.set(call_id)
    try:
        yield
    finally:
        _call.reset(token)


@contextmanager
def request(request_id: str) -> Iterator[None]:
    """Log lines of this greenlet in this block carry ``request``, the id that an HTTP client can name."""
    token = _request.set(request_id)
    try:
        yield
    finally:
        _request.reset(token)


def spawn(function: Callable[..., Any], *args: Any, **kwargs: Any) -> gevent.Greenlet:
    """``gevent.spawn`` whose greenlet keeps the call and the request of this one; a plain one begins without."""
    return gevent.spawn(contextvars.copy_context().run, function, *args, **kwargs)


class JsonLines(logging.Formatter):
    """One JSON object a line: ``ts`` (ISO 8601, UTC), ``level``, ``logger``, ``message``, ``call``, ``request``,
    what came as ``extra``, and ``exception``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its newline."""
        line: dict[str, Any] = {
            "ts": _time(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if call_id := _call.get():
            line["call"] = call_id
        if request_id := _request.get():
            line["request"] = request_id
        line.update((name, value) for name, value in vars(record).items() if name not in _STANDARD and name not in line)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class ForPeople(logging.Formatter):
    """``12:03:04.567 warning media.clock [6c1f0e52] message``, coloured by level. What may come from outside cannot
    begin a line of its own, nor tell the terminal anything."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines, without the last newline."""
        colour = COLOURS.get(record.levelname, "")
        call_id = _call.get()
        text = (f"{_time(record).astimezone():%H:%M:%S}.{int(record.msecs):03d} {record.levelname.lower():7} "
                f"{record.name.removeprefix('engine.')} {f'[{call_id[:8]}] ' if call_id else ''}{_plain(record)}")
        for line in getattr(record, "stack", ()):
            text += f"\n    {line}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return f"{colour}{text}\x1b[0m" if colour else text


class LogWriter(logging.Handler):
    """Formats in the caller's greenlet, writes in a thread of its own. ``dropped`` counts bytes that did not fit."""

    def __init__(self, stream: TextIO, formatter: logging.Formatter) -> None:
        """Lines go to ``stream``."""
        super().__init__()
        self.formatter = formatter
        self._stream = stream
        self._writer = DiskWriter(WAITING_BYTES)

    @property
    def dropped(self) -> int:
        """Bytes that were not written."""
        return self._writer.dropped

    def handle(self, record: logging.LogRecord) -> bool:
        """As the base, but without its lock, which belongs to the hub: threads of the disk and of pools log too."""
        kept: bool | logging.LogRecord = self.filter(record)
        if kept:
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return bool(kept)

    def emit(self, record: logging.LogRecord) -> None:
        """Queue one line."""
        try:
            line = self.format(record) + "\n"
        except Exception:  # noqa: BLE001  a wrong argument of a log call must not fail the caller
            self.handleError(record)
            return
        self._writer.submit(lambda: self._write(line), len(line))

    def close(self) -> None:
        """Write what waits (2 s at most) and end the thread. Idempotent."""
        logging.getLogger().removeHandler(self)
        self._writer.close(2.0)
        super().close()

    def _write(self, line: str) -> None:
        self._stream.write(line)
        self._stream.flush()


def setup(level: int | str = logging.INFO, stream: TextIO | None = None, as_json: bool | None = None) -> LogWriter:
    """Send the root logger to ``stream`` (stderr); JSON unless it is a terminal. Close the result at the end."""
    stream = sys.stderr if stream is None else stream
    for_machines = not stream.isatty() if as_json is None else as_json
    writer = LogWriter(stream, JsonLines() if for_machines else ForPeople())
    root = logging.getLogger()
    root.addHandler(writer)
    root.setLevel(level)
    return writer


def _plain(record: logging.LogRecord) -> str:
    """The message in one line and without colours of its own: it may repeat what a caller or a client made up."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", record.getMessage())


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, timezone.utc)
