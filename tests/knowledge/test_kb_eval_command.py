"""``trunkline kb eval``: rates by group and language, demands for scripts, files that are wrong."""

import json

import pytest

from engine.cli import collection
from engine.cli.main import main
from engine.knowledge.measure import measuring
from engine.knowledge.measure.evaluate import Question

QUESTIONS = [
    {"question": "how much is the late fee", "document": "late", "fact": "six dollars", "group": "clean",
     "language": "en"},
    {"question": "when is the desk open", "document": ["hours", "never"], "fact": "nine", "group": "clean",
     "language": "en"},
    {"question": "lay tea the late fee", "document": "late", "group": "misheard", "confidence": 0.6,
     "alternatives": ["the late fee"], "language": "en"},
    {"question": "quand ouvre le bureau", "document": "bureau", "group": "clean", "language": "fr"},
    {"question": "zebra crossing violin", "document": None, "group": "none", "language": "en"},
]


@pytest.fixture
def questions(desk, tmp_path, monkeypatch):
    monkeypatch.setattr(collection, "model_of", lambda config: desk.embedder)
    desk.write("late.md", "# Late fee\n\nThe late fee is six dollars.\n")
    desk.write("hours.md", "# Hours\n\nThe desk is open from nine to five.\n")
    desk.write("never.md", "# Never\n\nThe cellar stays closed.\n")
    desk.write("bureau.md", "# Bureau\n\nLe bureau ouvre \u00e0 neuf heures.\n")
    desk.ingest()
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    return path


def asked(capsys, path, *words, code=0):
    assert main(["kb", "eval", "--collection", "desk", str(path), *words]) == code
    return capsys.readouterr().out


def test_rates_by_group_and_language(questions, capsys):
    """Each group has its own rates; rates of which there is no question are not 0 or 1 but absent."""
    found = json.loads(asked(capsys, questions, "--json"))
    assert {name: part["questions"] for name, part in found["groups"].items()} == {"clean": 3, "misheard": 1, "none": 1}
    assert {name: part["questions"] for name, part in found["languages"].items()} == {"en": 4, "fr": 1}
    assert found["groups"]["clean"]["recall@5"] == 1 and found["groups"]["clean"]["off_topic_refused"] is None
    assert found["groups"]["none"]["recall@5"] is None and found["groups"]["none"]["off_topic_refused"] == 1
    assert found["all"]["recall@1"] == 1 and found["all"]["p99_ms"] > 0
    assert "modes" not in found and "failures" not in found


def test_the_table(questions, capsys):
    out = asked(capsys, questions)
    assert [line.split()[0] for line in out.splitlines()] == ["collection", "group", "clean", "misheard", "none", "all"]
    out = asked(capsys, questions, "--by", "language")
    assert [line.split()[0] for line in out.splitlines()][2:] == ["en", "fr", "all"]


def test_the_lists_alone_can_be_compared(questions, capsys):
    """What hybrid search is worth on this collection."""
    found = json.loads(asked(capsys, questions, "--compare", "--json"))["modes"]
    assert list(found) == ["hybrid", "meaning", "words"]
    assert all(found[mode]["groups"]["clean"]["recall@5"] == 1 for mode in found)
    assert "searched by" in asked(capsys, questions, "--compare")


def test_several_files_are_one_set(questions, capsys, tmp_path):
    more = tmp_path / "more.jsonl"
    more.write_text('{"question": "what is closed", "document": "never"}\n')
    found = json.loads(asked(capsys, questions, str(more), "--json"))
    assert found["all"]["questions"] == 6 and found["groups"]["-"]["questions"] == 1


def test_failures_are_listed_with_what_was_found_instead(questions, capsys, tmp_path):
    """To see what to write: what was wanted, what was said, what was nearest."""
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text('{"question": "how much is the late fee", "document": "late", "fact": "seven dollars"}\n')
    failure, = json.loads(asked(capsys, wrong, "--failures", "--json"))["failures"]
    assert (failure["outcome"], failure["rank"], failure["nearest"][0]["document"]) == ("wrong", 0, "late")
    out = asked(capsys, wrong, "--failures")
    assert "wrong: how much is the late fee" in out and "its passage was not found" in out
    assert "late: The late fee" in out
    assert json.loads(asked(capsys, questions, "--failures", "--json"))["failures"] == []


def test_demands_decide_the_exit_code(questions, capsys):
    """A script of the operator fails when the knowledge base gets worse."""
    for demand, code in [
        (["--min", "recall@5=1"], 0), (["--min", "misheard:recall@5=0.5", "--max", "wrong=0"], 0),
        (["--min", "none:off_topic_refused=1"], 0), (["--max", "p99_ms=0"], 1), (["--min", "fr:mrr=1.5"], 1),
    ]:
        out = asked(capsys, questions, *demand, code=code)
        assert (" is " in out.splitlines()[-1]) == bool(code)
        missed = json.loads(asked(capsys, questions, *demand, "--json", code=code))["missed"]
        assert len(missed) == code


def test_a_demand_that_nothing_can_fail_is_refused(questions, capsys):
    """A slip in a script must not look like success."""
    for demand, says in [
        ("recall@7=1", "'recall@7=1': write RATE=NUMBER"), ("recall@5", "'recall@5': write RATE=NUMBER"),
        ("recall@5=much", "'much' is no number"), ("recall@5=nan", "'nan' is no number"),
        ("mishaerd:recall@5=1", "no question has group or language 'mishaerd'; there are: "),
        ("none:recall@5=1", "there is no question that this rate counts"),
    ]:
        assert main(["kb", "eval", str(questions), "--collection", "desk", "--min", demand]) == 2
        assert says in capsys.readouterr().err


def test_a_wrong_line_is_named(questions, capsys, tmp_path):
    for line, says in [
        ("{", ":2: not a question"), ("[]", ":2: not a question (it must be an object)"),
        ('{"question": "x"}', ":2: not a question ('document' is missing)"),
        ('{"question": "", "document": "late"}', "'question' must be a text"),
        ('{"question": "x", "document": []}', "'document' must be an id, a list of ids or null"),
        ('{"question": "x", "document": "late", "fact": "("}', ":2: not a question"),
        ('{"question": "x", "document": "nowhere"}', "collection 'desk' has no document 'nowhere'"),
    ]:
        path = tmp_path / "bad.jsonl"
        path.write_text(f'{{"question": "y", "document": "late"}}\n{line}\n')
        assert main(["kb", "eval", str(path), "--collection", "desk"]) == 2
        err = capsys.readouterr().err
        assert says in err and "Traceback" not in err


def test_a_file_that_cannot_be_read_is_named(questions, capsys, tmp_path):
    for path, says in ((tmp_path / "none.jsonl", "cannot be read"), (tmp_path, "cannot be read")):
        assert main(["kb", "eval", str(path), "--collection", "desk"]) == 2
        assert f"{path}: {says}" in capsys.readouterr().err


def test_what_was_heard_is_asked_as_spoken():
    """The thresholds are others where a recogniser stands between: a confidence, alternatives or the group say so."""
    assert measuring.is_spoken(Question("x", ("late",), group="misheard"))
    assert measuring.is_spoken(Question("x", ("late",), confidence=0.4))
    assert measuring.is_spoken(Question("x", ("late",), alternatives=("y",)))
    assert not measuring.is_spoken(Question("x", ("late",), group="clean"))


def test_outcomes_stay_in_the_order_of_the_questions(questions, desk):
    """Spoken and typed ones are asked apart and put together again."""
    base = desk.open()
    some = [Question(text, (), confidence=confidence) for text, confidence in
            (("one", 0.5), ("two", -1.0), ("three", 0.5), ("four", -1.0))]
    assert [entry.question.text for entry in measuring.measure(base, some).outcomes] == ["one", "two", "three", "four"]
