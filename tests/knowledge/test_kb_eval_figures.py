"""``make kb-eval``: figures against their aims, out of outcomes."""

import pytest

from benchmarks import kb_eval
from engine.knowledge.answers.answer import Answer
from engine.knowledge.measure.evaluate import Evaluation, Outcomes, Question


def outcome(group, rank, kind="right", seconds=0.01):
    documents = () if group == "none" else ("late",)
    question = Question("x", documents, group=group, language="en")
    return Outcomes(question, kind, Answer(kind, "", (), 0, ""), rank, seconds)


def asked(hybrid, meaning, words):
    """Of one set: the ranks of the clean questions in each mode, and four questions without an answer."""
    none = [outcome("none", 0, kind) for kind in ("refused", "refused", "refused", "wrong")]
    return {"desk": {mode: Evaluation([outcome("clean", rank) for rank in ranks] + none)
                     for mode, ranks in (("hybrid", hybrid), ("meaning", meaning), ("words", words))}}


def figures(*ranks):
    return {row.figure.partition(": ")[2]: row for row in kb_eval.rows(asked(*ranks), "evaluation")}


def test_aims_decide():
    found = figures([1, 1, 0], [1, 0, 0], [0, 0, 0])
    assert (found["recall@5, clean"].value, found["recall@5, clean"].ok) == (0.667, False)
    assert (found["questions without an answer refused"].value, found["questions without an answer refused"].ok) == (
        0.75, False)
    assert found["questions with an answer wrongly refused"].ok
    assert "recall@5, romanised" not in found
    assert found["question to answer, one text, p50"].value == 10


@pytest.mark.parametrize(("hybrid", "alone", "ahead"), [
    ([1, 1], [1, 0], True), ([1, 2], [1, 3], True), ([1, 1], [1, 1], False), ([1, 2], [1, 1], False),
    ([1, 6], [1, 5], False)])
def test_ahead_is_more_found_or_nearer_to_the_top(hybrid, alone, ahead):
    """Equal is not ahead."""
    found = figures(hybrid, alone, alone)
    assert [row.ok for name, row in found.items() if "against" in name] == [ahead, ahead]


def test_the_table_has_every_set_mode_group_and_language():
    found = kb_eval.tables(asked([1], [1], [1]))
    assert list(found) == ["desk", "all"] and list(found["all"]) == ["hybrid", "meaning", "words"]
    assert list(found["desk"]["hybrid"]["groups"]) == ["clean", "none"]
    assert found["desk"]["hybrid"]["languages"]["en"]["questions"] == 5
