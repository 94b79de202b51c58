"""Conversations in writing leave the record that calls leave."""

import json
from contextlib import closing
from http.client import HTTPConnection

import pytest
from call_world import named, wait
from leftovers import open_files

from engine import paths
from engine.cli.main import main
from tests.compatible.conftest import calls


def test_a_conversation_in_writing_from_its_first_turn_to_its_files(at):
    """Live it stands among the sessions and in the console; over, its words are found and its files are there."""
    session = at.say("How much is green tea?")["session_id"]
    at.say("when do the parrots fly", session_id=session)
    live = at.get(f"/sessions/{session}")
    assert (live["live"], live["transport"], live["state"], live["agent_name"]) == (True, "text", "talking", "desk")
    wait(lambda: at.get(f"/sessions/{session}/transcript")["data"][3:], "its words are not filed")
    assert session in [row["session_id"] for row in at.get("/sessions?status=active&transport=text")["data"]]
    assert at.get(f"/api/console/calls/{session}")["live"]
    assert at.http("DELETE", f"/ai/sessions/{session}")[0] == 204
    over = at.filed(session)
    assert (over["live"], over["state"], over["outcome"], over["turns"]) == (False, "ended", "caller_left", 2)
    assert {one["role"] for one in over["participants"]} == {"customer", "bot"}
    said = at.get(f"/sessions/{session}/transcript")["data"]
    assert [(one["speaker"], one["source"]) for one in said] == [("customer", "text"), ("bot", "text")] * 2
    assert "two euros" in said[1]["text"]
    items = at.get(f"/sessions/{session}/items")["data"]
    assert [item["content"][0]["type"] for item in items] == ["input_text", "output_text"] * 2
    assert at.get("/sessions?q=parrots")["data"][0]["session_id"] == session
    wait(lambda: at.http("GET", f"/sessions/{session}/report")[0] == 200, "no report", 20)
    report = at.get(f"/sessions/{session}/report")
    assert [line["who"] for line in report["transcript"]] == ["caller", "agent"] * 2
    assert [reply["decision"] for reply in report["replies"]] == ["answer", "unknown"]


def test_what_was_asked_in_vain_is_told_by_kb_gaps(at, capsys, monkeypatch):
    """Questions in writing count as those of callers do."""
    session = at.say("which oculist do you recommend")["session_id"]
    at.http("DELETE", f"/ai/sessions/{session}")
    at.filed(session)
    at.log(session)
    assert main(["kb", "gaps", "--collection", "desk", "--top", "100", "--json"]) == 0
    gaps = json.loads(capsys.readouterr().out)
    found = gaps["gaps"] if isinstance(gaps, dict) else gaps
    assert any("oculist" in gap["example"] for gap in found)


def test_skills_language_faults_and_the_goodbye_stand_in_the_record(at, gpt):
    """As in a call: what ran with its result, which language it turned out to be, what failed, who ended it."""
    gpt.replies["look"] = calls("look_up", '{"what": "tea"}')
    session = at.say("look for tea", agent="clerk", language="en")["session_id"]
    at.say("bonjour, je voudrais une tasse de the", session_id=session, language="fr")
    gpt.replies["break"] = [{"error": {"message": "gone", "type": "server_error"}}]
    assert at.http("POST", "/ai/process", {"user_input": "break", "session_id": session})[0] == 503
    gpt.replies["bye"] = calls("end_call", "{}")
    assert at.say("bye", session_id=session)["ended"]
    assert at.http("DELETE", f"/sessions/{session}") == (202, {"session_id": session, "status": "ending"})
    over = at.filed(session)
    assert (over["language"], over["outcome"], over["errors"], over["turns"]) == ("fr", "agent_done", 1, 4)
    (tool,) = [tool for tool in at.get(f"/sessions/{session}/tools")["data"] if tool["name"] == "look_up"]
    assert (tool["side"], tool["status"], tool["result"]["data"]) == ("server", "completed", {"found": "tea"})
    log = at.log(session)
    assert [line["language"] for line in named(log, "language")] == ["fr"]
    assert [line["gen"] for line in named(log, "reply_failed")] == [3]
    assert named(log, "model_answer")


def test_what_is_hidden_stands_nowhere(at, gpt):
    """A skill that hides what comes (card data) hides it in writing, too: in the log, so everywhere."""
    gpt.replies["card"] = calls("hide", "{}")
    session = at.say("I pay by card", agent="clerk")["session_id"]
    at.say("it is 4111 1111 1111 1111", session_id=session)
    at.http("DELETE", f"/ai/sessions/{session}")
    row = at.filed(session)
    assert "4111" not in (paths.calls() / row["folder"] / "events.jsonl").read_text()
    assert at.get("/sessions?q=4111")["data"] == []


def test_an_agent_that_cannot_be_had_leaves_a_failed_session(at):
    """As a call that nobody can take: who looks for the reason finds it."""
    assert at.http("POST", "/ai/process", {"user_input": "x", "agent": "lost", "session_id": "to-lost"})[0] == 503
    row = at.filed("to-lost")
    assert (row["state"], row["errors"]) == ("failed", 1)
    assert "lost" in named(at.log("to-lost"), "error")[0]["message"]


def test_the_end_of_the_engine_ends_all_and_writes_it(world):
    """A restart finds no conversation that seems to go on."""
    at = world()
    session = at.say("How much is green tea?", session_id="last")["session_id"]
    at.engine.stop()
    (log,) = paths.calls().glob(f"*/*-{session}/events.jsonl")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["by"], line["cause"]) for line in named(lines, "hangup")] == [("engine", "the engine stops")]
    assert lines[-1]["event"] == "call_ended"
    assert at.http("POST", "/ai/process", {"user_input": "again"})[0] == 503


def test_quiet_conversations_end_by_themselves(world):
    """Nobody has to ask anything for that; the record says so."""
    at = world(writing={"idle_s": 1})
    session = at.say("How much is green tea?")["session_id"]
    assert at.filed(session)["hangup_cause"].startswith("quiet for 1 s")


def test_a_reader_who_leaves_breaks_the_answer_off(at, gpt):
    """The record has what was said until then, as interrupted."""
    gpt.replies["slow"] = ["At ", "nine ", *["and on "] * 400]
    gpt.each_s = 0.02
    try:
        with closing(HTTPConnection(*at.web.address, timeout=10)) as line:
            body = {"user_input": "slow", "agent": "clerk", "session_id": "left", "stream": True}
            line.request("POST", "/ai/process", json.dumps(body), {"Content-Type": "application/json"})
            line.getresponse().read(20)
        wait(lambda: at.get("/sessions/left/transcript")["data"][1:], "the answer goes on", 20)
    finally:
        gpt.each_s = 0.0
    said = at.get("/sessions/left/transcript")["data"][1]
    assert said["interrupted"]
    assert said["text"].startswith("At nine")


def test_conversations_of_the_same_name_are_different_sessions(at):
    """One ended and begun again, under the name that the client gave."""
    for text in ("How much is green tea?", "When is the desk open?"):
        at.say(text, session_id="mine")
        assert at.http("DELETE", "/ai/sessions/mine")[0] == 204
        wait(lambda: "mine" not in at.engine.live, "it goes on")
    wait(lambda: len([row for row in at.get("/sessions?transport=text")["data"] if row["call_id"] == "mine"
                      and row["filed"]]) == 2, "there are not two")
    wait(lambda: len(list(paths.calls().glob("*/*-mine*"))) == 2, "there are not two folders")


def test_many_quiet_conversations_hold_no_files(at):
    """Files are for calls: a conversation that waits for its next turn has none open."""
    at.say("How much is green tea?")
    before = open_files()
    sessions = [at.say("How much is green tea?")["session_id"] for _ in range(20)]
    assert at.engine._disk.flush()
    assert open_files() < before + 10
    assert set(sessions) <= set(at.engine.live)


@pytest.mark.parametrize("more", [{}, {"session_id": "quiet"}])
def test_records_can_be_switched_off(world, more):
    """``writing.record``: nothing is left, and the answer is the same."""
    at = world(writing={"record": False})
    before = set(paths.calls().glob("*/*"))
    assert "two euros" in at.say("How much is green tea?", **more)["response"]
    assert not at.engine.live
    assert at.engine._disk.flush()
    assert set(paths.calls().glob("*/*")) == before
