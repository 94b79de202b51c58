"""Bytes to messages and back, with whatever bytes come."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sip_harness import Bench
from sip_peer import Party, sdp

from engine.sip.errors import BadMessage, BadSdp, NotAcceptable
from engine.sip.events import Incoming
from engine.sip.fields import parse_name_address, quote_display, split_list
from engine.sip.message import MAX_MESSAGE, Headers, Request, Response, parse
from engine.sip.offer import choose, make_answer
from engine.sip.options import SipOptions
from engine.sip.sdp import parse_sdp
from engine.sip.stream import Cutter
from engine.sip.transaction import Hop
from engine.sip.uas import UserAgent
from engine.sip.uri import parse_uri

HOP = Hop("UDP", "127.0.0.1", 5060)
PARTY = Party()
GOOD = [
    PARTY.request("INVITE", sdp(), branch="z9hG4bKa"),
    PARTY.request("INVITE", sdp(formats="97 8 13", maps=("97 L16/16000",), more=["sendonly", "rtcp-mux", "ptime:30"])),
    PARTY.request("OPTIONS", headers=[("Record-Route", "<sip:p.in;lr>, <sip:q.in;lr>"), ("Supported", "timer,100rel")]),
    PARTY.request("INFO", "Signal=5\r\nDuration=160", kind="application/dtmf-relay", to_tag="abcd"),
    PARTY.request("UPDATE", headers=[("Session-Expires", "1800;refresher=uac")], to_tag="abcd"),
    PARTY.request("CANCEL", number=1, branch="z9hG4bKa"),
    PARTY.request("ACK", number=1),
]

tokens = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
values = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=("Cs",)), max_size=40).map(str.strip)
names = tokens.filter(lambda name: len(name) > 1 and name.lower() != "content-length")


@settings(max_examples=50)
@given(method=tokens, uri=tokens, fields=st.lists(st.tuples(names, values), max_size=12), body=st.binary(max_size=200))
def test_request_comes_back_as_it_was(method, uri, fields, body):
    """What is written can be read, and says the same."""
    request = Request(method, f"sip:{uri}@h", Headers(fields), body)
    again = parse(request.serialise())
    assert (again.method, again.uri, again.body) == (method, f"sip:{uri}@h", body)
    read = [(name, value) for name, value in again.headers if name.lower() != "content-length"]
    assert read == [(name, " ".join(value.split("\n"))) for name, value in fields]


@given(status=st.integers(100, 699), reason=values, body=st.binary(max_size=200))
def test_response_comes_back_as_it_was(status, reason, body):
    """The same for answers."""
    again = parse(Response(status, reason, Headers(), body).serialise())
    assert (again.status, again.reason, again.body) == (status, reason, body)


@pytest.mark.parametrize(("name", "value"), [("X", "a\r\nBye: b"), ("X", "a\nb"), ("X", "\0"), ("X y", "a"), ("", "a")])
def test_nothing_writes_headers_of_its_own(name, value):
    """A line end in a value would be a header of the caller's choice."""
    with pytest.raises(ValueError):
        Headers([(name, value)])
    with pytest.raises(ValueError):
        Request("BYE", "sip:a\r\nX: y").serialise()


@given(values)
def test_display_names_are_quoted(name):
    """Whatever a name holds, the address behind it is the same."""
    read = parse_name_address(f"{quote_display(name)} <sip:a@b>;tag=1")
    assert (read.uri, read.tag) == ("sip:a@b", "1")
    if name.isprintable():
        assert read.display == name


ODD = [b"\r\n", b'"', b"<", b";", b",", b"\0", b"\xff\xfe", b" ", b"%", b"9" * 30]


@st.composite
def damaged(draw):
    """A good message with bytes changed, taken out, put in or doubled."""
    data = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            data[at : at + draw(st.integers(1, 30))] = b""
        elif kind == 1:
            data[at:at] = draw(st.sampled_from(ODD))
        elif kind == 2:
            data[at : at + 1] = draw(st.binary(min_size=1, max_size=2))
        else:
            data[at:at] = data[at : at + draw(st.integers(1, 200))]
    return bytes(data)


def agent_takes(data):
    """The agent reads it, answers what rings, and is idle after all deadlines; whatever it sends can be read."""
    agent = UserAgent(SipOptions(), lambda ip: ("127.0.0.1", 5090))
    for n, one in enumerate(data):
        agent.receive(one, HOP, n)
        for event in agent.events:
            if isinstance(event, Incoming):
                with suppress(NotAcceptable, BadSdp):
                    event.call.answer(("127.0.0.1", 40000), n)
        agent.events.clear()
    for answer, hop in agent.outbox:
        parse(answer)
        assert hop.ip == "127.0.0.1"
    agent.outbox.clear()
    for when in (50, 100, 200, 4000, 8000):
        agent.advance(when)
    assert agent.idle


@given(st.lists(st.one_of(damaged(), st.binary(max_size=300), st.sampled_from(GOOD)), min_size=1, max_size=6))
def test_agent_survives_anything(data):
    """Nothing raises, nothing is kept for ever, and no answer is itself broken."""
    agent_takes(data)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_a_fault(data):
    """Only BadMessage comes out."""
    for text in (data, b"INVITE sip:a@b SIP/2.0\r\n" + data, b"SIP/2.0 200 OK\r\n" + data):
        try:
            parse(text)
        except BadMessage as fault:
            assert fault.reason.isascii() and 400 <= fault.status < 700


@given(st.text(max_size=200))
def test_any_text_is_an_address_or_a_fault(text):
    """The same for URIs, addresses and lists."""
    for read in (parse_uri, parse_name_address, lambda value: split_list([value])):
        with suppress(BadMessage):
            read(text)


@given(st.one_of(
    st.binary(max_size=300),
    st.lists(st.sampled_from([
        "m=audio 30000 RTP/AVP 0 8 101", "m=video 9 RTP/AVP 96", "m=audio 0 RTP/AVP 0", "c=IN IP4 10.0.0.1",
        "c=IN IP6 ::1", "a=rtpmap:101 telephone-event/8000", "a=sendonly", "a=ptime:30",
        "a=rtpmap:0 PCMU/8000", "a=rtcp-mux", "a=inactive", "a=rtcp:9", "a=", "a=:", "b=AS:1", "m=", "t=0 0",
        "a=rtpmap:", "m=audio 1 RTP/AVP 999999 0",
    ])).map(lambda lines: ("v=0\r\n" + "\r\n".join(lines)).encode()),
))  # fmt: skip
def test_any_description_is_agreed_or_a_fault(body):
    """And what is agreed makes an answer that can be read."""
    try:
        offer = parse_sdp(body)
        chosen = choose(offer)
    except (BadSdp, NotAcceptable):
        return
    answer = parse_sdp(make_answer(offer, chosen, ("10.0.0.2", 40000)).serialise())
    assert len(answer.media) == len(offer.media)
    assert [media.port for media in answer.media if media.port] == [40000]


@pytest.mark.parametrize("data", [
    b"INVITE sip:a@b SIP/2.0\r\nTo: <" + b'"\\' * 15000 + b"\r\n\r\n",
    b"INVITE sip:a@b SIP/2.0\r\nTo: " + b'"\\"' * 10000 + b"\r\n\r\n",
    b"INVITE sip:a@b SIP/2.0\r\nVia: " + b"," * 30000 + b"\r\n\r\n",
    b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h" + b";rport" * 5000 + b"\r\n\r\n",
    b"INVITE sip:a@b SIP/2.0\r\nSubject: a" + b"\r\n b" * 240 + b" " * 20000 + b"\r\n\r\n",
    b"INVITE sip:" + b"@" * 30000 + b" SIP/2.0\r\n\r\n",
    b"INVITE sip:a@b SIP/2.0\r\n" + b"\r" * 32000 + b"\r\n\r\n",
    b"\r\n" * 32000,
    b"SIP/2.0 " * 8000,
    b"\r\n\r" * 20000,
])  # fmt: skip
def test_long_messages_of_one_kind_are_no_work(data):
    """Each would hang a reader whose work grows with the square of the length."""
    for _ in range(20):
        agent_takes([data])


def test_too_large_a_message():
    """Refused before it is looked at."""
    with pytest.raises(BadMessage):
        parse(b"OPTIONS sip:a@b SIP/2.0\r\n" + b"x" * MAX_MESSAGE)


@given(st.lists(st.sampled_from(GOOD), max_size=5), st.lists(st.integers(1, 400), max_size=60))
def test_stream_is_cut_into_the_same_messages(messages, cuts):
    """However TCP has cut it, and with keepalives between (RFC 5626, 3.5.1)."""
    stream = b"\r\n\r\n".join(messages) + b"\r\n\r\n"
    cutter, found, at = Cutter(), [], 0
    for cut in [*cuts, len(stream)]:
        found += cutter.receive(stream[at : at + cut])
        at += cut
    assert found == messages


@pytest.mark.parametrize("data", [
    GOOD[2].replace(b"Content-Length: 0\r\n", b""),
    GOOD[2].replace(b"Content-Length: 0", b"Content-Length: 70000"),
    GOOD[2].replace(b"Content-Length: 0", b"Content-Length: -1"),
    b"X" * 40000,
    b"GET / HTTP/1.1\r\n\r\n",
])  # fmt: skip
def test_stream_that_cannot_be_followed(data):
    """Without a good Content-Length nobody knows where the next message begins: the connection ends."""
    with pytest.raises(BadMessage):
        Cutter().receive(data)


def test_damage_does_not_touch_other_calls():
    """A call that is up stays up while rubbish with its Call-ID and tags comes in."""
    bench = Bench()
    bench.up()
    good = bench.party.request("UPDATE", number=1)
    for cut in range(0, len(good), 7):
        bench.give(good[:cut] + b"\xff" + good[cut:])
    assert bench.call.state == "up" and bench.told == []
    assert bench.status(bench.party.request("BYE", number=10)) == 200
