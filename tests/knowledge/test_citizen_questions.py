"""The data of the citizen line is what its README says: a question set with a slip in it measures nothing."""

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from engine.language.scripts import LATIN, histogram, native_language

ROOT = Path(__file__).parents[2] / "benchmarks/data/knowledge/citizens"
DOCUMENTS = ROOT / "documents"
HALVES = ("tuning", "evaluation")
FOLDERS = {"certificates", "tax", "water", "electricity", "welfare", "health", "transport", "complaints", "education",
           "office"}
FIELDS = {"title", "tags", "utterances", "say"}
COUNTS = {
    "tuning": {("clean", "ml"): 9, ("clean", "hi"): 6, ("clean", "ta"): 6, ("clean", "en"): 7,
               ("romanised", "ml-Latn"): 9, ("romanised", "hi-Latn"): 7, ("romanised", "ta-Latn"): 6,
               ("none", "ml"): 2, ("none", "hi"): 2, ("none", "ta"): 2, ("none", "en"): 2,
               ("none", "ml-Latn"): 2, ("none", "hi-Latn"): 1, ("none", "ta-Latn"): 1},
    "evaluation": {("clean", "ml"): 9, ("clean", "hi"): 6, ("clean", "ta"): 6, ("clean", "en"): 6,
                   ("romanised", "ml-Latn"): 9, ("romanised", "hi-Latn"): 7, ("romanised", "ta-Latn"): 7,
                   ("none", "ml"): 2, ("none", "hi"): 2, ("none", "ta"): 2, ("none", "en"): 2,
                   ("none", "ml-Latn"): 2, ("none", "hi-Latn"): 2, ("none", "ta-Latn"): 1},
}
SCRIPTS = {"ml": "Mlym", "hi": "Deva", "ta": "Taml", "en": LATIN}


def _lines(name):
    return [json.loads(line) for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]


def _documents():
    return {path.relative_to(DOCUMENTS).with_suffix("").as_posix(): path
            for path in sorted(DOCUMENTS.rglob("*")) if path.is_file()}


def _ids(row):
    return [row["document"]] if isinstance(row["document"], str) else row["document"] or []


def _parts(path):
    """Front matter and body of a document."""
    text = path.read_text(encoding="utf-8")
    if not text.startswith("---\n"):
        return {}, text
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body


def _bare(text):
    """A question without what does not tell two apart: case, punctuation, spaces."""
    return " ".join(re.sub(r"[\s.,?!।'\"-]+", " ", text.lower()).split())


DOCUMENT_PATHS = _documents()
ROWS = [(half, row) for half in HALVES for row in _lines(f"{half}.jsonl")]


@pytest.mark.parametrize("half", HALVES)
def test_each_half_has_its_share_of_every_group_and_language(half):
    """A rate of one half is compared with the other's: both need the same mix."""
    assert Counter((row["group"], row["language"]) for row in _lines(f"{half}.jsonl")) == COUNTS[half]


def test_rows_have_the_fields_of_the_format_and_no_others():
    """Evaluation reads these names: a misspelt one would be passed over in silence."""
    for _, row in ROWS:
        assert set(row) == {"question", "document", "fact", "group", "language"}
        assert (row["group"] == "none") == (row["document"] is None) == (row["fact"] is None)
        assert (row["group"] == "romanised") == (row["language"].endswith("-Latn") and row["document"] is not None)


def test_every_document_that_is_asked_about_exists_and_has_the_fact():
    """A fact that its document lacks makes every answer wrong; with several documents each must be a right answer."""
    for _, row in ROWS:
        assert len(set(_ids(row))) == len(_ids(row))
        for name in _ids(row):
            text = " ".join(DOCUMENT_PATHS[name].read_text(encoding="utf-8").split())
            assert re.search(row["fact"], text, re.IGNORECASE), (name, row["fact"])


def test_a_question_with_an_answer_has_one_in_its_own_language():
    """Nothing here measures search across languages: a caller's language has a document."""
    for _, row in ROWS:
        if row["document"] is not None:
            assert row["language"].removesuffix("-Latn") in {_language(DOCUMENT_PATHS[name]) for name in _ids(row)}


def test_no_fact_stands_in_the_question():
    """Whatever repeats the question would count as a right answer."""
    for _, row in ROWS:
        assert row["fact"] is None or not re.search(row["fact"], row["question"], re.IGNORECASE), row["question"]


def test_the_halves_share_neither_questions_nor_documents():
    """What was tuned on one half must not be known in the other."""
    questions = {half: {_bare(row["question"]) for name, row in ROWS if name == half} for half in HALVES}
    asked = {half: {name for other, row in ROWS if other == half for name in _ids(row)} for half in HALVES}
    assert sum(map(len, questions.values())) == len(ROWS)
    assert not questions["tuning"] & questions["evaluation"]
    assert not asked["tuning"] & asked["evaluation"]


def test_questions_are_in_the_script_they_claim():
    """Clean Indic questions are in their own script with hardly a Latin letter, romanised ones have Latin only."""
    for _, row in ROWS:
        letters = histogram(row["question"])
        if row["language"] == "en" or row["language"].endswith("-Latn"):
            assert set(letters) == {LATIN}, row["question"]
        else:
            assert native_language(row["question"], letters)[0] == row["language"], row["question"]
            assert letters[SCRIPTS[row["language"]]] >= 0.9 * letters.total(), row["question"]


def _language(path):
    front, body = _parts(path)
    text = f"{front.get('title', '')} {body}"
    return native_language(text, histogram(text))[0] or "en"


def test_the_corpus_has_the_documents_the_readme_counts():
    """100 documents in ten folders, in four languages, each in its own script."""
    assert len(DOCUMENT_PATHS) == 100
    assert {name.partition("/")[0] for name in DOCUMENT_PATHS} == FOLDERS
    assert Counter(map(_language, DOCUMENT_PATHS.values())) == {"ml": 35, "hi": 20, "ta": 20, "en": 25}
    for path in DOCUMENT_PATHS.values():
        letters = histogram(_parts(path)[1])
        assert letters[SCRIPTS[_language(path)]] >= 0.95 * letters.total(), path


def test_front_matter_has_known_fields_in_about_a_third_utterances():
    """Utterances are what makes search easy: most documents have none, and none is a question of the sets."""
    questions = {_bare(row["question"]) for _, row in ROWS}
    fronts = [_parts(path)[0] for path in DOCUMENT_PATHS.values() if path.suffix == ".md"]
    utterances = [_bare(text) for front in fronts for text in front.get("utterances", ())]
    assert all(set(front) <= FIELDS and front["title"] for front in fronts)
    assert 30 <= sum("utterances" in front for front in fronts) <= 36
    assert len(set(utterances)) == len(utterances)
    assert not questions & set(utterances)


def test_the_table_file_has_a_cell_for_each_header():
    """The directory is read as a spreadsheet's export: a row of another width would shift its facts."""
    [path] = [path for path in DOCUMENT_PATHS.values() if path.suffix == ".csv"]
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) > 10
    assert {len(row) for row in rows} == {len(rows[0])}


def test_spellings_are_native_words_with_latin_ways_to_type_them():
    """30 words a language, half of each for tuning, every one with at least two different spellings."""
    rows = _lines("spellings.jsonl")
    assert Counter((row["language"], row["half"]) for row in rows) == {
        (language, half): 15 for language in ("ml", "hi", "ta") for half in HALVES}
    assert len({row["native"] for row in rows}) == len(rows)
    for row in rows:
        assert set(row) == {"native", "latin", "language", "half"}
        assert set(histogram(row["native"])) == {SCRIPTS[row["language"]]}, row
        assert 2 <= len(set(row["latin"])) == len(row["latin"]) <= 4, row
        assert all(re.fullmatch(r"[a-z ]+", latin) for latin in row["latin"]), row
