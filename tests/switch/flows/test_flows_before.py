"""Call flows on real calls: what a caller meets before the agent: the number, the hours, menus, consent."""

import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from everything import NUMBERS
from flowcalls import again, hears, press, tone
from listeningengine import ListeningEngine
from measured import NUMBER
from rtpstream import RATE, audible
from siphuman import SipHuman
from sipphone import CallFailed, SipPhone
from switchboard import FreeSwitch, find_freeswitch, wait_for

pytestmark = pytest.mark.switch

Phones = Callable[..., SipPhone]
Humans = Callable[..., SipHuman]


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
