"""Callers are handed to humans and queues, and come back: on real calls, with a phone that plays the human."""

import json
import sys
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from measured import NUMBER, Figures
from rtpstream import RATE, audible, tone_hz
from siphuman import SipHuman
from sipphone import SipPhone
from switchboard import ROOT, CallLog, Engine, FreeSwitch

from engine.cli import handover_checks
from engine.config import Config

pytestmark = pytest.mark.switch

AGENT_HZ, HUMAN_HZ, CALLER_HZ = 220, 700, 500
RING_HZ = (400, 450)
Phones = Callable[..., SipPhone]


def tone(hz: float, seconds: float = 1.0) -> np.ndarray:
    """A steady voice."""
    return (np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE) * 8000).astype(np.int16)


class Desk:
    """An engine that does as it is told, and the file by which it is told."""

    def __init__(self, folder: Path, port: int, home: Path, switch: FreeSwitch, **telephony: object) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.aim()
        self.order("transfer", target="desk", mode="blind")
        program = [sys.executable, str(ROOT / "tests/switch/handover_engine.py"), str(folder)]
        options = {"telephony": {"after_human": "agent", **telephony}, "turns": {"endpoint_min_ms": 300},
                   "record": {"humans": True},
                   "agent": {"greeting": "Good day."},
                   "switch": {"enabled": True, "port": switch.esl_port, "password": switch.PASSWORD}}
        self.engine = Engine(folder, port, home, program=program, **options)
        self.engine.wait_ready()

    def aim(self, **targets: dict[str, object]) -> None:
        """Whom the next calls may be handed to."""
        (self.folder / "targets.json").write_text(json.dumps(targets))

    def order(self, do: str, **arguments: object) -> None:
        """What the agent does at the caller's next voice."""
        (self.folder / "outcome.json").unlink(missing_ok=True)
        (self.folder / "orders.json").write_text(json.dumps({"do": do, **arguments}))

    def outcome(self, caller: SipPhone, timeout: float = 20.0) -> tuple[bool, str, dict[str, object]]:
        """What came of it."""
        path = self.folder / "outcome.json"
        assert caller.wait(path.exists, timeout), "the action has not returned"
        caller.pause(0.05)
        ok, why, data = json.loads(path.read_text())
        return ok, why, data


@pytest.fixture(scope="module")
def desk(folder: Path, home: Path, engine_port: int, switch: FreeSwitch) -> Iterator[Desk]:
    """Callers come back to the agent after a human."""
    desk = Desk(folder / "handover", engine_port, home, switch)
    yield desk
    desk.engine.child.end(10)


@pytest.fixture
def human(switch: FreeSwitch) -> Iterator[Callable[..., SipHuman]]:
    """Makes humans who can be called."""
    people: list[SipHuman] = []

    def make(**options: object) -> SipHuman:
        people.append(SipHuman(switch.sip, **options))
        return people[-1]

    yield make
    for each in people:
        each.__exit__()


def call(caller: SipPhone, desk: Desk) -> CallLog:
    """Dial, hear the greeting, then say something: the order is carried out."""
    caller.dial(NUMBER)
    caller.last_sound(caller.first_sound())
    caller.say(tone(CALLER_HZ, 0.6))
    return desk.engine.call_of(caller.name)


def hears(phone: SipPhone, hz: float, since: float, timeout: float = 8.0, tolerance: float = 15.0) -> float:
    """Wait until ``phone`` hears a voice of this frequency; returns when."""
    found: list[float] = []

    def find() -> bool:
        heard = audible(phone.rtp.heard, since)
        for at in range(0, len(heard) - 6, 3):
            if abs(tone_hz(heard[at : at + 6]) - hz) < tolerance:
                # The window may begin with the end of another sound.
                same = (each for each in heard[at : at + 6] if abs(tone_hz([each]) - hz) < tolerance + 50)
                found.append(next(same, heard[at + 5]).time)
                return True
        return False

    assert phone.wait(find, timeout), f"{hz} Hz was not heard"
    return found[-1]


def is_on_the_line(person: SipHuman, switch: FreeSwitch) -> bool:
    """Whether FreeSWITCH has a channel to them."""
    return any(person.name in row["name"] for row in switch.channels())


def longest_silence(phone: SipPhone, since: float, until: float) -> float:
    """Seconds without any sound between two moments."""
    times = [since, *(packet.time for packet in audible(phone.rtp.heard, since) if packet.time < until), until]
    return max(later - earlier for earlier, later in zip(times, times[1:], strict=False))


def talk_both_ways(caller: SipPhone, human: SipHuman) -> None:
    """They hear each other; returns when both are silent again."""
    began = time.monotonic()
    human.rtp.say(tone(HUMAN_HZ))
    caller.rtp.say(tone(CALLER_HZ))
    hears(caller, HUMAN_HZ, began)
    hears(human, CALLER_HZ, began)
    assert caller.wait(lambda: not (caller.rtp.speaking or human.rtp.speaking), 5)


def test_blind_to_a_human_and_back(
    desk: Desk, switch: FreeSwitch, phone: Phones, human: Callable[..., SipHuman], figures: Figures
) -> None:
    """The caller hears ringing until the human answers, then the human; when they hang up, the agent again, who can
    hand them to another one."""
    person, second, caller = human(after=4), human(), phone()
    desk.aim(desk={"destination": person.dial_string}, second={"destination": second.dial_string})
    desk.order("transfer", target="desk", mode="blind")
    log = call(caller, desk)
    hears(caller, 425, caller.answered_at, tolerance=40)
    assert desk.outcome(caller)[0]
    bridged = log.wait("handover_bridged", 5)[0]
    figures.add("hand-over: human answered to bridged, blind", bridged["ms"], "ms")
    talk_both_ways(caller, person)
    hung_up = time.monotonic()
    person.hangup()
    log.wait("caller_back", 5)
    back = hears(caller, AGENT_HZ, hung_up)
    figures.add("hand-over: human hung up to the agent heard again", (back - hung_up) * 1000, "ms")
    caller.last_sound(back)
    desk.order("transfer", target="second", mode="blind")
    caller.say(tone(CALLER_HZ, 0.6))
    log.wait("handover_bridged", 10, 2)
    talk_both_ways(caller, second)
    caller.hangup()
    assert log.wait("hangup", 5)[0]["by"] == "caller"
    log.wait("call_ended", 5)
    assert caller.wait(lambda: not switch.channels(), 10)
    assert len(log.events("call_started")) == 1
    for number, row in enumerate(log.events("recording_human"), 1):
        assert row["file"] == f"human-{number}.wav"
        assert both_sides(log.path.parent / row["file"]) == (CALLER_HZ, HUMAN_HZ)
    assert number == 2


def both_sides(path: Path) -> tuple[int, int]:
    """The loudest tone of each side of a recording, in steps of 20 Hz."""
    with wave.open(str(path)) as file:
        assert file.getnchannels() == 2
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
        rate = file.getframerate()
    left, right = (np.abs(np.fft.rfft(samples[:, side])).argmax() * rate / len(samples) for side in (0, 1))
    return round(left / 20) * 20, round(right / 20) * 20


@pytest.mark.parametrize("manner", ["busy", "refuse", "ring"])
def test_blind_that_fails_goes_back_to_the_agent(
    manner: str, desk: Desk, switch: FreeSwitch, phone: Phones, human: Callable[..., SipHuman], figures: Figures
) -> None:
    """Busy, refused, no answer: the caller is never without sound for long, and the agent goes on in the same call."""
    person, caller = human(manner=manner), phone()
    desk.aim(desk={"destination": person.dial_string, "timeout_s": 3})
    desk.order("transfer", target="desk", mode="blind")
    log = call(caller, desk)
    ok, why, _ = desk.outcome(caller)
    assert not ok
    assert {"busy": "busy", "refuse": "refused", "ring": "nobody answered"}[manner] in why
    began = caller.answered_at
    back = hears(caller, AGENT_HZ, time.monotonic() - 0.2)
    failed, resumed = log.wait("handover_failed", 5)[0], log.wait("resume", 5)[0]
    figures.add(f"hand-over: {manner}, from dialling to the agent going on",
                (resumed["at"] - log.events("handover_dialing")[0]["t"]) * 1000, "ms")
    assert resumed["at"] - failed["t"] < 0.5
    assert longest_silence(caller, began, back) < 3.5
    assert not caller.ended_at
    assert caller.wait(lambda: not is_on_the_line(person, switch), 5), "the human's leg is still there"
    assert not log.events("media_lost")


def test_warm_accepted(
    desk: Desk, switch: FreeSwitch, phone: Phones, human: Callable[..., SipHuman], folder: Path, figures: Figures
) -> None:
    """The human is told what it is about, presses 1 and has the caller; FreeSWITCH's recording goes on all through."""
    person, caller, theirs = human(), phone(), folder / "whole-call.wav"
    desk.aim(desk={"destination": person.dial_string})
    desk.order("transfer", target="desk", mode="warm", summary="It is about the open day.")
    log = call(caller, desk)
    switch.api(f"uuid_record {switch.uuid_of(caller.name)} start {theirs}")
    assert caller.wait(lambda: bool(person.answered_at), 8)
    briefed = hears(person, AGENT_HZ, person.answered_at)
    figures.add("hand-over: human answered to briefing heard", (briefed - person.answered_at) * 1000, "ms")
    person.pause(1.0)
    assert not log.events("handover_bridged")
    pressed = time.monotonic()
    person.rtp.press("1")
    log.wait("handover_bridged", 5)
    figures.add("hand-over: accepted to bridged, warm", (time.monotonic() - pressed) * 1000, "ms")
    assert desk.outcome(caller)[0]
    talk_both_ways(caller, person)
    caller.hangup()
    log.wait("call_ended", 5)
    assert log.events("hangup")[0]["by"] == "caller"
    assert person.wait_ended(5), "the human is left alone on the line"
    assert caller.wait(lambda: not switch.channels(), 10)
    with wave.open(str(theirs)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(float)
    spectrum = np.abs(np.fft.rfft(pcm[-2 * RATE :]))
    assert spectrum[1390:1410].max() > 20 * np.median(spectrum), "the human's voice is not in FreeSWITCH's recording"


@pytest.mark.parametrize("how", ["refused", "no key", "hung up"])
def test_warm_that_is_not_accepted(
    how: str, desk: Desk, switch: FreeSwitch, phone: Phones, human: Callable[..., SipHuman]
) -> None:
    """The caller comes back to the agent, and the human's leg ends."""
    person, caller = human(), phone()
    desk.aim(desk={"destination": person.dial_string})
    desk.order("transfer", target="desk", mode="warm", summary="About the open day.")
    call(caller, desk)
    assert caller.wait(lambda: bool(person.answered_at), 8)
    hears(person, AGENT_HZ, person.answered_at)
    if how == "refused":
        person.rtp.press("2")
    elif how == "hung up":
        person.hangup()
    ok, why, _ = desk.outcome(caller, 30)
    assert not ok
    assert {"refused": "cannot take", "no key": "in time", "hung up": "without taking"}[how] in why
    hears(caller, AGENT_HZ, time.monotonic() - 0.2)
    assert person.wait_ended(5)
    assert not caller.ended_at
    assert caller.wait(lambda: not is_on_the_line(person, switch), 5)


# ---------------------------------------------------------------- queue


@pytest.fixture
def anna(switch: FreeSwitch, human: Callable[..., SipHuman]) -> Iterator[SipHuman]:
    """Somebody who takes calls of the queue."""
    person = human(after=1.0)
    for command in ("agent add anna@default callback", f"agent set contact anna@default {person.dial_string}",
                    "agent set status anna@default Available", "agent set state anna@default Waiting",
                    "tier add support@default anna@default 1 1"):
        assert switch.api(f"callcenter_config {command}").startswith("+OK"), command
    yield person
    switch.api("callcenter_config agent del anna@default")
    switch.api("callcenter_config tier del support@default anna@default")


SUPPORT = {"kind": "queue", "destination": "support@default", "announcement": "Just a moment."}


def test_queue_with_somebody_in_it(
    desk: Desk, switch: FreeSwitch, phone: Phones, anna: SipHuman, figures: Figures
) -> None:
    """The caller waits in the queue, talks to whoever takes the call, and is back with the agent after that."""
    caller = phone()
    desk.aim(support=SUPPORT)
    desk.order("transfer", target="support", mode="queue")
    log = call(caller, desk)
    queued = log.wait("handover_queued", 10)[0]["t"]
    bridged = log.wait("handover_bridged", 10)[0]["t"]
    figures.add("queue: entered to talking to its agent, who lets it ring 1 s", (bridged - queued) * 1000, "ms")
    talk_both_ways(caller, anna)
    began = time.monotonic()
    anna.hangup()
    assert log.wait("caller_back", 5)[0]["why"] == "the human hung up"
    assert both_sides(log.path.parent / log.events("recording_human")[0]["file"]) == (CALLER_HZ, HUMAN_HZ)
    back = hears(caller, AGENT_HZ, began)
    figures.add("queue: agent hung up to our agent heard", (back - began) * 1000, "ms")


def test_queue_that_takes_too_long(
    desk: Desk, switch: FreeSwitch, phone: Phones, anna: SipHuman, figures: Figures
) -> None:
    """Nobody answers: the caller is told the position, and is back with the agent after the target's time."""
    anna.manner = "ring"
    caller = phone()
    desk.aim(support={**SUPPORT, "timeout_s": 5})
    desk.order("transfer", target="support", mode="queue")
    log = call(caller, desk)
    log.wait("handover_queued", 10)
    entered = time.monotonic()
    assert log.wait("queue_position", 5)[0]["position"] == 1
    position = hears(caller, AGENT_HZ, entered)
    figures.add("queue: entered to the position heard", (position - entered) * 1000, "ms")
    assert log.wait("caller_back", 15)[0]["why"] == "nobody took the call"
    back = time.monotonic()
    heard = hears(caller, AGENT_HZ, back - 0.2)
    figures.add("queue: wait of 5 s, entered to our agent heard", (heard - entered) * 1000, "ms")
    assert longest_silence(caller, caller.answered_at, heard) < 3.5
    assert not caller.ended_at


@pytest.mark.parametrize("target", [SUPPORT, {**SUPPORT, "destination": "nosuch@default"}])
def test_queue_without_anybody(target: dict[str, object], desk: Desk, phone: Phones) -> None:
    """Nobody logged in, or no such queue: the agent knows at once, and the caller never leaves it."""
    caller = phone()
    desk.aim(support=target)
    desk.order("transfer", target="support", mode="queue")
    log = call(caller, desk)
    ok, why, _ = desk.outcome(caller)
    assert not ok
    assert "nobody is there" in why or "no queue nosuch@default" in why
    hears(caller, AGENT_HZ, time.monotonic() - 0.2)
    assert not log.events("media_lost")
    assert len(log.events("media_attached")) == 1


def test_the_engine_dies_while_the_caller_talks_to_a_human(
    desk: Desk, switch: FreeSwitch, phone: Phones, human: Callable[..., SipHuman], folder: Path, home: Path,
    engine_port: int,
) -> None:
    """The conversation goes on; when the human hangs up, the dialplan's fail-over has the caller."""
    person, caller = human(), phone()
    desk.aim(desk={"destination": person.dial_string})
    desk.order("transfer", target="desk", mode="blind")
    log = call(caller, desk)
    log.wait("handover_bridged", 10)
    desk.engine.child.end(0.1)
    talk_both_ways(caller, person)
    began = time.monotonic()
    person.hangup()
    hears(caller, 950, began)
    desk.__init__(desk.folder, engine_port, home, switch)


def test_the_doctor_asks_a_real_freeswitch(
    switch: FreeSwitch, anna: SipHuman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What FreeSWITCH answers to ``trunkline doctor``'s questions is what the checks read."""
    targets = {"there": ("queue", "support@default"), "not": ("queue", "nosuch@default"),
               "trunk": ("warm", "sofia/gateway/nosuch/+4930555"), "user": ("blind", "user/nosuch@127.0.0.1"),
               "where": ("blind", "user/nosuch")}
    lines = "".join(f"  {name}: {{kind: {kind}, destination: {where}}}\n" for name, (kind, where) in targets.items())
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "desk.yaml").write_text(
        f"languages: {{en: {{greeting: Hello.}}}}\ncollections: [sample]\ntransfer:\n{lines}")
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    config = Config(switch={"enabled": True, "port": switch.esl_port, "password": switch.PASSWORD})
    rows = [(status, text) for status, text, _ in handover_checks.look(config, 5.0)]
    assert [status for status, _ in rows] == ["pass", "warn", "warn", "warn", "warn"]
    said = ["people are there", "there is no queue", "no gateway nosuch", "there is no user nosuch in the domain ",
            "there is no user nosuch in the domain trunkline.local"]
    assert all(part in text for part, (_, text) in zip(said, rows, strict=True)), rows


# ---------------------------------------------------------------- digits and masks


def test_digits_pressed_and_said(desk: Desk, phone: Phones) -> None:
    """Keys while the agent still asks count; a caller who speaks instead is heard, and not cut off by a deadline."""
    caller = phone()
    desk.order("collect_digits", min_digits=4, max_digits=4)
    log = call(caller, desk)
    log.wait("digits_wanted", 5)
    for digit in "1234":
        caller.rtp.press(digit)
    assert desk.outcome(caller) == (True, "", {"digits": "1234", "ended_by": "full"})
    caller.last_sound(time.monotonic(), 0.5)
    desk.order("collect_digits", min_digits=4, timeout_s=8)
    caller.say(tone(CALLER_HZ, 0.6))
    log.wait("digits_wanted", 5, 2)
    caller.pause(6)
    assert not log.events("reply_timeout")
    caller.rtp.press("7")
    caller.pause(0.5)
    caller.say(tone(CALLER_HZ, 0.6))
    ok, why, data = desk.outcome(caller)
    assert not ok
    assert data == {"digits": "7", "ended_by": "words", "words": "please do it"}
    hears(caller, AGENT_HZ, time.monotonic() - 0.2)


def test_secret_digits_are_nowhere(desk: Desk, switch: FreeSwitch, phone: Phones, folder: Path) -> None:
    """Neither log nor recordings, ours and FreeSWITCH's, have what was pressed and said; before and after they do."""
    caller, theirs = phone(), folder / "by-freeswitch.wav"
    desk.order("collect_digits", min_digits=16, max_digits=16, secret=True)
    caller.dial(NUMBER)
    uuid = switch.uuid_of(caller.name)
    assert switch.api(f"uuid_record {uuid} start {theirs}").startswith("+OK")
    assert switch.api(f"uuid_setvar {uuid} trunkline_recording {theirs}").startswith("+OK")
    caller.last_sound(caller.first_sound())
    caller.say(tone(CALLER_HZ, 0.6))
    log = desk.engine.call_of(caller.name)
    log.wait("masked", 5)
    caller.pause(0.6)
    caller.say(tone(CALLER_HZ, 1.0))
    number = "4929000000006"
    for digit in number + "777":
        caller.rtp.press(digit)
    assert desk.outcome(caller)[2]["digits"] == number + "777"
    masks = log.wait("masked", 5, 2)
    caller.last_sound(time.monotonic(), 0.5)
    desk.order("set_language", language="fr")
    caller.say(tone(CALLER_HZ, 0.6))
    caller.pause(0.5)
    caller.hangup()
    log.wait("call_ended", 5)
    assert [mask["on"] for mask in masks] == [True, False]
    assert {event["digit"] for event in log.events("dtmf")} == {"***"}
    text = log.path.read_text()
    assert number not in text
    assert '"digits":"4' not in text
    with wave.open(str(theirs)) as file:
        loud = np.abs(np.frombuffer(file.readframes(file.getnframes()), np.int16)) > 500
        quiet = np.diff(np.flatnonzero(loud)).max() / file.getframerate()
    assert quiet > 3, "FreeSWITCH's recording has the secret"
    sound, rate, began = recording(log)
    hidden = sound[int((masks[0]["t"] - began + 0.1) * rate) : int((masks[1]["t"] - began - 0.1) * rate)]
    assert len(hidden) > 3 * rate
    assert not hidden.any()
    assert np.abs(sound[: int((masks[0]["t"] - began) * rate), 0]).max() > 1000
    assert np.abs(sound[int((masks[1]["t"] - began + 0.2) * rate) :, 0]).max() > 1000


def recording(log: CallLog) -> tuple[np.ndarray, int, float]:
    """Samples (n, 2), rate, and call time of the first one."""
    line = log.events("recording")[0]
    with wave.open(str(log.path.parent / line["file"])) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
        return pcm, file.getframerate(), line["at"]


def test_the_agent_ends_the_call_after_its_last_word(desk: Desk, phone: Phones) -> None:
    """Goodbye is heard to its end before the call is hung up."""
    caller = phone()
    desk.order("end_call")
    log = call(caller, desk)
    assert caller.wait_ended(15)
    assert caller.end_reason.find("NORMAL_CLEARING") >= 0
    said = log.wait("agent_said", 5, 2)[-1]
    assert said["text"] == "Very well. It is done."
    assert not said["interrupted"]
