"""The question sets of ``benchmarks/data/knowledge``: sound by themselves, whatever is measured with them."""

import json
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.hear_questions import GROUPS, HALVES, SETS, calls, misheard, replaced
from benchmarks.voices import VOICES
from engine.knowledge.measure.evaluate import HeardQuestion

NAMES = sorted(path.parent.name for path in SETS.glob("*/tuning.jsonl"))
COUNTS = {
    "desk": {("clean", "en"): 60, ("misheard", "en"): 32, ("telephone", "en"): 32, ("none", "en"): 20},
    "openday": {("clean", "en"): 22, ("clean", "fr"): 23, ("misheard", "en"): 22,
                ("telephone", "en"): 22, ("none", "en"): 7, ("none", "fr"): 8},
}
"""Questions of both halves by group and language. What nobody heard is missing from ``misheard`` and
``telephone``."""


def load(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def half(name, which):
    return load(SETS / name / f"{which}.jsonl")


def documents(name):
    root = SETS / name / "documents"
    return [(path.relative_to(root).with_suffix("").as_posix(), path) for path in sorted(root.rglob("*"))
            if path.is_file()]


def ids(row):
    given = row["document"]
    return [] if given is None else [given] if isinstance(given, str) else given


def plain(text):
    return " ".join(re.findall(r"\w+", text.lower()))


def front(text):
    """The front matter's lines."""
    return text.split("\n---\n", 1)[0].splitlines() if text.startswith("---\n") else []


def utterances(text):
    return [line.strip("- ").strip() for line in front(text) if line.startswith("  - ")]


def test_the_sets_are_found():
    """Or the tests below would pass over nothing."""
    assert set(COUNTS) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_documents_have_ids_of_their_own(name):
    """An id is a path without suffix, so two files of one name and folder would be one document."""
    found = Counter(identity for identity, _ in documents(name))
    assert [identity for identity, times in found.items() if times > 1] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("which", HALVES)
def test_every_question_can_be_answered_or_says_that_it_cannot(name, which):
    """A fact must stand in each of its documents, or the right answer would count as wrong."""
    paths = dict(documents(name))
    for row in half(name, which):
        assert row["question"].strip() and row["group"] in GROUPS and row["language"], row
        assert (row["document"] is None) == (row["fact"] is None) == (row["group"] == "none"), row
        for identity in ids(row):
            assert identity in paths, row
            text = " ".join(paths[identity].read_text(encoding="utf-8").split())
            assert re.search(row["fact"], text, re.IGNORECASE), row


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("which", HALVES)
def test_no_fact_is_found_in_the_question_or_in_nothing(name, which):
    """A pattern that an empty answer or the question's own words fulfil measures nothing."""
    for row in half(name, which):
        if row["fact"] is not None:
            assert not re.search(row["fact"], "", re.IGNORECASE), row
            assert not re.search(row["fact"], row.get("said", row["question"]), re.IGNORECASE), row


@pytest.mark.parametrize("name", NAMES)
def test_the_halves_share_no_question_and_hardly_a_document(name):
    """What was tuned on one half must not have been tuned on the other."""
    asked = {which: half(name, which) for which in HALVES}
    texts = [plain(row.get("said", row["question"])) for rows in asked.values() for row in rows
             if row["group"] != "telephone"]  # these are the misheard ones once more
    assert [text for text, times in Counter(texts).items() if times > 1] == []
    tuned, kept = ({identity for row in rows for identity in ids(row)} for rows in asked.values())
    shared = tuned & kept
    assert not shared if name in COUNTS else len(shared) <= 0.2 * len(tuned | kept), shared


@pytest.mark.parametrize("name", NAMES)
def test_each_half_has_half_of_each_group(name):
    """Rates of the halves can be compared only if they are made of the same kinds of questions."""
    tuning, evaluation = (Counter(row["group"] for row in half(name, which)) for which in HALVES)
    assert all(abs(tuning[group] - evaluation[group]) <= 2 for group in GROUPS), (tuning, evaluation)


@pytest.mark.parametrize("name", NAMES)
def test_no_question_is_an_utterance(name):
    """The figures are about questions in callers' own words, so none may be given away in a document."""
    given = {plain(text) for _, path in documents(name) for text in utterances(path.read_text(encoding="utf-8"))}
    asked = {plain(row.get("said", row["question"])) for which in HALVES for row in half(name, which)}
    assert not given & asked


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_counts(name):
    """The README names them, and a group that shrinks silently makes its rate worthless."""
    found = Counter((row["group"], row["language"]) for which in HALVES for row in half(name, which))
    for key, expected in COUNTS[name].items():
        assert found.pop(key) <= expected if key[0] in ("misheard", "telephone") else found.pop(key) == expected
    assert not found


@pytest.mark.parametrize("group", ["misheard", "telephone"])
@pytest.mark.parametrize("name", sorted(COUNTS))
def test_misheard_questions_are_what_was_said_and_heard(name, group):
    """They are made by ``benchmarks.hear_questions`` from ``said.jsonl``, never by hand, and none is picked out."""
    said = load(SETS / name / "said.jsonl")
    for which in HALVES:
        rows = [row for row in half(name, which) if row["group"] == group]
        expected = [row for row in said if row["half"] == which]
        heard = {row["said"] for row in rows}
        for row in rows:
            origin = next(entry for entry in expected if entry["said"] == row["said"])
            assert [origin[key] for key in ("document", "fact", "language")] == [
                row[key] for key in ("document", "fact", "language")]
            assert 0.0 <= row["confidence"] <= 1.0 and row["voice"] in VOICES
            assert all(isinstance(text, str) and text for text in row["alternatives"])
        assert len(expected) - len(heard) <= 2  # so many may be lost because nothing at all was heard


@given(st.lists(st.sampled_from(HALVES), max_size=60))
def test_calls_ask_every_question_once_and_deal_the_voices_evenly(halves):
    """A question asked twice, or a half that has the worse voices, would tilt the comparison of the halves."""
    dealt = calls(halves)
    assert sorted(number for _, numbers in dealt for number in numbers) == list(range(len(halves)))
    assert all(1 <= len(numbers) <= 4 for _, numbers in dealt)
    for which in HALVES:
        times = Counter(voice for voice, numbers in dealt for number in numbers if halves[number] == which)
        assert max(times[voice] for voice in VOICES) - min(times[voice] for voice in VOICES) <= 1


def test_hearing_again_replaces_only_the_misheard():
    """Questions written by hand must survive the machine, in their order."""
    clean, none = {"question": "a", "group": "clean"}, {"question": "z", "group": "none"}
    origin = {"said": "b c", "document": "d", "fact": "f", "language": "en", "half": "tuning"}
    fresh = misheard(origin, VOICES[0], HeardQuestion("bee sea", 0.61249, ("bee see",)))
    assert fresh["question"] == "bee sea" and fresh["said"] == "b c" and fresh["confidence"] == 0.612
    assert fresh["alternatives"] == ["bee see"] and "half" not in fresh
    old = {"question": "old", "group": "misheard"}
    assert replaced([clean, old, none], [fresh]) == [clean, fresh, none]


def test_documents_are_what_the_readme_promises():
    """Profiles of people must say themselves that nobody is meant."""
    profiles = sorted((SETS / "openday/documents/linkedin").glob("*.md"))
    assert len(profiles) == 8
    for path in profiles:
        assert re.search(r"\((fictitious profile|profil fictif)\)", path.read_text(encoding="utf-8")), path
    assert len(documents("desk")) == 74 and len(documents("openday")) == 51
