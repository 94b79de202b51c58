"""Fixtures of the event-socket tests: calls over real TCP on loopback, and nothing left behind."""

from contextlib import contextmanager

import pytest
from esl_peer import Peer
from gevent import socket
from leftovers import nothing_left

from engine.config import EventSocketOptions
from engine.esl.server import OutboundESLServer
from engine.esl.session import OutboundSession


@pytest.fixture
def tidy():
    """The test leaves no greenlet and no socket."""
    with nothing_left():
        yield


@pytest.fixture
def call(tidy):
    """``with call() as (session, peer)``: a session with a FreeSWITCH at the other end, not yet connected."""

    @contextmanager
    def open_call(options=None, session_class=OutboundSession, **peer_options):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        peer = Peer.call(listener.getsockname()[1], **peer_options)
        sock, address = listener.accept()
        listener.close()
        arguments = (options,) if options else ()
        session = session_class(address, sock, *arguments)
        try:
            yield session, peer
        finally:
            peer.close()
            if isinstance(session, OutboundSession):
                session.close()
            else:
                sock.close()

    return open_call


@pytest.fixture
def serve(tidy):
    """``with serve(Application, …) as server``: our server on a free port."""

    @contextmanager
    def open_server(application, max_connections=100, host="127.0.0.1", drain_s=5.0, after_call_s=60.0, **options):
        server = OutboundESLServer(host, 0, application, max_connections, options=EventSocketOptions(**options),
                                   after_call_s=after_call_s)
        server.start()
        try:
            yield server
        finally:
            server.drain(drain_s)

    return open_server
