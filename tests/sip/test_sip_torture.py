"""Odd and broken messages, one file each in ``tests/data/sip``, named for what is odd about it. The kinds of fault are
those of RFC 4475; the messages are our own."""

from pathlib import Path

import pytest

from engine.sip.errors import BadMessage
from engine.sip.events import Incoming
from engine.sip.fields import parse_name_address
from engine.sip.message import parse
from engine.sip.options import SipOptions
from engine.sip.transaction import Hop
from engine.sip.uas import UserAgent

FOLDER = Path(__file__).parent.parent / "data" / "sip"

CALL, NOTHING = "call", ""
"""A call rings; nothing is answered."""

EXPECTED = {
    # Odd, but good.
    "folded_compact_and_spaced": CALL,
    "octets_behind_the_body": CALL,
    "caller_of_rfc2543": CALL,
    "two_separators_in_contact": CALL,
    "wide_range_of_characters": "501 Not Implemented",
    "percent_escapes_are_kept": "200 OK",
    "name_without_blank_before_bracket": "200 OK",
    "long_values": "200 OK",
    "semicolon_in_user": "200 OK",
    "many_transports_in_via": "200 OK",
    "text_that_is_not_utf8": "200 OK",
    "bare_line_feeds": "200 OK",
    "max_forwards_zero_in_options": "200 OK",
    "no_max_forwards": "200 OK",
    "unknown_schemes_in_headers": "200 OK",
    "ipv6_addresses": "200 OK",
    "branch_is_only_the_cookie": "200 OK",
    # Broken, but the sender can be told.
    "content_length_larger_than_message": "400 Body shorter than Content-Length",
    "content_length_negative": "400 Malformed Content-Length",
    "content_length_of_many_digits": "400 Malformed Content-Length",
    "content_length_twice": "400 Repeated header that may be there once",
    "from_twice": "400 Repeated header that may be there once",
    "call_id_twice": "400 Repeated header that may be there once",
    "cseq_overlarge": "400 Malformed CSeq",
    "cseq_of_another_method": "400 CSeq names another method",
    "cseq_of_another_unknown_method": "400 CSeq names another method",
    "contact_missing": "400 Missing Contact",
    "contact_without_brackets_with_headers": "400 Malformed address",
    "quote_not_closed": "400 Unterminated quoted string",
    "request_uri_in_brackets": "400 Malformed Request-URI",
    "request_uri_with_blank": "400 Malformed Request-URI",
    "request_uri_with_headers": "400 Headers in the Request-URI",
    "first_line_with_two_blanks": "400 Malformed Request-URI",
    "first_line_ends_with_blank": "400 Malformed first line",
    "first_field_folded": "400 Folded first line",
    "version_missing": "400 Malformed first line",
    "version_seven": "505 Version Not Supported",
    "header_without_colon": "400 Malformed header line",
    "header_name_with_blank": "400 Malformed header line",
    "zero_byte_in_header": "400 Control character in a header",
    "body_of_unknown_type": "415 Unsupported Media Type",
    "scheme_unknown": "416 Unsupported URI Scheme",
    "scheme_atypical": "416 Unsupported URI Scheme",
    "require_of_unknown_extensions": "420 Bad Extension",
    # Broken so that nobody can be told, or not to be answered at all.
    "from_missing": NOTHING,
    "to_missing": NOTHING,
    "call_id_missing": NOTHING,
    "cseq_missing": NOTHING,
    "via_missing": NOTHING,
    "via_of_another_version": NOTHING,
    "via_port_overlarge": NOTHING,
    "too_many_lines": NOTHING,
    "no_empty_line": NOTHING,
    "not_sip_at_all": NOTHING,
    "rtp_packet": NOTHING,
    "answer_with_four_digit_status": NOTHING,
    "answer_to_a_broadcast_via": NOTHING,
    "answer_without_reason": NOTHING,
    "answer_with_unusual_reason": NOTHING,
}


def read(name):
    return (FOLDER / f"{name}.sip").read_bytes()


def test_every_file_is_expected_to_do_something():
    """A file without an expectation tests nothing."""
    assert {path.stem for path in FOLDER.iterdir()} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_message(name):
    """What the agent does with it, and that it is as well afterwards as before."""
    agent = UserAgent(SipOptions(), lambda ip: ("127.0.0.1", 5090))
    agent.receive(read(name), Hop("UDP", "127.0.0.1", 5060), 0.0)
    answers = [data.split(b"\r\n")[0].decode() for data, _ in agent.outbox]
    if EXPECTED[name] == CALL:
        assert [type(event) for event in agent.events] == [Incoming] and answers == []
    else:
        assert answers == ([f"SIP/2.0 {EXPECTED[name]}"] if EXPECTED[name] else []) and agent.events == []
    for when in range(1, 200):
        agent.advance(float(when))
    assert agent.idle


def test_a_tortuous_invite_is_understood():
    """Folding, compact names, blanks everywhere and a quoted name with brackets in it: all of it means what it says."""
    request = parse(read("folded_compact_and_spaced"))
    headers = request.headers
    assert parse_name_address(headers.get("from")).display == 'Asha \\ "of" Kochi'
    assert parse_name_address(headers.get("from")).tag == "a1"
    contact = parse_name_address(headers.get("contact"))
    assert (contact.uri, contact.display) == ("sip:asha@127.0.0.1:5060", 'Quoted; string, " with <sip:x@y>')
    assert headers.get("call-id") == "torture@example.in" and headers.get("cseq") == "0009 INVITE"
    assert request.body.startswith(b"v=0")


def test_octets_behind_the_body_are_left_out():
    """A datagram ends where Content-Length says (RFC 3261, 18.3): no second request is smuggled in."""
    assert parse(read("octets_behind_the_body")).body.endswith(b"RTP/AVP 0\r\n")


def test_text_that_is_not_utf8_comes_through():
    """Latin-1 names are about; what we do not understand we repeat unchanged."""
    assert b'"\xe4\xf6"' in parse(read("text_that_is_not_utf8")).serialise()


@pytest.mark.parametrize(("name", "status", "reason"), [
    ("answer_without_reason", 100, ""),
    ("answer_with_unusual_reason", 200, "= 2**3 * 5**2 но сто девяносто девять"),
])  # fmt: skip
def test_answers_with_odd_reasons(name, status, reason):
    """The reason is for people; it may be missing or anything."""
    message = parse(read(name))
    assert (message.status, message.reason) == (status, reason)


def test_a_status_of_many_digits_is_no_status():
    """It would be 5 if it were cut to 32 bits."""
    with pytest.raises(BadMessage):
        parse(read("answer_with_four_digit_status"))
