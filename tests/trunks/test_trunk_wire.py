"""DNS and SIP of the trunk test by themselves: they read what the internet sends."""

import struct

import pytest
from gevent.server import DatagramServer
from hypothesis import given
from hypothesis import strategies as st

from engine.trunks import dns, options, sofia
from engine.trunks.errors import Malformed
from engine.trunks.lookup import Lookup, name_servers
from tests.fakes.trunk_switch import gateway


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


def record(owner, kind, data, ttl=60):
    return name(owner) + struct.pack("!HHIH", dns.KINDS[kind], 1, ttl, len(data)) + data


ZONE = {
    ("trunk.example", "NAPTR"): record("trunk.example", "NAPTR", struct.pack("!HH", 10, 1) + b"\1s\x08SIPS+D2T\0"
                                       + name("_sips._tcp.trunk.example")),
    ("_sips._tcp.trunk.example", "SRV"):
        record("_sips._tcp.trunk.example", "SRV", struct.pack("!HHH", 20, 1, 5061) + name("two.example"))
        + record("_sips._tcp.trunk.example", "SRV", struct.pack("!HHH", 10, 1, 5062) + name("one.example"), 30),
    ("one.example", "A"): record("one.example", "A", b"\xc0\0\2\1"),
    ("two.example", "A"): record("two.example", "A", b"\xc0\0\2\2"),
    ("plain.example", "A"): record("plain.example", "A", b"\xc0\0\2\3"),
}
COUNTS = {key: 2 if key[1] == "SRV" else 1 for key in ZONE}


@pytest.fixture
def server():
    """A name server of this zone; what it has not is answered with "no such name"."""
    asked = []

    def answer(data, address):
        asked_name, at = dns._name(data, 12)
        kind = {number: text for text, number in dns.KINDS.items()}[struct.unpack_from("!H", data, at)[0]]
        asked.append((asked_name, kind))
        found = ZONE.get((asked_name, kind), b"")
        head = data[:2] + struct.pack("!5H", 0x8180 if found else 0x8183, 1, COUNTS.get((asked_name, kind), 0), 0, 0)
        serving.sendto(head + data[12:] + found, address)

    serving = DatagramServer(("127.0.0.1", 0), answer)
    serving.start()
    yield Lookup([("127.0.0.1", serving.server_port)]), asked
    serving.stop(timeout=1)


def test_a_name_is_followed_as_sip_programs_do(server):
    """RFC 3263: NAPTR, SRV by priority, addresses: the order in which calls would try them."""
    lookup, asked = server
    route = lookup.route("trunk.example", None, "tls", 5061)
    assert (route.places, route.how, route.ttl_s) == ((("192.0.2.1", 5062), ("192.0.2.2", 5061)), "naptr", 30)
    assert asked[0] == ("trunk.example", "NAPTR")


def test_a_port_leaves_srv_out(server):
    """RFC 3263, 4.2: who names a port gets that port, and the addresses of the name."""
    lookup, asked = server
    assert lookup.route("plain.example", 5070, "tcp", 5060).places == (("192.0.2.3", 5070),)
    assert {kind for _, kind in asked} == {"A", "AAAA"}
    assert lookup.route("192.0.2.9", None, "udp", 5060).how == "address"


@given(st.binary(max_size=300))
def test_broken_answers_of_name_servers_are_told(data):
    """Anything may come: it is an answer or ``Malformed``, and never goes round."""
    for text in (data, b"\0\1\x81\x80\0\1\0\1\0\0\0\0" + data):
        try:
            dns.response(text, 1)
        except Malformed:
            continue


def test_a_name_that_points_at_itself_is_refused():
    with pytest.raises(Malformed):
        dns.response(b"\0\1\x81\x80\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", 1)


@given(st.binary(max_size=400))
def test_broken_sip_is_told(data):
    for text in (data, b"SIP/2.0 200 OK\r\nCall-ID: a\r\nDate: " + data + b"\r\n\r\n"):
        try:
            options.answer(text, "a")
        except Malformed:
            continue


@given(st.text(max_size=30))
def test_no_line_gets_into_a_request(host):
    """A gateway's proxy comes out of a configuration: a line break in it must not become a header."""
    try:
        message = options.request(host, "udp", ("127.0.0.1", 5060), branch="b", call_id="c", tag="t")
    except ValueError:
        return
    assert message.count(b"\r\n") == 12 and message.startswith(b"OPTIONS sip:")


def test_answers_of_others_do_not_count():
    head = b"SIP/2.0 200 OK\r\ni: mine\r\nDate: Sat, 13 Nov 2010 23:29:00 GMT\r\n\r\n"
    assert options.answer(head, "another") is None
    assert options.answer(head.replace(b"200 OK", b"100 Trying"), "mine") is None
    assert options.answer(head, "mine").date.year == 2010


@given(st.text(max_size=200))
def test_whatever_freeswitch_says_is_read(text):
    sofia.gateways(f"<gateway>\n{text}\n</gateway>")
    sofia.profile(text)


def test_a_gateway_with_an_ampersand_spoils_nobody_elses():
    """FreeSWITCH writes some fields without escaping."""
    first, second = sofia.gateways("<gateways>\n" + gateway(name="a&b") + gateway(name="c", transport="tls", port=443))
    assert (first.name, second.name, second.transport, second.port) == ("a&b", "c", "tls", 443)
    assert second.calls_out == 7 and second.ping_ms == 12.5


def test_name_servers_of_this_machine(tmp_path):
    path = tmp_path / "resolv.conf"
    path.write_text("# nameserver 1.1.1.1\nsearch x\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\n")
    assert name_servers(path) == [("192.0.2.53", 53), ("fe80::1%eth0", 53)]
    assert name_servers(tmp_path / "none") == []
