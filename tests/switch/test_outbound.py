"""``trunkline dial``: humans and machines are called, by FreeSWITCH, with the engine's defaults for the rest."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from callers import speak
from measured import Figures
from rtpstream import audible
from siphuman import SipHuman
from switchboard import ROOT, TRUNKLINE, CallLog, FreeSwitch
from test_handover import AGENT_HZ, Desk, hears, talk_both_ways, tone

pytestmark = pytest.mark.switch


@pytest.fixture(scope="module")
def desk(folder: Path, home: Path, engine_port: int, switch: FreeSwitch) -> Iterator[Desk]:
    """Leaves messages on machines; its numbers are ports of this host."""
    desk = Desk(folder / "outbound", engine_port, home, switch, machine="message", machine_wait_s=8,
                after_human="hangup", machine_message="We will call again.",
                dial_string="sofia/external/sip:desk@127.0.0.1:{number}")
    yield desk
    desk.engine.child.end(10)


@pytest.fixture
def human(switch: FreeSwitch) -> Iterator[Callable[..., SipHuman]]:
    people: list[SipHuman] = []

    def make(**options: object) -> SipHuman:
        people.append(SipHuman(switch.sip, **options))
        return people[-1]

    yield make
    for each in people:
        each.__exit__()


def dial(desk: Desk, number: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [*TRUNKLINE, "dial", number, "--agent", "support", "--json", "--config", str(desk.folder / "engine.yaml")]
    return subprocess.run([*command, *more], cwd=ROOT, capture_output=True, text=True, timeout=60)


def call_of(desk: Desk, result: dict[str, object], person: SipHuman) -> CallLog:
    """The engine's log of the call."""
    def find() -> CallLog | None:
        return next((log for log in desk.engine.calls() if log.path.parent.name.endswith(str(result["uuid"]))), None)

    assert person.wait(lambda: find() is not None, 5)
    found = find()
    assert found
    return found


def test_a_human_is_greeted_when_they_have_said_hello(
    desk: Desk, human: Callable[..., SipHuman], folder: Path, figures: Figures
) -> None:
    """"Hello?", and the agent greets: the classifier costs them no wait, and says human."""
    person, hello = human(after=0.5), speak("Hello?", folder)
    done = dial(desk, person.uri.rpartition(":")[2], "--variable", "order=4711")
    result = json.loads(done.stdout)
    assert (done.returncode, result["result"]) == (0, "answered"), done.stderr
    person.pause(0.1)
    said = person.say(hello)
    greeted = hears(person, AGENT_HZ, person.answered_at)
    figures.add("outbound: hello said to greeting heard", (greeted - said) * 1000, "ms")
    assert greeted - said < 2.5
    log = call_of(desk, result, person)
    assert log.wait("answering", 5)[0]["verdict"] == "human"
    person.hangup()
    log.wait("call_ended", 5)


def test_a_machine_gets_a_message_after_its_beep(
    desk: Desk, human: Callable[..., SipHuman], folder: Path, figures: Figures
) -> None:
    """A long greeting is a machine's: the agent falls silent, waits for the beep, speaks, and hangs up."""
    person = human(after=0.3)
    words = speak("You have reached the office of Miller and Sons. We are closed. Please leave a message.", folder)
    person.greeting = np.concatenate([words, np.zeros(4000, np.int16), tone(1000, 0.4)])
    done = dial(desk, person.uri.rpartition(":")[2])
    result = json.loads(done.stdout)
    assert result["result"] == "answered", done.stderr
    log = call_of(desk, result, person)
    verdict = log.wait("answering", 8)[-1]
    assert verdict["verdict"] == "machine"
    figures.add("outbound: answered to known to be a machine", verdict["at"] * 1000, "ms")
    beep = log.wait("beep", 10)[0]
    assert person.wait_ended(15)
    said = log.wait("agent_said", 5)
    assert said[-1]["text"] == "We will call again."
    assert not said[-1]["interrupted"]
    wire = [event for event in log.events("on_wire") if event["at"] > beep["at"]]
    figures.add("outbound: beep over to message begun", (wire[0]["at"] - beep["at"]) * 1000, "ms")
    assert audible(person.rtp.heard)[-1].time > person.answered_at + 5


def test_a_called_human_is_handed_to_another(
    desk: Desk, switch: FreeSwitch, human: Callable[..., SipHuman], folder: Path
) -> None:
    """A call that was placed can be handed over like one that came; with ``after_human: hangup`` it ends with it."""
    customer, clerk = human(), human()
    desk.aim(desk={"destination": clerk.dial_string, "announcement": ""})
    desk.order("transfer", target="desk", mode="blind")
    result = json.loads(dial(desk, customer.uri.rpartition(":")[2]).stdout)
    customer.last_sound(customer.first_sound(customer.answered_at))
    customer.say(speak("Please connect me with somebody.", folder))
    log = call_of(desk, result, customer)
    log.wait("handover_bridged", 10)
    talk_both_ways(customer, clerk)
    clerk.hangup()
    assert customer.wait_ended(5)
    log.wait("call_ended", 5)
    assert not log.events("caller_back")
    assert customer.wait(lambda: not switch.channels(), 5)


@pytest.mark.parametrize(("manner", "result"), [("busy", "busy"), ("refuse", "refused"), ("ring", "no_answer")])
def test_nobody_there(manner: str, result: str, desk: Desk, switch: FreeSwitch, human: Callable[..., SipHuman]) -> None:
    """Each way of not answering has its own result, and exit code 1."""
    person = human(manner=manner)
    config = json.loads((desk.folder / "engine.yaml").read_text())
    config["telephony"]["answer_timeout_s"] = 5
    (desk.folder / "engine.yaml").write_text(json.dumps(config))
    done = dial(desk, person.uri.rpartition(":")[2])
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["result"] == result
    assert person.wait(lambda: not switch.channels(), 5)


@pytest.mark.parametrize("number", ["12}34", "1234,5678", "12 34", "1234\napi status", "sip:a@b"])
def test_nothing_but_a_number_is_dialled(number: str, desk: Desk) -> None:
    """Refused before FreeSWITCH is asked: a dial string can run commands."""
    done = dial(desk, number)
    assert done.returncode == 2
    assert "no number to dial" in done.stderr
