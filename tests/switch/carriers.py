"""A carrier's end of a trunk over TCP or TLS: asks for a password if it is to, reads the INVITE, and is busy."""

import re
import socket
import ssl
import subprocess
import threading
from pathlib import Path

Message = tuple[str, str]
"""Head and body."""


def certificate(folder: Path) -> Path:
    """Key and certificate of a carrier, made for the test."""
    path = folder / "carrier.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=carrier.example",
               "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return path


class BusyCarrier:
    """Takes one connection on ``address``; ``invites`` are the INVITEs that came by it. With ``realm`` the first one is
    answered with 407."""

    def __init__(self, address: tuple[str, int], realm: str = "", pem: Path | None = None) -> None:
        self.invites: list[Message] = []
        self.faults: list[str] = []
        self._realm = realm
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if pem else None
        if self._context and pem:
            self._context.load_cert_chain(pem)
        self._server = socket.socket()
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._server.bind(address)
        self._server.listen(1)
        self._server.settimeout(15)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """Wait for the call to be over."""
        self._thread.join()
        self._server.close()

    def _serve(self) -> None:
        try:
            connection, _ = self._server.accept()
            connection.settimeout(10)
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                self._talk(connection)
        except OSError as fault:
            self.faults.append(str(fault))

    def _talk(self, connection: socket.socket) -> None:
        text = ""
        while True:
            while (message := self._next(text)) is None:
                more = connection.recv(65536).decode()
                if not more:
                    return
                text += more
            head, body, text = message
            if head.startswith("OPTIONS"):
                connection.sendall(self._response("200 OK", head))
            if not head.startswith("INVITE"):
                continue
            self.invites.append((head, body))
            if self._realm and len(self.invites) == 1:
                challenge = f'Proxy-Authenticate: Digest realm="{self._realm}", nonce="n1", algorithm=MD5, qop="auth"'
                connection.sendall(self._response("407 Proxy Authentication Required", head, challenge))
            else:
                connection.sendall(self._response("486 Busy Here", head))
                return

    @staticmethod
    def _next(text: str) -> tuple[str, str, str] | None:
        """The first whole message, and what follows it."""
        text = text.lstrip("\r\n")
        head, end, rest = text.partition("\r\n\r\n")
        length = re.search(r"^Content-Length: *(\d+)", head, re.MULTILINE | re.IGNORECASE)
        if not end or not length or len(rest) < int(length[1]):
            return None
        return head, rest[: int(length[1])], rest[int(length[1]) :]

    @staticmethod
    def _response(status: str, head: str, *more: str) -> bytes:
        wanted = ("via", "from", "to", "call-id", "cseq")
        lines = [line for line in head.split("\r\n") if line.split(":")[0].lower() in wanted]
        lines = [f"{line};tag=1" if line.lower().startswith("to:") else line for line in lines]
        return "\r\n".join([f"SIP/2.0 {status}", *lines, *more, "Content-Length: 0", "", ""]).encode()
