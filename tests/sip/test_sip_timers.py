"""Every timer of RFC 3261, table 4, and of RFC 4028, on a clock that is told."""

import pytest
from sip_harness import HERE, Bench
from sip_peer import sdp

from engine.sip.transaction import Hop

TCP = Hop("TCP", "127.0.0.1", 45000)


def times(sent, what):
    return [when for when, kind in sent if kind == what]


def test_200_is_repeated_until_its_ack():
    """T1, doubling to T2 (RFC 3261, 13.3.1.4): the ACK may come late, and ends it."""
    bench = Bench()
    bench.give(bench.party.request("INVITE", sdp()))
    assert times(bench.wait(8), 200) == [0.5, 1.5, 3.5, 7.5]
    assert times(bench.wait(5), 200) == [11.5]
    bench.give(bench.party.ack(200))
    assert bench.wait(60) == [] and bench.told == ["incoming", "confirmed"]


def test_200_is_repeated_over_tcp_too():
    """Beyond a proxy the way may be UDP, so the kind of transport does not count for 2xx."""
    bench = Bench(TCP)
    bench.give(bench.party.request("INVITE", sdp()))
    assert times(bench.wait(4), 200) == [0.5, 1.5, 3.5]


def test_no_ack_ends_the_call_with_bye():
    """64*T1 without an ACK: the session is ended with BYE (RFC 3261, 13.3.1.4), and the owner is told once."""
    bench = Bench()
    bench.give(bench.party.request("INVITE", sdp()))
    sent = bench.wait(32)
    assert times(sent, "BYE") == [32.0] and bench.told == ["incoming", "no_ack"]
    bench.assert_forgotten()


def test_refusal_is_repeated_until_its_ack_then_swallowed_for_t4():
    """Timer G doubles to T2, H gives up after 64*T1, I swallows for T4 what comes late."""
    bench = Bench()
    bench.ring()
    bench.call.reject(486, bench.now)
    bench.collect()
    assert times(bench.wait(12), 486) == [0.5, 1.5, 3.5, 7.5, 11.5]
    bench.give(bench.party.ack(486))
    assert bench.wait(4.9) == [] and len(bench.agent.table) == 1
    bench.wait(0.2)
    assert len(bench.agent.table) == 0 and bench.told == ["incoming", "rejected"]


def test_refusal_without_ack_is_forgotten():
    """Timer H: nobody repeats for ever."""
    bench = Bench()
    bench.ring()
    bench.call.reject(404, bench.now)
    bench.collect()
    assert max(times(bench.wait(100), 404)) < 32
    assert bench.agent.idle


def test_refusal_over_tcp_is_sent_once():
    """Over a reliable transport timer G does not run and I is zero."""
    bench = Bench(TCP)
    bench.ring()
    bench.call.reject(486, bench.now)
    bench.collect()
    assert bench.wait(10) == []
    bench.give(bench.party.ack(486))
    assert len(bench.agent.table) == 0


def test_trying_after_200_ms():
    """100 is said once when nobody has said more within 200 ms (RFC 3261, 17.2.1)."""
    bench = Bench()
    assert bench.ring() == []
    assert bench.wait(5) == [(0.2, 100)]


def test_trying_is_not_said_when_it_rings():
    """After 180 the peer knows that the INVITE has arrived."""
    bench = Bench()
    bench.ring()
    bench.call.ring(bench.now)
    assert [m.status for m in bench.collect()] == [180]
    assert bench.wait(5) == []


def test_unanswered_call_is_refused():
    """A call whose owner forgot it ends with 480."""
    bench = Bench(answer_timeout_s=60)
    bench.ring()
    assert (60.0, 480) in bench.wait(61) and bench.told == ["incoming", "unanswered"]
    bench.assert_forgotten()


def test_answer_is_given_again_for_64_t1_and_then_forgotten():
    """Timer J: whoever repeats a BYE within 32 s gets the same answer, not 481."""
    bench = Bench()
    bench.up()
    bye = bench.party.request("BYE")
    first = bench.give(bye)
    bench.wait(31.9)
    assert bench.give(bye)[0].serialise() == first[0].serialise()
    bench.wait(0.2)
    assert bench.status(bye) == 481


def test_our_bye_is_repeated_and_given_up():
    """Timers E and F: T1 doubling to T2, for 64*T1."""
    bench = Bench()
    bench.up()
    bench.call.hangup(bench.now)
    bench.collect()
    sent = times(bench.wait(100), "BYE")
    assert sent[:5] == [0.5, 1.5, 3.5, 7.5, 11.5] and 27 < max(sent) < 32
    assert bench.told == ["hangup"] and bench.agent.idle


def test_our_bye_ends_with_its_answer():
    """Timer K: late answers are swallowed for T4; a provisional one only slows the repetitions down."""
    bench = Bench()
    bench.up()
    bench.call.hangup(bench.now)
    (bye,) = bench.collect()
    bench.give(bench.party.ok_to(bye))
    bench.give(bench.party.ok_to(bye))
    assert bench.wait(4.9) == [] and len(bench.agent.table.clients) == 1
    bench.wait(0.2)
    assert not bench.agent.table.clients


def test_our_bye_over_tcp_is_sent_once():
    """A reliable transport repeats by itself."""
    bench = Bench(TCP)
    bench.up()
    bench.call.hangup(bench.now)
    bench.collect()
    assert bench.wait(31) == []
    bench.assert_forgotten()


def test_hangup_waits_for_the_ack():
    """No BYE before the ACK (RFC 3261, 15); to the owner the call is over at once."""
    bench = Bench()
    bench.give(bench.party.request("INVITE", sdp()))
    bench.call.hangup(bench.now)
    bench.collect()
    assert bench.told == ["incoming", "hangup"]
    assert times(bench.wait(2), "BYE") == []
    (bye,) = bench.give(bench.party.ack(200))
    assert bye.method == "BYE" and bench.told == ["incoming", "hangup"] and not bench.agent.calls


# ---------------------------------------------------------------------- session timers


TIMED = [("Supported", "timer"), ("Session-Expires", "300;refresher=uac"), ("Allow", "INVITE, UPDATE, BYE")]


def test_peer_refreshes_or_the_call_ends():
    """RFC 4028, 10: without a refresh the call ends shortly before the interval is over."""
    bench = Bench()
    answer = bench.up(headers=TIMED)
    assert answer.headers.get("session-expires") == "300;refresher=uac" and answer.headers.get("require") == "timer"
    assert times(bench.wait(300), "BYE")[0] == 300 - 30
    assert bench.told == ["expired"]
    bench.assert_forgotten()


def test_refresh_keeps_the_call():
    """UPDATE without a body is a sign of life, and its answer repeats the terms."""
    bench = Bench()
    bench.up(headers=TIMED)
    for _ in range(5):
        bench.wait(150)
        (answer,) = bench.give(bench.party.request("UPDATE", headers=TIMED))
        assert (answer.status, answer.headers.get("session-expires")) == (200, "300;refresher=uac")
    assert bench.told == []


def test_reinvite_is_a_refresh_too():
    """FreeSWITCH refreshes with a re-INVITE when the peer does not allow UPDATE; nothing has changed in the audio."""
    bench = Bench()
    bench.up(headers=TIMED)
    for _ in range(3):
        bench.wait(150)
        assert bench.status(bench.party.request("INVITE", sdp(), headers=TIMED)) == 200
        bench.give(bench.party.ack(200))
    assert bench.told == []


def test_peer_that_can_is_asked_to_refresh():
    """Supported: timer without Session-Expires: we ask for it, so that dead calls end."""
    bench = Bench(session_expires_s=1800)
    answer = bench.up(headers=[("Supported", "timer")])
    assert answer.headers.get("session-expires") == "1800;refresher=uac"
    assert times(bench.wait(1800), "BYE")[0] == 1800 - 32


def test_an_interval_of_years_is_shortened():
    """The called side may lower it (RFC 4028, 9): a dead call must end some day."""
    bench = Bench(session_expires_s=600)
    answer = bench.up(headers=[("Supported", "timer"), ("Session-Expires", "2000000000")])
    assert answer.headers.get("session-expires") == "600;refresher=uac"


def test_peer_that_cannot_is_left_alone():
    """Without Supported: timer and Session-Expires there is no timer."""
    bench = Bench()
    answer = bench.up()
    assert "session-expires" not in answer.headers
    bench.wait(100_000)
    assert bench.told == [] and bench.call.state == "up"


def test_we_refresh_where_the_peer_wants_that():
    """refresher=uas: UPDATE at half the interval; its 200 keeps the call."""
    bench = Bench()
    wants = [("Supported", "timer"), ("k", "timer"), ("x", "200;refresher=uas"), ("Allow", "UPDATE")]
    answer = bench.up(headers=wants)
    assert answer.headers.get("session-expires") == "200;refresher=uas"
    for n in range(1, 4):
        assert times(bench.wait(100), "UPDATE") == [100.0 * n]
        update = bench.sent[-1][1]
        assert update.headers.get("session-expires") == "200;refresher=uac"
        bench.give(bench.party.ok_to(update))
    bench.sent.clear()
    bench.wait(99.9 + 64)
    assert bench.told == ["failed"], "nobody answered the refresh: the peer is gone"


def test_no_timer_where_we_should_refresh_but_cannot():
    """A peer that wants us to refresh but does not allow UPDATE is answered as by a peer without timers."""
    bench = Bench()
    answer = bench.up(headers=[("Supported", "timer"), ("Session-Expires", "200;refresher=uas"), ("Allow", "INVITE")])
    assert "session-expires" not in answer.headers


def test_too_short_interval_is_refused():
    """422 with Min-SE (RFC 4028, 6)."""
    bench = Bench()
    wants = [("Supported", "timer"), ("Session-Expires", "30")]
    (answer,) = bench.give(bench.party.request("INVITE", sdp(), headers=wants))
    assert (answer.status, answer.headers.get("min-se")) == (422, "90")


@pytest.mark.parametrize("lost", [0.1, 3.0, 31.0])
def test_ack_lost_and_the_next_request_comes(lost):
    """A re-INVITE shows that our 200 has arrived although its ACK has not: the call goes on."""
    bench = Bench()
    bench.give(bench.party.request("INVITE", sdp()))
    bench.wait(lost)
    assert bench.status(bench.party.request("INVITE", sdp())) == 200
    bench.give(bench.party.ack(200))
    bench.wait(100)
    assert bench.told == ["incoming", "confirmed"] and bench.call.state == "up"


def test_answers_go_to_where_the_request_came_from():
    """rport (RFC 3581): the port of the packet; without it the port of Via, at the address of the packet: never a third
    party's."""
    bench = Bench()
    odd = Hop("UDP", "127.0.0.9", 7777)
    bench.give(bench.party.request("OPTIONS"), odd)
    assert bench.sent[-1][2] == odd and "rport=7777;received=127.0.0.9" in bench.sent[-1][1].headers.get("via")
    bench.give(bench.party.request("OPTIONS", rport=False), odd)
    assert bench.sent[-1][2] == Hop("UDP", "127.0.0.9", HERE.port)
    assert bench.sent[-1][1].headers.get("via").endswith(";received=127.0.0.9")
