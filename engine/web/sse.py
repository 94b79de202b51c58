"""Server-sent events: a stream of what happens, kept alive while nothing does.

    return events((str(line.n), line.name, line.data) for line in follow(call))
"""

import logging
from collections.abc import Generator, Iterator

from gevent.queue import Empty, Queue

from engine.telemetry import logs
from engine.web.route import Answer, as_json

log = logging.getLogger(__name__)

HEARTBEAT_S = 15.0
"""A comment goes out after so long without an event: proxies keep the connection, and a client that is gone shows."""

WAITING = 64
"""Events that may wait for a slow client; then the source waits too."""

Event = tuple[str, str, object]
"""Id (for the client's ``Last-Event-ID``; may be empty), name, and data: text, a model or what JSON can hold."""


def events(source: Iterator[Event], heartbeat_s: float = HEARTBEAT_S) -> Answer:
    """Stream ``source`` until it ends or the client is gone. A generator's ``finally`` runs in either case."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Answer(_stream(source, heartbeat_s), "text/event-stream", headers)


def _stream(source: Iterator[Event], heartbeat_s: float) -> Iterator[bytes]:
    waiting: Queue[Event | None] = Queue(WAITING)
    puller = logs.spawn(_pull, source, waiting)
    try:
        yield b": connected\n\n"  # the client knows at once
        while True:
            try:
                event = waiting.get(timeout=heartbeat_s)
            except Empty:
                yield b": still here\n\n"
                continue
            if event is None:
                return
            yield encode(event)
    finally:
        puller.kill()


def _pull(source: Iterator[Event], waiting: "Queue[Event | None]") -> None:
    """Ends with the source, even with one that fails; killed when the client is gone."""
    try:
        for event in source:
            waiting.put(event)
    except Exception:
        log.exception("a stream of events ends early")
    finally:
        if isinstance(source, Generator):
            source.close()
    waiting.put(None)


def encode(event: Event) -> bytes:
    """One event in the format of the HTML standard: a line break in the data begins another ``data`` line."""
    number, name, data = event
    text = data if isinstance(data, str) else as_json(data).decode()
    head = "".join(f"{field}: {_one_line(value)}\n" for field, value in (("id", number), ("event", name)) if value)
    lines = "".join(f"data: {line}\n" for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return f"{head}{lines}\n".encode()


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ").replace("\0", "")
