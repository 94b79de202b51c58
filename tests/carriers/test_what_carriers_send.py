"""Reading of what carriers send: their quirks, and anything at all."""

import json
from datetime import datetime, timezone
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.carriers import exotel, switchrecord, twilio
from engine.carriers.errors import CarrierError, Unproven, Unreadable
from engine.carriers.gateway import ExotelProof, Seen, Sent, TwilioProof, again_s, key_of
from engine.carriers.message import LONGEST_VALUE, MOST_BYTES, MOST_FIELDS, Message, read
from engine.carriers.normal import keys, names_of_call, url
from engine.carriers.numbers import e164
from engine.carriers.times import carrier_time
from engine.lifecycle import STATES

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(("text", "number"), [
    ("08047361234", "+918047361234"), ("8047361234", "+918047361234"), ("918047361234", "+918047361234"),
    ("+91 80473-61234", "+918047361234"), ("00918047361234", "+918047361234"), ('"+918047361234"', "+918047361234"),
    ("sip:+918047361234@pstn.example.com;transport=tls", "+918047361234"), ("tel:+12349013030", "+12349013030"),
    ("+12349013030", "+12349013030"), ("12349013030", "12349013030"), ("100", "100"), ("client:ada", "client:ada"),
    ("anonymous", ""), ("+266696687", ""), ("", ""), (None, ""), ("+1\r\nX: y", "+1X: y"),
    ("٠٩٨٧٦٥٤٣٢١٠", "٠٩٨٧٦٥٤٣٢١٠"),
])
def test_numbers(text, number):
    """One spelling of a number, so that a caller is found again; what is no number is not made one."""
    assert e164(text) == number


@pytest.mark.parametrize(("text", "time"), [
    ("2026-11-21 15:30:00", (2026, 11, 21, 10, 0)), ("2026-11-21T10:00:00Z", (2026, 11, 21, 10, 0)),
    ("Sat, 21 Nov 2026 10:00:00 +0000", (2026, 11, 21, 10, 0)), ("2026-11-21T15:30:00+05:30", (2026, 11, 21, 10, 0)),
    ("1970-01-01 05:30:00", None), ("0000-00-00 00:00:00", None), ("", None), (None, None), ("soon", None),
    ("9999-12-31 23:59:59", None), ("Sat, 99 Nov 2026 99:00:00 +9999", None),
])
def test_times(text, time):
    """Exotel's have no zone and are India's; its years 0 and 1970 mean that there is none."""
    assert carrier_time(text) == (datetime(*time, tzinfo=timezone.utc) if time else None)


@given(st.text(max_size=80))
def test_no_text_is_too_odd_for_a_number_or_a_time(text):
    number, time = e164(text), carrier_time(text)
    assert e164(number) == number and len(number) <= 128 and number.isprintable()
    assert time is None or time.tzinfo is timezone.utc
    assert set(keys(text)) <= set("0123456789*#ABCD")
    assert url(text) == "" or url(text).startswith("http")


def test_names_are_found_in_any_case_and_depth():
    """Exotel's pages disagree on spelling and nesting."""
    said = read("application/json", "", b'{"callsid": "a1", "Stream": {"StreamSID": "s1"}, '
                b'"Legs": [{"Status": "busy"}]}')
    assert (said.get("CallSid"), said.get("stream.streamsid"), said.get("legs.0.status")) == ("a1", "s1", "busy")
    said = read("", "CALLSID=a1&Stream%5BStreamSid%5D=s1&digits=%22%22", b"")
    assert (said.get("CallSid"), said.get("Stream.StreamSid")) == ("a1", "s1")


def test_a_query_does_not_add_to_a_signed_body():
    """X-Exotel-Signature covers the body alone: who replays it must not change what it says."""
    said = read(FORM, "digits=9&CallSid=other", b"CallSid=a1")
    assert (said.get("CallSid"), said.get("digits")) == ("a1", "")


@pytest.mark.parametrize(("kind", "query", "body", "why"), [
    (FORM, "", b"x" * (MOST_BYTES + 1), "more than"),
    (FORM, "", urlencode([("a", "1")] * (MOST_FIELDS + 1)).encode(), "fields"),
    ("application/json", "", json.dumps({str(n): n for n in range(400)}).encode(), "fields"),
    ("application/json", "", b"[1]", "no object"), ("application/json", "", b"{", "neither"),
    ("application/json", "", b"[" * 60_000, "neither"), (FORM, "", b"\xff\xfe=1", "UTF-8"), ("", "a=%ff", b"", "UTF-8"),
])
def test_what_cannot_be_read_is_refused_with_the_reason(kind, query, body, why):
    with pytest.raises(Unreadable, match=why):
        read(kind, query, body)


KINDS = st.sampled_from([FORM, "application/json", "", "text/plain", "multipart/form-data; boundary=x"])
NAMES = st.sampled_from(["CallSid", "Status", "CallStatus", "digits", "From", "EventType", "Legs", "StartTime",
                         "Stream", "RecordingUrl", "Duration", "Timestamp", "variables", "uuid"])
JSONS = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
                     lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=8), inner),
                     max_leaves=20)


@settings(max_examples=300)
@given(KINDS, st.text(max_size=60), st.binary(max_size=200) | JSONS.map(lambda found: json.dumps(found).encode())
       | st.dictionaries(NAMES, st.text(max_size=20)).map(lambda found: urlencode(found).encode()))
def test_anything_is_an_event_or_an_error_that_says_why(kind, query, body):
    """Nothing else is raised, and what comes out is bounded."""
    for understand in (twilio.event, exotel.event):
        try:
            event = understand(read(kind, query, body))
        except CarrierError as fault:
            assert str(fault)
            continue
        assert event.state in ("", *STATES) and len(event.raw) <= 60 and len(event.digits) <= 64
        assert all(len(value) <= LONGEST_VALUE for value in event.raw.values())
    try:
        row = switchrecord.read(body)
    except CarrierError as fault:
        assert str(fault)
    else:
        assert row["fs_uuid"] and row["state"] in STATES


@given(st.text(max_size=300), st.text(max_size=60))
def test_answers_are_xml_whatever_the_model_says(text, name):
    """A model may say `</Say><Dial>`: it is said, not done."""
    from xml.etree import ElementTree

    for xml, where in ((twilio.say(text), "Say"), (twilio.ask(text, "https://a/b?c=1&d=2"), "Gather/Say"),
                       (exotel.spoken(text, "https://a/b?c=1&d=2"), "Gather/Say")):
        root = ElementTree.fromstring(xml)
        said = root.find(where).text or ""
        assert len(root) <= 2 and set(said) <= set(text) | {"\n"}
    root = ElementTree.fromstring(twilio.stream("wss://a/b", {"from": text, "to": name}))
    assert all(len(one.get("name")) + len(one.get("value")) < 500 for one in root.find("Connect/Stream"))
    assert json.loads(exotel.gather(text))["max_input_digits"] == 1


def _sent(headers=None, body=b"", address="203.0.113.7", token="", query=""):
    return Sent("https://a.example/x", headers or {}, body, Message({}), address, token, query)


def test_exotels_networks_are_needed_besides_what_else_is_configured():
    from ipaddress import ip_network

    both = ExotelProof(token="a-token-of-sixteen", networks=(ip_network("203.0.113.0/24"),))
    both.check(_sent(token="a-token-of-sixteen"))
    for wrong in (_sent(), _sent(token="a-token-of-sixteen", address="198.51.100.1")):
        with pytest.raises(Unproven):
            both.check(wrong)
    ExotelProof(networks=(ip_network("203.0.113.0/24"),)).check(_sent())


def test_a_wrong_signature_is_refused_though_the_token_is_right():
    """Who signs wrongly changed something on the way."""
    proof = ExotelProof(secret="s", token="a-token-of-sixteen")
    with pytest.raises(Unproven):
        proof.check(_sent({"x-exotel-signature": "00"}, b"x", token="a-token-of-sixteen"))


def test_a_signature_over_no_body_does_not_open_every_query():
    """A GET says all in its query: a signature of the empty body would fit any of them."""
    from engine.carriers.signatures import exotel_signature

    with pytest.raises(Unproven):
        ExotelProof(secret="s").check(_sent({"x-exotel-signature": exotel_signature("s", b"")}, query="CallSid=a"))
    ExotelProof(secret="s").check(_sent({"x-exotel-signature": exotel_signature("s", b"CallSid=a")}, query="CallSid=a"))


def test_secrets_are_not_in_what_is_printed():
    """Tracebacks and logs print objects."""
    told = repr(TwilioProof("t0ken")) + repr(ExotelProof("s3cret", "u", "p4ss", "t5ken"))
    assert not any(secret in told for secret in ("t0ken", "s3cret", "p4ss", "t5ken"))


def test_what_came_before_is_known_for_a_time_and_within_bounds():
    seen = Seen(most=3)
    for number in range(5):
        seen.keep(f"k{number}", number, 0.0)
    assert len(seen) == 3 and seen.find("k1", 1.0) is None and seen.find("k4", 1.0) == 4
    assert seen.find("k4", 11.0, 10.0) is None
    seen.keep("k9", 9, 4000.0)
    assert len(seen) == 1


def test_the_same_key_twice_is_a_repetition_only_for_seconds():
    """A caller may press 1 in every menu; a status is the same for an hour."""
    pressed = exotel.event(Message({"callsid": "a1", "digits": '"1"'}), asks=True)
    status = exotel.event(Message({"callsid": "a1", "status": "completed"}))
    assert (pressed.digits, pressed.kind) == ("1", "digits")
    assert again_s(pressed) < 60 < again_s(status)
    one, other = Message({"callsid": "a1", "digits": "1"}), Message({"callsid": "a1", "digits": "2"})
    assert key_of(pressed, one, "x") != key_of(pressed, other, "x")
    assert key_of(pressed, one, "x", "idem") == key_of(pressed, other, "x", "idem")


def test_a_call_of_ours_names_its_carriers():
    assert names_of_call({"sip_h_X-Exotel-CallSid": "a1", "other": "x"}) == [("exotel", "a1")]
    assert names_of_call({"sip_h_X-Exotel-CallSid": "a1\r\nx"}) == []
