"""One session with the upstream, over as many connections as it takes.

    session = UpstreamSession(upstream, listener)
    session.start()
    session.send({"type": "session.update", ...})      any greenlet; returns at once
    session.close()

A connection that is lost is opened again (``policy``), and the new one is told what the session was (``memory``): the
listener sees one session that paused. What is sent meanwhile waits, the oldest audio is left out. Rate limits are
obeyed here: a response is not asked for before the service wants to hear of it, and one that failed by a limit is asked
for again.
"""

import json
import logging
import random
from collections import deque
from collections.abc import Mapping
from time import monotonic
from typing import Any, Literal, Protocol

import gevent
from gevent.event import Event as Flag

from engine.errors import ProviderFault
from engine.net.errors import NetError, SocketClosed
from engine.net.websocket import WebSocket
from engine.telemetry import logs
from engine.upstream.memory import Event, Memory
from engine.upstream.policy import Retries, rate_limit_wait, rate_limited
from engine.upstream.service import Upstream

log = logging.getLogger(__name__)

HELD_BYTES = 1 << 20
"""What may wait for a connection: twenty seconds of audio at 24 kHz."""

AGAIN_LIMIT = 3
"""A response that failed by a rate limit is asked for again so often in a row."""

State = Literal["connecting", "connected", "reconnecting", "failed", "closed"]


class Listener(Protocol):
    """Who has the session. Called from its greenlet; nothing here may wait long, because nothing is read meanwhile."""

    def opened(self, again: bool) -> None:
        """A connection is there; ``again``: it was lost before, and the new one has been told what the session was."""

    def event(self, event: Event, text: str) -> None:
        """The service says this; ``text`` is the same as it was sent."""

    def lost(self, why: str, wait_s: float, attempt: int) -> None:
        """The connection is lost; the next try comes in ``wait_s``."""

    def limited(self, wait_s: float) -> None:
        """The service asked for patience: no response will be asked for before ``wait_s``."""

    def failed(self, why: str) -> None:
        """It is over: no connection, and no more tries. The last that is told."""


class UpstreamSession:
    """See the module. ``memory`` is what was said so far."""

    def __init__(self, upstream: Upstream, listener: Listener, headers: Mapping[str, str] | None = None) -> None:
        """``headers`` go with every connection. Nothing is opened yet."""
        self.memory = Memory(upstream.options.history_chars)
        self.state: State = "connecting"
        self._upstream = upstream
        self._listener = listener
        self._headers = dict(headers or {})
        self._retries = Retries(upstream.options, random.random)
        self._socket: WebSocket | None = None
        self._begun = False  # the service has said so
        self._held: deque[tuple[str, Event, str]] = deque()
        self._held_bytes = 0
        self._replayed: _Replayed | None = None
        self._rest_until = 0.0
        self._waiting: Event | None = None  # a response that the rate limit holds back
        self._again = 0
        self._created: Event | None = None  # the last response that was asked for
        self._closing = Flag()
        self._greenlets: list[gevent.Greenlet] = []

    def start(self) -> None:
        """Connect, in a greenlet of the session's own."""
        self._spawn(self._run)

    def send(self, event: Event, text: str = "") -> None:
        """Send it now, or as soon as there is a connection. ``text``: the event as JSON, where it is at hand. Never
        raises: a session that is over takes nothing any more."""
        if self.state in ("failed", "closed"):
            return
        asked = event.get("response")
        aside = isinstance(asked, Mapping) and asked.get("conversation") == "none"
        if event.get("type") == "response.create" and not aside:
            self._created = event
            if monotonic() < self._rest_until:
                self._wait_with(event)
                return
        kind = str(event.get("type"))
        text = text or json.dumps(event)
        socket = self._socket
        if socket is None:
            self._hold(kind, event, text)
        else:
            self._write(socket, event, text)

    def close(self) -> None:
        """Leave. Idempotent; nothing more is told."""
        self.state = "closed" if self.state != "failed" else "failed"
        self._closing.set()
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close(timeout_s=0.2)
        for greenlet in self._greenlets:
            if greenlet is not gevent.getcurrent():
                greenlet.kill(timeout=1.0)

    # ------------------------------------------------------------ connections

    def _run(self) -> None:
        try:
            self._connections()
        except Exception as fault:
            log.exception("a fault of the engine ends a session with %s", self._upstream.name)
            self.state = "failed"
            self._listener.failed(f"{type(fault).__name__}: {fault}")

    def _connections(self) -> None:
        while not self._closing.is_set():
            fault: NetError | ProviderFault
            try:
                socket = self._upstream.connect(self._headers)
            except ProviderFault as refused:
                fault = refused
            else:
                try:
                    self._open(socket)
                    self._read(socket)
                except SocketClosed as closed:
                    fault = closed
                finally:
                    self._socket = None
                    socket.abort()
            if self._closing.is_set() or not self._patience(fault):
                return

    def _open(self, socket: WebSocket) -> None:
        """Tell a new connection what the session is, then what has waited."""
        self._retries.opened(monotonic())
        again = self._begun
        if not again:
            self.memory.forget_unanswered()
        else:
            replay = self.memory.replay()
            self._replayed = _Replayed(replay)
            for event in [*replay, *self.memory.unanswered()]:
                socket.send(json.dumps(event))
        self.state = "connected"
        self._socket = socket
        self._listener.opened(again)
        while self._held and self._socket is socket:
            _, held, text = self._held.popleft()
            self._write(socket, held, text)
        self._held_bytes = 0

    def _read(self, socket: WebSocket) -> None:
        while True:
            message = socket.receive()
            if not isinstance(message, str):
                continue
            try:
                event = json.loads(message)
            except ValueError:
                log.warning("%s sent something that is no JSON", self._upstream.name)
                continue
            if isinstance(event, dict):
                self._take(event, message)

    def _take(self, event: Event, text: str) -> None:
        if self._replayed is not None and self._replayed.takes(event):
            return
        self._begun = self._begun or event.get("type") == "session.created"
        self.memory.received(event)
        told_s = rate_limited(event)
        if told_s is not None:
            self._limit(event, told_s)
        elif event.get("type") == "response.done":
            self._again, self._created = 0, None
        try:
            self._listener.event(event, text)
        except SocketClosed:
            raise
        except Exception:  # the listener's bug must not end the reading of a session
            log.exception("the event %s could not be handled", event.get("type"))

    def _patience(self, fault: NetError | ProviderFault) -> bool:
        """Wait for the next try. False: there is none."""
        wait_s = self._retries.lost(monotonic(), fault)
        if wait_s is None:
            self.state = "failed"
            log.warning("%s is given up: %s", self._upstream.name, fault)
            self._listener.failed(str(fault))
            return False
        self.state = "reconnecting"
        log.info("%s: %s; try %d in %.1f s", self._upstream.name, fault, self._retries.made, wait_s)
        self._listener.lost(str(fault), wait_s, self._retries.made)
        return not self._closing.wait(wait_s)

    def _write(self, socket: WebSocket, event: Mapping[str, Any], text: str) -> None:
        self.memory.sent(event)
        try:
            socket.send(text)
        except SocketClosed as closed:  # the reader finds out, too
            log.info("%s: not sent: %s", self._upstream.name, closed)

    def _hold(self, kind: str, event: Event, text: str) -> None:
        self._held.append((kind, event, text))
        self._held_bytes += len(text)
        while self._held_bytes > HELD_BYTES:
            oldest = next((one for one in self._held if one[0] == "input_audio_buffer.append"), self._held[0])
            self._held.remove(oldest)
            self._held_bytes -= len(oldest[2])

    # ------------------------------------------------------------ rate limits

    def _limit(self, event: Event, told_s: float) -> None:
        wait_s = rate_limit_wait(told_s, self._upstream.options, random.random())
        self._rest_until = max(self._rest_until, monotonic() + wait_s)
        self._listener.limited(wait_s)
        aside = event.get("type") == "response.done" and event["response"].get("conversation_id", "") is None
        if self._again < AGAIN_LIMIT and not aside:
            self._again += 1
            self._wait_with(self._created or {"type": "response.create"})

    def _wait_with(self, event: Event) -> None:
        """Ask for this response when the service wants to hear of it; of several the last."""
        if self._waiting is None:
            self._spawn(self._ask_later)
        self._waiting = event

    def _ask_later(self) -> None:
        while (left := self._rest_until - monotonic()) > 0:
            if self._closing.wait(left):
                return
        event, self._waiting = self._waiting, None
        if event is not None:
            self.send(event)

    def _spawn(self, work: Any) -> None:
        self._greenlets = [one for one in self._greenlets if not one.dead]
        self._greenlets.append(logs.spawn(work))


class _Replayed:
    """What a new connection answers to a replay: news to nobody."""

    def __init__(self, replay: list[Event]) -> None:
        self._session = True
        self._updated = any(event["type"] == "session.update" for event in replay)
        self._items = {event["item"]["id"] for event in replay if event["type"] == "conversation.item.create"}

    def takes(self, event: Mapping[str, Any]) -> bool:
        """Whether the event is such an answer."""
        kind = str(event.get("type"))
        if kind == "session.created":
            taken, self._session = self._session, False
            return taken
        if kind == "conversation.created":
            return True
        if kind == "session.updated":
            taken, self._updated = self._updated, False
            return taken
        if kind in ("conversation.item.added", "conversation.item.created", "conversation.item.done"):
            return event.get("item", {}).get("id") in self._items
        if kind == "error" and str(event.get("error", {}).get("event_id") or "").startswith("replay"):
            log.warning("the session could not be restored whole: %s", event["error"].get("message"))
            return True
        return False


__all__ = ["Listener", "State", "UpstreamSession"]
