"""``trunkline kb gaps``: unanswered questions of past calls, like ones together, nobody's numbers in them."""

import json
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli import collection
from engine.cli.main import main
from engine.knowledge.measure.clusters import LIKE_BY_TERMS, clustered, term_vectors
from engine.knowledge.measure.unanswered import unanswered, without_numbers


class Calls:
    """Logs as calls write them."""

    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    def call(self, *turns, day="2026-05-20", agent="desk"):
        """Each turn: what was heard, the decision, the score."""
        self.count += 1
        path = self.folder / day / f"call-{self.count}" / "events.jsonl"
        path.parent.mkdir(parents=True)
        rows = [{"t": 0.0, "event": "call_started", "id": str(self.count), "started": f"{day}T09:00:00.000Z"},
                {"t": 0.0, "event": "agent_picked", "name": agent}]
        for number, (text, decision, score) in enumerate(turns, 1):
            at = 10.0 * number
            rows += [
                {"t": at, "event": "voice_on", "at": at}, {"t": at + 1, "event": "voice_off", "at": at + 1},
                # what was thought of while the caller was still speaking, and dropped, counts for nothing
                {"t": at + 1.1, "event": "think", "gen": 2 * number, "text": "some of it", "speculative": True},
                {"t": at + 1.2, "event": "grounds", "gen": 2 * number, "decision": "unknown", "score": 0.0,
                 "citations": [], "detail": {}},
                {"t": at + 1.3, "event": "cancel", "gen": 2 * number},
                {"t": at + 2, "event": "think", "gen": 2 * number + 1, "text": text, "speculative": False},
                {"t": at + 2, "event": "turn", "text": text, "why": "silence", "waited_ms": 1000,
                 "gen": 2 * number + 1},
                {"t": at + 2, "event": "user_said", "text": text, "start": at, "end": at + 1},
                {"t": at + 2.1, "event": "grounds", "gen": 2 * number + 1, "decision": decision, "score": score,
                 "citations": [], "detail": {}},
                {"t": at + 3, "event": "on_wire", "gen": 2 * number + 1, "at": at + 3},
                {"t": at + 5, "event": "agent_said", "gen": 2 * number + 1, "text": "As I said.", "interrupted": False}]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path


@pytest.fixture
def calls(home):
    return Calls(home / "calls")


@pytest.fixture
def house(desk, monkeypatch):
    monkeypatch.setattr(collection, "model_of", lambda config: desk.embedder)
    desk.write("late.md", "# Late fee\n\nThe late fee is six dollars.\n")
    desk.write("hours.md", "# Hours\n\nThe desk is open from nine to five on working days.\n")
    desk.ingest()
    return desk


def found(capsys, *words, code=0):
    assert main(["kb", "gaps", "--collection", "desk", "--json", *words]) == code
    return json.loads(capsys.readouterr().out)


def test_like_questions_are_one_gap_the_commonest_first(house, calls, capsys):
    """What to write next is what most callers ask in vain."""
    calls.call(("do you repair bicycles", "unknown", 0.1), ("what is the late fee", "answer", 0.9))
    calls.call(("do you repair my bicycle", "unknown", 0.2), ("can I keep a parrot", "unknown", 0.05))
    calls.call(("do you repair bicycles", "ask_back", 0.5), day="2026-05-21")
    got = found(capsys)
    assert (got["calls"], got["turns"], got["unanswered"], got["clusters"]) == (3, 5, 4, 2)
    first, second = got["gaps"]
    assert (first["example"], first["others"]) == ("do you repair bicycles", ["do you repair my bicycle"])
    assert (first["asked"], first["calls"], first["last"]) == (3, 3, "2026-05-21")
    assert first["decisions"] == {"unknown": 2, "ask_back": 1}
    assert (second["example"], second["advice"]) == ("can I keep a parrot", "write it")


def test_the_nearest_passage_and_what_to_do(house, calls, capsys):
    """A document that came since is no gap any more; one that is near wants better words; else one is missing."""
    calls.call(("what is the late fee", "unknown", 0.1), ("can I keep a parrot", "unknown", 0.05))
    by_example = {gap["example"]: gap for gap in found(capsys)["gaps"]}
    assert by_example["what is the late fee"]["advice"] == "answered now"
    assert by_example["what is the late fee"]["nearest"][0]["document"] == "late"
    assert main(["kb", "gaps", "--collection", "desk"]) == 0
    out = capsys.readouterr().out
    assert "it would be answered now" in out and "nearest: " in out and "write a document about it" in out


def test_only_what_is_asked_for(house, calls, capsys):
    """Since a day, of an agent, by decision, so many."""
    calls.call(("first thing", "unknown", 0.1), day="2026-05-01")
    calls.call(("second matter", "ask_back", 0.1), day="2026-05-02", agent="other")
    calls.call(("third business", "model", 0.0), day="2026-05-03")

    def examples(*words):
        return {gap["example"] for gap in found(capsys, *words)["gaps"]}

    assert examples() == {"first thing", "second matter"}
    assert examples("--since", "2026-05-02") == {"second matter"}
    assert examples("--agent", "desk") == {"first thing"}
    assert examples("--decision", "model") == {"third business"}
    assert len(examples("--top", "1")) == 1


def test_masked_questions_stay_masked(house, calls, capsys):
    """Nothing that a caller was promised to be kept quiet comes out here; long numbers neither."""
    calls.call(("***", "unknown", 0.1), ("my card is 4111 1111 1111 1111 what now", "unknown", 0.1))
    got = found(capsys)
    assert got["masked"] == 1
    assert [gap["example"] for gap in got["gaps"]] == ["my card is *** what now"]


def test_a_question_that_leans_on_another_is_told_whole(house, calls, capsys):
    calls.call(("do you have green tea", "answer", 0.9), ("how much is it", "unknown", 0.1))
    assert "green tea" in found(capsys)["gaps"][0]["example"]


def test_logs_that_cannot_be_used_are_named(house, calls, capsys, home):
    """A crash's half log counts as far as it goes; one that cannot be read fails the run, not the others."""
    path = calls.call(("do you repair bicycles", "unknown", 0.1))
    path.write_bytes(path.read_bytes() + b'{"t": 99, "eve')
    (home / "calls" / "2026-05-20" / "odd" / "events.jsonl").mkdir(parents=True)
    got = found(capsys, code=1)
    assert got["unanswered"] == 1 and len(got["damaged"]) == 1 and "odd" in got["damaged"][0]


def test_whatever_a_log_holds(house, calls, capsys):
    """Logs are written by calls and by crashes: no value in them ends the run."""
    calls.call(("half a \ud800 character", "unknown", 0.1), ("x" * 10_000, "unknown", float("1e300")),
               ('"; DROP TABLE chunks; -- [bold]', "unknown", 0.1))
    path = calls.call((17, "unknown", "much"), ({"a": 1}, "unknown", None), ("", "unknown", 0.1),
                      (None, "unknown", 0.1))
    path.write_text(path.read_text().replace('"started": "2026', '"started": ["2026').replace("Z\"}", "Z\"]}"))
    assert found(capsys)["unanswered"] >= 3
    assert main(["kb", "gaps", "--collection", "desk"]) == 0
    assert "half a ? character" in capsys.readouterr().out


def test_nothing_to_read(house, calls, capsys, tmp_path):
    assert main(["kb", "gaps", "--collection", "desk", "--logs", str(tmp_path / "none")]) == 2
    assert "there is no such file or folder" in capsys.readouterr().err
    assert found(capsys, "--logs", str(house.folder))["gaps"] == []


def test_one_log_can_be_given(house, calls, capsys):
    path = calls.call(("do you repair bicycles", "unknown", 0.1))
    calls.call(("something else", "unknown", 0.1))
    assert found(capsys, "--logs", str(path))["unanswered"] == 1


def test_heard_too_badly_is_no_gap(home, calls):
    """The line was bad; the documents are not to blame."""
    path = calls.call(("do you", "ask_back", 0.1))
    before, after = '"detail": {}}\n{"t": 13', '"detail": {"why": "heard too badly"}}\n{"t": 13'
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    assert unanswered(home / "calls").questions == []
    assert unanswered(home / "calls", since=date(2099, 1, 1)).calls == 0


@pytest.mark.parametrize(("text", "shown"), [
    ("call 0471 2345678 now", "call *** now"), ("room 12 at 10 30", "room 12 at 10 30"), ("in 2026", "in 2026"),
    ("12345", "***")])
def test_long_numbers(text, shown):
    assert without_numbers(text) == shown


TEXTS = st.lists(st.sampled_from([
    "do you repair bicycles", "can you repair a bicycle", "what is the late fee", "how high is the late fee",
    "\u0d1a\u0d3e\u0d2f \u0d0e\u0d24\u0d4d\u0d30\u0d2f\u0d3e\u0d23\u0d4d", "can I keep a parrot", "", "the"]),
    min_size=1, max_size=20, unique=True)


@given(TEXTS)
def test_every_text_is_in_one_cluster(texts):
    """Nothing is lost, nothing is told twice, and the same logs give the same list."""
    counts = [1 + len(text) % 3 for text in texts]
    clusters = clustered(term_vectors(texts, [""] * len(texts)), counts, LIKE_BY_TERMS)
    assert sorted(place for one in clusters for place in one.places) == list(range(len(texts)))
    sizes = [sum(counts[place] for place in one.places) for one in clusters]
    assert sizes == sorted(sizes, reverse=True)
    assert clusters == clustered(term_vectors(texts, [""] * len(texts)), counts, LIKE_BY_TERMS)


def test_vectors_of_terms_are_unit_vectors():
    vectors = term_vectors(["late fee", "", "the"], ["en", "", "en"])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
