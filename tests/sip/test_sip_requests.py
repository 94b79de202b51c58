"""What each request is answered, in a call and outside of one."""

import pytest
from sip_harness import HERE, Bench
from sip_peer import MAPS, Party, sdp

from engine.sip.errors import CallOver, NotAcceptable
from engine.sip.transaction import Hop

LOCAL = ("127.0.0.1", 40000)
HELD = sdp(more=("sendonly",), version=2)
PCMA = sdp(formats="8 101", maps=("8 PCMA/8000", MAPS[1]), version=3)


# ---------------------------------------------------------------------- a call begins


def test_invite_tells_who_calls_whom():
    """The user of the Request-URI names the call; To may differ after a redirection."""
    bench = Bench()
    bench.ring(uri="sip:tok%2Den@10.0.0.1:5090;transport=udp", headers=[("X-Call", "7")])
    call = bench.call
    assert (call.token, call.state, call.has_offer) == ("tok-en", "ringing", True)
    assert call.caller.display == "Asha" and call.caller.uri == "sip:+911@127.0.0.1"
    assert call.request.headers.get("x-call") == "7"


def test_ringing_early_media_and_answer():
    """180, 183 with our description, 200 with the same one: one tag in all of them."""
    bench = Bench()
    bench.ring()
    bench.call.ring(bench.now)
    early = bench.call.progress(LOCAL, bench.now)
    assert bench.call.answer(LOCAL, bench.now) == early
    ringing, progress, answer = bench.collect()
    assert (ringing.status, progress.status, answer.status) == (180, 183, 200)
    assert b"m=audio 40000" in progress.body and ringing.body == b""
    assert len({message.headers.get("to") for message in (ringing, progress, answer)}) == 1


def test_repeated_invite_gets_the_last_answer_again():
    """The network lost the 180: the INVITE that comes again is no new call."""
    bench = Bench()
    bench.ring(branch="z9hG4bKa")
    bench.call.ring(bench.now)
    bench.collect()
    again = bench.give(bench.party.request("INVITE", sdp(), number=1, branch="z9hG4bKa"))
    assert [m.status for m in again] == [180] and bench.told == ["incoming"]


def test_answering_late_is_an_error():
    """The caller gave up while the owner made ready: he is told so, nothing is sent."""
    bench = Bench()
    bench.ring()
    bench.give(bench.party.cancel())
    with pytest.raises(CallOver):
        bench.call.answer(LOCAL, bench.now)
    with pytest.raises(CallOver):
        bench.call.reject(486, bench.now)
    bench.call.hangup(bench.now)
    assert bench.collect() == [] and bench.told == ["incoming", "cancelled"]


def test_invite_without_an_offer():
    """We make the offer in the 200, the answer comes with the ACK (RFC 3264, 4; RFC 3261, 13.2.1)."""
    bench = Bench()
    answers = bench.give(bench.party.request("INVITE"))
    assert b"a=rtpmap:97 L16/16000" in answers[0].body and bench.call.agreed is None
    bench.give(bench.party.ack(200, body=PCMA))
    assert bench.told[1].codec == "PCMA" and bench.told[2] == "confirmed"


def test_bad_answer_to_our_offer_ends_the_call():
    """An ACK without a description leaves nothing to talk with: BYE."""
    bench = Bench()
    bench.give(bench.party.request("INVITE"))
    (bye,) = bench.give(bench.party.ack(200))
    assert bye.method == "BYE" and bench.told == ["incoming", "failed"]
    bench.give(bench.party.ok_to(bye))
    bench.assert_forgotten()


def test_offer_that_does_not_suit():
    """488 with a warning that says why; the owner learns it too."""
    bench = Bench()
    bench.ring(sdp(formats="18", maps=("18 G729/8000",)))
    with pytest.raises(NotAcceptable):
        bench.call.answer(LOCAL, bench.now)
    (answer,) = bench.collect()
    assert answer.status == 488 and "none of the codecs" in answer.headers.get("warning")
    bench.give(bench.party.ack(488))
    bench.assert_forgotten()


@pytest.mark.parametrize(("headers", "status", "field"), [
    ([("Require", "100rel")], 420, ("unsupported", "100rel")),
    ([("Require", "timer, replaces"), ("Require", "path")], 420, ("unsupported", "path, replaces")),
    ([("Max-Forwards", "0")], 483, None),
    ([("Content-Encoding", "gzip")], 415, ("accept-encoding", "identity")),
    ([("Accept", "text/plain")], 406, ("accept", "application/sdp")),
])  # fmt: skip
def test_invite_with_terms_we_cannot_keep(headers, status, field):
    """Each refusal names what would do."""
    bench = Bench()
    (answer,) = bench.give(bench.party.request("INVITE", sdp(), headers=headers))
    assert answer.status == status and bench.told == []
    if field:
        assert answer.headers.get(field[0]) == field[1]
    bench.give(bench.party.ack(status))
    bench.assert_forgotten()


def test_100rel_supported_is_no_demand():
    """Supported: 100rel only says what the caller can: our 183 is not sent reliably, so no PRACK comes."""
    bench = Bench()
    answer = bench.up(headers=[("Supported", "100rel, timer")])
    assert "100rel" not in answer.headers.get("require") and "rseq" not in answer.headers


def test_invite_with_another_kind_of_body():
    """415 with what would do."""
    bench = Bench()
    (answer,) = bench.give(bench.party.request("INVITE", "hello", kind="text/plain"))
    assert (answer.status, answer.headers.get("accept")) == (415, "application/sdp")


def test_invite_for_another_kind_of_uri():
    """416 for tel: and for sips:, which promises encryption that is not there."""
    bench = Bench()
    assert bench.status(bench.party.request("INVITE", sdp(), uri="tel:+911")) == 416
    assert bench.status(bench.party.request("INVITE", sdp(), uri="sips:a@127.0.0.1")) == 416


def test_fork_of_the_same_call_is_a_loop():
    """The same INVITE by another way (another branch): 482 (RFC 3261, 8.2.2.2)."""
    bench = Bench()
    bench.ring()
    assert bench.status(bench.party.request("INVITE", sdp(), number=1)) == 482
    assert bench.told == ["incoming"]


def test_full_and_draining():
    """503 with Retry-After; the calls there are go on."""
    bench = Bench(max_calls=1, retry_after_s=7)
    bench.up()
    other = Party()
    bench.party, mine = other, bench.party
    (answer,) = bench.give(other.request("INVITE", sdp()))
    assert (answer.status, answer.headers.get("retry-after")) == (503, "7")
    assert bench.status(other.request("OPTIONS")) == 503
    bench.party = mine
    assert bench.status(mine.request("OPTIONS")) == 200, "within a call OPTIONS asks after the call"
    assert bench.status(mine.request("BYE")) == 200
    bench.agent.draining = True
    bench.party = other
    assert bench.status(other.request("OPTIONS")) == 503


def test_table_is_bounded():
    """A flood of requests is answered but not remembered beyond the limit."""
    bench = Bench(max_transactions=50)
    for _ in range(500):
        assert bench.status(bench.party.request("OPTIONS")) in (200, 503)
    assert len(bench.agent.table) == 50
    assert bench.status(bench.party.request("INVITE", sdp())) == 503
    bench.assert_forgotten()


# ---------------------------------------------------------------------- a call ends


def test_cancel_while_it_rings():
    """200 to CANCEL, 487 to INVITE (RFC 3261, 9.2)."""
    bench = Bench()
    bench.ring()
    ok, terminated = bench.give(bench.party.cancel())
    assert (ok.status, terminated.status) == (200, 487)
    assert ok.headers.get("to") == terminated.headers.get("to")
    bench.give(bench.party.ack(487))
    assert bench.told == ["incoming", "cancelled"]
    bench.assert_forgotten()


def test_cancel_too_late_or_of_nothing():
    """After the answer CANCEL has no effect; without an INVITE it is 481."""
    bench = Bench()
    bench.up()
    assert bench.status(bench.party.cancel(1)) == 200
    assert bench.call.state == "up"
    assert bench.status(bench.party.request("CANCEL", number=9)) == 481


def test_bye_while_it_rings():
    """A caller may hang up with BYE as soon as it has our tag: 200, and 487 to the INVITE (RFC 3261, 15.1.2)."""
    bench = Bench()
    bench.ring()
    bench.call.ring(bench.now)
    bench.collect()
    ok, terminated = bench.give(bench.party.request("BYE"))
    assert (ok.status, terminated.status) == (200, 487)
    bench.give(bench.party.ack(487, number=1))
    assert bench.told == ["incoming", "bye"]
    bench.assert_forgotten()


def test_bye_before_ack():
    """The ACK was lost and the caller hangs up: our 200 is no longer repeated."""
    bench = Bench()
    bench.give(bench.party.request("INVITE", sdp()))
    assert bench.status(bench.party.request("BYE")) == 200
    assert bench.wait(40) == [] and bench.told == ["incoming", "bye"]
    bench.assert_forgotten()


def test_ack_that_fits_nothing():
    """An ACK is never answered, whatever is wrong with it (RFC 3261, 17.1.1.3)."""
    bench = Bench()
    assert bench.give(bench.party.request("ACK", number=1)) == []
    bench.give(bench.party.request("INVITE", sdp()))
    assert bench.give(bench.party.ack(200, number=77)) == []
    assert bench.give(bench.party.request("ACK", number=1, headers=[("CSeq", "one ACK")])) == []
    assert bench.told == ["incoming"] and bench.call.state == "answered"


def test_glare_of_two_byes():
    """Both hang up at once: each is answered, nobody is told twice."""
    bench = Bench()
    bench.up()
    bench.call.hangup(bench.now)
    (bye,) = bench.collect()
    assert bench.status(bench.party.request("BYE")) == 481, "the call is over for us already"
    bench.give(bench.party.ok_to(bye))
    assert bench.told == ["hangup"]
    bench.assert_forgotten()


def test_our_bye_follows_the_route():
    """Record-Route of the INVITE is the way of our requests, in its order; Contact is whom they are for."""
    bench = Bench()
    routes = [("Record-Route", "<sip:127.0.0.3:5070;lr>, <sip:127.0.0.4;lr>"), ("Record-Route", "<sip:127.0.0.5;lr>")]
    answer = bench.up(headers=routes)
    way = ["<sip:127.0.0.3:5070;lr>", "<sip:127.0.0.4;lr>", "<sip:127.0.0.5;lr>"]
    assert answer.headers.items_of("record-route") == way
    bench.call.hangup(bench.now)
    bench.collect()
    _, bye, hop = bench.sent[-1]
    assert bye.headers.all("route") == way
    assert (bye.uri, hop) == ("sip:peer@127.0.0.1:5060", Hop("UDP", "127.0.0.3", 5070))


def test_our_bye_by_a_strict_router():
    """A router without lr finds itself in the first line, the Contact ends the route (RFC 3261, 12.2.1.1)."""
    bench = Bench()
    bench.up(headers=[("Record-Route", "<sip:127.0.0.3>, <sip:127.0.0.4;lr>")])
    bench.call.hangup(bench.now)
    (bye,) = bench.collect()
    assert bye.uri == "sip:127.0.0.3"
    assert bye.headers.all("route") == ["<sip:127.0.0.4;lr>", "<sip:peer@127.0.0.1:5060>"]


def test_contact_of_a_stranger_is_not_dialled():
    """A Contact or route that is no permitted peer is not sent to: our BYE goes where the call came from."""
    bench = Bench()
    bench.up(headers=[("Contact", "<sip:peer@203.0.113.9:5060>")])
    bench.call.hangup(bench.now)
    bench.collect()
    assert bench.sent[-1][1].uri == "sip:peer@203.0.113.9:5060" and bench.sent[-1][2] == HERE


# ---------------------------------------------------------------------- within a call


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


# ---------------------------------------------------------------------- who is listened to


def test_strangers_get_no_answer():
    """Not even OPTIONS, and not for rubbish: an answer would be a mirror for floods."""
    bench = Bench(peers=("10.0.0.0/8",))
    for data in (bench.party.request("OPTIONS"), bench.party.request("INVITE", sdp()), b"\x00" * 60):
        assert bench.give(data, Hop("UDP", "192.0.2.1", 5060)) == []
    assert bench.agent.strangers == 3
    assert bench.status(bench.party.request("OPTIONS"), Hop("UDP", "10.1.2.3", 5060)) == 200
    assert bench.status(bench.party.request("OPTIONS"), Hop("UDP", "::ffff:10.1.2.3", 5060)) == 200


def test_keepalives_are_swallowed():
    """CRLFCRLF keeps a way through a NAT open; it is no fault."""
    bench = Bench()
    assert bench.give(b"\r\n\r\n") == [] and bench.give(b"\0") == [] and bench.agent.malformed == 0


def test_stray_answers_are_dropped():
    """A response to nothing we sent, or with more Vias than ours."""
    bench = Bench()
    bench.up()
    bench.call.hangup(bench.now)
    (bye,) = bench.collect()
    ok = bench.party.ok_to(bye)
    assert bench.give(ok.replace(b"From:", b"Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKother\r\nFrom:")) == []
    assert bench.give(ok.replace(b"branch=z9hG4bK", b"branch=z9hG4bKx")) == []
    assert not any(client.done for client in bench.agent.table.clients.values())
