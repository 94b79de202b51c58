"""``POST /ai/process``: memory, language, effects exactly once, streams; at the end nothing is left."""

import json
import sys

import gevent
import pytest

from engine.config import WritingOptions
from engine.written.talks import Talks
from tests.compatible.conftest import calls
from tests.providers.fake_http import error

FIELDS = {"response", "language", "dialect", "confidence", "provider", "model", "latency_ms", "cost", "session_id",
          "citations", "tool_calls", "agent", "decision", "ended"}


@pytest.fixture
def booked():
    """What the skill ``book_room`` did."""
    yield lambda: sys.modules["trunkline_skills.rooms"].BOOKED
    if "trunkline_skills.rooms" in sys.modules:
        sys.modules["trunkline_skills.rooms"].BOOKED.clear()


def events(text):
    """Name and data of server-sent events."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":"))
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_a_question_is_answered_from_the_documents_with_every_field(world):
    answer = world().say("How much is green tea?", language="en")
    assert set(answer) == FIELDS
    assert "two euros" in answer["response"]
    assert (answer["provider"], answer["model"], answer["language"], answer["agent"]) == (
        "knowledge", "desk", "en", "desk")
    assert [cited["title"] for cited in answer["citations"]] == ["Tea"]
    assert (answer["confidence"] > 0.3, answer["decision"], answer["cost"], answer["tool_calls"]) == (
        True, "answer", 0.0, [])
    assert "Shall I" not in answer["response"]  # that is for who cannot read


def test_a_conversation_is_remembered_by_its_id(world, gpt):
    """The next turn has what was written before; another id knows nothing of it."""
    at = world()
    first = at.say("my name is Ada", agent="clerk")
    at.say("what is my name", session_id=first["session_id"])
    at.say("what is my name", agent="clerk")
    said = [[(line["role"], line["content"]) for line in body["messages"][1:]] for body in gpt.bodies]
    assert said[1] == [("user", "my name is Ada"), ("assistant", "Hello there."), ("user", "what is my name")]
    assert said[2] == [("user", "what is my name")]


def test_a_side_effect_happens_once_though_the_answer_after_it_fails(world, gpt, booked):
    """The model is gone after the skill ran: the user asks again, the model calls again, the room is booked once."""
    gpt.replies["book"] = calls("book_room", '{"day": "Monday"}')
    gpt.replies["tool"] = [{"error": {"message": "gone", "type": "server_error"}}]
    at = world()
    status, answer = at.ask("POST", "/ai/process", {"user_input": "book Monday", "agent": "clerk", "session_id": "s1"})
    assert (status, answer["error"]["type"]) == (503, "provider_error"), answer
    gpt.replies["tool"] = ["Booked."]
    again = at.say("book Monday please", session_id="s1")
    assert again["response"] == "Booked."
    assert [day for _, day in booked()] == ["Monday"]


def test_the_same_request_again_gets_the_same_answer_and_books_nothing(world, gpt, booked):
    """A client that saw no answer sends the request again, with its key: also while the first is on its way."""
    gpt.replies["book"] = calls("book_room", '{"day": "Friday"}')
    at = world()
    body = {"user_input": "book Friday", "agent": "clerk"}
    both = [gevent.spawn(at.ask, "POST", "/ai/process", body, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    gevent.joinall(both, raise_error=True)
    (status, first), (_, second) = (one.value for one in both)
    assert status == 200
    assert first == second
    assert [tool["result"]["data"] for tool in first["tool_calls"]] == [{"number": 1}]
    assert len(booked()) == 1


def test_two_turns_of_one_conversation_come_one_after_the_other(world, gpt):
    gpt.first_s = 0.1
    at = world()
    at.say("hello", agent="clerk", session_id="s2")
    both = [gevent.spawn(at.say, text, session_id="s2") for text in ("one", "two")]
    gevent.joinall(both, raise_error=True)
    last = [line["content"] for line in gpt.bodies[-1]["messages"]]
    assert last[-3:] in (["one", "Hello there.", "two"], ["two", "Hello there.", "one"])


def test_the_language_is_found_out_and_can_be_said(world, gpt):
    """Among those of the agent; what the request says wins, and stays."""
    at = world()
    answer = at.say("je voudrais réserver une salle pour demain matin", agent="clerk")
    assert answer["language"] == "fr"
    assert "Write French." in gpt.bodies[-1]["messages"][0]["content"]
    answer = at.say("je voudrais réserver une salle", session_id=answer["session_id"], language="en-GB")
    assert answer["language"] == "en"


def test_a_language_finds_an_agent_that_speaks_it(world):
    """The default agent speaks English only."""
    at = world()
    assert at.say("bonjour", language="fr")["agent"] == "clerk"
    status, answer = at.ask("POST", "/ai/process", {"user_input": "vanakkam", "language": "ta"})
    assert (status, answer["error"]["param"]) == (400, "language")
    assert "en, fr" in answer["error"]["message"]


def test_a_stream_gives_words_as_they_come_and_then_the_whole(world, gpt):
    gpt.replies["desk"] = ["At ", "nine."]
    status, text = world().ask("POST", "/ai/process", {"user_input": "when does the desk open", "agent": "clerk",
                                                       "stream": True})
    told = events(text)
    assert status == 200
    assert [name for name, _ in told] == ["delta", "delta", "done"]
    assert "".join(data["text"] for name, data in told if name == "delta") == told[-1][1]["response"] == "At nine."
    assert set(told[-1][1]) == FIELDS


def test_a_stream_that_breaks_off_is_told_as_an_event(world, gpt):
    gpt.replies["go"] = ["At ", {"error": {"message": "gone", "type": "server_error"}}]
    at = world()
    status, text = at.ask("POST", "/ai/process", {"user_input": "go", "agent": "clerk", "stream": True})
    assert status == 200
    told = events(text)
    assert told[0] == ("delta", {"text": "At "})
    assert told[-1][0] in ("done", "error")  # what was said is the answer, where there is one


def test_the_router_serves_with_fail_over_and_counts_the_cost(world, gpt, spare):
    at = world(routed=True)
    answer = at.say("hello", agent="roamer")
    # 12 tokens at 1000 and 3 at 2000 a million
    assert (answer["provider"], answer["model"], answer["cost"]) == ("first", "gpt-test", pytest.approx(0.018))
    gpt.fail_with = error(503, {"error": {"message": "overloaded", "type": "server_error"}})
    answer = at.say("hello again", session_id=answer["session_id"])
    assert (answer["provider"], answer["cost"]) == ("second", 0.0)


def test_dialect_and_region_decide_on_the_route(world, gpt, spare):
    """As they do in a call: the rule of the routing file is for one region."""
    at = world(routed=True)
    answer = at.say("hello", agent="roamer", region="kerala", dialect="malabar")
    assert (answer["provider"], answer["dialect"]) == ("second", "malabar")
    assert at.say("hello", agent="roamer", region="delhi")["provider"] == "first"


def test_an_agent_takes_its_leave_in_writing(world, gpt):
    """A skill that ends the call ends the conversation; a transfer cannot be."""
    gpt.replies["bye"] = calls("end_call", "{}")
    answer = world().say("bye", agent="clerk")
    assert answer["ended"]
    assert answer["response"]


@pytest.mark.parametrize(("body", "status", "param"), [
    ({}, 422, "user_input"),
    ({"user_input": " "}, 422, "user_input"),
    ({"user_input": "x" * 8001}, 422, "user_input"),
    ({"user_input": "x", "agent": "nobody"}, 404, "agent"),
    ({"user_input": "x", "agent": "desk", "language": "fr"}, 400, "language"),
    ({"user_input": "x", "session_id": "../etc"}, 400, "session_id"),
    ({"user_input": "x", "agent": "roamer"}, 503, None),
    ({"user_input": "x", "tone": "kind"}, 422, "tone"),
])
def test_what_cannot_be_answered_is_refused_by_name(world, body, status, param):
    got, answer = world().ask("POST", "/ai/process", body)
    assert (got, answer["error"]["param"]) == (status, param), answer


def test_conversations_are_bounded_forgotten_and_not_shared(world):
    """By number, by time, by hand; one under the same id of another owner is another one."""
    at = world()
    now = [0.0]
    talks = Talks(WritingOptions(talks=2, idle_s=60, turns=2), 10, lambda: now[0])

    def say(owner, session):
        turn = talks.turn(at.casting, owner, "hello", session_id=session)
        list(turn)
        return turn.talk

    first = say("ann", "s")
    assert say("ann", "s") is first
    assert say("ben", "s") is not first
    with pytest.raises(Exception, match=r"has had its 2 turns \(writing.turns\)"):
        say("ann", "s")
    say("ann", "t")
    assert len(talks) == 2
    now[0] = 61
    say("ann", "u")
    assert len(talks) == 1
    assert talks.end("ann", "u")
    assert not talks.end("ann", "u")
    talks.close()
    status, answer = at.ask("DELETE", "/ai/sessions/nobody")
    assert (status, answer["error"]["code"]) == (404, "session_not_found")
