"""A carrier's edge that answers OPTIONS over UDP, TCP and TLS, and refuses what RFC 3261 does not allow with 400."""

from gevent.server import DatagramServer, StreamServer

NEEDED = ("via", "max-forwards", "from", "to", "call-id", "cseq", "content-length")


class SipTrunk:
    """``status``: the first line's code and words. ``headers``: more of them. ``silent``: it hears and says nothing."""

    def __init__(self, transport="udp", status="200 OK", headers=(), silent=False, context=None):
        self.status, self.headers, self.silent, self.requests = status, headers, silent, []
        if transport == "udp":
            self._server = DatagramServer(("127.0.0.1", 0), self._datagram)
        else:
            options = {"ssl_context": context} if transport == "tls" else {}
            self._server = StreamServer(("127.0.0.1", 0), self._stream, **options)
        self._server.start()
        self.port = self._server.server_port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.stop(timeout=1)

    def _datagram(self, data, address):
        for answer in self._answers(data):
            self._server.sendto(answer, address)

    def _stream(self, sock, _address):
        data = b""
        try:
            while more := sock.recv(4096):
                data += more
                if b"\r\n\r\n" in data:
                    for answer in self._answers(data):
                        sock.sendall(answer)
                    data = b""
        except OSError:
            return  # the client has gone

    def _answers(self, data):
        first, *lines = data.decode().partition("\r\n\r\n")[0].split("\r\n")
        headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
        self.requests.append((first, headers))
        if self.silent:
            return []
        missing = [name for name in NEEDED if name not in headers]
        status = f"400 Missing {missing[0]}" if missing or not first.endswith(" SIP/2.0") else self.status
        same = [f"{name}: {headers[name.lower()]}" for name in ("Via", "From", "Call-ID", "CSeq")]
        answer = [*same, f"To: {headers['to']};tag=a1", *self.headers, "Content-Length: 0"]
        return ["\r\n".join([f"SIP/2.0 {line}", *answer, "", ""]).encode() for line in ("100 Trying", status)]


__all__ = ["SipTrunk"]
