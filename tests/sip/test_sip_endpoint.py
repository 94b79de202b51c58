"""The endpoint on real sockets."""

import gevent
import pytest
from gevent import socket
from sip_peer import Party, UdpParty, sdp

from engine.sip.endpoint import Endpoint
from engine.sip.errors import EndpointError, NotAcceptable, SipError
from engine.sip.options import SipOptions
from engine.sip.stream import Cutter

LONGEST_S = 1800 * 2


def call(endpoint, party):
    party.send(party.request("INVITE", sdp()))
    answer = party.receive(200)
    party.send(party.ack(200))
    return answer


def until(condition):
    with gevent.Timeout(10):
        while not condition():
            gevent.sleep(0.005)


def test_a_call_is_answered_talks_and_ends(owner, endpoint_at):
    """INVITE, 200 with our description, ACK, BYE, 200: what FreeSWITCH's bridge does; and nothing is remembered after
    the 32 s of the last transaction."""
    endpoint = endpoint_at(owner)
    party = UdpParty(endpoint)
    answer = call(endpoint, party)
    assert b"m=audio 40000 RTP/AVP 0 101" in answer.body
    until(lambda: owner.told == ["confirmed"])
    taken = owner.calls[0]
    assert (taken.token, taken.state, taken.agreed.codec) == ("token", "up", "PCMU")
    party.send(party.request("BYE"))
    party.receive(200)
    until(lambda: owner.told == ["confirmed", "bye"])
    assert endpoint.calls == 0
    endpoint.forward(LONGEST_S)
    assert endpoint.agent.idle
    party.close()


def test_we_hang_up(owner, endpoint_at):
    """Our BYE goes out, is repeated until it is answered, and then forgotten."""
    endpoint = endpoint_at(owner)
    party = UdpParty(endpoint)
    call(endpoint, party)
    until(lambda: owner.told == ["confirmed"])
    owner.calls[0].hangup()
    bye = party.receive()
    assert bye.method == "BYE" and owner.told == ["confirmed", "hangup"]
    party.send(party.ok_to(bye))
    until(lambda: all(client.done for client in endpoint.agent.table.clients.values()))
    endpoint.forward(LONGEST_S)
    assert endpoint.agent.idle
    party.close()


def test_options_tells_whether_there_is_room(owner, endpoint_at):
    """200 while calls are taken, 503 with Retry-After while draining: what a dispatcher looks at."""
    endpoint = endpoint_at(owner)
    party = UdpParty(endpoint)
    party.send(party.request("OPTIONS"))
    assert "INVITE" in party.receive(200).headers.get("allow")
    endpoint.drain()
    party.send(party.request("OPTIONS"))
    assert party.receive(503).headers.get("retry-after") == "5"
    party.close()


def test_close_hangs_up(owner, endpoint_at):
    """Every call gets a BYE when the engine ends, and the owner is told."""
    endpoint = endpoint_at(owner)
    party = UdpParty(endpoint)
    call(endpoint, party)
    until(lambda: owner.told == ["confirmed"])
    endpoint.close()
    assert party.receive().method == "BYE" and owner.told == ["confirmed", "hangup"]
    party.close()


def test_close_hangs_up_before_the_ack(owner, endpoint_at):
    """Nobody would see the ACK any more: BYE at once, or the peer would keep the call."""
    endpoint = endpoint_at(owner)
    party = UdpParty(endpoint)
    party.send(party.request("INVITE", sdp()))
    party.receive(200)
    endpoint.close()
    assert party.receive().method == "BYE" and owner.told == ["hangup"]
    party.close()


@pytest.mark.parametrize(("options", "says"), [
    ({"peers": ("10.0.0.0/8", "switch.example.in")}, "'switch.example.in' is no network"),
    ({"codecs": ("PCMU", "OPUS")}, "codecs: OPUS; there are PCMU"), ({"codecs": ()}, "codecs: none"),
])  # fmt: skip
def test_options_that_make_no_sense(options, says):
    """Told when they are given, not at the first call."""
    with pytest.raises(SipError, match=says):
        SipOptions(**options)


def test_an_owner_that_fails_hurts_only_his_call(owner, endpoint_at, caplog):
    """An exception in a callback ends that call, not the endpoint."""
    endpoint = endpoint_at(owner)
    owner.do = lambda call: 1 / 0
    party = UdpParty(endpoint)
    party.send(party.request("INVITE", sdp()))
    party.receive(480)
    assert "ZeroDivisionError" in caplog.text and owner.told == ["hangup"]
    owner.do = lambda call: call.answer(("127.0.0.1", 40000))
    other = UdpParty(endpoint)
    call(endpoint, other)
    other.send(other.request("BYE"))
    other.receive(200)
    party.close()
    other.close()


def test_orders_from_within_callbacks(owner, endpoint_at):
    """An owner may hang up in on_change: what he orders goes out after what was under way."""
    endpoint = endpoint_at(owner)
    party = UdpParty(endpoint)
    call(endpoint, party)
    owner.calls[0].on_change = lambda agreed: owner.calls[0].hangup()
    party.send(party.request("INVITE", sdp(more=["inactive"])))
    party.receive(200)
    party.send(party.ack(200))
    assert party.receive().method == "BYE" and owner.told[-1] == "hangup"
    party.close()


def test_answer_later_from_another_greenlet(owner, endpoint_at):
    """The owner may take his time, with 180 meanwhile; 488 where the audio does not suit."""
    owner.do = lambda call: None
    endpoint = endpoint_at(owner)
    party = UdpParty(endpoint)
    party.send(party.request("INVITE", sdp(formats="18", maps=())))
    assert party.receive(100).status == 100
    until(lambda: owner.calls)
    owner.calls[0].ring()
    assert party.receive(180).status == 180
    with pytest.raises(NotAcceptable):
        owner.calls[0].answer(("127.0.0.1", 40000))
    assert party.receive(488).headers.get("warning")
    assert owner.told == ["rejected"]
    party.close()


def test_port_in_use(owner, endpoint_at):
    """The error names the port and what to do."""
    taken = endpoint_at(owner)
    with pytest.raises(EndpointError, match=f"port {taken.address[1]}: the port is in use"):
        Endpoint(taken.address, owner)
    with pytest.raises(EndpointError, match="no such address"):
        Endpoint(("192.0.2.77", 0), owner)


@pytest.mark.parametrize(("bind", "named", "host"), [
    ("0.0.0.0", {}, "127.0.0.1"), ("127.0.0.1", {"advertise": "203.0.113.5"}, "203.0.113.5"),
])  # fmt: skip
def test_contact_is_where_the_peer_reaches_us(bind, named, host, owner, endpoint_at):
    """Bound to all addresses: the one that looks towards the peer; behind NAT what was given."""
    endpoint = endpoint_at(owner, bind=(bind, 0), **named)
    port = endpoint.address[1]
    party = UdpParty(endpoint)
    party.socket.sendto(party.request("INVITE", sdp()), ("127.0.0.1", port))
    assert party.receive(200).headers.get("contact") == f"<sip:{host}:{port}>"
    party.close()


class TcpParty(Party):
    """A caller with a TCP connection of its own and a port that it listens on, as its Contact says."""

    def __init__(self, endpoint):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1)
        self.listener.settimeout(10)
        super().__init__(port=self.listener.getsockname()[1], transport="TCP")
        self.socket = socket.create_connection(endpoint.address, 10)
        self.target = f"sip:token@127.0.0.1:{endpoint.address[1]};transport=tcp"
        self.cutter = Cutter()

    def receive(self):
        while True:
            for message in self.cutter.receive(self.socket.recv(65536)):
                return self.read(message)

    def close(self):
        self.listener.close()
        self.socket.close()


def test_over_tcp_in_pieces(owner, endpoint_at):
    """A request in three pieces, keepalives between; answers come by the same connection."""
    endpoint = endpoint_at(owner)
    party = TcpParty(endpoint)
    invite = b"\r\n\r\n" + party.request("INVITE", sdp())
    for piece in (invite[:30], invite[30:200], invite[200:] + b"\r\n"):
        party.socket.sendall(piece)
        gevent.sleep(0.01)
    answer = party.receive()
    assert answer.status == 200 and answer.headers.get("contact").endswith(";transport=tcp>")
    party.socket.sendall(party.ack(200) + party.request("BYE"))
    assert party.receive().status == 200
    until(lambda: owner.told == ["confirmed", "bye"])
    party.close()
    until(lambda: endpoint.figures()["connections"] == 0)


def test_connection_that_is_gone_is_made_anew(owner, endpoint_at):
    """Our BYE finds the peer at its Contact when its connection has ended."""
    endpoint = endpoint_at(owner)
    party = TcpParty(endpoint)
    party.socket.sendall(party.request("INVITE", sdp()))
    party.receive()
    party.socket.sendall(party.ack(200))
    until(lambda: owner.told == ["confirmed"])
    party.socket.close()
    until(lambda: endpoint.figures()["connections"] == 0)
    owner.calls[0].hangup()
    party.socket, _ = party.listener.accept()
    bye = party.receive()
    assert bye.method == "BYE"
    party.socket.sendall(party.ok_to(bye))
    until(lambda: not endpoint.agent.table.clients)
    party.close()


def test_stream_that_is_no_sip_is_cut_off(owner, endpoint_at):
    """After a message without Content-Length nobody knows where the next begins."""
    endpoint = endpoint_at(owner)
    party = TcpParty(endpoint)
    party.socket.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert party.socket.recv(100) == b""
    party.close()


def test_strangers_get_no_connection(owner, endpoint_at):
    """By TCP too only peers are heard."""
    endpoint = endpoint_at(owner, SipOptions(peers=("10.0.0.0/8",)))
    party = TcpParty(endpoint)
    assert party.socket.recv(100) == b"" and endpoint.figures()["connections"] == 0
    party.close()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_endpoints_talk(transport, owner, endpoint_at):
    """One places a call, the other takes it; over TCP too."""
    here, there = endpoint_at(owner), endpoint_at(owner)
    told = []

    def begin(call):
        call.on_confirmed = lambda: told.append("confirmed")
        call.on_end = told.append

    placed = here.place(f"sip:token@127.0.0.1:{there.address[1]};transport={transport}", ("127.0.0.1", 30000), begin)
    until(lambda: told == ["confirmed"] and owner.told == ["confirmed"])
    assert placed.agreed.remote == ("127.0.0.1", 40000) and placed.status == 200
    owner.calls[0].hangup()
    until(lambda: told == ["confirmed", "bye"])
    with pytest.raises(SipError, match="permitted peer"):
        here.place("sip:token@192.0.2.1", ("127.0.0.1", 30000), begin)
