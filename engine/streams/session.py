"""One stream of a carrier: what comes over the socket on one side, the call behind it on the other.

Messages become what happens in the call; what the leg plays becomes messages. The call begins with ``start`` and ends
with ``stop``, with the socket, or with the agent's goodbye, whatever comes first.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import gevent

from engine.carriers.stream import Audio, Key, Marked, Started, Stopped, StreamEvent, StreamFault
from engine.config.carrier_streams import CarrierStreamOptions
from engine.errors import TrunklineError
from engine.media.clock import is_worth_a_line
from engine.net.errors import SocketClosed
from engine.streams.call import StreamCall
from engine.telemetry import logs

log = logging.getLogger(__name__)

MOST_FAULTS = 100
"""Messages that make no sense; beyond, it is not a carrier that sends them."""

POLICY, GOING_AWAY, BAD_DATA, FAILED, TRY_LATER = 1008, 1001, 1007, 1011, 1013
"""Close codes."""


class Socket(Protocol):
    """A WebSocket, as a stream needs it; ``engine.web.socket.ServerSocket`` is one."""

    def receive(self, timeout_s: float | None = None) -> str | bytes | None:
        """The next message; None: none came. Raises ``SocketClosed``."""

    def send(self, message: str | bytes) -> None:
        """Returns at once. Raises ``SocketClosed``."""

    def finish(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye, and end it when the other side has, too; somebody receives meanwhile."""


class Wire(Protocol):
    """A carrier's messages: ``TwilioStream`` or ``ExotelStream``."""

    started: Started | None

    def receive(self, message: str | bytes) -> StreamEvent | None:
        """What it says. Raises ``StreamFault``."""

    def audio(self, data: bytes) -> str:
        """The message with this audio."""

    def mark(self, name: str) -> str:
        """The message with this mark."""

    def clear(self) -> str:
        """The message that clears."""


class Refused(TrunklineError):
    """This stream is not taken; the text says why."""


class StreamSession:
    """One stream, held by the greenlet of its connection. It is its leg's ``Line``, and a ``Session`` of the engine."""

    def __init__(self, socket: Socket, wire: Wire, options: CarrierStreamOptions,
                 make: Callable[["StreamSession", Started], StreamCall]) -> None:
        """``make(session, started)``: the call behind it. It raises ``Refused`` for a stream that nobody may open, and
        ``TrunklineError`` where nobody can take it."""
        self.uuid = ""
        self.call: StreamCall | None = None
        self._socket = socket
        self._wire = wire
        self._options = options
        self._make = make
        self._faults = 0
        self._gone = False
        self._closing: gevent.Greenlet | None = None
        self._until = time.monotonic() + options.max_minutes * 60
        self._ended = ("", "")

    @property
    def pending(self) -> bool:
        """Whether it may still start."""
        return self.call is None and self._closing is None

    def hold(self) -> None:
        """Serve it until it is over."""
        cause, by = "the carrier is gone", "switch"
        try:
            cause, by = self._receive()
        except SocketClosed as end:
            log.debug("the stream of %s: %s", self.uuid or "nobody yet", end)
        except Exception:
            log.exception("the stream of %s ends by a fault of the engine", self.uuid or "nobody yet")
            cause, by = "fault", "engine"
            self.close(FAILED, "a fault of the engine")
        finally:
            self._gone = True
            if self.call is not None:
                self.call.close(*(self._ended if self._ended[0] else (cause, by)))
            self._take_leave()

    def _take_leave(self) -> None:
        """Until the carrier has said goodbye, too; the deadline is that of ``finish``."""
        if self._closing is not None:
            with suppress(SocketClosed):
                while not self._closing.dead:
                    self._socket.receive(1.0)
            self._closing.join()

    def _receive(self) -> tuple[str, str]:
        """Until the end: why, and by whom."""
        patience_s = self._options.start_wait_s
        while True:
            left = self._until - time.monotonic()
            message = self._socket.receive(min(patience_s, left)) if left > 0 else None
            if message is None:
                return self._nothing_came(left <= patience_s)
            if self._closing is not None:
                continue  # it was said in vain
            try:
                event = self._wire.receive(message)
            except StreamFault as fault:
                if not self._bear(fault):
                    return "the stream makes no sense", "switch"
                continue
            if isinstance(event, Started):
                if not self._begin(event):
                    return "refused", "engine"
                patience_s = self._options.silence_s
            elif isinstance(event, Stopped):
                return event.reason or "the carrier ended the stream", "caller"
            elif event is not None and self.call is not None:
                self._tell(self.call, event)

    def _tell(self, call: StreamCall, event: StreamEvent) -> None:
        match event:
            case Audio(data):
                call.leg.take_line(data)
            case Marked(name):
                call.leg.marked(name)
            case Key(digit, duration_ms):
                with logs.call(self.uuid):
                    call.digit(digit, duration_ms)

    def _begin(self, started: Started) -> bool:
        try:
            with logs.call(started.call_sid):
                call = self._make(self, started)
        except Refused as fault:
            log.warning("a stream of call %s is refused: %s", started.call_sid, fault)
            self.close(POLICY, str(fault))
            return False
        except TrunklineError as fault:
            log.error("nobody can take the stream of call %s: %s", started.call_sid, fault)
            self.close(FAILED, "nobody can take this call")
            return False
        self.call = call
        return True

    def _bear(self, fault: StreamFault) -> bool:
        """Whether the stream may go on after a message that makes no sense."""
        self._faults += 1
        if is_worth_a_line(self._faults):
            log.warning("the stream of %s, message at fault number %d: %s", self.uuid or "nobody yet", self._faults,
                        fault)
        if self._wire.started is None or self._faults > MOST_FAULTS:
            self.close(BAD_DATA, str(fault))
            return False
        return True

    def _nothing_came(self, too_long: bool) -> tuple[str, str]:
        if too_long:
            self.close(1000, "as long as a stream may be")
            return "as long as a stream may be (carrier_streams.max_minutes)", "engine"
        if self.call is None:
            self.close(POLICY, "no start came")
            return "no start came", "switch"
        self.close(GOING_AWAY, "nothing came any more")
        return "the carrier sends nothing any more", "switch"

    # ------------------------------------------------------------ Session

    def let_go(self, why: str) -> None:
        """The engine stops: the carrier goes on with its flow."""
        self._ended = why, "engine"
        self.close(GOING_AWAY, why)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the stream. Returns at once; whoever holds it is told."""
        if self._closing is None:
            self._gone = True
            self._closing = gevent.spawn(self._socket.finish, code, reason)

    # ------------------------------------------------------------ Line

    def play(self, audio: bytes) -> None:
        """See ``Line``."""
        self._send(self._wire.audio(audio))

    def mark(self, name: str) -> None:
        """See ``Line``."""
        self._send(self._wire.mark(name))

    def clear(self) -> None:
        """See ``Line``."""
        self._send(self._wire.clear())

    def _send(self, message: str) -> None:
        if not self._gone:
            try:
                self._socket.send(message)
            except SocketClosed:
                self._gone = True  # whoever receives is told, too


__all__ = ["Refused", "Socket", "StreamSession"]
