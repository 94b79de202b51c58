"""The near misses: sound by themselves, and nothing of the evaluation halves in them."""

import re
from collections import Counter

import pytest

from benchmarks import near_misses
from benchmarks.kb_eval import SETS
from engine.knowledge.measure.evaluate import QUESTIONS, load

COLLECTIONS = near_misses.collections()


@pytest.mark.parametrize("collection", COLLECTIONS, ids=lambda one: one.name)
def test_they_have_both_kinds_of_questions_of_all_documents(collection):
    """If one kind were rare, refusing always, or never, would look good."""
    kinds = Counter(bool(question.documents) for question in collection.questions)
    assert 0.8 < kinds[True] / kinds[False] < 1.25
    assert {name for question in collection.questions for name in question.documents} == set(collection.documents)
    texts = [question.text for question in collection.questions]
    assert len(texts) == len(set(texts))


def test_nothing_of_the_evaluation_halves_is_in_them():
    """Weights may be chosen on near misses; figures of the evaluation halves must stay worth something."""
    def plain(text):
        return re.sub(r"\W+", " ", text.lower()).strip()

    here = {plain(question.text) for one in COLLECTIONS for question in one.questions}
    kept = {plain(question.text) for path in [*SETS.glob("*/evaluation.jsonl"), QUESTIONS] for question in load(path)}
    assert not here & kept


@pytest.mark.parametrize(("text", "problem"), [
    ("## Lions\n? Are there lions?\n", "'Lions' has no text"),
    ("## Lions\nBig.\n## Lions\nBigger.\n", "'Lions' .*is there twice"),
    ("Lions are big.\n", "no document"),
])
def test_a_file_that_is_wrong_is_named(tmp_path, text, problem):
    path = tmp_path / "zoo.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"zoo\.md: .*{problem}"):
        near_misses.read(path)
