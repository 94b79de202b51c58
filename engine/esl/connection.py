"""One TCP connection to FreeSWITCH: commands out with their replies matched in order, events in to one handler.

Two greenlets: the reader parses and wakes whoever waits for a reply or an event; the dispatcher hands events to the
handler, so that a slow handler holds up neither replies nor other calls. Every wait ends: by its answer, its deadline,
or the loss of the connection.
"""

import enum
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import gevent
from gevent import socket
from gevent.event import AsyncResult
from gevent.event import Event as Flag
from gevent.lock import BoundedSemaphore
from greenswitch.esl import NotConnectedError, OutboundSessionHasGoneAway

from engine.esl.command import Command
from engine.esl.errors import EslError, ProtocolError
from engine.esl.event import Event
from engine.esl.wire import API_RESPONSE, COMMAND_REPLY, DISCONNECT, MAX_BODY, MAX_HEADERS, Message, Parser

log = logging.getLogger(__name__)

READ_BYTES = 262144
FAIR_MESSAGES = 16
"""After so many messages or events in a row the others get their turn: a flood must not stop other calls' audio."""

HARD_LIMIT = 8
"""The event queue may grow to so many times its bound while somebody waits for a reply, which stands behind the events
in the stream: stopping at once would let a handler that sends a command wait for itself."""

CLOSE_TIMEOUT_S = 5.0


class Stage(enum.Enum):
    """How far a command got before the connection was lost or its deadline passed."""

    NOT_SENT = "not sent"
    """FreeSWITCH never had the whole command: it was not executed."""

    SENT = "sent"
    """It was sent, no reply came: it may have been executed or not."""

    ACCEPTED = "accepted"
    """FreeSWITCH took it (for an application: queued it); how it ended is not known."""


class ConnectionLost(EslError, NotConnectedError, OutboundSessionHasGoneAway):
    """The connection or its call is gone. ``stage`` says how far the command got, ``reason`` why it went.

    It is both of greenswitch's exceptions, so applications catch it by either name.
    """

    def __init__(self, reason: str, stage: Stage, command: str = "") -> None:
        """``command`` is its first line, "" where there was none."""
        super().__init__(f"{reason}; {command!r} was {stage.value}" if command else reason)
        self.reason = reason
        self.stage = stage


class CommandTimeout(EslError, TimeoutError, gevent.Timeout):
    """The deadline passed. ``stage`` says how far the command got.

    Also a ``gevent.Timeout`` by name, because that is what applications written for greenswitch catch; unlike it, it
    is an ``Exception``.
    """

    def __init__(self, what: str, timeout_s: float, stage: Stage) -> None:
        """``what`` was waited for ``timeout_s`` seconds."""
        Exception.__init__(self, f"{what}: nothing within {timeout_s:g} s ({stage.value})")
        self.seconds = timeout_s
        self.stage = stage

    def __str__(self) -> str:
        return str(self.args[0])

    __repr__ = Exception.__repr__


class Expectation:
    """One event that somebody waits for. Registered when made, so that an event cannot come too early."""

    def __init__(self, connection: "Connection", name: str, match: Callable[[Event], bool] | None) -> None:
        """The first event ``name`` for which ``match`` is true."""
        self.name = name
        self.result: AsyncResult = AsyncResult()
        self._connection = connection
        self._match = match
        connection.expected.setdefault(name, []).append(self)

    def __enter__(self) -> "Expectation":
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    def offer(self, event: Event) -> None:
        """Take the event if it is the one. Called by the reader."""
        if self._match is None or self._match(event):
            self.cancel()
            self.result.set(event)

    def fail(self, fault: Exception) -> None:
        """It will not come any more."""
        self.cancel()
        if not self.result.ready():
            self.result.set_exception(fault)

    def cancel(self) -> None:
        """Nobody waits any more. Idempotent."""
        waiting = self._connection.expected.get(self.name)
        if waiting and self in waiting:
            waiting.remove(self)
            if not waiting:
                del self._connection.expected[self.name]

    def get(self, timeout: float | None = None) -> Event:
        """The event. Raises ``CommandTimeout`` after ``timeout`` seconds, ``ConnectionLost`` when the connection or
        the call goes first; None waits for one of the three as long as the call lives."""
        self._connection.wake_reader()
        self.result.wait(timeout)
        if not self.result.ready():
            raise CommandTimeout(f"event {self.name}", timeout or 0, Stage.ACCEPTED)
        event = self.result.get(block=False)
        assert isinstance(event, Event)
        return event


class Connection:
    """Commands and events over one socket. The owner calls ``close``, also after a loss."""

    def __init__(
        self,
        sock: socket.socket,
        handle: Callable[[Event], None],
        *,
        observe: Callable[[Event, Message], None] | None = None,
        on_lost: Callable[["ConnectionLost"], None] | None = None,
        name: str = "event socket",
        command_timeout_s: float = 10.0,
        event_queue: int = 512,
        max_headers: int = MAX_HEADERS,
        max_body: int = MAX_BODY,
    ) -> None:
        """``handle`` gets each event in order and may wait. ``observe`` sees each event and notice first, from the
        reader, and must not wait. ``on_lost`` is called once, after the last event was handled."""
        self.name = name
        self.lost: ConnectionLost | None = None
        self.expected: dict[str, list[Expectation]] = {}
        self.dropped = 0
        self.closed = Flag()
        """Set when the connection is lost."""
        self._sock = sock
        self._handle = handle
        self._observe = observe
        self._on_lost = on_lost
        self._command_timeout_s = command_timeout_s
        self._event_queue = event_queue
        self._parser = Parser(max_headers, max_body)
        self._pending: deque[AsyncResult] = deque()  # a slot per command sent, also of those that nobody awaits now
        self._waiting = 0  # commands whose sender still waits
        self._write_lock = BoundedSemaphore(1)
        self._events: deque[Event] = deque()
        self._arrived = Flag()
        self._room = Flag()
        self._reader = gevent.Greenlet(self._read)
        self._dispatcher = gevent.Greenlet(self._dispatch)

    def start(self) -> None:
        """Begin to read."""
        self._reader.start()
        self._dispatcher.start()

    def send(self, command: Command, timeout: float | None = None) -> Message:
        """Send and await the reply. Raises ``ConnectionLost`` or, after ``timeout`` seconds (default: the
        connection's), ``CommandTimeout``. A reply that comes later is dropped and shifts no other."""
        return self.send_all([command], timeout)[0]

    def send_all(self, commands: Sequence[Command], timeout: float | None = None) -> list[Message]:
        """Send several in one piece and await all replies: one trip instead of many. Raises as ``send``, about the
        first command without a reply; FreeSWITCH executes all of them, whatever it replies to one."""
        limit = self._command_timeout_s if timeout is None else timeout
        deadline = time.monotonic() + limit
        first = commands[0].label
        if not self._write_lock.acquire(timeout=limit):
            raise CommandTimeout(first, limit, Stage.NOT_SENT)
        slots: list[AsyncResult] = [AsyncResult() for _ in commands]
        try:
            if self.lost is not None:
                raise ConnectionLost(self.lost.reason, Stage.NOT_SENT, first)
            self._pending.extend(slots)
            self._write(b"".join(map(bytes, commands)), first, deadline - time.monotonic())
        finally:
            self._write_lock.release()
        self._waiting += 1
        self.wake_reader()
        try:
            for slot in slots:
                slot.wait(max(0.0, deadline - time.monotonic()))
        finally:
            self._waiting -= 1
        return [self._reply(command, slot, limit) for command, slot in zip(commands, slots, strict=True)]

    def _reply(self, command: Command, slot: AsyncResult, limit: float) -> Message:
        if not slot.ready():
            raise CommandTimeout(command.label, limit, Stage.SENT)
        reply = slot.get(block=False)
        if not isinstance(reply, Message):
            raise ConnectionLost(self.lost.reason if self.lost else "lost", Stage.SENT, command.label)
        return reply

    def expect(self, name: str, match: Callable[[Event], bool] | None = None) -> Expectation:
        """Begin to wait for an event; use as a context manager around what causes it."""
        expectation = Expectation(self, name, match)
        if self.lost is not None:
            expectation.fail(ConnectionLost(self.lost.reason, Stage.ACCEPTED))
        return expectation

    def close(self, reason: str = "closed by the engine") -> None:
        """End the connection, wait until what had arrived was handled, free the socket. Idempotent; also from a
        handler, which then is the last one to run."""
        self._lose(reason)
        me = gevent.getcurrent()
        ending = [greenlet for greenlet in (self._reader, self._dispatcher) if greenlet is not me]
        gevent.joinall(ending, timeout=CLOSE_TIMEOUT_S)
        gevent.killall([greenlet for greenlet in ending if not greenlet.dead], timeout=CLOSE_TIMEOUT_S)
        self._sock.close()

    def wake_reader(self) -> None:
        """Somebody waits for what stands in the stream: read on even if the event queue is at its bound."""
        self._room.set()

    def _write(self, data: bytes, label: str, timeout: float) -> None:
        """All of it or the end of the connection: half a command would swallow the next one."""
        timer = gevent.Timeout.start_new(max(0.001, timeout))
        try:
            self._sock.sendall(data)
        except BaseException as fault:
            late = fault is timer
            self._lose("FreeSWITCH does not read" if late else f"writing failed: {fault!r}")
            if late or isinstance(fault, OSError):
                reason = self.lost.reason if self.lost else str(fault)
                raise ConnectionLost(reason, Stage.NOT_SENT, label) from fault
            raise
        finally:
            timer.close()

    # ------------------------------------------------------------ reading

    def _read(self) -> None:
        reason = "reading was stopped"
        try:
            reason = self._read_all()
        except ProtocolError as fault:
            reason = str(fault)
            log.error("%s: %s; closing", self.name, fault)
        except OSError as fault:
            reason = f"reading failed: {fault}"
        finally:
            self._lose(reason)

    def _read_all(self) -> str:
        """Read until the end; returns why it ended."""
        since_yield = 0
        while True:
            self._push_back()
            data = self._sock.recv(READ_BYTES)
            if not data:
                return "FreeSWITCH closed the connection" + ("" if self._parser.idle else " in the middle of a message")
            for message in self._parser.receive_data(data):
                if self._take(message):
                    return "FreeSWITCH said goodbye"
                since_yield += 1
                if since_yield >= FAIR_MESSAGES:
                    since_yield = 0
                    gevent.sleep(0)
            if self._parser.error is not None:
                raise self._parser.error

    def _push_back(self) -> None:
        """While too many events wait, do not read: TCP then holds FreeSWITCH back."""
        while self.lost is None:
            count = len(self._events)
            awaited = self._waiting or self.expected
            if count < self._event_queue or (awaited and count < HARD_LIMIT * self._event_queue):
                return
            self._room.clear()
            self._room.wait()

    def _take(self, message: Message) -> bool:
        """One message; True when it was the last one."""
        if message.content_type in (COMMAND_REPLY, API_RESPONSE):
            if self._pending:
                self._pending.popleft().set(message)
            else:
                log.warning("%s: reply to no command dropped: %.80r", self.name, message.text)
            return False
        event = Event.from_message(message)
        try:
            for expectation in list(self.expected.get(event.name, ())):
                expectation.offer(event)
            if self._observe is not None:
                self._observe(event, message)
        except ProtocolError as fault:
            self.dropped += 1
            log.warning("%s: event dropped: %s", self.name, fault)
            return False
        self._events.append(event)
        self._arrived.set()
        return message.content_type == DISCONNECT and not message.lingering

    def _lose(self, reason: str) -> None:
        """The end, whoever notices it first: fail who waits, let the dispatcher finish what had arrived."""
        if self.lost is not None:
            return
        self.lost = ConnectionLost(reason, Stage.NOT_SENT)
        log.debug("%s: %s", self.name, reason)
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            log.debug("%s: was not connected any more", self.name)
        for slot in self._pending:
            slot.set(None)
        self._pending.clear()
        self.fail_expected(ConnectionLost(reason, Stage.ACCEPTED))
        self._arrived.set()
        self._room.set()
        self.closed.set()

    def fail_expected(self, fault: Exception, *names: str) -> None:
        """These events (default: all) will not come any more: whoever waits for one gets ``fault``."""
        for name in names or tuple(self.expected):
            for expectation in list(self.expected.get(name, ())):
                expectation.fail(fault)

    # ------------------------------------------------------------ handling

    def _dispatch(self) -> None:
        since_yield = 0
        while True:
            while self._events:
                event = self._events.popleft()
                self._room.set()
                self._guard(self._handle, event)
                since_yield += 1
                if since_yield >= FAIR_MESSAGES:
                    since_yield = 0
                    gevent.sleep(0)
            if self.lost is not None:
                break
            self._arrived.clear()
            self._arrived.wait()
        if self._on_lost is not None:
            self._guard(self._on_lost, self.lost)

    def _guard(self, function: Callable[[Any], None], argument: Any) -> None:
        """A handler's exception is its own affair: it is logged, the others get their events."""
        try:
            function(argument)
        except (Exception, gevent.Timeout):
            log.exception("%s: handler failed on %r", self.name, argument)
