"""The parser reads what FreeSWITCH writes, however TCP cuts it, and refuses everything else in bounded time."""

import collections

import esl_captures as capture
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.esl import wire
from engine.esl.errors import ProtocolError
from engine.esl.wire import Parser

REPLY = b"Content-Type: command/reply\nReply-Text: +OK Events Enabled\n\n"


def parse(data, size=None, **limits):
    """All messages of ``data``, fed in pieces of ``size`` bytes."""
    parser, messages = Parser(**limits), []
    for start in range(0, len(data), size or max(1, len(data))):
        messages += parser.receive_data(data[start : start + (size or len(data))])
    return parser, messages


@pytest.mark.parametrize("path", capture.FILES, ids=lambda path: path.stem)
def test_every_capture_parses_to_the_last_byte(path):
    """Real conversations leave nothing unread, and replies answer the commands one to one."""
    parser, messages = parse(capture.stream(path))
    assert parser.idle
    replies = [m for m in messages if m.content_type in (wire.COMMAND_REPLY, wire.API_RESPONSE)]
    commands = [c for c in capture.read(path) if c.sender == "C>" and c.data]
    texts = b"".join(c.data for c in commands)
    assert len(replies) >= texts.count(b"\n\n") - 1  # one capture ends before its last reply
    assert {m.content_type for m in messages} <= {
        wire.COMMAND_REPLY, wire.API_RESPONSE, wire.EVENT_PLAIN, wire.EVENT_JSON, wire.DISCONNECT, wire.LOG}


@pytest.mark.parametrize("size", [1, 7, 1460])
def test_cutting_does_not_matter(size):
    """TCP may cut anywhere, also inside a line end or a length."""
    for name in ("01", "05-", "10"):
        data = capture.stream(capture.named(name))
        assert parse(data, size)[1] == parse(data)[1]


def test_the_connect_reply_is_encoded_other_replies_are_raw():
    """``connect`` answers with a whole event, URL-encoded; decoding the other replies would change their text."""
    _, messages = parse(capture.stream(capture.named("01")))
    reply = messages[0]
    assert len(reply.headers) > 150
    assert list(reply.headers)[0] == "Event-Name"
    assert reply.headers["Reply-Text"] == "+OK\n"
    assert reply.text == "+OK"
    assert reply.headers["Caller-Caller-ID-Number"] == "+15550100"
    assert reply.headers["variable_switch_r_sdp"].startswith("v=0\r\no=alice")
    assert reply.headers["Control"] == "full"
    raw = parse(b"Content-Type: command/reply\nReply-Text: 50%20off\n\n")[1][0]
    assert raw.text == "50%20off"


def test_notices_tell_lingering_from_goodbye():
    """The first keeps the socket open for the last events, the second ends it."""
    notices = [m for m in parse(capture.stream(capture.named("01")))[1] if m.content_type == wire.DISCONNECT]
    assert [n.lingering for n in notices] == [True, False]
    assert notices[0].headers["Linger-Time"] == "5"
    assert notices[1].body.startswith(b"Disconnected, goodbye.")


@pytest.mark.parametrize(("data", "content_type", "text"), [
    (b"Content-Type: auth/request\n\n", wire.AUTH_REQUEST, ""),
    (b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n", wire.REJECTION,
     "Access Denied, go away.\n"),
    (b"Content-Type: log/data\nContent-Length: 5\nLog-Level: 7\n\nhello", wire.LOG, "hello"),
    (b"Content-Type: api/response\nContent-Length: 4\n\n\xff\xfeok", wire.API_RESPONSE, "\ufffd\ufffdok"),
    (b"Content-Length: 4\r\nContent-Type: api/response\r\n\r\ntrue", wire.API_RESPONSE, "true"),
    (b"\n\r\n\nContent-Type: api/response\nContent-Length: 0\n\n", wire.API_RESPONSE, ""),
    (b"content-type: api/response\ncontent-length: 2\n\nok", wire.API_RESPONSE, "ok"),
    (b"Content-Type: command/reply\nReply-Text: v=0\r\no=alice\r\n\n\n", wire.COMMAND_REPLY, "v=0\no=alice"),
], ids=["auth", "rejection", "log", "not-utf8", "crlf", "leading-blank-lines", "case", "several-lines"])
def test_other_forms(data, content_type, text):
    parser, messages = parse(data, 1)
    assert [(m.content_type, m.text) for m in messages] == [(content_type, text)]
    assert not parser._buffer or set(parser._buffer) <= set(b"\r\n")


def test_the_first_header_wins_and_only_lf_ends_a_line():
    """A display name with U+2028 or an encoded line feed must not write a header of its own."""
    block = ("Event-Name: CHANNEL_DATA\nUnique-ID: real\nCaller-Caller-ID-Name: x%0AUnique-ID: fake%E2%80%A8a: b\n"
             "variable_a: one\u2028Unique-ID: fake\x0bb: c\x85d: e\nUnique-ID: fake\nContent-Type: command/reply")
    headers = parse(block.encode() + b"\n\n")[1][0].headers
    assert headers["Unique-ID"] == "real"
    assert set(headers) == {"Event-Name", "Unique-ID", "Caller-Caller-ID-Name", "variable_a", "Content-Type"}
    assert headers["Caller-Caller-ID-Name"] == "x\nUnique-ID: fake\u2028a: b"


def test_headers_ignore_case_when_asked():
    """FreeSWITCH compares names without case (switch_event_get_header), and keeps their spelling."""
    headers = parse(b"Content-Type: command/reply\nX-Tenant: acme\n\n")[1][0].headers
    assert headers.get("x-tenant") == headers["X-TENANT"] == "acme"
    assert "x-Tenant" in headers
    assert "X-Tenan" not in headers
    assert headers.get("absent", "none") == "none"
    with pytest.raises(KeyError):
        headers["absent"]


@pytest.mark.parametrize("length", [
    b"-1", b"-9223372036854775808", b"0x10", b"1e3", b"12 34", b"\xd9\xa3", b"+5", b"9" * 30, b""])
def test_only_decimal_lengths_count(length):
    """A negative length corrupted the heap of FreeSWITCH's own client library (CVE-2026-49840)."""
    data = b"Content-Type: api/response\nContent-Length: " + length + b"\n\nbody"
    if not length:
        assert parse(data[:-4])[1][0].body == b""
        return
    with pytest.raises(ProtocolError, match="Content-Length|body of"):
        parse(data)


def test_limits_hold():
    """10 MB of headers or a body without end must not fill the memory; the error says what was too big."""
    parser = Parser(max_headers=1000, max_body=2000)
    with pytest.raises(ProtocolError, match="header block of more than 1000"):
        for _ in range(100):
            parser.receive_data(b"X-Header: " + b"a" * 90 + b"\n")
    assert len(parser._buffer) <= 1100
    with pytest.raises(ProtocolError, match="header block of more than 1048576"):
        parse(b"a" * 10_000_000)
    with pytest.raises(ProtocolError, match="body of 2001 bytes"):
        parse(b"Content-Type: api/response\nContent-Length: 2001\n\n", max_body=2000)
    assert len(parse(b"Content-Type: api/response\nContent-Length: 2000\n\n" + b"x" * 2000, max_body=2000)[1]) == 1


def test_what_came_before_the_fault_is_delivered_first():
    """The call's last good events count, however TCP cut the stream."""
    parser = Parser()
    messages = parser.receive_data(REPLY + b"nonsense\n\n" + REPLY)
    assert len(messages) == 1
    assert "without Content-Type" in str(parser.error)
    with pytest.raises(ProtocolError, match="nonsense"):
        parser.receive_data(b"")


def test_work_is_linear():
    """A body of 16 MiB in small pieces, and headers byte by byte: each byte is looked at a bounded number of times.

    Counted by how often the parser searches, not by the clock."""
    class Counting(Parser):
        searched = 0

        def _take_headers(self, at):
            before = self._searched
            result = super()._take_headers(at)
            Counting.searched += max(0, len(self._buffer) - max(at, before - 2))
            return result

    parser = Counting()
    block = b"X-Header: " + b"a" * 200_000 + b"\n"
    for start in range(0, len(block), 10):
        parser.receive_data(block[start : start + 10])
    assert Counting.searched < 2 * len(block)
    total = 16 * 1024 * 1024
    parser = Parser()
    messages = parser.receive_data(b"Content-Type: api/response\nContent-Length: %d\n\n" % total)
    piece = bytes(65536)
    for _ in range(total // len(piece)):
        messages += parser.receive_data(piece)
    assert len(messages[0].body) == total


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_split_gives_the_same_messages(data):
    """Fuzz: the messages depend on the bytes alone, never on where recv cut them."""
    whole = data.draw(st.sampled_from(SAMPLES))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    parser, messages = Parser(), []
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        messages += parser.receive_data(whole[start:end])
    assert messages == parse(whole)[1]


PIECES = [b"Content-Type: ", b"command/reply", b"text/event-json", b"text/event-plain", b"Content-Length: ", b"5",
          b"-5", b"99999999999", b"\n", b"\n\n", b"\r\n", b"\r", b": ", b":", b"Event-Name: ", b"%0A", b"%", b"\xff",
          b"\0", b"{}", b'{"Event-Name":"X"}', b'{"a":', b"[" * 50, "\u2028".encode(), b"Reply-Text: +OK"]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=40), st.integers(1, 50))
@settings(max_examples=150, deadline=None)
def test_garbage_raises_nothing_but_the_protocol_error(pieces, size):
    """Fuzz: whatever a peer writes, the answer is messages or one error; and both do not depend on the cut."""
    from engine.esl.event import Event

    def outcome(size):
        parser, messages, fault = Parser(max_headers=400, max_body=400), [], None
        data = b"".join(pieces)
        try:
            for start in range(0, len(data), size):
                messages += parser.receive_data(data[start : start + size])
            if parser.error:
                raise parser.error
        except ProtocolError as error:
            fault = str(error)
        for message in messages:
            try:
                event = Event.from_message(message)
                assert isinstance(event.headers, wire.Headers)
                event.get("Event-Name")
            except ProtocolError:
                pass
        return [(m.content_type, m.body) for m in messages], fault is not None

    assert outcome(size) == outcome(10_000)


SAMPLES = [
    capture.stream(capture.named("02c")),
    capture.stream(capture.named("10")),
    capture.stream(capture.named("05b")),
    REPLY * 3 + b"Content-Length: 3\r\nContent-Type: log/data\r\n\r\nabc\n\n" + REPLY,
]


def test_kinds_seen_in_the_captures():
    """Guards the fixtures: if a capture went missing, the tests above would prove less than they say."""
    kinds = collections.Counter(m.content_type for path in capture.FILES for m in parse(capture.stream(path))[1])
    assert len(capture.FILES) >= 21
    assert kinds[wire.EVENT_PLAIN] > 200
    assert kinds[wire.EVENT_JSON] == 7
