"""Calls that go well: from a caller's voice over SIP and RTP to the answer in the caller's ear."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from callers import speak
from measured import NUMBER, Figures, unicast_only
from sipphone import SipPhone
from switchboard import CallLog, Engine, FreeSwitch

pytestmark = pytest.mark.switch

Phones = Callable[..., SipPhone]


@pytest.fixture(scope="module")
def engine(switch: FreeSwitch, engines: Callable[..., Engine]) -> Iterator[Engine]:
    """An engine with its defaults."""
    yield engines()


def dial(caller: SipPhone, engine: Engine) -> CallLog:
    """Call, listen to the greeting, and wait until the agent is silent."""
    caller.dial(NUMBER)
    caller.last_sound(caller.first_sound())
    return engine.call_of(caller.name)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_the_greeting_is_heard(codec: str, engine: Engine, phone: Phones, figures: Figures) -> None:
    """The caller hears the agent at once after the answer, in either law."""
    caller = phone(codec=codec)
    call = dial(caller, engine)
    first = caller.first_sound()
    figures.add(f"answer to first sound of the greeting heard, {codec}", (first - caller.answered_at) * 1000, "ms")
    assert first - caller.answered_at < 2
    assert call.wait("agent_said", 5)[0]["text"].startswith("Hello")


def test_a_wideband_call_is_heard_at_16_khz(switch: FreeSwitch, engine: Engine, phone: Phones) -> None:
    """G722. The phone has none, so FreeSWITCH calls itself with it and is the phone's transcoder."""
    caller = phone()
    caller.dial("trunkline_failover")
    wideband = f"{{absolute_codec_string=G722}}sofia/external/{NUMBER}@{switch.sip[0]}:{switch.sip[1]}"
    assert switch.api(f"uuid_transfer {switch.uuid_of(caller.name)} bridge:{wideband} inline").startswith("+OK")
    call = engine.call_of(caller.name)
    assert call.wait("media_attached", 5)[0]["rate"] == 16000
    attached = time.monotonic()
    caller.last_sound(caller.first_sound(attached))
    assert call.wait("agent_said", 5)[0]["text"].startswith("Hello")


def test_questions_are_answered_from_the_right_passage(
    engine: Engine, phone: Phones, folder: Path, figures: Figures
) -> None:
    """Three questions in one call, over G.711. One may be misheard: how well it hears is measured elsewhere."""
    caller = phone()
    call = dial(caller, engine)
    right, waits = 0, []
    for number, (question, passage) in enumerate(QUESTIONS, 1):
        spoken = caller.say(speak(question, folder))
        answered = caller.first_sound(spoken)
        waits.append(answered - spoken)
        caller.last_sound(answered)
        assert len(call.wait("user_said", 5, number)) == number
        right += passage in json.dumps(call.events("grounds")[-1]["citations"])
    figures.add("questions answered from the right passage, of three", right, "")
    figures.add("last voiced packet of the caller to first of the answer, median", sorted(waits)[1] * 1000, "ms")
    assert right >= 2, call.events("user_said")


QUESTIONS = [
    ("When is the open day?", "date-and-time"),
    ("How can I get to the campus?", "getting-there"),
    ("What time does the help desk open?", "help-desk-hours"),
]


@pytest.mark.parametrize("way", ["rtp", "info"])
def test_digits_arrive(way: str, engine: Engine, phone: Phones) -> None:
    """RFC 4733 events and SIP INFO: FreeSWITCH drops the latter without a word unless ``liberal-dtmf`` is set."""
    caller = phone()
    call = dial(caller, engine)
    for digit in "4#":
        if way == "rtp":
            caller.rtp.press(digit)
        else:
            caller.press_by_info(digit)
    assert [event["digit"] for event in call.wait("dtmf", 5, 2)] == ["4", "#"]


def test_the_caller_hangs_up(switch: FreeSwitch, engine: Engine, phone: Phones, figures: Figures) -> None:
    """The engine ends its side, and the call leaves its log, report, recording and page."""
    caller = phone()
    call = dial(caller, engine)
    caller.hangup()
    assert call.wait("hangup", 5)[0]["by"] == "caller"
    call.wait("call_ended", 5)
    assert caller.wait(lambda: not switch.channels(), 10)
    for name in ("report.json", "*.wav", "*.html"):
        assert caller.wait(lambda name=name: bool(list(call.path.parent.glob(name))), 10), f"no {name}"


def test_hold_and_back(engine: Engine, phone: Phones, folder: Path) -> None:
    """A caller who holds hears nothing and sends nothing; afterwards the conversation goes on in the same call."""
    caller = phone()
    call = dial(caller, engine)
    caller.hold()
    heard = len(caller.rtp.heard)
    caller.pause(2)
    assert len(caller.rtp.heard) - heard < 5
    caller.resume()
    caller.first_sound(caller.say(speak(QUESTIONS[0][0], folder)))
    assert not call.events("media_lost")


@unicast_only
def test_a_change_of_codec_in_mid_call(engine: Engine, phone: Phones, folder: Path, figures: Figures) -> None:
    """It ends unicast for good; the engine notices and takes the audio anew by a transfer to the same extension."""
    caller = phone(codec="PCMU")
    call = dial(caller, engine)
    caller.change_codec("PCMA")
    before = len(caller.rtp.heard)
    call.wait("media_attached", 5, 2)
    assert caller.wait(lambda: len(caller.rtp.heard) > before + 25, 5)
    around = caller.rtp.heard[before - 2 :]
    gap = max(later.time - earlier.time for earlier, later in zip(around, around[1:], strict=False))
    figures.add("change of codec: longest gap in what the caller hears", gap * 1000, "ms")
    caller.first_sound(caller.say(speak(QUESTIONS[0][0], folder)))
    assert caller.rtp.heard[-1].payload_type == 8
    assert not caller.ended_at


def test_goodbye_ends_the_call(engine: Engine, phone: Phones, folder: Path) -> None:
    """When the caller says goodbye the agent does too, to its last word, and hangs up."""
    caller = phone()
    call = dial(caller, engine)
    caller.say(speak("Goodbye.", folder))
    assert caller.wait_ended(15), call.events("user_said")
    assert call.wait("hangup", 5)[0]["by"] == "agent"
    assert "oodbye" in call.events("agent_said")[-1]["text"]
