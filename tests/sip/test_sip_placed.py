"""Calls that we place: both sides are ours here, on one told clock, with a line between that may lose what it likes."""

import random

import pytest
from sip_peer import sdp

from engine.sip.errors import SipError
from engine.sip.events import Changed, Confirmed, Ended, Incoming
from engine.sip.message import Response, parse
from engine.sip.options import SipOptions
from engine.sip.transaction import Hop
from engine.sip.uas import UserAgent

NEAR, FAR = Hop("UDP", "127.0.0.1", 5060), Hop("UDP", "127.0.0.2", 5060)
URI = "sip:token@127.0.0.2"


class Pair:
    """A caller and a called agent. ``answer`` is what the called side does with a call."""

    def __init__(self, loss=0.0, seed=0, **options):
        self.now = 0.0
        self.caller = UserAgent(SipOptions(**options), lambda ip: (NEAR.ip, NEAR.port))
        self.called = UserAgent(SipOptions(**options), lambda ip: (FAR.ip, FAR.port))
        self.told = {self.caller: [], self.called: []}
        self.wire = []  # (from, first line) of all that was sent
        self.there = None
        self.answer = lambda call: call.answer(("127.0.0.2", 40000), self.now)
        self._loss, self._random = loss, random.Random(seed)

    def place(self, **more):
        self.here = self.caller.place(URI, FAR, ("127.0.0.1", 30000), self.now, **more)
        self.carry()
        return self.here

    def carry(self):
        sides = ((self.caller, NEAR, self.called), (self.called, FAR, self.caller))
        while any(agent.outbox or agent.events for agent in self.told):
            for agent, hop, other in sides:
                outbox, agent.outbox = agent.outbox, []
                for data, to in outbox:
                    assert to == (FAR if hop is NEAR else NEAR)
                    message = parse(data)
                    what = message.status if isinstance(message, Response) else message.method
                    self.wire.append(("caller" if agent is self.caller else "called", what))
                    if self._random.random() >= self._loss:
                        other.receive(data, hop, self.now)
                events, agent.events = agent.events, []
                for event in events:
                    self._note(agent, event)

    def _note(self, agent, event):
        if isinstance(event, Incoming):
            self.there = event.call
            self.answer(event.call)
        elif isinstance(event, Ended):
            self.told[agent].append(event.cause)
        elif isinstance(event, Confirmed):
            self.told[agent].append("confirmed")
        elif isinstance(event, Changed):
            self.told[agent].append(event.agreed)

    def wait(self, seconds):
        until = self.now + seconds
        while True:
            due = min((agent.next_due for agent in self.told if agent.next_due is not None), default=until + 1)
            if due > until:
                break
            self.now = due
            for agent in self.told:
                agent.advance(self.now)
            self.carry()
        self.now = until

    def assert_over(self):
        self.wait(7200)
        assert self.caller.idle and self.called.idle


def test_a_call_is_placed_and_taken():
    """Both sides agree on the same codec, each with the other's address."""
    pair = Pair()
    call = pair.place(headers=[("X-Call", "7")])
    assert pair.wire == [("caller", "INVITE"), ("called", 200), ("caller", "ACK")]
    assert pair.told == {pair.caller: ["confirmed"], pair.called: ["confirmed"]}
    assert (call.agreed.codec, call.agreed.remote) == ("L16", ("127.0.0.2", 40000))
    assert (pair.there.agreed.codec, pair.there.agreed.remote) == ("L16", ("127.0.0.1", 30000))
    assert pair.there.token == "token" and pair.there.request.headers.get("x-call") == "7"


@pytest.mark.parametrize("who", ["here", "there"])
def test_either_hangs_up(who):
    """BYE within the dialog, from either side."""
    pair = Pair()
    pair.place()
    getattr(pair, who).hangup(pair.now)
    pair.carry()
    first, second = (pair.caller, pair.called) if who == "here" else (pair.called, pair.caller)
    assert pair.told[first] == ["confirmed", "hangup"] and pair.told[second] == ["confirmed", "bye"]
    pair.assert_over()


def test_refused():
    """The refusal is acknowledged by the transaction, its repetitions too; the status is there."""
    pair = Pair()
    pair.answer = lambda call: call.reject(486, pair.now)
    call = pair.place()
    assert call.status == 486 and pair.told[pair.caller] == ["rejected"]
    assert pair.wire == [("caller", "INVITE"), ("called", 486), ("caller", "ACK")]
    pair.assert_over()


def test_given_up_while_it_rings():
    """CANCEL goes out once the peer has said something (RFC 3261, 9.1)."""
    pair = Pair()
    pair.answer = lambda call: call.ring(pair.now)
    call = pair.place()
    assert call.status == 180
    call.hangup(pair.now)
    pair.carry()
    assert pair.told == {pair.caller: ["hangup"], pair.called: ["cancelled"]}
    pair.assert_over()


def test_given_up_before_anything_came():
    """Nothing has been said yet: CANCEL waits for the 100."""
    pair = Pair()
    pair.answer = lambda call: None
    call = pair.place()
    call.hangup(pair.now)
    pair.carry()
    assert ("caller", "CANCEL") not in pair.wire
    pair.wait(1)
    assert ("caller", "CANCEL") in pair.wire and pair.told == {pair.caller: ["hangup"], pair.called: ["cancelled"]}
    pair.assert_over()


def test_given_up_and_answered_at_once():
    """Our CANCEL crosses the 200: it is acknowledged and ended with BYE."""
    pair = Pair()
    pair.answer = lambda call: (call.ring(pair.now), call.answer(("127.0.0.2", 40000), pair.now))
    pair.caller.outbox.clear()
    call = pair.caller.place(URI, FAR, ("127.0.0.1", 30000), pair.now)
    call.hangup(pair.now)
    pair.carry()
    assert pair.told[pair.caller] == ["hangup"] and pair.told[pair.called][-1] in ("bye", "no_ack")
    pair.assert_over()


def test_nobody_there():
    """Timers A and B: T1 doubling, given up after 64*T1 with 408."""
    pair = Pair(loss=1.0)
    call = pair.place()
    pair.wait(100)
    assert [what for _, what in pair.wire] == ["INVITE"] * 7
    assert call.status == 408 and pair.told[pair.caller] == ["rejected"] and pair.caller.idle


def test_peer_that_rings_and_dies():
    """Given up with CANCEL after the answer's time, and without an answer to that, for good."""
    pair = Pair(answer_timeout_s=20)
    pair.answer = lambda call: call.ring(pair.now)
    pair.place()
    pair._loss = 1.0
    pair.wait(20 + 33)
    assert pair.told[pair.caller] == ["hangup"] and ("caller", "CANCEL") in pair.wire
    pair.wait(100)
    assert pair.caller.idle


def test_lost_acks_are_sent_again():
    """Each repeated 200 is acknowledged."""
    pair = Pair()
    pair.answer = lambda call: (setattr(pair, "_loss", 1.0), call.answer(("127.0.0.2", 40000), pair.now))
    pair.place()
    pair._loss = 0.0
    pair.wait(3)
    assert pair.told == {pair.caller: ["confirmed"], pair.called: ["confirmed"]}


@pytest.mark.parametrize("seed", range(20))
def test_a_line_that_loses_a_third(seed):
    """Whatever is lost, both sides agree in the end that the call was there, and forget it."""
    pair = Pair(loss=0.33, seed=seed)
    call = pair.place()
    pair.wait(20)
    assert pair.told[pair.caller] == ["confirmed"] and call.state == "up"
    call.hangup(pair.now)
    pair.carry()
    pair.wait(40)
    assert pair.told[pair.caller][-1] == "hangup" and pair.told[pair.called][-1] in ("bye", "no_ack")
    pair.assert_over()


def test_the_called_side_holds_a_placed_call():
    """A re-INVITE to a call that we placed is answered as in one that came in."""
    pair = Pair()
    call = pair.place()
    dialog = pair.there.dialog
    request = dialog.request("INVITE", f"SIP/2.0/UDP {FAR.ip};branch=z9hG4bKhold", f"<sip:{FAR.ip}>")
    request.headers.add("Content-Type", "application/sdp")
    request.body = sdp(more=["sendonly"]).encode()
    pair.caller.receive(request.serialise(), FAR, pair.now)
    pair.carry()
    assert call.agreed.direction == "recvonly" and pair.told[pair.caller][-1] == call.agreed


def test_no_room():
    """A full endpoint places no calls either."""
    pair = Pair(max_calls=1)
    pair.place()
    with pytest.raises(SipError):
        pair.place()
