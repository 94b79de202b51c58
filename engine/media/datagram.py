"""The UDP socket under the legs: the operating system's, not gevent's, because nobody waits on it."""

from socket import AF_INET, SO_RCVBUF, SO_SNDBUF, SOCK_DGRAM, SOL_SOCKET
from typing import Protocol

from gevent.monkey import get_original

from engine.media.errors import MediaError

Address = tuple[str, int]

RECEIVE_BUFFER = 8 * 1024 * 1024
"""Asked of the kernel: half a second of 400 calls. A frame takes 1.3 KB there (168 fill the default of 213 KB)."""

_SO_RCVBUFFORCE = 33  # Linux; needs CAP_NET_ADMIN, and passes net.core.rmem_max


class DatagramSocket(Protocol):
    """What is used of a non-blocking UDP socket; tests give one without a network."""

    def recvfrom(self, size: int, /) -> tuple[bytes, Address]: ...  # noqa: D102
    def sendto(self, data: bytes, address: Address, /) -> int: ...  # noqa: D102
    def getsockname(self) -> Address: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


def bind_datagram(ip: str, port: int, option: str = "media.port") -> DatagramSocket:
    """A non-blocking UDP socket of the operating system (not gevent's: nobody waits on it) with large buffers.
    ``option`` is named in the ``MediaError`` that is raised where the port is in use."""
    raw = get_original("socket", "socket")(AF_INET, SOCK_DGRAM)
    raw.setblocking(False)
    try:
        raw.setsockopt(SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except OSError:
        raw.setsockopt(SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER)  # the kernel gives what rmem_max allows
    raw.setsockopt(SOL_SOCKET, SO_SNDBUF, 1024 * 1024)
    try:
        raw.bind((ip, port))
    except OSError as fault:
        raw.close()
        raise MediaError(f"{option}: cannot bind UDP {ip}:{port}: {fault.strerror}; choose another or 0") from fault
    socket: DatagramSocket = raw
    return socket
