"""The 25 faults of greenswitch 0.0.19 that were measured, each as a test that ours passes.

Every test runs against stock greenswitch too, where it must fail (a strict expected failure): that proves that the test
can fail. What hangs in stock is bounded, what freezes the process runs in a process of its own.
"""

import errno
import gc
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import gevent
import greenswitch.esl
import pytest
from esl_peer import ANSWERED, Peer, Switch, api_reply, encode, reply
from gevent import monkey, socket

from engine.config import EventSocketOptions
from engine.esl.inbound import InboundClient
from engine.esl.server import OutboundESLServer
from engine.esl.session import OutboundSession

GONE = (greenswitch.esl.NotConnectedError, greenswitch.esl.OutboundSessionHasGoneAway)


class Hung(AssertionError):
    """It did not return."""


class Stock:
    """greenswitch as it is."""

    patience = 0.6
    session = greenswitch.esl.OutboundSession

    @staticmethod
    @contextmanager
    def serve(application, limit=100):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = greenswitch.esl.OutboundESLServer("127.0.0.1", port, application, limit)
        listening = gevent.spawn(server.listen)
        gevent.sleep(0.05)
        try:
            yield server, port
        finally:
            server.stop()
            listening.kill()
            if server.server is not None:
                server.server.close()

    @staticmethod
    @contextmanager
    def inbound(port, timeout):
        client = greenswitch.esl.InboundESL("127.0.0.1", port, "ClueCon", timeout)
        client.connect()
        yield lambda text: client.send(f"api {text}").data


class Ours:
    """The engine's."""

    patience = 20.0
    session = OutboundSession

    @staticmethod
    @contextmanager
    def serve(application, limit=100):
        options = EventSocketOptions(connect_timeout_s=0.3)
        server = OutboundESLServer("127.0.0.1", 0, application, limit, options=options)
        server.start()
        try:
            yield server, server.bound_port
        finally:
            server.drain(1.0)

    @staticmethod
    @contextmanager
    def inbound(port, timeout):
        client = InboundClient("127.0.0.1", port, "ClueCon", connect_timeout_s=timeout, first_pause_s=0.05)
        client.start()
        try:
            client.wait_connected(timeout * 2)
            yield client.api
        finally:
            client.close()


def both(*raises):
    """Parametrise with stock (must fail in one of these ways) and ours."""
    stock = pytest.param(Stock, id="stock", marks=pytest.mark.xfail(raises=raises or Hung, strict=True))
    return pytest.mark.parametrize("esl", [stock, pytest.param(Ours, id="ours")])


@contextmanager
def bounded(esl):
    """The promise of ours: it returns or raises."""
    with gevent.Timeout(esl.patience, Hung("did not return")):
        yield


@pytest.fixture(autouse=True)
def swept(request):
    """Stock leaves greenlets behind; they are ended so that no other test meets them."""
    before = {id(g) for g in gc.get_objects() if isinstance(g, gevent.Greenlet)}
    yield
    gevent.killall([g for g in gc.get_objects() if isinstance(g, gevent.Greenlet) and id(g) not in before], timeout=1)


@contextmanager
def connected(esl, **options):
    """A session with its call taken and its events asked for."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    peer = Peer.call(listener.getsockname()[1], **options)
    sock, address = listener.accept()
    listener.close()
    session = esl.session(address, sock)
    try:
        with gevent.Timeout(5, RuntimeError("the test's own set-up hangs")):
            session.connect()
            session.myevents()
        yield session, peer
    finally:
        peer.close()
        if esl is Ours:
            session.close()
        sock.close()


def until(esl, condition):
    """Wait until it holds."""
    with bounded(esl):
        while not condition():
            gevent.sleep(0.01)


@pytest.mark.parametrize("esl", [
    pytest.param("stock", marks=pytest.mark.xfail(raises=subprocess.TimeoutExpired, strict=True)), "ours"])
def test_01_end_of_stream_inside_a_body(esl):
    """Stock loops around read() at full CPU and freezes all calls of the process."""
    done = subprocess.run([sys.executable, str(Path(__file__).with_name("esl_midbody.py")), esl],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=3 if esl == "stock" else 30,
                          env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"}, check=False)
    assert done.stdout == b"alive\n"
    assert done.returncode == 0


@both(Hung)
def test_02_connection_drops_while_a_command_waits(esl):
    with connected(esl) as (session, peer):
        peer.rules["api slow"] = lambda _: peer.sock.shutdown(socket.SHUT_RDWR)
        with bounded(esl), pytest.raises(GONE):
            session.send("api slow")


@both(Hung)
def test_03_connection_drops_while_a_playback_waits(esl):
    """The slot must come back too: in stock it is lost for ever, until the server refuses everything."""
    class Application:
        def __init__(self, session):
            self.session = session

        def run(self):
            self.session.myevents()
            self.session.playback("a.wav")

    with esl.serve(Application) as (server, port), Peer.call(port) as peer:
        peer.wait_command("sendmsg")
        assert server.connection_count == 1
        peer.close()
        until(esl, lambda: server.connection_count == 0)


@both(Hung)
def test_04_json_events(esl):
    with connected(esl) as (session, peer):
        seen = []
        session.register_handle("DTMF", seen.append)
        with bounded(esl):
            session.send("event json DTMF")
            peer.event("DTMF", DTMF_Digit="5")
            assert session.send("api status").data == "+OK\n"
        until(esl, lambda: [event.headers["DTMF-Digit"] for event in seen] == ["5"])


@both(AssertionError)
def test_05_body_of_an_event(esl):
    """Stock reads the body as headers: a line of a job's result overwrites the call's uuid."""
    with connected(esl) as (session, peer):
        seen = []
        session.register_handle("BACKGROUND_JOB", seen.append)
        session.send("event plain BACKGROUND_JOB")
        peer.event("BACKGROUND_JOB", body="+OK 50%20off\nUnique-ID: fake\n")
        until(esl, lambda: seen)
        assert seen[0].headers["Unique-ID"] == peer.uuid
        assert seen[0].data == "+OK 50%20off\nUnique-ID: fake\n"


@both(AssertionError)
def test_06_headers_injected_by_a_display_name(esl):
    """Stock decodes before it splits, and splits at U+2028: a caller's name writes channel variables."""
    with connected(esl) as (session, peer):
        seen = []
        session.register_handle("CHANNEL_ANSWER", seen.append)
        peer.event("CHANNEL_ANSWER", form="plain",
                   Caller_Caller_ID_Name="x\u2028variable_toll_allow: international\nUnique-ID: fake")
        until(esl, lambda: seen)
        assert "variable_toll_allow" not in seen[0].headers
        assert seen[0].headers["Unique-ID"] == peer.uuid


@both(Hung)
def test_07_a_handler_of_one_s_own_for_completions(esl):
    """In stock it takes the place of the internal one, and blocking calls never return."""
    with connected(esl) as (session, peer):
        seen = []
        session.register_handle("CHANNEL_EXECUTE_COMPLETE", seen.append)
        playing = gevent.spawn(session.playback, "a.wav")
        peer.wait_command("sendmsg")
        peer.complete("playback")
        with bounded(esl):
            playing.get()
        until(esl, lambda: len(seen) == 1)


@both(Hung)
def test_08_a_lost_completion_does_not_spoil_the_next(esl):
    with connected(esl) as (session, peer):
        with pytest.raises(gevent.Timeout):
            session.call_command("playback", "lost.wav", block=True, response_timeout=0.1)
        playing = gevent.spawn(session.playback, "a.wav")
        peer.wait_command("sendmsg", 2)
        peer.complete("playback")
        with bounded(esl):
            playing.get()


@both(AssertionError)
def test_09_completions_are_matched_to_their_own_command(esl):
    """Stock matches by application name: the end of the background music ends the wait for the announcement."""
    with connected(esl) as (session, peer):
        session.playback("bg.wav", block=False)
        playing = gevent.spawn(session.playback, "fg.wav")
        peer.wait_command("sendmsg", 2)
        peer.complete("playback", index=0)
        gevent.sleep(0.1)
        assert not playing.ready()
        peer.complete("playback", index=1)
        with bounded(esl):
            playing.get()


@both(Hung)
def test_10_stop_from_inside_a_handler(esl):
    with connected(esl) as (session, peer):
        stopped = []
        session.register_handle("DTMF", lambda event: stopped.append(session.stop()))
        peer.event("DTMF", DTMF_Digit="*")
        until(esl, lambda: stopped)


@both(AssertionError)
def test_11_the_limit_of_calls_holds_under_a_rush(esl):
    """Stock counts after a round trip: 50 calls at once all pass a limit of 5."""
    running, most = set(), []

    class Application:
        def __init__(self, session):
            self.session = session

        def run(self):
            running.add(self)
            most.append(len(running))
            gevent.sleep(0.1)
            running.discard(self)

    def one_call(port):
        try:
            with Peer.call(port) as peer:
                peer.ended.wait(5)
        except OSError:
            pass  # refused: the dialplan's next action takes the call

    with esl.serve(Application, limit=5) as (_, port):
        gevent.joinall([gevent.spawn(one_call, port) for _ in range(50)], timeout=esl.patience)
        assert 1 <= max(most) <= 5


@both(Hung)
def test_12_clients_that_say_nothing(esl):
    """They are dropped after the connect timeout, and their slots come back."""
    with esl.serve(lambda session: None) as (server, port):
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        try:
            with bounded(esl):
                for client in silent:
                    assert client.recv(100) == b"connect\n\n"
                    assert client.recv(100) == b""
            until(esl, lambda: server.connection_count == 0)
        finally:
            for client in silent:
                client.close()


@both(Hung)
def test_13_no_file_descriptors_left(esl, monkeypatch):
    """An error of accept must not end the listener for good."""
    real, errors = socket.socket.accept, [OSError(errno.EMFILE, "Too many open files")]

    def accept(self):
        if errors:
            raise errors.pop()
        return real(self)

    monkeypatch.setattr(socket.socket, "accept", accept)

    class Application:
        def __init__(self, session):
            session.answer()

        def run(self):
            pass

    with esl.serve(Application) as (_, port):
        try:
            with Peer.call(port) as peer:
                until(esl, lambda: peer.executed)
        except ConnectionRefusedError:
            raise Hung("nobody listens any more") from None


@both(Hung)
def test_14_the_application_s_constructor_raises(esl):
    """The connection must be closed, so that the dialplan goes on; stock leaves the caller parked for ever."""
    def application(session):
        raise RuntimeError("broken configuration")

    with esl.serve(application) as (server, port), Peer.call(port) as peer:
        peer.wait_command("connect")
        with bounded(esl):
            peer.ended.wait()
        until(esl, lambda: server.connection_count == 0)


@both(Hung)
def test_15_last_events_reach_slow_handlers(esl):
    """HANGUP_COMPLETE holds the call's record; stock drops what is queued when the socket closes."""
    with connected(esl) as (session, peer):
        seen = []

        def slow(event):
            gevent.sleep(0.05)
            seen.append(event.headers["Event-Name"])

        for name in ("CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY"):
            session.register_handle(name, slow)
        peer.hang_up()
        peer.close()
        until(esl, lambda: seen == ["CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY"])


@both(gevent.Timeout)
def test_16_a_timeout_is_an_exception(esl):
    """Stock raises a BaseException, which passes every ``except Exception`` of the application."""
    with connected(esl) as (session, _):
        try:
            session.call_command("playback", "a.wav", block=True, response_timeout=0.05)
        except Exception as fault:
            assert "0.05" in str(fault)
        else:
            pytest.fail("no timeout")


@both(SystemExit, AssertionError)
def test_17_no_port_is_free(esl):
    """A library must not end the process; the error names the port. 0 takes a free port."""
    serving = greenswitch.esl.OutboundESLServer if esl is Stock else OutboundESLServer
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        try:
            with pytest.raises(Exception, match=str(port)):
                serving("127.0.0.1", [port, port], lambda session: None).listen()
        except SystemExit:
            raise AssertionError("SystemExit") from None
    with esl.serve(lambda session: None) as (server, _):
        assert server.bound_port > 0


@both(Hung)
def test_18_api_text_that_is_not_utf8(esl):
    with connected(esl) as (session, peer):
        peer.rules["api odd"] = api_reply(b"caf\xe9")
        with bounded(esl):
            assert session.send("api odd").data == "caf\ufffd"
            assert session.send("api status").data == "+OK\n"


@both(Hung)
def test_19_a_reply_that_nobody_asked_for(esl):
    with connected(esl) as (session, peer):
        peer.write(reply("+OK out of the blue"))
        gevent.sleep(0.05)
        with bounded(esl):
            assert session.send("api status").data == "+OK\n"


@both(Hung)
def test_20_inbound_a_switch_that_accepts_and_says_nothing(esl):
    with Switch(silent=True) as switch:
        with bounded(esl), pytest.raises(greenswitch.esl.NotConnectedError):
            with esl.inbound(switch.port, timeout=0.2):
                pass


@both(Hung)
def test_21_inbound_the_switch_dies_and_comes_back(esl):
    """The waiting command fails at once, and after a restart of the switch the client works again."""
    with Switch(rules={"api slow": None}) as switch:
        with esl.inbound(switch.port, timeout=5) as api:
            waiting = gevent.spawn(api, "slow")
            switch.peers[0].wait_command("api slow")
            switch.stop()
            with bounded(esl), pytest.raises(GONE):
                waiting.get()
            with Switch(port=switch.port):
                def works():
                    try:
                        return api("status") == "+OK\n"
                    except GONE:
                        return False

                until(esl, works)


@both(Hung)
def test_22_a_command_of_8_megabytes(esl):
    """Stock sends once and ignores how much went out."""
    with connected(esl) as (session, peer):
        with bounded(esl):
            session.send("api echo " + "a" * 8_000_000)
        assert len(peer.commands[-1]) == 8_000_009


@both(AssertionError)
def test_23_a_file_name_that_is_a_command(esl):
    """An empty line in an argument starts a second command: with ``api system`` that is a shell on the switch."""
    with connected(esl) as (session, peer):
        with bounded(esl):
            try:
                session.playback("x.wav\n\napi system touch /tmp/x", block=False)
            except ValueError as fault:
                assert "line feed" in str(fault)
            session.send("api status")
        assert not [text for text in peer.commands if text.startswith("api system")]


@both(AssertionError)
def test_24_raw_replies_are_not_decoded(esl):
    with connected(esl) as (session, peer):
        peer.rules["getvar"] = reply("50%20off")
        assert session.send("getvar discount").data == "50%20off"


@both(AssertionError)
def test_25_a_flood_of_events_leaves_time_for_others(esl):
    """Stock reads on as long as there is data: other calls stand still. Counted in turns of another greenlet."""
    count = 3000
    flood = encode({"Event-Name": "DTMF", **{f"variable_{n}": "x" * 60 for n in range(60)}}, None, "plain") * count

    def flooding(fileno):
        native = monkey.get_original("socket", "socket")(fileno=fileno)
        native.setblocking(True)
        try:
            native.sendall(flood)
        finally:
            native.detach()

    with connected(esl, connect_reply=ANSWERED) as (session, peer):
        seen, turns = [], []
        session.register_handle("DTMF", lambda event: seen.append(1))
        sending = gevent.get_hub().threadpool.spawn(flooding, peer.sock.fileno())
        while not sending.ready() or len(seen) < count:
            turns.append(len(seen))
            gevent.sleep(0)
            if len(seen) == count:
                break
        assert len(set(turns)) > count / 100
