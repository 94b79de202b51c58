"""Call flows on real calls: who else gets the caller (queue, rescue, the other engine), and who is called."""

import re
import time
from collections.abc import Callable, Iterator

import pytest
from carriers import BusyCarrier
from everything import NUMBERS, TRUNK_PORT
from flowcalls import again, hears, tone
from listeningengine import ListeningEngine
from measured import NUMBER
from siphuman import SipHuman
from sipphone import CallFailed, SipPhone
from switchboard import FreeSwitch, wait_for

pytestmark = pytest.mark.switch

Phones = Callable[..., SipPhone]
Humans = Callable[..., SipHuman]


# ---------------------------------------------------------------- queue


@pytest.fixture
def anna(switch: FreeSwitch, human: Humans) -> Iterator[Callable[..., SipHuman]]:
    """Logs somebody in to the queue."""
    def log_in(**options: object) -> SipHuman:
        person = human(**options)
        for command in ("agent add anna@default callback", f"agent set contact anna@default {person.dial_string}",
                        "agent set status anna@default Available", "agent set state anna@default Waiting",
                        "tier add support@default anna@default 1 1"):
            assert switch.api(f"callcenter_config {command}").startswith("+OK"), command
        return person

    yield log_in
    switch.api("callcenter_config tier del support@default anna@default")
    switch.api("callcenter_config agent del anna@default")


def test_queue_while_the_agent_talks(
    switch: FreeSwitch, engine: ListeningEngine, phone: Phones, anna: Callable[..., SipHuman]
) -> None:
    """The caller is with the engine until somebody of the queue answers; then they hear each other, and nothing is left
    when they hang up."""
    person = anna(after=2)
    caller = phone(name="+4930777")
    caller.dial(NUMBERS["queue_ai_numbers"])
    call = engine.next()
    assert call.number == NUMBERS["queue_ai_numbers"]
    assert not person.answered_at
    assert caller.wait(lambda: bool(person.answered_at), 10)
    caller.pause(0.5)
    began = time.monotonic()
    person.rtp.say(tone(700))
    caller.rtp.say(tone(500))
    hears(caller, 700, began)
    hears(person, 500, began)
    caller.hangup()
    assert person.wait_ended(5)
    wait_for(lambda: not switch.channels(), 10, "the end of all channels")


def test_who_hangs_up_leaves_the_queue(
    switch: FreeSwitch, engine: ListeningEngine, phone: Phones, anna: Callable[..., SipHuman]
) -> None:
    """The placeholder ends with the caller: nobody is called for somebody who is gone. What a caller claims to be
    cannot add variables to the dial string."""
    person = anna(manner="ring")
    caller = phone(name="x,execute_on_answer=system")
    caller.dial(NUMBERS["queue_ai_numbers"])
    engine.next()
    assert caller.wait(lambda: bool(person.invited_at), 5)
    caller.hangup()
    wait_for(lambda: not switch.channels(), 10, "the end of all channels")
    assert caller.wait(lambda: bool(person.cancelled_at), 5)


def test_queue_without_anybody(switch: FreeSwitch, engine: ListeningEngine, phone: Phones) -> None:
    """Nobody is logged in: the placeholder leaves, the caller stays with the agent."""
    caller = phone()
    caller.dial(NUMBERS["queue_ai_numbers"])
    engine.next()
    wait_for(lambda: len(switch.channels()) == 3, 5, "the placeholder")
    wait_for(lambda: len(switch.channels()) == 1, 15, "the end of the placeholder")
    assert not caller.ended_at


# ---------------------------------------------------------------- rescue, blue and green


def test_rescue_people_then_queue_then_tones(
    switch: FreeSwitch, phone: Phones, human: Humans, setting: Callable[[str, str], None]
) -> None:
    """No engine: a word, the people in order, the queue; and the tones only when all of them failed."""
    first, second = human(manner="busy"), human(manner="ring")
    setting("rescue_to", f"{first.dial_string}|{second.dial_string}")
    setting("rescue_ring_s", "2")
    caller = phone()
    caller.dial(NUMBER)
    hears(caller, 500, caller.answered_at)
    assert caller.wait(lambda: bool(second.cancelled_at), 10)
    assert first.invited_at < second.invited_at
    hears(caller, 950, second.cancelled_at, timeout=20)
    assert switch.api(f"uuid_getvar {switch.uuid_of(caller.name)} trunkline_rescue") == "queue"
    assert caller.wait_ended(15)
    person = human()
    setting("rescue_to", person.dial_string)
    saved = phone()
    saved.dial(NUMBER)
    assert saved.wait(lambda: bool(person.answered_at), 10)
    began = time.monotonic()
    person.rtp.say(tone(700))
    hears(saved, 700, began)
    person.hangup()
    assert saved.wait_ended(5)


def test_blue_and_green_by_weight(
    switch: FreeSwitch, engine: ListeningEngine, green_port: int, phone: Phones
) -> None:
    """Nine calls of ten go to blue, one to green, and a call goes back to where its conversation is."""
    with ListeningEngine(green_port) as green:
        for number in range(1, 11):
            caller = phone()
            caller.dial(NUMBERS["blue_green_numbers"])
            wait_for(lambda number=number: len(engine.calls) + len(green.calls) == number, 5, f"call {number}")
        assert (len(engine.calls), len(green.calls)) == (9, 1)
        for listening, count in ((engine, 9), (green, 1)):
            call = listening.calls[0]
            again(switch, call.uuid, call.number)
            assert listening.next(count + 1).uuid == call.uuid


def test_the_other_engine_takes_over(engine_port: int, green_port: int, phone: Phones) -> None:
    """One engine away: its calls are the other's."""
    with ListeningEngine(green_port) as green:
        for number in range(1, 4):
            phone().dial(NUMBERS["blue_green_numbers"])
            green.next(number)


# ---------------------------------------------------------------- outbound


@pytest.fixture
def trunk(switch: FreeSwitch, human: Humans) -> Humans:
    """Whoever the gateway "trunk" calls. The gateway is made anew: it was DOWN while nobody answered its OPTIONS."""
    def make(**options: object) -> SipHuman:
        person = human(address="127.0.0.84", port=TRUNK_PORT, **options)
        switch.api("sofia profile external killgw trunk")
        wait_for(lambda: "Invalid Gateway" in switch.api("sofia status gateway trunk"), 10, "the end of the gateway")
        switch.api("sofia profile external rescan")
        wait_for(lambda: "NOREG" in switch.api("sofia status gateway trunk"), 10, "the gateway")
        return person

    return make


def originate(switch: FreeSwitch, number: str) -> str:
    """What ``trunkline dial`` asks for, with telephony.dial_string: loopback/{number}/default."""
    return switch.api(f"originate {{trunkline_outbound=true}}loopback/{number}/default trunkline_outbound XML public")


def test_outbound_by_the_trunk_of_the_number(
    switch: FreeSwitch, engine: ListeningEngine, trunk: Humans
) -> None:
    """National numbers become +E.164, leave by the trunk with that trunk's number as the caller's, and the engine has
    whoever answers."""
    person = trunk()
    assert originate(switch, "030123456").startswith("+OK")
    invite = next(line for line in person.requests_all if line.first.startswith("INVITE"))
    assert invite.first.startswith("INVITE sip:+4930123456@127.0.0.84")
    assert "sip:+4930999@" in invite.headers["from"]
    call = engine.next()
    assert call.variable("trunkline_outbound") == "true"
    person.rtp.say(tone(700))
    person.hangup()
    wait_for(lambda: not switch.channels(), 5, "the end of all channels")


def test_outbound_says_why_it_failed(switch: FreeSwitch, trunk: Humans) -> None:
    """Busy is busy, and is not tried by another trunk; a number that is not allowed is not dialled at all."""
    person = trunk(manner="busy")
    assert originate(switch, "+4930123456") == "-ERR USER_BUSY"
    count = len(person.requests_all)
    assert originate(switch, "+33140000000") == "-ERR CALL_REJECTED"
    assert originate(switch, "0033140000000") == "-ERR CALL_REJECTED"
    assert len(person.requests_all) == count


def test_india_leaves_by_exotel_over_tcp(switch: FreeSwitch, trunk: Humans) -> None:
    """+91 goes to Exotel and nowhere else: TCP, the number in the request, an Exophone of the account as the caller. A
    challenge is answered by the realm that it names, whatever that is."""
    person, carrier = trunk(), BusyCarrier(("127.0.0.82", 5070), realm="any.realm.example")
    assert originate(switch, "+919876543210") == "-ERR USER_BUSY"
    carrier.close()
    (first, body), (second, _) = carrier.invites
    assert first.startswith("INVITE sip:+919876543210@127.0.0.82:5070")
    assert re.search(r"^Via: SIP/2.0/TCP", first, re.MULTILINE)
    assert re.search(r"^From: .*<sip:\+918047000000@acme\.pstn\.exotel\.com>", first, re.MULTILINE)
    assert re.search(r"^m=audio \d+ RTP/AVP 8 0 ", body, re.MULTILINE)
    assert 'Digest username="sub", realm="any.realm.example"' in second
    assert not [each for each in person.requests_all if each.first.startswith("INVITE")]


def test_default_context_is_not_for_callers(switch: FreeSwitch, phone: Phones, trunk: Humans) -> None:
    """A caller who names a gateway ("gw+") gets that gateway's context: "public", where nothing dials out."""
    person = trunk()
    caller = phone()
    with pytest.raises(CallFailed) as refused:
        caller.dial("gw+trunk")
    assert refused.value.status in (404, 480)
    lines = [line for line in switch.log().splitlines() if caller.name in line and " in context " in line]
    assert lines and all("in context public" in line for line in lines)
    assert not [each for each in person.requests_all if each.first.startswith("INVITE")]
