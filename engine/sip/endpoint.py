"""The engine's SIP address: the user agent on gevent's sockets. One UDP socket, and one listening TCP socket, serve all
calls; two greenlets do, and two for each TCP connection.

    def on_call(call):                          # from the hub: it must not wait
        leg = legs.open()                       # RTP
        call.on_change, call.on_end = leg.change, leg.ended
        agreed = call.answer(leg.local)

    endpoint = Endpoint(("127.0.0.1", 5090), on_call)
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import gevent
from gevent.event import Event as Signal

from engine.sip.agreed import Address, Agreed
from engine.sip.call import SipCall
from engine.sip.errors import SipError
from engine.sip.events import Cause, Changed, Confirmed, Digit, Ended, Event, Incoming
from engine.sip.message import MAX_MESSAGE, Headers
from engine.sip.options import SipOptions
from engine.sip.placed import PlacedCall
from engine.sip.sdp import is_address
from engine.sip.sockets import Connection, listen, own_address
from engine.sip.transaction import Hop
from engine.sip.uas import UserAgent
from engine.sip.uri import parse_uri

log = logging.getLogger(__name__)

AT_ONCE = 64
"""Datagrams read before others have their turn."""
MAX_CONNECTIONS = 256


class EndpointCall:
    """A call of the endpoint. The callbacks are made from the hub and must not wait."""

    def __init__(self, endpoint: "Endpoint", call: SipCall) -> None:
        """Made by the endpoint."""
        self._endpoint = endpoint
        self._call = call
        self.on_confirmed: Callable[[], None] | None = None
        """The peer has acknowledged our answer, or has taken the call that we placed."""
        self.on_change: Callable[[Agreed], None] | None = None
        """The audio goes otherwise from now on: codec, address, hold."""
        self.on_digit: Callable[[str, int], None] | None = None
        """A key and its ms, told by INFO."""
        self.on_end: Callable[[Cause], None] | None = None
        """The call is over, told once, also after our own ``hangup`` and ``reject``."""

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self._call.call_id

    @property
    def state(self) -> str:
        """``ringing``, ``answered`` (no ACK yet), ``up``, ``ending``, ``over``; of a placed call ``calling``,
        ``cancelling``, ``up``, ``over``."""
        return self._call.state

    @property
    def agreed(self) -> Agreed | None:
        """The audio as it is settled now; None before."""
        return self._call.agreed

    def hangup(self) -> None:
        """End it, whatever its state. Idempotent."""
        self._call.hangup(self._endpoint.clock())
        self._endpoint.flush()


class OutgoingCall(EndpointCall):
    """A call that we have placed: ``on_confirmed`` tells that it was answered, ``on_end`` that it was not."""

    def __init__(self, endpoint: "Endpoint", call: PlacedCall) -> None:
        """Made by the endpoint."""
        super().__init__(endpoint, call)
        self._placed = call

    @property
    def status(self) -> int:
        """The last answer's, 0 before any: 180 while it rings there, 408 where nobody answered."""
        return self._placed.status


class IncomingCall(EndpointCall):
    """A call that FreeSWITCH has made to us."""

    @property
    def token(self) -> str:
        """Whom the caller asked for: the user of the Request-URI."""
        return self._call.token

    @property
    def caller(self) -> str:
        """The URI of From."""
        return self._call.caller.uri

    @property
    def callee(self) -> str:
        """The URI of To."""
        return self._call.callee.uri

    @property
    def headers(self) -> Headers:
        """All fields of the INVITE."""
        return self._call.request.headers

    @property
    def peer(self) -> Address:
        """Where the INVITE came from."""
        return self._call.dialog.hop.ip, self._call.dialog.hop.port

    @property
    def has_offer(self) -> bool:
        """Whether the INVITE brought an offer (FreeSWITCH's always does)."""
        return self._call.has_offer

    def ring(self) -> None:
        """180. Raises ``CallOver``."""
        self._call.ring(self._endpoint.clock())
        self._endpoint.flush()

    def progress(self, local_rtp: Address) -> Agreed:
        """183 with early media. Raises ``CallOver``, ``NotAcceptable``."""
        try:
            return self._call.progress(local_rtp, self._endpoint.clock())
        finally:
            self._endpoint.flush()

    def answer(self, local_rtp: Address) -> Agreed | None:
        """Take the call; ``local_rtp`` is the address and port where our RTP is. None where the INVITE had no offer:
        ``on_change`` tells then what is agreed. Raises ``CallOver`` where it has ended meanwhile, ``NotAcceptable`` or
        ``BadSdp`` where the audio does not suit (the call has been refused with 488 then)."""
        try:
            return self._call.answer(local_rtp, self._endpoint.clock())
        finally:
            self._endpoint.flush()

    def reject(self, status: int = 480) -> None:
        """Refuse it. Raises ``CallOver`` once it has been answered or has ended."""
        self._call.reject(status, self._endpoint.clock())
        self._endpoint.flush()


class Endpoint:
    """Listens from the beginning. ``address`` has the real port where 0 was asked for."""

    def __init__(
        self, bind: Address, on_call: Callable[[IncomingCall], None], options: SipOptions | None = None, *,
        advertise: str = "", tcp: bool = True, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """``on_call`` gets each new call. ``advertise``: the address in Contact where peers see another than the bound
        one. Raises ``EndpointError``."""
        self.clock = clock
        self.on_call = on_call
        self.undelivered = 0
        self._advertise = advertise
        self._towards: dict[str, str] = {}
        self._connections: dict[Address, Connection] = {}
        self._flushing = False
        self._due = Signal()
        self._udp, self._tcp = listen(bind, tcp)
        self.address: Address = self._udp.getsockname()[:2]
        self.agent = UserAgent(options or SipOptions(), self._contact, reaches=self._reaches)
        self._greenlets = [gevent.spawn(self._read), gevent.spawn(self._keep_time)]
        if self._tcp:
            self._greenlets.append(gevent.spawn(self._accept))

    @property
    def calls(self) -> int:
        """Calls that have not ended."""
        return len(self.agent.calls)

    def place(
        self, uri: str, local_rtp: Address, begin: Callable[[OutgoingCall], None], *,
        headers: Sequence[tuple[str, str]] = (),
    ) -> OutgoingCall:  # fmt: skip
        """Call ``uri``, whose host is an IP address of a permitted peer; ``;transport=tcp`` is understood. ``begin``
        gets the call before anything can happen to it, to set its callbacks. Raises ``SipError``."""
        target = parse_uri(uri)
        if not is_address(target.host) or not self.agent.permits(target.host):
            raise SipError(f"{uri}: its host must be the address of a permitted peer")
        hop = Hop("TCP" if target.transport == "TCP" else "UDP", target.host, target.port or 5060)
        placed = self.agent.place(uri, hop, local_rtp, self.clock(), headers=headers)
        placed.owner = call = OutgoingCall(self, placed)
        begin(call)
        self.flush()
        return call

    def figures(self) -> dict[str, int]:
        """Counts since the beginning, and what there is now."""
        agent = self.agent
        return {
            "calls": len(agent.calls), "transactions": len(agent.table), "connections": len(self._connections),
            "strangers": agent.strangers, "malformed": agent.malformed, "undelivered": self.undelivered,
        }  # fmt: skip

    def drain(self, on: bool = True) -> None:
        """Refuse new calls with 503, and tell so to OPTIONS; the calls there are go on."""
        self.agent.draining = on

    def close(self) -> None:
        """Hang up every call (BYE is sent once) and close the sockets. Idempotent."""
        for call in list(self.agent.calls.values()):
            call.hangup(self.clock())
        for call in list(self.agent.calls.values()):  # they wait for an ACK that nobody would see
            self.agent.send_bye(call, self.clock())
        self.flush()
        gevent.sleep(0)  # writers of TCP
        for connection in list(self._connections.values()):
            connection.close()
        gevent.killall(self._greenlets)
        self._udp.close()
        if self._tcp:
            self._tcp.close()

    def flush(self) -> None:
        """Send what is to be sent, tell what is to be told. After every order to a call."""
        if self._flushing:
            return  # an owner gives orders from within a callback: the loop below goes on with them
        self._flushing = True
        agent = self.agent
        try:
            while agent.outbox or agent.events:
                outbox, agent.outbox = agent.outbox, []
                for data, hop in outbox:
                    self._send(data, hop)
                events, agent.events = agent.events, []
                for event in events:
                    self._tell(event)
        finally:
            self._flushing = False
        self._due.set()

    # ------------------------------------------------------------------ inside

    def _tell(self, event: Event) -> None:
        """Tell the owner; his fault must not hurt the other calls."""
        try:
            self._deliver(event)
        except SipError as fault:
            log.info("call %s: %s", event.call.call_id, fault)
        except Exception:  # noqa: BLE001 - one call's owner
            log.exception("call %s: its owner failed at %s; it is hung up", event.call.call_id, type(event).__name__)
            event.call.hangup(self.clock())

    def _deliver(self, event: Event) -> None:
        if isinstance(event, Incoming):
            event.call.owner = IncomingCall(self, event.call)
            if event.call.state == "ringing":
                self.on_call(event.call.owner)
            return
        call: Any = event.call.owner
        if isinstance(event, Changed) and call.on_change:
            call.on_change(event.agreed)
        elif isinstance(event, Digit) and call.on_digit:
            call.on_digit(event.digit, event.duration_ms)
        elif isinstance(event, Confirmed) and call.on_confirmed:
            call.on_confirmed()
        elif isinstance(event, Ended) and call.on_end:
            call.on_end(event.cause)

    def _read(self) -> None:
        while True:
            for _ in range(AT_ONCE):
                try:
                    data, address = self._udp.recvfrom(MAX_MESSAGE + 1)
                except OSError as fault:
                    # An ICMP "unreachable" of something sent before; the socket is as good as ever.
                    log.debug("SIP: %s", fault)
                    gevent.sleep(0.01)
                    continue
                self._receive(data, Hop("UDP", address[0], address[1]))
            gevent.sleep(0)

    def _receive(self, data: bytes, hop: Hop) -> None:
        try:
            self.agent.receive(data, hop, self.clock())
        except Exception:  # noqa: BLE001 - one message's fault must not make all calls deaf
            log.exception("SIP from %s:%d: the message broke its reader", hop.ip, hop.port)
        self.flush()

    def _keep_time(self) -> None:
        while True:
            due = self.agent.next_due
            self._due.clear()
            self._due.wait(None if due is None else max(0.0, due - self.clock()))
            try:
                self.agent.advance(self.clock())
            except Exception:  # noqa: BLE001 - a fault in one call must not stop the timers of all
                log.exception("SIP: a timer failed")
            self.flush()

    def _send(self, data: bytes, hop: Hop) -> None:
        if hop.reliable:
            connection = self._connections.get((hop.ip, hop.port))
            if connection is None:
                connection = self._connect(hop)
            if connection is None or not connection.send(data):
                self.undelivered += 1
            return
        try:
            self._udp.sendto(data, (hop.ip, hop.port))
        except OSError as fault:  # what the kernel does not take is lost, as on any network
            self.undelivered += 1
            log.debug("SIP to %s:%d: %s", hop.ip, hop.port, fault)

    def _contact(self, peer: str) -> Address:
        """How that peer reaches us; of a socket bound to all addresses the one that looks towards him."""
        bound, port = self.address
        if self._advertise:
            return self._advertise, port
        if bound not in ("0.0.0.0", "::"):  # noqa: S104
            return bound, port
        if peer not in self._towards:
            if len(self._towards) > 1000:
                self._towards.clear()
            self._towards[peer] = own_address(peer)
        return self._towards[peer], port

    # ------------------------------------------------------------------ TCP

    def _reaches(self, hop: Hop) -> bool:
        return (hop.ip, hop.port) in self._connections

    def _accept(self) -> None:
        assert self._tcp is not None
        while True:
            try:
                client, address = self._tcp.accept()
            except OSError as fault:
                log.warning("SIP over TCP: %s", fault)
                gevent.sleep(0.1)
                continue
            if not self.agent.permits(address[0]) or len(self._connections) >= MAX_CONNECTIONS:
                client.close()
                continue
            self._connections[address[:2]] = Connection(address[:2], self._received, self._forget, client)

    def _connect(self, hop: Hop) -> Connection | None:
        if len(self._connections) >= MAX_CONNECTIONS or not self.agent.permits(hop.ip):
            return None
        connection = Connection((hop.ip, hop.port), self._received, self._forget)
        self._connections[connection.address] = connection
        return connection

    def _forget(self, connection: Connection) -> None:
        if self._connections.get(connection.address) is connection:
            del self._connections[connection.address]

    def _received(self, data: bytes, address: Address) -> None:
        self._receive(data, Hop("TCP", *address))
