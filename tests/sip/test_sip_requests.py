"""What each request is answered, in a call and outside of one."""

import pytest
from sip_harness import HERE, Bench
from sip_peer import MAPS, Party, sdp

from engine.sip.errors import CallOver, NotAcceptable
from engine.sip.transaction import Hop

LOCAL = ("127.0.0.1", 40000)
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
