"""Recognisers on a socket that stays open for the call: connected when the call begins, replaced when it is lost.

What differs between vendors is a ``Wire``, pure; here are connecting, reconnecting and the replay. A stretch keeps its
audio until its final, so that a new connection hears again all that the lost one had not finally told, and no word of
the caller is lost.
"""

import contextlib
import logging
import random
from collections.abc import Callable, Mapping
from time import monotonic

import gevent
from gevent.pool import Group

from engine.errors import ProviderFault
from engine.net.errors import ConnectFailed, SocketClosed, UpgradeRefused
from engine.net.faults import fault_of
from engine.net.websocket import Limits, WebSocket, tls_context
from engine.speech.interfaces import Heard
from engine.speech.stt.stretches import Faults, SpeechStream, Stretch, Terms
from engine.speech.stt.vendor_wire import Message, Trouble, Wire, Words, socket_url

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0
"""Between attempts to connect, doubling; the first one after a loss is made at once, and so is one more: the spare
may have been lost with it."""

REFUSED_PAUSE_S = 10.0
"""After a refusal of the key or the request, and where a vendor asks for a long wait: no use to hurry, but an operator
may put it right during a long call."""

STEADY_S = 1.0
"""A connection that lasted so long was a good one: the next attempt after it is made at once again."""

PIECE_MS = 100
"""Audio that is replayed goes in pieces of so much; vendors want 20 to 250 ms."""

PIECES_AT_ONCE = 20
"""After so many of them the hub has its turn: a piece takes 0.15 ms."""

SPARE_AGE_S = 1800.0
"""A spare connection is replaced after so long; OpenAI ends sessions after an hour."""

class LiveRecogniser:
    """A ``Recogniser`` over the wires of one vendor. ``errors`` counts faults."""

    def __init__(self, url: str, make_wire: Callable[[int], Wire], *, headers: Mapping[str, str], terms: Terms,
                 faults: Faults, url_of: Callable[[str, int], str] | None = None, connect_timeout_s: float = 3.0,
                 ping_s: float = 2.0, spares: int = 1) -> None:
        """``url`` may be written with http or https. ``make_wire`` gets the call's rate, ``url_of`` the url and the
        rate. ``spares`` connections wait, for the next call or for one whose own is lost."""
        self.url = socket_url(url)
        self.make_wire = make_wire
        self.url_of = url_of or (lambda url, rate: url)
        self.headers = dict(headers)
        self.terms = terms
        self.faults = faults
        self.connect_timeout_s = connect_timeout_s
        self.limits = Limits(ping_s=ping_s)
        self.spares = spares
        self.group = Group()
        self._waiting: dict[int, list[_Spare]] = {}
        if self.url.startswith("wss:"):
            tls_context()  # read now, not in the first call

    @property
    def errors(self) -> int:
        """Faults so far."""
        return self.faults.count

    def open(self, rate: int, deliver: Callable[[Heard], None]) -> SpeechStream:
        """A stream for one call; it connects at once and hears from the first sample, however long that takes."""
        self.make_wire(rate)  # a rate that it cannot have is told now
        return SpeechStream(rate, deliver, lambda stream: LiveEar(self, stream), self.terms, self.faults)

    def close(self) -> None:
        """End all connections."""
        self.group.kill(timeout=1.0)
        self._waiting.clear()

    def connect(self, rate: int) -> "tuple[WebSocket, Wire]":
        """An open connection, spare or new. Raises ``ConnectFailed`` or ``UpgradeRefused``."""
        spares = self._waiting.get(rate, [])
        while spares:
            spare = spares.pop()
            if (taken := spare.take()) is not None:
                return taken
        wire = self.make_wire(rate)
        socket = WebSocket.connect(self.url_of(self.url, rate), headers=self.headers, limits=self.limits,
                                   timeout_s=self.connect_timeout_s)
        for message in wire.opening():
            socket.send(message)
        return socket, wire

    def keep_spares(self, rate: int) -> None:
        """See to it that connections wait for the next who needs one."""
        waiting = self._waiting.setdefault(rate, [])
        waiting[:] = [spare for spare in waiting if spare.waits]
        while len(waiting) < self.spares:
            waiting.append(_Spare(self, rate))


class _Spare:
    """A connection that waits. It is made in the background; one that fails is not tried again until the next call."""

    def __init__(self, recogniser: LiveRecogniser, rate: int) -> None:
        self.waits = True
        self._recogniser = recogniser
        self._open: tuple[WebSocket, Wire] | None = None
        self._keeper = recogniser.group.spawn(self._keep, rate)

    def take(self) -> tuple[WebSocket, Wire] | None:
        """The connection, if it is open. It is not this object's any more."""
        self.waits = False
        taken, self._open = self._open, None
        self._keeper.kill()  # and wait for it: two greenlets must not read one socket
        return taken if taken is not None and not taken[0].closed else None

    def _keep(self, rate: int) -> None:
        recogniser, until = self._recogniser, monotonic() + SPARE_AGE_S
        try:
            wire = recogniser.make_wire(rate)
            socket = WebSocket.connect(recogniser.url_of(recogniser.url, rate), headers=recogniser.headers,
                                       limits=recogniser.limits, timeout_s=recogniser.connect_timeout_s)
            self._open = socket, wire
            for message in wire.opening():
                socket.send(message)
            while monotonic() < until:
                came = socket.receive(wire.alive_s)
                if came is None:
                    for alive in wire.alive():
                        socket.send(alive)
                elif any(isinstance(told, Trouble) and told.ends for told in wire.take(came)):
                    return
        except (ConnectFailed, UpgradeRefused, SocketClosed) as fault:
            log.debug("%s: a spare connection is gone: %s", recogniser.faults.provider, fault)
        finally:
            self.waits = False
            if self._open is not None:
                self._open[0].abort("a spare that nobody needed")


class LiveEar:
    """Hears the stretches of one call on whatever connection there is."""

    def __init__(self, recogniser: LiveRecogniser, stream: SpeechStream) -> None:
        """Begins to connect."""
        self._recogniser = recogniser
        self._stream = stream
        self._socket: WebSocket | None = None
        self._wire: Wire | None = None
        self._numbers: list[tuple[Stretch, int]] = []  # by number on this connection: stretch, its first sample there
        self._refusal: ProviderFault | None = None  # what keeps us from connecting, if that will last
        self._catching_up = False
        self._opened_at = 0.0
        self._asked_at = 0.0
        self._heard_at = 0.0
        self._greenlet = recogniser.group.spawn(self._run)

    # ------------------------------------------------------------ Ear

    def begin(self, stretch: Stretch) -> None:
        """The pre-roll goes out at once, or with the replay when there is a connection."""
        if self._socket is not None and not self._catching_up:
            self._replay(stretch)

    def more(self, stretch: Stretch, pcm: bytes) -> None:
        """The next audio, unless the connection has not heard of the stretch."""
        if self._wire is not None and self._hears(stretch):
            self._send(self._wire.audio(pcm))

    def end(self, stretch: Stretch) -> None:
        """Ask for the final."""
        if self._refusal is not None and self._socket is None:
            self._stream.give_up(stretch, self._refusal)
        elif self._wire is not None and self._hears(stretch):
            self._asked_at = monotonic()
            self._send(self._wire.end())

    def cancel(self, stretch: Stretch) -> None:
        """A final that was given up: if nothing at all has come since it was asked for, the connection is dead."""
        if self._socket is not None and stretch.stop is not None and self._heard_at < self._asked_at:
            self._socket.abort("nothing comes any more")

    def close(self) -> None:
        """Say goodbye in the background and end."""
        self._greenlet.kill(block=False)

    # ------------------------------------------------------------ connection

    def _run(self) -> None:
        """Connect, listen, and connect again, until the call is over."""
        pause_s = 0.0
        try:
            while True:
                self._opened_at = float("inf")
                fault = self._serve()
                steady = monotonic() - self._opened_at >= STEADY_S
                self._leave()
                wait_s = fault.retry_after_s or 0.0
                lasts = fault.kind in ("auth", "refused") or wait_s > self._recogniser.terms.final_timeout_s
                self._refusal = fault if lasts else None
                self._told_fault(fault)
                if lasts:
                    gevent.sleep(REFUSED_PAUSE_S)
                else:
                    pause_s = 0.0 if steady else pause_s
                    gevent.sleep(max(pause_s * random.uniform(0.8, 1.2), wait_s))
                    pause_s = min(max(2 * pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
        finally:
            self._leave(politely=True)

    def _serve(self) -> ProviderFault:
        """One connection, from first to last; what ended it."""
        recogniser = self._recogniser
        try:
            self._socket, self._wire = recogniser.connect(self._stream.rate)
            self._opened_at = self._heard_at = monotonic()
            self._refusal = None
            self._catch_up()
            recogniser.keep_spares(self._stream.rate)
            return self._listen(self._socket, self._wire)
        except UpgradeRefused as refusal:
            why = refusal.headers.get("dg-error") or refusal.body
            return fault_of(recogniser.faults.provider, refusal.status, refusal.headers, why)
        except ConnectFailed as failed:
            return ProviderFault(recogniser.faults.provider, "unavailable", str(failed))
        except SocketClosed as closed:
            if self._wire is not None:
                return self._wire.lost(closed)
            return ProviderFault(recogniser.faults.provider, "unavailable", str(closed))

    def _listen(self, socket: WebSocket, wire: Wire) -> ProviderFault:
        """Until the vendor says that the connection is of no more use. Raises ``SocketClosed``."""
        while True:
            message = socket.receive(wire.alive_s)
            if message is None:
                self._send(wire.alive())
                continue
            self._heard_at = monotonic()
            for told in wire.take(message):
                if isinstance(told, Words):
                    self._told(told)
                    continue
                if told.ends:
                    return told.fault
                self._recogniser.faults.tell(told.fault)
                if told.number is not None and told.number < len(self._numbers):
                    self._stream.give_up(self._numbers[told.number][0])

    def _told(self, words: Words) -> None:
        if words.number >= len(self._numbers):
            return
        stretch, base = self._numbers[words.number]
        start = None if words.start is None else base + words.start
        end = None if words.end is None else base + words.end
        stream = self._stream
        if words.last:
            stream.final(stretch, words.text, words.confidence, words.language, start if words.text else None)
        elif words.final:
            stream.part(stretch, words.text, stretch.start if start is None else start,
                        stream.position if end is None else end, words.confidence, words.language)
        else:
            stream.partial(stretch, words.text, start, end, words.confidence)

    def _catch_up(self) -> None:
        """On a new connection: all that is not finally told. What is said meanwhile follows in its turn."""
        self._catching_up = True
        replayed: set[Stretch] = set()
        while (stretch := next((one for one in self._stream.pending if one not in replayed), None)) is not None:
            replayed.add(stretch)
            self._replay(stretch)
        self._catching_up = False

    def _replay(self, stretch: Stretch) -> None:
        """All of the stretch that is not finally told, as far as it has been handed on."""
        if self._wire is None:
            return
        base = max(stretch.audio_from, stretch.told_to)
        self._wire.begin()
        self._numbers.append((stretch, base))
        at, piece, sent = 2 * (base - stretch.audio_from), self._stream.rate * PIECE_MS // 1000 * 2, 0
        while not stretch.done and (ready := len(stretch.audio) - len(stretch.chunk) - at) > 0:
            self._send(self._wire.audio(bytes(stretch.audio[at:at + min(piece, ready)])))
            at, sent = at + min(piece, ready), sent + 1
            if self._catching_up and sent % PIECES_AT_ONCE == 0:
                gevent.sleep(0)
        if stretch.stop is not None:
            self._asked_at = monotonic()
            self._send(self._wire.end())

    def _hears(self, stretch: Stretch) -> bool:
        """Whether the connection has all of the stretch so far."""
        return not self._catching_up and bool(self._numbers) and self._numbers[-1][0] is stretch

    def _send(self, messages: list[Message]) -> None:
        with contextlib.suppress(SocketClosed):  # the listener is told, and replays
            for message in messages:
                if self._socket is not None:
                    self._socket.send(message)

    def _leave(self, politely: bool = False) -> None:
        """End the connection."""
        if self._socket is not None:
            if politely and self._wire is not None:
                self._send(self._wire.closing())
                self._socket.close(timeout_s=0.3)
            else:
                self._socket.abort()
        self._socket = self._wire = None
        self._catching_up = False
        self._numbers = []

    def _told_fault(self, fault: ProviderFault) -> None:
        """Tell of a fault that ended the connection; where it will last, finals that are owed do not wait for it."""
        spoiled = [one for one in self._stream.pending if one.stop is not None] if self._refusal is not None else []
        for stretch in spoiled:
            self._stream.give_up(stretch, fault)
        if not spoiled:
            self._recogniser.faults.tell(fault)


__all__ = ["LiveEar", "LiveRecogniser"]
