"""The sockets under the endpoint: what listens, and one TCP connection."""

import errno
import logging
from collections.abc import Callable

import gevent
from gevent import socket
from gevent.queue import Full, Queue

from engine.sip.agreed import Address
from engine.sip.errors import BadMessage, EndpointError
from engine.sip.stream import Cutter

log = logging.getLogger(__name__)

RECEIVE_BUFFER = 4 * 1024 * 1024
CONNECTION_QUEUE = 1000
"""Messages that may wait for a TCP peer; one that lets more pile up is cut off."""
IDLE_S = 3600.0
"""A TCP connection without a message for so long is closed."""
SEND_S = 10.0
CONNECT_S = 5.0


class Connection:
    """One TCP connection: a greenlet reads, one writes. ``on_message(data, address)`` gets each message, ``on_end`` the
    connection, once."""

    def __init__(
        self, address: Address, on_message: Callable[[bytes, Address], None], on_end: Callable[["Connection"], None],
        accepted: socket.socket | None = None,
    ) -> None:  # fmt: skip
        """Connects to ``address`` unless it was ``accepted`` from there."""
        self.address = address
        self._on_message, self._on_end = on_message, on_end
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._socket = accepted or socket.socket(family, socket.SOCK_STREAM)
        self._queue: Queue[bytes] = Queue(maxsize=CONNECTION_QUEUE)
        self._reader = gevent.spawn(self._read) if accepted else None
        self._writer = gevent.spawn(self._write)

    def send(self, data: bytes) -> bool:
        """Whether it will be tried."""
        try:
            self._queue.put_nowait(data)
        except Full:
            self.close()
            return False
        return True

    def close(self) -> None:
        """End both greenlets and the socket. Idempotent."""
        self._on_end(self)
        self._socket.close()
        for greenlet in (self._writer, self._reader):
            if greenlet and greenlet is not gevent.getcurrent():
                greenlet.kill(block=False)

    def _write(self) -> None:
        try:
            if self._reader is None:
                with gevent.Timeout(CONNECT_S):
                    self._socket.connect(self.address)
                self._reader = gevent.spawn(self._read)
            while True:
                data = self._queue.get()
                with gevent.Timeout(SEND_S):
                    self._socket.sendall(data)
        except (OSError, gevent.Timeout) as fault:
            log.info("SIP over TCP to %s:%d: %s", *self.address, fault)
            self.close()

    def _read(self) -> None:
        cutter = Cutter()
        try:
            while True:
                with gevent.Timeout(IDLE_S):
                    data = self._socket.recv(65536)
                if not data:
                    return
                for message in cutter.receive(data):
                    self._on_message(message, self.address)
        except (OSError, gevent.Timeout, BadMessage) as fault:
            log.info("SIP over TCP from %s:%d: %s", *self.address, fault)
        finally:
            self.close()


def listen(bind: Address, tcp: bool) -> tuple[socket.socket, socket.socket | None]:
    """UDP and TCP on the same port. Raises ``EndpointError``."""
    family = socket.AF_INET6 if ":" in bind[0] else socket.AF_INET
    for _ in range(16):
        udp = socket.socket(family, socket.SOCK_DGRAM)
        listener = socket.socket(family, socket.SOCK_STREAM) if tcp else None
        try:
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            udp.bind(bind)
            if listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((bind[0], udp.getsockname()[1]))
                listener.listen(128)
            return udp, listener
        except OSError as fault:
            udp.close()
            if listener:
                listener.close()
            if fault.errno == errno.EADDRINUSE and bind[1] == 0:
                continue  # the free port of UDP is taken for TCP: the next
            raise EndpointError(_explain(bind, fault)) from fault
    raise EndpointError(f"SIP cannot listen on {bind[0]}: no port is free for UDP and TCP both")


def _explain(bind: Address, fault: OSError) -> str:
    where = f"SIP cannot listen on {bind[0]} port {bind[1]}"
    if fault.errno == errno.EADDRINUSE:
        return f"{where}: the port is in use. 'ss -lnp sport = :{bind[1]}' shows by whom; take another one"
    if fault.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this machine has no such address"
    return f"{where}: {fault.strerror or fault}"


def own_address(peer: str) -> str:
    """Our address on the way to a peer; nothing is sent for it."""
    family = socket.AF_INET6 if ":" in peer else socket.AF_INET
    probe = socket.socket(family, socket.SOCK_DGRAM)
    try:
        probe.connect((peer, 9))
        own: str = probe.getsockname()[0]
        return own
    except OSError:
        return "127.0.0.1" if family == socket.AF_INET else "::1"
    finally:
        probe.close()
