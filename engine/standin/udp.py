"""The UDP sockets of unicast: one per call, all watched by one epoll, read only when something is there."""

import select
import socket
import struct
from collections.abc import Callable
from typing import Protocol

from gevent import monkey

# Plain sockets and epoll: they are read in one pass per tick, and gevent's waiting is not wanted.
_socket = monkey.get_original("socket", "socket")
_epoll = monkey.get_original("select", "epoll") if monkey.is_module_patched("select") else select.epoll

_MAX_DATAGRAM = 8192
_EVENTS = 256
_PASSES = 400
"""Datagrams of one socket taken in one drain at most."""

SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("@ll")



class Sink(Protocol):
    """Takes the datagrams of one call."""

    stamped: bool
    """Whether it wants to know when each arrived."""

    def arrived(self, datagram: bytes, stamp: float) -> None:
        """``stamp``: the kernel's time of arrival in seconds since 1970; 0 when not ``stamped``."""
        ...


class UdpPlane:
    """Opens, drains and closes the sockets. ``connected``: cheaper for load, but no stranger is heard."""

    def __init__(self, connected: bool = False) -> None:
        """No socket yet."""
        self.connected = connected
        self._poll = _epoll()
        self._open: dict[int, tuple[socket.socket, Sink]] = {}

    def open(self, local: tuple[str, int], remote: tuple[str, int], sink: Sink) -> socket.socket:
        """Bind ``local`` (port 0: any free one). Raises OSError when the address is taken or not ours."""
        opened: socket.socket = _socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            if sink.stamped:
                opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            opened.bind(local)
            if self.connected:
                opened.connect(remote)
        except (OSError, OverflowError):
            opened.close()
            raise
        self._poll.register(opened.fileno(), select.EPOLLIN)
        self._open[opened.fileno()] = (opened, sink)
        return opened

    def sender(self, opened: socket.socket, remote: tuple[str, int]) -> Callable[[bytes], object]:
        """What sends one datagram; it raises OSError when nobody listens or the buffer is full."""
        if self.connected:
            return opened.send
        return lambda frame: opened.sendto(frame, remote)

    def close(self, opened: socket.socket) -> None:
        """Close one socket. Idempotent."""
        if self._open.pop(opened.fileno(), None):
            self._poll.unregister(opened.fileno())
            opened.close()

    def close_all(self) -> None:
        """Close every socket and the epoll."""
        for opened, _ in list(self._open.values()):
            self.close(opened)
        self._poll.close()

    def drain(self) -> None:
        """Hand every datagram that has arrived to its sink."""
        poll, sockets = self._poll.poll, self._open
        for _ in range(_PASSES):
            ready = poll(0, _EVENTS)
            for number, _events in ready:
                opened, sink = sockets[number]
                try:
                    if sink.stamped:
                        sink.arrived(*_receive_stamped(opened))
                    else:
                        sink.arrived(opened.recv(_MAX_DATAGRAM), 0.0)
                except OSError:  # the controller's port is closed: FreeSWITCH goes on sending
                    continue
            if not ready:
                return


def _receive_stamped(opened: socket.socket) -> tuple[bytes, float]:
    datagram, extra, _flags, _source = opened.recvmsg(_MAX_DATAGRAM, 64)
    seconds, nanoseconds = _STAMP.unpack_from(extra[0][2]) if extra else (0, 0)
    return datagram, seconds + nanoseconds * 1e-9
