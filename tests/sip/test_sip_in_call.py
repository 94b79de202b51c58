"""What a request within a call does to it."""

import pytest
from sip_harness import Bench
from sip_peer import MAPS, Party, sdp

from engine.sip.transaction import Hop

HELD = sdp(more=("sendonly",), version=2)
PCMA = sdp(formats="8 101", maps=("8 PCMA/8000", MAPS[1]), version=3)


def test_reinvite_holds_and_takes_back():
    """Hold is a change of direction, told to the owner; the answer mirrors it (RFC 3264, 8.4)."""
    bench = Bench()
    bench.up()
    (answer,) = bench.give(bench.party.request("INVITE", HELD))
    assert b"a=recvonly" in answer.body
    bench.give(bench.party.ack(200))
    held = bench.told.pop()
    assert held.direction == "recvonly" and not held.may_send and held.may_receive
    bench.give(bench.party.request("INVITE", sdp(version=3)))
    bench.give(bench.party.ack(200))
    assert bench.told.pop().may_send and bench.told == []


def test_reinvite_with_another_codec():
    """The origin's version counts up with each description of ours (RFC 3264, 8)."""
    bench = Bench()
    first = bench.up()
    (answer,) = bench.give(bench.party.request("INVITE", PCMA))
    bench.give(bench.party.ack(200))
    assert bench.told == [bench.call.agreed] and bench.call.agreed.codec == "PCMA"
    origins = [message.body.split(b"\r\n")[1].split() for message in (first, answer)]
    assert origins[0][1] == origins[1][1] and int(origins[1][2]) == int(origins[0][2]) + 1


def test_reinvite_that_does_not_suit_changes_nothing():
    """488, and the call goes on as it was (RFC 3261, 14.2)."""
    bench = Bench()
    bench.up()
    before = bench.call.agreed
    assert bench.status(bench.party.request("INVITE", sdp(formats="18", maps=("18 G729/8000",)))) == 488
    bench.give(bench.party.ack(488))
    assert bench.status(bench.party.request("INVITE", "v=0\r\nnonsense\r\n")) == 488
    bench.give(bench.party.ack(488))
    assert bench.call.agreed == before and bench.told == [] and bench.call.state == "up"


def test_reinvite_without_an_offer():
    """We offer what is agreed, with the same payload types (RFC 3264, 8.3.2); another offer meanwhile is glare, 491."""
    bench = Bench()
    bench.up()
    (answer,) = bench.give(bench.party.request("INVITE"))
    assert b"m=audio 40000 RTP/AVP 0 101" in answer.body and b"a=sendrecv" in answer.body
    assert bench.status(bench.party.request("UPDATE", HELD)) == 491
    assert bench.status(bench.party.request("INVITE", HELD)) == 491
    bench.give(bench.party.ack(491))
    bench.give(bench.party.ack(200, number=2, body=HELD))
    assert [agreed.direction for agreed in bench.told] == ["recvonly"] and bench.call.state == "up"


def test_reinvite_while_it_rings():
    """500 with Retry-After: the first INVITE has no final answer yet (RFC 3261, 14.2)."""
    bench = Bench()
    bench.ring()
    bench.call.ring(bench.now)
    bench.collect()
    (answer,) = bench.give(bench.party.request("INVITE", sdp()))
    assert answer.status == 500 and 0 <= int(answer.headers.get("retry-after")) <= 10
    bench.give(bench.party.ack(500))
    assert bench.call.state == "ringing"


def test_update_moves_the_audio():
    """UPDATE with an offer is answered in its 200 (RFC 3311), without one it changes nothing."""
    bench = Bench()
    bench.up()
    (answer,) = bench.give(bench.party.request("UPDATE", sdp(port=31000, version=2)))
    assert answer.status == 200 and b"m=audio 40000" in answer.body
    assert bench.told.pop().remote == ("127.0.0.1", 31000)
    (answer,) = bench.give(bench.party.request("UPDATE"))
    assert (answer.status, answer.body, bench.told) == (200, b"", [])


def test_update_while_it_rings():
    """Our answer to the first offer is not out: 500 (RFC 3311, 5.2)."""
    bench = Bench()
    bench.ring()
    bench.call.ring(bench.now)
    bench.collect()
    assert bench.status(bench.party.request("UPDATE", HELD)) == 500


def test_target_refresh():
    """A re-INVITE from elsewhere moves the peer: our BYE goes to its new Contact."""
    bench = Bench()
    bench.up()
    bench.give(bench.party.request("INVITE", sdp(), headers=[("Contact", "<sip:new@127.0.0.8:5099>")]))
    bench.give(bench.party.ack(200))
    bench.call.hangup(bench.now)
    bench.collect()
    assert bench.sent[-1][1].uri == "sip:new@127.0.0.8:5099" and bench.sent[-1][2] == Hop("UDP", "127.0.0.8", 5099)


@pytest.mark.parametrize(("kind", "body", "told"), [
    ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", ("5", 160)),
    ("application/dtmf-relay", "Signal= *\nDuration = 80", ("*", 80)),
    ("application/dtmf-relay", "Signal=11", ("#", 250)),
    ("application/dtmf", "d", ("D", 250)),
])  # fmt: skip
def test_key_by_info(kind, body, told):
    """Both content types that the field uses."""
    bench = Bench()
    bench.up()
    assert bench.status(bench.party.request("INFO", body, kind=kind)) == 200
    assert bench.told == [told]


def test_info_that_is_no_key():
    """415 for other content with what would do, 400 for a key that is none, 200 for nothing (RFC 6086)."""
    bench = Bench()
    bench.up()
    assert bench.status(bench.party.request("INFO", "<x/>", kind="application/media_control+xml")) == 415
    assert bench.status(bench.party.request("INFO", "Signal=flash", kind="application/dtmf-relay")) == 400
    assert bench.status(bench.party.request("INFO", "Duration=3", kind="application/dtmf-relay")) == 400
    assert bench.status(bench.party.request("INFO")) == 200
    assert bench.told == []


@pytest.mark.parametrize(("method", "status"), [
    ("REFER", 603), ("PRACK", 405), ("MESSAGE", 405), ("NOTIFY", 405), ("SUBSCRIBE", 405), ("REGISTER", 405),
    ("PUBLISH", 405), ("WIBBLE", 501),
])  # fmt: skip
def test_methods_nobody_here_has_a_use_for(method, status):
    """Within a call and outside of one; the call goes on."""
    bench = Bench()
    bench.up()
    (answer,) = bench.give(bench.party.request(method))
    assert answer.status == status and bench.call.state == "up"
    if status != 603:
        assert "INVITE" in answer.headers.get("allow")
    bench.party = Party()
    assert bench.status(bench.party.request(method)) == status


@pytest.mark.parametrize("method", ["INVITE", "BYE", "UPDATE", "INFO", "OPTIONS"])
def test_dialog_that_is_not_there(method):
    """A tag that nobody gave out is 481."""
    bench = Bench()
    assert bench.status(bench.party.request(method, to_tag="0123456789abcdef")) == 481
    bench.up()
    stranger = Party()
    stranger.to_tag = bench.party.to_tag
    bench.party = stranger
    assert bench.status(stranger.request(method)) == 481, "our tag with another's Call-ID"


def test_number_out_of_order():
    """A new request with a number that is not higher came by a detour: 500 (RFC 3261, 12.2.2)."""
    bench = Bench()
    bench.up()
    assert bench.status(bench.party.request("INFO", number=10)) == 200
    assert bench.status(bench.party.request("BYE", number=10)) == 500
    assert bench.status(bench.party.request("BYE", number=9)) == 500
    assert bench.status(bench.party.request("BYE", number=11)) == 200
