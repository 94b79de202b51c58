"""Admission is exact, refused calls go on in the dialplan, and the server ends cleanly."""

import resource
import subprocess
import sys
from pathlib import Path

import gevent
import pytest
from esl_peer import ANSWERED, Peer
from gevent import socket

from engine.config import EventSocketOptions
from engine.esl.connection import ConnectionLost
from engine.esl.errors import ServerError
from engine.esl.listener import Listener
from engine.esl.server import OutboundESLServer

PATIENCE = 10.0


class Call:
    """An application that answers and stays until it is told or the call ends."""

    all = None

    def __init__(self, session):
        self.session = session
        self.leave = gevent.event.Event()
        self.fault = None
        self.all.append(self)

    def run(self):
        try:
            self.session.begin()
            self.session.on("DTMF", lambda event: self.leave.set())
            gevent.wait([self.leave, self.session.ended], count=1)
        except ConnectionLost as fault:
            self.fault = fault


@pytest.fixture
def calls():
    return []


@pytest.fixture
def application(calls):
    return type("App", (Call,), {"all": calls})


def until(condition):
    with gevent.Timeout(PATIENCE, AssertionError("it never came true")):
        while not condition():
            gevent.sleep(0.005)


def refused(port):
    """Whether a connection is refused, which is what sends FreeSWITCH to the dialplan's next action."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_full_refuses_and_reopens(serve, application, calls):
    """Not accepted-and-closed: that would park the caller in silence for ever."""
    with serve(application, max_connections=2) as server:
        port = server.bound_port
        with Peer.call(port), Peer.call(port) as second:
            until(lambda: len(calls) == 2)
            until(lambda: server.refusing)
            assert server.connection_count == 2
            assert refused(port)
            calls[1].leave.set()
            assert second.ended.wait(PATIENCE)
            until(lambda: not server.refusing)
            with Peer.call(port) as third:
                third.wait_command("myevents")
                until(lambda: server.refusing)
                assert server.bound_port == port


def test_a_call_that_is_expected_is_taken_by_a_full_server(serve, application, calls):
    """FreeSWITCH connects anew within 10 ms of a transfer: nothing may have to be freed or opened first. Strangers
    that come meanwhile are left in such a way that their dialplan goes on."""
    with serve(application, max_connections=1) as server:
        port = server.bound_port
        with Peer.call(port) as ours:
            until(lambda: server.refusing)
            server.expect(ours.uuid)
            with Peer.call(port, connect_reply=ANSWERED) as stranger:
                assert stranger.ended.wait(PATIENCE)
                assert len(calls) == 1 and server.turned_away == 1
            with Peer.call(port):
                until(lambda: len(calls) == 2)
                until(lambda: server.refusing)
                assert refused(port)


def test_a_slot_is_taken_before_the_handshake(serve, application):
    """A connection that has not answered ``connect`` yet counts too."""
    with serve(application, max_connections=1) as server:
        with Peer.call(server.bound_port) as peer:
            peer.rules["connect"] = None
            until(lambda: server.refusing)
            assert refused(server.bound_port)


def test_who_waits_in_the_backlog_is_taken_and_left_politely(serve, application, calls):
    """They have connected already: without ``connect`` before the close FreeSWITCH would park them for ever."""
    with serve(application, max_connections=3) as server:
        port = server.bound_port
        waiting = [socket.socket() for _ in range(12)]
        for sock in waiting:  # in the backlog before the server's greenlet runs once
            sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                sock._sock.connect(("127.0.0.1", port))
        for sock in waiting:
            sock.setblocking(True)
        peers = [Peer(sock) for sock in waiting]
        until(lambda: len(calls) == 3)
        until(lambda: sum(peer.ended.is_set() for peer in peers) == 9)
        assert server.turned_away == 9
        assert all(peer.commands[0] == "connect" for peer in peers)
        assert sorted(len(peer.commands) for peer in peers) == [2] * 9 + [3] * 3
        for peer in peers:
            peer.close()


HAMMER = """
import socket, sys
address = ("127.0.0.1", int(sys.argv[1]))
outcomes = {"refused": 0, "served": 0, "abandoned": 0}
while outcomes["refused"] < 1:
    sock = socket.socket()
    sock.settimeout(5)
    try:
        sock.connect(address)
        first = sock.recv(100)
        outcomes["served" if first.startswith(b"connect") else "abandoned"] += 1
    except ConnectionRefusedError:
        outcomes["refused"] += 1
    except ConnectionResetError:
        outcomes["abandoned"] += 1
    finally:
        sock.close()
print(outcomes["abandoned"])
"""


def test_closing_the_door_abandons_nobody(tidy):
    """Connections that arrive while the listening socket closes are served or refused, never reset in between."""
    for _ in range(8):
        listener = Listener("127.0.0.1", 0)
        served = []

        def serve_some(listener=listener, served=served):
            while True:
                client, _ = listener.accept()
                client.sendall(b"connect\n\n")
                served.append(client)

        accepting = gevent.spawn(serve_some)
        hammers = [subprocess.Popen([sys.executable, "-c", HAMMER, str(listener.port)], stdout=subprocess.PIPE)
                   for _ in range(2)]
        until(lambda served=served: len(served) > 40)
        accepting.kill()
        for client, _ in listener.close():
            client.sendall(b"connect\n\n")
            served.append(client)
        try:
            assert [int(hammer.communicate(timeout=20)[0]) for hammer in hammers] == [0, 0]
        finally:
            for client in served:
                client.close()


def test_drain_waits_then_leaves(application, calls, tidy):
    """Calls that outlast the deadline are left after ``connect``, so FreeSWITCH runs the dialplan's next action."""
    server = OutboundESLServer("127.0.0.1", 0, application, 5)
    server.start()
    with Peer.call(server.bound_port) as quick, Peer.call(server.bound_port) as slow:
        until(lambda: len(calls) == 2)
        draining = gevent.spawn(server.drain, 0.5)
        until(lambda: refused(server.bound_port))
        quick.wait_command("myevents")
        quick.event("DTMF")
        assert quick.ended.wait(PATIENCE)
        assert slow.ended.wait(PATIENCE)
        assert slow.commands[-1] == "exit"
        assert draining.get(timeout=PATIENCE) is False
        assert server.connection_count == 0


def test_drain_of_an_idle_server_is_immediate_and_repeatable(application, tidy):
    server = OutboundESLServer("127.0.0.1", 0, application, 5)
    server.start()
    assert server.drain(60) is True
    assert server.drain(60) is True
    assert refused(server.bound_port)


def test_an_application_that_never_looks_is_ended(serve):
    """After its connection is gone an application has a while; then its slot comes back."""
    class Deaf:
        def __init__(self, session):
            pass

        def run(self):
            while True:
                gevent.sleep(0.01)

    with serve(Deaf, after_call_s=0.1) as server:
        with Peer.call(server.bound_port) as peer:
            peer.wait_command("connect")
        until(lambda: server.connection_count == 0)


@pytest.mark.parametrize("where", ["constructor", "run"])
def test_an_application_that_raises_gives_the_call_back(serve, where, caplog):
    class Broken:
        def __init__(self, session):
            if where == "constructor":
                raise RuntimeError("broken")

        def run(self):
            raise gevent.Timeout(1)

    with serve(Broken) as server:
        with Peer.call(server.bound_port) as peer:
            assert peer.ended.wait(PATIENCE)
            assert peer.commands == ["connect", "exit"]
        until(lambda: server.connection_count == 0)
        assert "next action" in caplog.text


def test_port_in_use_names_the_port_and_the_way_out(application, tidy):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        server = OutboundESLServer.from_options(EventSocketOptions(port=port), application)
        with pytest.raises(ServerError, match=rf"port {port}: the port is in use.*event_socket\.port"):
            server.start()
    server.start()  # free now
    assert server.bound_port == port
    server.drain(0)


def test_other_addresses_that_cannot_be_had(application):
    for host, words in (("192.0.2.7", "no such address"), ("no.such.host.invalid", "address of this machine")):
        with pytest.raises(ServerError, match=words):
            OutboundESLServer(host, 0, application, 1).start()


def test_several_ports_and_ipv6(application, tidy):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        server = OutboundESLServer("127.0.0.1", [taken.getsockname()[1], 0], application)
        server.start()
        assert server.bound_port not in (0, taken.getsockname()[1])
        server.drain(0)
    try:
        server = OutboundESLServer("::1", 0, application)
        server.start()
    except ServerError:
        pytest.skip("no IPv6 on this machine")
    with Peer.call(server.bound_port, host="::1") as peer:
        peer.wait_command("myevents")
    assert server.drain(PATIENCE)


def test_workers_share_a_port(application, calls, tidy):
    """With SO_REUSEPORT one worker that is full leaves the port to the others."""
    one = OutboundESLServer("127.0.0.1", 0, application, 1, reuse_port=True)
    one.start()
    other = OutboundESLServer("127.0.0.1", one.bound_port, application, 1, reuse_port=True)
    other.start()
    with Peer.call(one.bound_port), Peer.call(one.bound_port):
        until(lambda: len(calls) == 2)
        until(lambda: one.refusing and other.refusing)
        assert refused(one.bound_port)
        for call in calls:
            call.leave.set()
    one.drain(PATIENCE)
    other.drain(PATIENCE)


def test_a_port_that_somebody_took_meanwhile(serve, application, calls, caplog):
    """Full, then free again, but the port is gone: the server goes on trying and says so."""
    with serve(application, max_connections=1) as server:
        with Peer.call(server.bound_port) as peer:
            until(lambda: server.refusing and calls)
            thief = Listener("127.0.0.1", server.bound_port)
            calls[0].leave.set()
            assert peer.ended.wait(PATIENCE)
            until(lambda: "in use" in caplog.text)
            thief.close()
            until(lambda: not server.refusing)


def test_a_real_lack_of_file_descriptors(serve, application, calls):
    """EMFILE from the kernel: the call waits in the backlog and is taken as soon as there is one."""
    with serve(application) as server:
        sock = socket.socket()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock._sock.connect(("127.0.0.1", server.bound_port))
        sock.setblocking(True)
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) - 1, hard))
        try:
            gevent.sleep(0.05)
            assert not calls
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        with Peer(sock):
            until(lambda: calls)
