"""What runs skills: deadlines, faults, circuit breakers, bounds, and what is kept out of the logs."""

import json
import logging
import threading
import time

import gevent
import pytest
from gevent.event import Event as Flag
from skill_world import call, settle, words

from engine.dialog.persona import Persona
from engine.dialog.skills import Failed, skill
from engine.dialog.skills.breaker import Breaker
from engine.errors import TrunklineError


def flaky(faults):
    """A skill that raises what is left in ``faults``, then works."""

    @skill
    def look(number: int = 0) -> str:
        """Look."""
        if faults:
            raise faults.pop(0)
        return "there"

    return look


@pytest.mark.parametrize(("fault", "error", "says"), [
    (Failed("gone", "It is gone."), "gone", "It is gone."),
    (TrunklineError("host db7: no route"), "unavailable", "could not be reached"),
    (ValueError("password=hunter2"), "internal", "a reason of its own"),
    (gevent.Timeout(1), "timeout", "too"),
])
def test_every_fault_is_a_result(world, fault, error, says):
    """And tells the model nothing of our insides: what it hears may be said to the caller."""
    made = world([call("look")], "Sorry.", own=[flaky([fault])])
    assert words(made.reply()) == "Sorry."
    result = json.loads(made.results()[0])
    assert result["error"] == error and (says in result["message"] or error == "timeout")
    assert "hunter2" not in made.results()[0] and "db7" not in made.results()[0]


def test_a_deadline_ends_a_skill(world):
    ended = []

    @skill(timeout_s=0.02)
    def slow() -> str:
        """Slow."""
        try:
            gevent.sleep(5)
        finally:
            ended.append(True)

    made = world([call("slow")], "Too slow.", own=[slow])
    assert words(made.reply()) == "Too slow." and ended == [True]
    assert json.loads(made.results()[0])["error"] == "timeout"
    assert "do not try again" not in made.results()[0]  # it only reads


def test_code_that_blocks_runs_in_a_thread(world):
    """The hub, and with it every call, goes on meanwhile."""
    ticks, threads = [], []

    @skill(thread=True)
    def compute() -> int:
        """Compute."""
        threads.append(threading.get_native_id())
        time.monotonic()
        return sum(range(100_000))

    made = world([call("compute")], "Done.", own=[compute])
    asking = made.start()
    ticks.append(settle())
    assert words(asking.join()) == "Done." and json.loads(made.results()[0])["data"] == 4999950000


def test_a_skill_that_keeps_failing_is_left_alone(world):
    """Callers need not wait for what is down; after a rest one attempt decides."""
    now = [0.0]
    faults = [ValueError()] * 4
    made = world(own=[flaky(faults)], clock=lambda: now[0])

    def error():
        made.model.scripts = [[call("look", json.dumps({"number": len(made.model.asked)}))], "Well."]
        made.reply()
        return json.loads(made.results()[-1]).get("error")

    assert [error() for _ in range(4)] == ["internal", "internal", "internal", "unavailable"]
    now[0] = 31.0
    assert [error(), error()] == ["internal", "unavailable"]  # the probe failed, too
    now[0] = 62.0
    assert [error(), error()] == [None, None]


def test_a_probe_that_is_cut_short_leaves_the_next_one_free():
    breaker = Breaker(1, 10.0)
    assert breaker.note(True, 0.0) and not breaker.allows(5.0)
    assert breaker.allows(10.0) and not breaker.allows(10.0)
    breaker.forget()
    assert breaker.allows(10.0)
    breaker.note(False, 10.0)
    assert breaker.allows(10.0) and breaker.allows(10.0)


def test_there_is_a_bound_to_what_runs(world):
    hold = Flag()

    @skill
    def wait(number: int) -> int:
        """Wait."""
        hold.wait(5)
        return number

    calls = [call("wait", json.dumps({"number": number}), f"c{number}") for number in range(4)]
    made = world(calls, "Done.", own=[wait], max_running=3)
    asking = made.start()
    settle()
    hold.set()
    asking.join()
    assert [json.loads(text).get("error") for text in made.results()] == [None, None, None, "busy"]


def test_the_same_look_up_within_a_turn_is_made_once(world):
    """A speculation and the turn itself ask the same."""
    asked = []

    @skill
    def look(number: int) -> int:
        """Look."""
        asked.append(number)
        return number

    made = world([call("look", '{"number": 1}')], ["One", Flag()], [call("look", '{"number": 1}')], "One.", own=[look])
    asking = made.start("one", decided=Flag())
    settle()
    asking.kill()
    made.reply("one", generation=2)
    assert asked == [1]


def test_a_call_that_ends_ends_what_only_reads(world):
    ended = []

    @skill
    def wait() -> None:
        """Wait."""
        try:
            gevent.sleep(5)
        finally:
            ended.append(True)

    made = world([call("wait")], own=[wait])
    asking = made.start()
    settle()
    asking.kill()
    assert ended == []  # an interruption alone does not end it: the next turn may want the same
    made.brain.call_ended("call-1")
    settle()
    assert ended == [True]


def test_private_values_stand_in_no_log(world, caplog):
    caplog.set_level(logging.DEBUG)

    @skill(private=("card", "holder"))
    def pay(card: str, amount: int) -> dict:
        """Pay."""
        return {"receipt": 1, "paid": [{"holder": "Ann Marsh"}]}

    made = world([call("pay", '{"card": "quagga one", "amount": 5}')],
                 [call("pay", '{"card": "quagga two"}', "b")], "Paid.", own=[pay])
    made.reply()
    assert made.named("tool_call")[0]["arguments"] == {"card": "***", "amount": 5}
    assert made.named("tool_result")[0]["result"]["data"] == {"receipt": 1, "paid": [{"holder": "***"}]}
    assert "quagga" not in str(made.lines) + caplog.text and "Ann" not in str(made.lines) + caplog.text
    assert "Ann Marsh" in made.results(1)[0]  # the model needs it


def test_what_needs_a_choice_is_not_offered_without_one(world):
    """Vendors refuse an empty list of choices."""
    made = world("Hi.", persona=Persona("t", "", skills=("transfer_to_human", "set_language")))
    made.reply()
    assert made.model.tools == [["set_language"]]


def test_long_results_are_cut_for_the_model(world):
    @skill
    def read() -> str:
        """Read."""
        return "x" * 9000

    made = world([call("read")], "Long.", own=[read], result_chars=500)
    made.reply()
    assert len(made.results()[0]) < 800 and json.loads(made.results()[0])["truncated"]
