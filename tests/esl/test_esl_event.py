"""Events mean the same whether they came as JSON or plain, and whether one header or all are looked at."""

import json
from urllib.parse import quote

import esl_captures as capture
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.esl.channel import Channel
from engine.esl.errors import ProtocolError
from engine.esl.event import Event
from engine.esl.wire import EVENT_JSON, EVENT_PLAIN, Message, Parser


def events(part):
    messages = Parser().receive_data(capture.stream(capture.named(part)))
    return [Event.from_message(m) for m in messages if m.is_event]


def from_json(headers, body=None):
    text = json.dumps({**headers, **({"_body": body} if body is not None else {})}, separators=(",", ":"))
    return Event.from_message(Message(EVENT_JSON, body=text.encode()))


def from_plain(headers, body=None):
    """As switch_event_serialize writes it: encoded values, ``_undef_`` for empty ones, arrays joined."""
    lines = []
    for name, value in headers.items():
        text = "ARRAY::" + "|:".join(value) if isinstance(value, list) else value
        lines.append(f"{name}: {quote(text) or '_undef_'}\n")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}\n\n{body}")
    else:
        lines.append("\n")
    return Event.from_message(Message(EVENT_PLAIN, body="".join(lines).encode()))


@pytest.mark.parametrize("path", capture.FILES, ids=lambda path: path.stem)
def test_looking_at_one_header_agrees_with_decoding_all(path):
    """Single headers are found in the raw bytes; that must never give another value than decoding does."""
    for message in Parser().receive_data(capture.stream(path)):
        if not message.is_event:
            continue
        decoded = Event.from_message(message).headers
        for name, value in decoded.items():
            assert Event.from_message(message).get(name) == value
        assert Event.from_message(message).get("No-Such-Header") is None
        assert Event.from_message(message).name == decoded["Event-Name"]


def test_dtmf_event_of_a_real_call():
    event = events("10")[0]
    assert (event.name, event.get("DTMF-Duration"), event.get("dtmf-source")) == ("DTMF", "960", "RTP")
    assert event.get("DTMF-Digit") in "0123456789*#"
    assert event.uuid == "909ccb6f-166a-4ad4-9e88-f566e7d10caa"
    assert event.variable("sip_call_id") == event.get("variable_sip_call_id")
    assert event.body is None


def test_body_of_a_job_and_of_a_custom_event():
    """A body is text of its own: nothing in it becomes a header."""
    job = next(e for e in events("04b") if e.name == "BACKGROUND_JOB")
    assert job.body is not None
    assert job.body.startswith("+OK ")
    custom = [e for e in events("07-") if e.name == "CUSTOM"]
    assert any(e.body == '{"status":"connected"}' for e in custom)
    assert {e.subclass for e in custom} >= {"mod_audio_stream::connect", "mod_audio_stream::play"}
    for make in (from_json, from_plain):
        event = make({"Event-Name": "BACKGROUND_JOB"}, "Unique-ID: fake\n50%20off")
        assert event.get("Unique-ID") is None
        assert event.body == "Unique-ID: fake\n50%20off"
        assert event.data == event.body


NAMES = st.from_regex(r"(variable_)?[A-Za-z][A-Za-z0-9_:-]{0,12}", fullmatch=True)
VALUES = st.text(st.characters(blacklist_categories=["Cs"]), max_size=30).filter(lambda v: v not in ("_undef_",))


@given(st.dictionaries(NAMES, VALUES | st.lists(VALUES.filter(lambda v: "|:" not in v), min_size=2, max_size=3),
                       max_size=8),
       st.none() | st.text("ab\n: %{}", min_size=1, max_size=20))
@settings(max_examples=80, deadline=None)
def test_json_and_plain_are_the_same_event(headers, body):
    """The form is FreeSWITCH's choice of words; handlers must not need to know it."""
    headers = {name: value for name, value in headers.items()
               if name.lower() not in ("content-length", "_body") and not str(value).startswith("ARRAY::")}
    first = {}
    for name in headers:
        first.setdefault(name.lower(), name)
    headers = {name: headers[name] for name in first.values()}
    one, other = from_json(headers, body), from_plain(headers, body)
    for name, value in headers.items():
        for event in (one, other):
            assert event.values(name) == (value if isinstance(value, list) else [value])
            assert event.values(name.upper()) == event.values(name)
    assert one.body == other.body == body
    other.headers.pop("Content-Length", None)
    assert dict(one.headers) == dict(other.headers)


def test_first_of_two_wins_in_json_too():
    message = Message(EVENT_JSON, body=b'{"Event-Name":"X","Unique-ID":"real","Unique-ID":"fake"}')
    assert Event.from_message(message).uuid == "real"
    event = Event.from_message(message)
    assert event.headers["unique-id"] == "real"


def test_a_value_cannot_pose_as_a_header():
    """Quotes are escaped in JSON: a display name that holds one must not be found as a header."""
    event = from_json({"Event-Name": "X", "Caller-Name": '","Unique-ID":"fake', "Unique-ID": "real"})
    assert event.get("Unique-ID") == "real"
    assert event.get("Caller-Name") == '","Unique-ID":"fake'


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b'"x"', b"{}x", b"[" * 100_000])
def test_nonsense_instead_of_json(body):
    with pytest.raises(ProtocolError, match="JSON event"):
        _ = Event.from_message(Message(EVENT_JSON, body=body)).headers


def test_json_that_is_not_utf8_and_other_values():
    """FreeSWITCH copies bytes from SIP unchecked into its JSON."""
    event = Event.from_message(Message(EVENT_JSON, body=b'{"Event-Name":"X","a":"\xff","n":1,"l":["x",2],"t":"\t"}'))
    assert event.get("a") == "\ufffd"
    assert event.get("n") == "1"
    assert event.values("l") == ["x", "2"]


def test_channel_of_the_connect_reply():
    """The view gives a call what it needs under plain names."""
    reply = Parser().receive_data(capture.stream(capture.named("01")))[0]
    channel = Channel(reply.headers)
    assert channel.uuid == "d201278c-a6fc-4c3d-8403-5d82dead590a"
    assert (channel.caller_number, channel.caller_name, channel.destination) == ("+15550100", "Al", "1001")
    assert (channel.codec_name, channel.codec_rate, channel.ptime_ms) == ("PCMU", 8000, 20)
    assert (channel.answer_state, channel.direction) == ("ringing", "inbound")
    assert channel.full
    assert channel.asynchronous
    assert channel.variables["sip_h_X-Tenant"] == "acme"
    assert channel.variables.get("SIP_H_x-tenant") == "acme"
    for part, full, asynchronous in (("05b", False, True), ("05c", True, False)):
        other = Channel(Parser().receive_data(capture.stream(capture.named(part)))[0].headers)
        assert (other.full, other.asynchronous) == (full, asynchronous)
    assert Channel(type(reply.headers)({"Channel-Read-Codec-Rate": "x"})).codec_rate == 0
