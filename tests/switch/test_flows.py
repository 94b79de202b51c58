"""The call flows of dialplans/, each on a real call: all are on at once, each for a number of its own."""

import re
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from carriers import BusyCarrier
from everything import NUMBERS, TRUNK_PORT, everything
from listeningengine import ListeningEngine
from measured import NUMBER
from rtpstream import RATE, audible, tone_hz
from siphuman import SipHuman
from sipphone import CallFailed, SipPhone
from switchboard import FreeSwitch, find_freeswitch, free_port, wait_for

pytestmark = pytest.mark.switch

Phones = Callable[..., SipPhone]
Humans = Callable[..., SipHuman]


def tone(hz: float, seconds: float = 1.0) -> np.ndarray:
    """A steady voice."""
    return (np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE) * 8000).astype(np.int16)


def hears(phone: SipPhone, hz: float, since: float, timeout: float = 10.0) -> None:
    """Wait until ``phone`` hears this tone."""
    def heard() -> bool:
        packets = audible(phone.rtp.heard, since)
        return any(abs(tone_hz(packets[at : at + 6]) - hz) < 20 for at in range(0, len(packets) - 6, 3))

    assert phone.wait(heard, timeout), f"{hz} Hz was not heard"


@pytest.fixture(scope="module")
def engine_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def place(folder: Path) -> Path:
    """Where this switch keeps its files."""
    return folder / "flows"


@pytest.fixture(scope="module")
def switch(place: Path, engine_port: int) -> Iterator[FreeSwitch]:
    """FreeSWITCH with all flows on."""
    freeswitch = FreeSwitch(find_freeswitch(), place, engine_port, **everything(place, engine_port))
    try:
        freeswitch.start()
        yield freeswitch
    finally:
        freeswitch.stop()


@pytest.fixture(scope="module")
def green_port(switch: FreeSwitch) -> int:
    return int(switch.api("global_getvar engine_green").rpartition(":")[2])


@pytest.fixture
def engine(switch: FreeSwitch, engine_port: int) -> Iterator[ListeningEngine]:
    with ListeningEngine(engine_port) as listening:
        yield listening


@pytest.fixture
def human(switch: FreeSwitch) -> Iterator[Humans]:
    """Makes people who can be called."""
    people: list[SipHuman] = []

    def make(**options: object) -> SipHuman:
        people.append(SipHuman(switch.sip, **options))
        return people[-1]

    yield make
    for each in people:
        each.__exit__()


@pytest.fixture
def setting(switch: FreeSwitch) -> Iterator[Callable[[str, str], None]]:
    """Changes a setting that the dialplan reads at each call, and changes it back."""
    before: dict[str, str] = {}

    def change(name: str, value: str) -> None:
        before.setdefault(name, switch.api(f"global_getvar {name}"))
        switch.api(f"global_setvar {name}={value}")

    yield change
    for name, value in before.items():
        switch.api(f"global_setvar {name}={value}")


def again(switch: FreeSwitch, call_uuid: str, number: str) -> None:
    """What the engine does when audio has to be attached anew."""
    assert switch.api(f"uuid_transfer {call_uuid} {number} XML public").startswith("+OK")


# ---------------------------------------------------------------- numbers, hours


def test_a_number_has_its_agent_and_so_many_calls(switch: FreeSwitch, engine: ListeningEngine, phone: Phones) -> None:
    """The dialplan names the agent; the second call at once is busy (did_limit=1), the place comes back with a
    hangup and not with a transfer."""
    first = phone()
    first.dial(NUMBERS["did_1"])
    call = engine.next()
    assert (call.number, call.variable("trunkline_agent")) == (NUMBERS["did_1"], "support")
    again(switch, call.uuid, call.number)
    assert engine.next(2).uuid == call.uuid
    with pytest.raises(CallFailed) as refused:
        phone().dial(NUMBERS["did_1"])
    assert refused.value.status == 486
    other = phone()
    other.dial(NUMBERS["did_2"])
    assert engine.next(3).variable("trunkline_agent") == "okti"
    first.hangup()
    wait_for(lambda: len(switch.channels()) == 1, 5, "the end of the first call")
    third = phone()
    third.dial(NUMBERS["did_1"])
    assert engine.next(4).uuid not in (call.uuid,)


def test_open_hours(engine: ListeningEngine, phone: Phones) -> None:
    """In time the engine has the call, under its own number; it is not asked a second time what time it is."""
    phone().dial(NUMBERS["business_numbers"])
    call = engine.next()
    assert (call.number, call.variable("business_hours_seen")) == (NUMBERS["business_numbers"], "open")


@pytest.fixture
def closed(folder: Path, engine_port: int, request: pytest.FixtureRequest) -> Iterator[FreeSwitch]:
    """A switch on which it is no business day: that was the day before yesterday. With voicemail, or without."""
    day = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"][(time.gmtime().tm_wday - 1) % 7]
    place = folder / f"closed-{request.param}"
    (place / "voicemail").mkdir(parents=True)
    freeswitch = FreeSwitch(
        find_freeswitch(), place, engine_port, FREESWITCH_FLOW_BUSINESS_HOURS="on", FREESWITCH_BUSINESS_DAYS=day,
        FREESWITCH_FLOW_AFTER_HOURS_VOICEMAIL=request.param, FREESWITCH_VOICEMAIL_DIR=str(place / "voicemail"),
    )
    try:
        freeswitch.start()
        yield freeswitch
    finally:
        freeswitch.stop()


@pytest.mark.parametrize("closed", ["off"], indirect=True)
def test_closed_without_voicemail(closed: FreeSwitch, engine: ListeningEngine) -> None:
    """A recorded word and the end of the call; or, where one is named, the agent of the night, for the same number."""
    with SipPhone(closed.sip) as caller:
        caller.dial(NUMBER)
        hears(caller, 1400, caller.answered_at)
        assert caller.wait_ended(15)
    assert not engine.calls
    closed.api("global_setvar business_closed_agent=okti")
    with SipPhone(closed.sip) as caller:
        caller.dial(NUMBER)
        call = engine.next()
        assert (call.number, call.variable("trunkline_agent")) == (NUMBER, "okti")


@pytest.mark.parametrize("closed", ["on"], indirect=True)
def test_after_hours_voicemail(closed: FreeSwitch) -> None:
    """A tone, then the caller's words are in a file that no caller can name, until "#"; the CDR says which."""
    with SipPhone(closed.sip) as caller:
        caller.dial(NUMBER)
        hears(caller, 440, caller.answered_at)
        caller.last_sound(caller.answered_at, pause=0.3)
        caller.say(tone(700, 2))
        call_uuid = closed.uuid_of(caller.name)
        path = Path(closed.api(f"uuid_getvar {call_uuid} voicemail_file"))
        assert path.name == f"voicemail-{call_uuid}.wav"
        caller.rtp.press("#")
        assert caller.wait_ended(5)
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(float)
        rate = file.getframerate()
    assert 1.5 < len(pcm) / rate < 6
    assert abs(np.abs(np.fft.rfft(pcm)).argmax() * rate / len(pcm) - 700) < 10


def test_inner_names_cannot_be_dialled(switch: FreeSwitch, phone: Phones) -> None:
    """What flows transfer to among themselves is nothing for callers: the marks are missing, so it is 404."""
    place = "11111111-1111-1111-1111-111111111111"
    for name in ("business_closed", "ivr_key_1", "ivr_key_0", "language_key_2", "consent_press", "consent_key_1",
                 f"queue_ai_{place}_{place}", "trunkline_queue", "trunkline_outbound"):
        with pytest.raises(CallFailed) as refused:
            phone().dial(name)
        assert refused.value.status == 404, name


# ---------------------------------------------------------------- menus


def press(caller: SipPhone, key: str) -> None:
    """Press a key when the menu has been heard."""
    caller.first_sound(caller.answered_at)
    caller.rtp.press(key)


def test_menu_chooses_the_agent_once(switch: FreeSwitch, engine: ListeningEngine, phone: Phones) -> None:
    """The key names the agent, the number stays; when the audio is attached anew nobody is asked again."""
    caller = phone()
    caller.dial(NUMBERS["ivr_numbers"])
    press(caller, "2")
    call = engine.next()
    assert (call.number, call.variable("trunkline_agent")) == (NUMBERS["ivr_numbers"], "kerala")
    began = time.monotonic()
    again(switch, call.uuid, call.number)
    assert engine.next(2).variable("trunkline_agent") == "kerala"
    assert not audible(caller.rtp.heard, began)


def test_menu_key_of_a_human(
    engine: ListeningEngine, phone: Phones, human: Humans, setting: Callable[[str, str], None]
) -> None:
    """0 rings a person; one who does not take the call leaves the caller with the agent."""
    person, busy = human(), human(manner="busy")
    setting("ivr_0_to", busy.dial_string)
    caller = phone()
    caller.dial(NUMBERS["ivr_numbers"])
    press(caller, "0")
    assert engine.next().variable("trunkline_agent") == ""
    assert busy.invited_at
    caller.hangup()
    setting("ivr_0_to", person.dial_string)
    second = phone()
    second.dial(NUMBERS["ivr_numbers"])
    press(second, "0")
    assert second.wait(lambda: bool(person.answered_at), 5)
    began = time.monotonic()
    person.rtp.say(tone(700))
    hears(second, 700, began)
    person.hangup()
    assert second.wait_ended(5)


def test_menu_without_a_key(engine: ListeningEngine, phone: Phones) -> None:
    """Whoever presses nothing, or has no keys, is asked twice and then talks to the agent of the number."""
    caller = phone()
    caller.dial(NUMBERS["ivr_numbers"])
    call = engine.next(timeout=25)
    assert (call.number, call.variable("trunkline_agent")) == (NUMBERS["ivr_numbers"], "")


def test_language_menu(engine: ListeningEngine, phone: Phones) -> None:
    """The key names the language in which the agent begins."""
    caller = phone()
    caller.dial(NUMBERS["language_numbers"])
    press(caller, "2")
    call = engine.next()
    assert (call.number, call.variable("trunkline_language")) == (NUMBERS["language_numbers"], "hi")


# ---------------------------------------------------------------- consent


def test_consent_given_is_recorded(
    switch: FreeSwitch, engine: ListeningEngine, phone: Phones, place: Path
) -> None:
    """1: both sides are recorded, through a second attachment too, and the engine knows the path, to mask it."""
    caller = phone()
    caller.dial(NUMBERS["consent_numbers"])
    press(caller, "1")
    call = engine.next()
    path = Path(call.variable("trunkline_recording"))
    assert path == place / "consented" / f"{call.uuid}.wav"
    assert (call.variable("trunkline_consent"), call.variable("trunkline_record")) == ("given", "")
    caller.say(tone(500))
    again(switch, call.uuid, call.number)
    engine.next(2)
    caller.say(tone(900))
    caller.hangup()
    wait_for(lambda: not switch.channels(), 5, "the end of the call")
    with wave.open(str(path)) as file:
        assert file.getnchannels() == 2
        left = np.frombuffer(file.readframes(file.getnframes()), np.int16)[::2].astype(float)
    spectrum = np.abs(np.fft.rfft(left))
    for hz in (500, 900):
        at = round(hz * len(left) / RATE)
        assert spectrum[at - 5 : at + 6].max() > 50 * np.median(spectrum), hz


@pytest.mark.parametrize("key", ["2", ""])
def test_without_consent_nothing_is_recorded(key: str, engine: ListeningEngine, phone: Phones) -> None:
    """Another key, or none: no recording of FreeSWITCH, and the engine is told to make none."""
    caller = phone()
    caller.dial(NUMBERS["consent_numbers"])
    if key:
        press(caller, key)
    call = engine.next(timeout=15)
    assert (call.variable("trunkline_consent"), call.variable("trunkline_record")) == ("refused", "false")
    assert call.variable("trunkline_recording") == ""


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


