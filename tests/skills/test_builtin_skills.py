"""The skills that come with Trunkline: sample data, endpoints in its place, files in the home folder, the call."""

import json

import pytest
from gevent.pywsgi import WSGIServer
from skill_world import Actions, World, call, words

from engine.dialog.actions import Outcome
from engine.dialog.persona import HandoverChoice, Persona


def result(made, name, arguments="{}", **kwargs):
    """The result that the model gets of one call."""
    made.model.scripts = [[call(name, arguments)], "There."]
    made.reply(**kwargs)
    return json.loads(made.results()[-1])


def test_the_caller_is_found_by_his_number(world):
    assert result(world(), "lookup_customer")["data"]["name"] == "Anna Marsh"
    assert result(world(), "lookup_customer", '{"customer_id": "c 1002"}')["data"]["name"] == "Meera Nair"
    assert result(world(), "lookup_customer", '{"phone": "1"}')["error"] == "not_found"


@pytest.mark.parametrize(("number", "status"), [("A1047", "on its way"), ("a-10 48", "delivered"), ("7", None)])
def test_orders(world, number, status):
    found = result(world(), "check_order_status", json.dumps({"order_id": number}))
    assert found.get("data", {}).get("status") == status if status else found["error"] == "not_found"


class Endpoint:
    """An HTTP endpoint of the operator's: answers ``answer`` with ``status``, keeps what it was asked."""

    def __init__(self, status="200 OK", answer=b"{}"):
        self.status, self.answer, self.asked = status, answer, []
        self.server = WSGIServer(("127.0.0.1", 0), self.serve, log=None, error_log=None)
        self.server.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def serve(self, environ, start):
        self.asked.append((json.loads(environ["wsgi.input"].read()), environ.get("HTTP_AUTHORIZATION"),
                           environ.get("HTTP_IDEMPOTENCY_KEY")))
        start(self.status, [("Content-Type", "application/json")])
        return [self.answer]


@pytest.fixture
def endpoint():
    made = []

    def make(*args):
        made.append(Endpoint(*args))
        return made[-1]

    yield make
    for one in made:
        one.server.stop(timeout=1)


@pytest.mark.parametrize(("status", "answer", "expected"), [
    ("200 OK", b'{"status": "lost"}', {"success": True, "data": {"status": "lost"}}),
    ("200 OK", b'{"success": false, "error": "secret", "message": "Not yours."}', {"error": "secret"}),
    ("404 Not Found", b"", {"error": "not_found"}),
    ("500 Oops", b"", {"error": "unavailable"}),
    ("200 OK", b"<html>", {"error": "unavailable"}),
])
def test_an_endpoint_in_place_of_sample_data(world, endpoint, status, answer, expected):
    there = endpoint(status, answer)
    made = world(orders_url=there.url, endpoint_token="t0p")
    assert expected.items() <= result(made, "check_order_status", '{"order_id": "7"}').items()
    (asked, token, key), = there.asked
    assert asked == {"skill": "check_order_status", "call": "call-1", "caller": "+441632960001",
                     "arguments": {"order_id": "7"}}
    assert token == "Bearer t0p" and len(key) == 32


def test_an_endpoint_that_is_not_there_is_a_result(world):
    assert result(world(orders_url="http://127.0.0.1:1/"), "check_order_status", '{"order_id": "7"}')[
        "error"] == "unavailable"


def test_the_mock_is_run_in_place_of_real_systems(world, tmp_path):
    made = world(mock=True, orders_url="http://127.0.0.1:1/")
    assert result(made, "check_order_status", '{"order_id": "A1047"}')["success"]
    assert result(made, "create_ticket", '{"subject": "s", "details": "d"}')["data"]["reference"].startswith("T-")
    assert list(tmp_path.iterdir()) == []


def test_a_ticket_is_a_line_in_a_file_that_only_its_owner_reads(world, tmp_path):
    found = result(world(), "create_ticket", '{"subject": "No sound", "details": "Since Monday."}')
    file = tmp_path / "tickets.jsonl"
    (line,) = map(json.loads, file.read_text().splitlines())
    assert line["reference"] == found["data"]["reference"] and line["subject"] == "No sound"
    assert (line["caller"], line["priority"], line["call"]) == ("+441632960001", "normal", "call-1")
    assert file.stat().st_mode & 0o077 == 0


def test_a_callback_lies_in_the_future(world, tmp_path):
    wish = '{"when": "2026-11-%s", "reason": "bill"}'
    assert result(world(), "schedule_callback", wish % "20T10:00")["error"] == "in_the_past"
    assert result(world(), "schedule_callback", wish % "23T10:00")["success"]
    (line,) = map(json.loads, (tmp_path / "callbacks.jsonl").read_text().splitlines())
    assert (line["when"], line["phone"]) == ("2026-11-23T10:00:00", "+441632960001")


# ---------------------------------------------------------------- the call


def test_digits(world):
    made = world(actions=Actions(Outcome(True, data={"digits": "123"})))
    assert result(made, "collect_digits", '{"max_digits": 4}')["data"] == {"digits": "123"}
    assert made.actions.done == [("collect_digits", {"min_digits": 1, "max_digits": 4, "secret": False})]


def test_a_pin_is_seen_by_the_skill_alone(world):
    """Neither the model nor the log ever has it: they see a handle, which other skills take in its place."""
    from engine.dialog.skills import skill

    pins = []

    @skill
    def check_pin(pin: str) -> bool:
        """Check."""
        pins.append(pin)
        return True

    made = world([call("collect_digits", '{"secret": true}')], [call("check_pin", '{"pin": "secret:1"}', "b")],
                 "Right.", actions=Actions(Outcome(True, data={"digits": "9182"})), own=[check_pin])
    assert words(made.reply()) == "Right."
    assert pins == ["9182"]
    assert "9182" not in str(made.lines) and "9182" not in str(made.model.asked)


def test_a_language_that_the_agent_does_not_speak_is_refused(world):
    made = world(persona=Persona("t", "", languages=("en", "fr"), skills=("*",)))
    refused = result(made, "set_language", '{"language": "de"}')
    assert refused["error"] == "bad_arguments" and "en, fr" in refused["message"]
    assert result(made, "set_language", '{"language": "fr"}', generation=2)["success"]
    assert made.actions.done == [("set_language", "fr")]
    tool = made.executor.skills()["set_language"].tool(made.brain.persona)
    assert tool.parameters["properties"]["language"]["enum"] == ["en", "fr"]


def test_after_a_change_of_language_the_answer_is_in_it(world):
    """Within the same reply: the caller has just asked for it."""
    made = world([call("set_language", '{"language": "fr"}')], "Bien sûr.",
                 persona=Persona("t", "", languages=("en", "fr"), skills=("*",)))
    assert words(made.reply("en français, s'il vous plaît")) == "Bien sûr."
    assert ["Speak French" in asked[0].text for asked in made.model.asked] == [False, True]


DESK = Persona("t", "", skills=("*",), transfer={"billing": HandoverChoice("for bills", "warm", 20)})


def test_a_caller_is_only_handed_to_whom_the_agent_may(world):
    """Never to a number that a model made up."""
    made = world(persona=DESK)
    refused = result(made, "transfer_to_human", '{"target": "+4990012345", "summary": "x"}')
    assert refused["error"] == "bad_arguments" and made.actions.done == []


def test_after_a_transfer_nothing_is_said(world):
    made = world(["I am connecting you. ", call("transfer_to_human", '{"target": "billing", "summary": "A bill."}')],
                 persona=DESK)
    assert words(made.reply("a human, please")) == "I am connecting you."
    assert made.actions.done == [("transfer", "billing", "warm", "A bill.")] and len(made.model.asked) == 1


def test_a_caller_who_is_back_can_be_transferred_again(world):
    """In the same words. Nothing is said after a transfer, so nothing tells that it was done but its time: it is over
    when the caller has said something else, and it is not what the second wish asks for."""
    again = ["I am connecting you. ", call("transfer_to_human", '{"target": "billing", "summary": "A bill."}')]
    made = world(again, again, persona=DESK)
    made.reply("a human please")
    said = [("user", "a human please"), ("agent", "I am connecting you."), ("note", "They talked."),
            ("agent", "I am back.")]
    made.reply("to them again", *said, generation=2)
    assert len(made.actions.done) == 2
    assert [line["repeated"] for line in made.named("tool_call")] == [False, False]


def test_a_transfer_that_fails_is_told(world):
    made = world([call("transfer_to_human", '{"target": "billing", "summary": "A bill."}')], "Nobody is there.",
                 persona=DESK, actions=Actions(Outcome(False, "busy")))
    assert words(made.reply("a human, please")) == "Nobody is there."
    assert json.loads(made.results()[0])["message"] == "busy"


def test_outside_a_call_there_is_nobody_to_transfer():
    made = World([call("collect_digits")], "No.")
    made.reply(context=False)
    assert json.loads(made.results()[0])["error"] == "no_call"
    made.close()
