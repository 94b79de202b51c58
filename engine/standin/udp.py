"""The UDP sockets of unicast: one per call, all watched by one epoll, read only when something is there."""

import select
import socket
import struct
from collections.abc import Callable

from gevent import monkey

# Plain sockets and epoll: they are read in one pass per tick, and gevent's waiting is not wanted.
_socket = monkey.get_original("socket", "socket")
_epoll = monkey.get_original("select", "epoll") if monkey.is_module_patched("select") else select.epoll

_MAX_DATAGRAM = 8192
_PASSES = 400
"""Datagrams of one socket taken in one drain at most."""

SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("@ll")

Receiver = Callable[[bytes, float], None]
"""``receiver(datagram, arrived)``: ``arrived`` is the kernel's time of arrival in seconds since 1970, 0 if not asked."""


class UdpPlane:
    """Opens, drains and closes the sockets. ``stamps``: ask the kernel when each datagram arrived."""

    def __init__(self, stamps: bool = False) -> None:
        """No socket yet."""
        self.stamps = stamps
        self._poll = _epoll()
        self._open: dict[int, tuple[socket.socket, Receiver]] = {}

    def open(self, local: tuple[str, int], remote: tuple[str, int], receiver: Receiver) -> socket.socket:
        """Bind ``local`` (port 0: any free one). With ``stamps``, also connect: cheaper, and no strangers.

        Raises OSError when the address is taken or not ours.
        """
        opened: socket.socket = _socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            if self.stamps:
                opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            opened.bind(local)
            if self.stamps:
                opened.connect(remote)
        except (OSError, OverflowError):
            opened.close()
            raise
        self._poll.register(opened.fileno(), select.EPOLLIN)
        self._open[opened.fileno()] = (opened, receiver)
        return opened

    def sender(self, opened: socket.socket, remote: tuple[str, int]) -> Callable[[bytes], None]:
        """What sends one datagram. What cannot be sent (nobody listens, the buffer is full) is lost, as UDP loses it."""

        def send(frame: bytes) -> None:
            try:
                if self.stamps:
                    opened.send(frame)
                else:
                    opened.sendto(frame, remote)
            except OSError:
                return

        return send

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
        """Hand every datagram that has arrived to its receiver."""
        poll, read = self._poll.poll, self._stamped if self.stamps else self._plain
        for _ in range(_PASSES):
            ready = poll(0)
            if not ready:
                return
            for number, _events in ready:
                read(number)

    def _plain(self, number: int) -> None:
        opened, receiver = self._open[number]
        try:
            receiver(opened.recv(_MAX_DATAGRAM), 0.0)
        except OSError:  # the controller's port is closed: FreeSWITCH goes on, and so do we
            return

    def _stamped(self, number: int) -> None:
        opened, receiver = self._open[number]
        try:
            datagram, extra, _flags, _source = opened.recvmsg(_MAX_DATAGRAM, 64)
        except OSError:
            return
        seconds, nanoseconds = _STAMP.unpack_from(extra[0][2]) if extra else (0, 0)
        receiver(datagram, seconds + nanoseconds * 1e-9)
