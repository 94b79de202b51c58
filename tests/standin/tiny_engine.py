"""A controller of a few lines for the tests: takes calls over TCP, audio over UDP, and does what a test tells it."""

import contextlib
import re

import gevent
from gevent import socket
from gevent.server import StreamServer

ANSWER = "sendmsg\ncall-command: execute\nexecute-app-name: answer\nevent-lock: true"


def execute(app: str, data: str = "", *more: str) -> str:
    """The text of ``sendmsg execute``."""
    lines = ["sendmsg", "call-command: execute", f"execute-app-name: {app}", f"execute-app-arg: {data}", *more]
    return "\n".join(lines)


class Line:
    """One connection: ``send`` commands, look at ``text`` (all that came) and ``closed``."""

    def __init__(self, opened):
        self.socket, self.text, self.closed = opened, "", False
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, *commands: str):
        self.socket.sendall("".join(f"{command}\n\n" for command in commands).encode())

    def read(self):
        while True:
            try:
                data = self.socket.recv(65536)
            except OSError:
                data = b""
            if not data:
                self.closed = True
                return
            self.text += data.decode()

    @property
    def uuid(self) -> str:
        return re.search(r"^Unique-ID: (\S+)", self.text, re.M)[1]

    def unicast(self, port: int, local: str = "127.0.0.1", local_port: int = 0, *more: str):
        self.send("\n".join(["sendmsg", "call-command: unicast", f"local-ip: {local}", f"local-port: {local_port}",
                             "remote-ip: 127.0.0.1", f"remote-port: {port}", *more]))

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class TinyEngine:
    """Accepts connections. ``script(line)`` runs for each in its own greenlet."""

    def __init__(self, script=None, greet=True):
        self.script, self.greet = script, greet
        self.lines: list[Line] = []
        self.server = StreamServer(("127.0.0.1", 0), self._serve)
        self.server.start()
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.audio = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.audio.bind(("127.0.0.1", 0))
        self.audio_port = self.audio.getsockname()[1]
        self.frames: list[bytes] = []
        self.sources: list[tuple[str, int]] = []
        self.echo = False
        self._listener = gevent.spawn(self._listen)
        self._scripts: list[gevent.Greenlet] = []

    def _serve(self, opened, _address):
        line = Line(opened)
        self.lines.append(line)
        if self.greet:
            line.send("connect", "linger 1", "myevents")
        if self.script:
            self._scripts.append(gevent.spawn(self.script, line))
        line.read()

    def _listen(self):
        while True:
            data, source = self.audio.recvfrom(9000)
            self.frames.append(data)
            self.sources.append(source)
            if self.echo:
                self.audio.sendto(data, source)

    def stop(self):
        gevent.killall([self._listener, *self._scripts])
        self.audio.close()
        for line in self.lines:
            line.close()
        self.server.stop()
