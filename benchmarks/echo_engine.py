"""A controller that answers every call and echoes its audio: the least that an engine can cost. Prints its port.

For measuring the load generator itself: ``python -m benchmarks.echo_engine``.
"""

from gevent import monkey

monkey.patch_all()

import contextlib  # noqa: E402
import itertools  # noqa: E402
import socket  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402

from gevent.server import StreamServer  # noqa: E402

ANSWER = b"connect\n\nlinger 1\n\nmyevents\n\nsendmsg\ncall-command: execute\nexecute-app-name: answer\n\n"
UNICAST = (
    "sendmsg\ncall-command: unicast\nlocal-ip: 127.64.{0}.{1}\nlocal-port: 9000\nremote-ip: 127.0.0.1\n"
    "remote-port: {2}\n\n"
)

_sleep = monkey.get_original("time", "sleep")
_numbers = itertools.count(1)
_audio = monkey.get_original("socket", "socket")(socket.AF_INET, socket.SOCK_DGRAM)


def _echo() -> None:
    """On an OS thread of its own: every 5 ms each datagram that has come goes back, as an engine with a clock does."""
    buffer = bytearray(2048)
    view = memoryview(buffer)
    due = time.monotonic()
    while True:
        due += 0.005
        _sleep(max(0.0, due - time.monotonic()))
        with contextlib.suppress(BlockingIOError):
            while True:
                size, source = _audio.recvfrom_into(buffer)
                _audio.sendto(view[:size], source)


def _serve(opened: socket.socket, _address: tuple[str, int]) -> None:
    opened.sendall(ANSWER)
    seen, activated = b"", False
    number = next(_numbers)
    while data := opened.recv(65536):
        if activated:
            continue
        seen += data
        if b"CHANNEL_EXECUTE_COMPLETE" in seen:
            activated = True
            opened.sendall(UNICAST.format(number // 250, number % 250 + 1, _audio.getsockname()[1]).encode())


if __name__ == "__main__":
    _audio.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    _audio.setblocking(False)
    _audio.bind(("127.0.0.1", 0))
    server = StreamServer(("127.0.0.1", 0), _serve, backlog=1024)
    server.start()
    print(server.server_port, flush=True)
    monkey.get_original("_thread", "start_new_thread")(_echo, ())
    threading.Event().wait()
