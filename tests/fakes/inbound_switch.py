"""FreeSWITCH's inbound event socket as far as the engine uses it: a login, and API commands that a test answers."""

from gevent.server import StreamServer


class InboundSwitch:
    """``answers``: text by the beginning of an API command. ``commands``: all that came."""

    def __init__(self, answers):
        self.answers, self.commands, self._sockets = answers, [], []
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.port = self._server.server_port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """The switch dies."""
        self._server.stop(timeout=1)
        for sock in self._sockets:
            sock.close()

    def _serve(self, sock, _address):
        self._sockets.append(sock)
        try:
            self._talk(sock)
        except OSError:
            return  # stopped

    def _talk(self, sock):
        sock.sendall(b"Content-Type: auth/request\n\n")
        buffer = b""
        while data := sock.recv(4096):
            buffer += data
            while b"\n\n" in buffer:
                command, _, buffer = buffer.partition(b"\n\n")
                sock.sendall(self._answer(command.decode()))

    def _answer(self, command):
        self.commands.append(command)
        if not command.startswith("api "):
            return b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
        text = next((answer for start, answer in self.answers.items() if command[4:].startswith(start)), "+OK\n")
        text = (text() if callable(text) else text).encode()
        return b"Content-Type: api/response\nContent-Length: %d\n\n%s" % (len(text), text)


__all__ = ["InboundSwitch"]
