"""A WebSocket server on loopback for strict fakes of vendors; one greenlet a connection."""

import gevent
from gevent import ssl
from gevent.server import StreamServer
from wsproto import ConnectionType, WSConnection, events
from wsproto.utilities import LocalProtocolError, RemoteProtocolError


class Gone(Exception):
    """The client has left; ``code`` is what it said."""

    def __init__(self, code):
        super().__init__(str(code))
        self.code = code


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection):
        self.connection = connection
        self.protocol = WSConnection(ConnectionType.SERVER)
        self.request = None
        self.arrived = []
        self.parts = []
        self.pings = 0
        self.left = None
        self.deaf = False  # reads nothing, answers nothing

    def _send(self, event):
        try:
            self.connection.sendall(self.protocol.send(event))
        except (OSError, LocalProtocolError) as fault:
            raise (self.left or Gone(1006)) from fault

    def handshake(self):
        while self.request is None:
            self._read()
        return self.request

    def accept(self):
        self._send(events.AcceptConnection())

    def refuse(self, status, headers=None, body=""):
        named = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        named.append((b"content-length", str(len(body)).encode()))
        self._send(events.RejectConnection(status_code=status, headers=named, has_body=True))
        self._send(events.RejectData(data=body.encode()))

    def send(self, message):
        self._send(events.TextMessage(data=message) if isinstance(message, str)
                   else events.BytesMessage(data=message))

    def send_event(self, event):
        self._send(event)

    def close(self, code=1000, reason=""):
        self._send(events.CloseConnection(code=code, reason=reason))

    def drop(self):
        """As when a cable is cut: no close frame."""
        self.connection.close()

    def receive(self, timeout_s=None):
        """The next message, or None after so long. Raises ``Gone``."""
        with gevent.Timeout(timeout_s, False):
            while not self.arrived:
                if self.left:
                    raise self.left
                self._read()
        return self.arrived.pop(0) if self.arrived else None

    def _read(self):
        while self.deaf:
            gevent.sleep(0.02)
        try:
            data = self.connection.recv(1 << 16)
            self.protocol.receive_data(data or None)
            for event in self.protocol.events():
                if isinstance(event, events.Request):
                    self.request = event
                elif isinstance(event, (events.TextMessage, events.BytesMessage)):
                    self.parts.append(event.data if isinstance(event, events.TextMessage) else bytes(event.data))
                    if event.message_finished:
                        empty = "" if isinstance(event, events.TextMessage) else b""
                        self.arrived.append(empty.join(self.parts))
                        self.parts = []
                elif isinstance(event, events.Ping):
                    self.pings += 1
                    self._send(event.response())
                elif isinstance(event, events.CloseConnection):
                    self.left = Gone(int(event.code))
        except (OSError, RemoteProtocolError) as fault:
            raise Gone(1006) from fault
        if not data and not self.left:
            raise Gone(1006)


class SocketServer:
    """Serves ``serve(peer)`` on every connection that ``check(request)`` does not refuse. ``peers`` are all there
    were, ``ended`` the close codes of those that left."""

    def __init__(self, serve=None, tls=None):
        self.peers = []
        self.ended = []
        self._serve = serve or self.serve
        options = {}
        if tls:
            options["ssl_context"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            options["ssl_context"].load_cert_chain(*tls)
        self._server = StreamServer(("127.0.0.1", 0), self._handle, **options)
        self._server.start()
        self.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{self._server.server_port}"

    def check(self, request):
        """(status, headers, body) to refuse with, or None."""

    def serve(self, peer):
        raise NotImplementedError

    def _handle(self, connection, address):
        peer = Peer(connection)
        try:
            refusal = self.check(peer.handshake())
            if refusal:
                peer.refuse(*refusal)
                return
            peer.accept()
            self.peers.append(peer)
            self._serve(peer)
        except Gone as gone:
            self.ended.append(gone.code)
        finally:
            connection.close()

    def drop_all(self):
        for peer in self.peers:
            peer.drop()

    def close(self):
        self._server.stop(timeout=0.2)
