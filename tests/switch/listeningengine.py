"""Something that FreeSWITCH takes for an engine: it takes calls, answers them, remembers what the dialplan told it."""

import socket
import threading
from dataclasses import dataclass, field
from urllib.parse import unquote

from switchboard import HOST, wait_for


@dataclass
class TakenCall:
    """One connection of ``socket``: the headers of the reply to ``connect``."""

    headers: dict[str, str]
    connection: socket.socket = field(repr=False)

    @property
    def uuid(self) -> str:
        """The channel's."""
        return self.headers["Unique-ID"]

    @property
    def number(self) -> str:
        """What was dialled, as the engine sees it."""
        return self.headers["Caller-Destination-Number"]

    def variable(self, name: str) -> str:
        """A channel variable, "" where it is unset."""
        return self.headers.get(f"variable_{name}", "")

    def leave(self) -> None:
        """Close the connection: the dialplan's next action has the call."""
        self.connection.close()


class ListeningEngine:
    """Listens on ``port`` until it is left (``with``)."""

    def __init__(self, port: int) -> None:
        self.calls: list[TakenCall] = []
        self._server = socket.socket()
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._server.bind((HOST, port))
        self._server.listen(50)
        self._server.settimeout(0.1)
        self._open = True
        self._thread = threading.Thread(target=self._accept)

    def __enter__(self) -> "ListeningEngine":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._thread.join()
        self._server.close()
        for call in self.calls:
            call.connection.close()

    def next(self, count: int = 1, timeout: float = 10.0) -> TakenCall:
        """The call number ``count`` since the start; waits for it."""
        wait_for(lambda: len(self.calls) >= count, timeout, f"call {count} at the engine")
        return self.calls[count - 1]

    def _accept(self) -> None:
        while self._open:
            try:
                connection, _ = self._server.accept()
            except TimeoutError:
                continue
            connection.settimeout(5)
            self.calls.append(self._take(connection))

    def _take(self, connection: socket.socket) -> TakenCall:
        """The first commands of the real engine: connect, stop the watchdog, answer."""
        connection.sendall(b"connect\n\n")
        data = b""
        while b"\n\n" not in data:
            more = connection.recv(65536)
            assert more, "FreeSWITCH closed the connection"
            data += more
        pairs = (line.split(": ", 1) for line in data.decode().split("\n\n")[0].split("\n") if ": " in line)
        headers = {name: unquote(value) for name, value in pairs}
        connection.sendall(f"api sched_del {headers['Unique-ID']}\n\n".encode())
        connection.sendall(b"sendmsg\ncall-command: execute\nexecute-app-name: answer\n\n")
        return TakenCall(headers, connection)
