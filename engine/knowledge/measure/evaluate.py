"""How well a collection is searched and answered from: questions with known answers in, rates out.

A question set is JSON lines, one question a line; only ``question`` and ``document`` must be there:

    {"question": "how high is the late fee", "document": "billing/late", "fact": "six dollars", "group": "clean"}

``document``: the id of the document that answers (or its file below the folder), a list where several do, ``null``
where none does. ``fact``: a regular expression that the right passage and a right answer contain. ``group``,
``language``: rates are given by them. What was asked may differ from what was said: ``question`` is then what a
recogniser made of it, with its ``confidence`` and its ``alternatives``.
"""

import json
import re
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean
from typing import Any, Literal

from engine.knowledge.answers.answer import Answer
from engine.knowledge.base import Hit, KnowledgeBase, Mode
from engine.knowledge.collections import SAMPLE_QUESTIONS
from engine.knowledge.errors import KnowledgeError

QUESTIONS = SAMPLE_QUESTIONS / "questions.jsonl"
"""40 questions about the sample and 10 about other things; nothing was tuned on them."""

TUNING = SAMPLE_QUESTIONS / "tuning.jsonl"
"""35 and 15 others, on which weights and thresholds were chosen."""

DEPTH = 10
"""Passages that are looked at for the right one."""

Outcome = Literal["right", "wrong", "asked_back", "refused"]


@dataclass(frozen=True, slots=True)
class Question:
    """``documents`` is empty if the collection has no answer; ``fact`` must be found in a right one."""

    text: str
    documents: tuple[str, ...]
    fact: re.Pattern[str] | None = None
    group: str = ""
    language: str = ""
    confidence: float = -1.0
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeardQuestion:
    """What a recogniser made of a question: see ``engine.speech.interfaces.Heard``."""

    text: str
    confidence: float = -1.0
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of one question. ``rank``: the place of the right passage among those that were found, from 1; 0 if
    it is not among the first ``DEPTH``. ``seconds``: from the question to the answer."""

    question: Question
    outcome: Outcome
    answer: Answer
    rank: int
    seconds: float


@dataclass(slots=True)
class Evaluation:
    """All outcomes, and the rates in them."""

    outcomes: list[Outcomes] = field(default_factory=list)

    def rate(self, outcome: Outcome, *, answerable: bool = True) -> float:
        """Share of the answerable (or of the unanswerable) questions with this outcome, 0 to 1."""
        of = [entry for entry in self.outcomes if bool(entry.question.documents) == answerable]
        return sum(entry.outcome == outcome for entry in of) / len(of) if of else 0.0

    def recall(self, k: int) -> float:
        """Share of the answerable questions whose right passage is among the first ``k``."""
        of = [entry.rank for entry in self.outcomes if entry.question.documents]
        return sum(0 < rank <= k for rank in of) / len(of) if of else 0.0

    def reciprocal_rank(self) -> float:
        """Mean of 1/rank over the answerable questions (MRR), 0 for a passage that was not found."""
        of = [entry.rank for entry in self.outcomes if entry.question.documents]
        return mean(1 / rank if rank else 0.0 for rank in of) if of else 0.0

    def refusal_precision(self) -> float:
        """Share of the refusals that were right to be; 1 if there were none."""
        refused = [not entry.question.documents for entry in self.outcomes if entry.outcome == "refused"]
        return mean(refused) if refused else 1.0

    def summary(self) -> dict[str, float]:
        """The rates. Of the answerable questions, but for ``off_topic_answered`` and ``off_topic_refused``."""
        times = sorted(entry.seconds for entry in self.outcomes) or [0.0]
        rates = {
            "recall@1": self.recall(1), "recall@5": self.recall(5), "recall@10": self.recall(DEPTH),
            "mrr": self.reciprocal_rank(),
            **{outcome: self.rate(outcome) for outcome in ("right", "wrong", "asked_back", "refused")},
            "off_topic_answered": self.rate("wrong", answerable=False),
            "off_topic_refused": self.rate("refused", answerable=False),
            "refusal_precision": self.refusal_precision(),
        }
        return {"questions": len(self.outcomes), **{name: round(rate, 3) for name, rate in rates.items()},
                "p50_ms": round(1000 * times[len(times) // 2], 1),
                "p99_ms": round(1000 * times[-1 - len(times) // 100], 1)}

    def by(self, field_name: Literal["group", "language"]) -> "dict[str, Evaluation]":
        """The same of each group, or of each language."""
        parts: dict[str, Evaluation] = defaultdict(Evaluation)
        for entry in self.outcomes:
            parts[getattr(entry.question, field_name)].outcomes.append(entry)
        return dict(sorted(parts.items()))


def load(path: Path = QUESTIONS) -> list[Question]:
    """The questions of a file. Raises ``KnowledgeError`` that names file and line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        raise KnowledgeError(f"{path}: cannot be read: {fault}") from fault
    questions = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                questions.append(_question(json.loads(line)))
            except (ValueError, TypeError, re.error) as fault:
                raise KnowledgeError(
                    f'{path}:{number}: not a question ({fault}); a line is {{"question": "...", '
                    '"document": "id", a list of ids or null, "fact": "regular expression"}') from fault
    if not questions:
        raise KnowledgeError(f"{path}: there is no question in it")
    return questions


def evaluate(base: KnowledgeBase, questions: Sequence[Question], *, spoken: bool, mode: Mode = "hybrid",
             heard: Sequence[HeardQuestion] | None = None) -> Evaluation:
    """Ask every question, or in its place what was ``heard`` of it (same order; "" counts as refused). ``mode``: by
    which lists passages are ranked; answers are always given by all. Raises ``KnowledgeError`` for a document that the
    collection does not have."""
    if heard is not None:
        if len(heard) != len(questions):
            raise KnowledgeError(f"{len(heard)} texts were heard of {len(questions)} questions")
        questions = [replace(question, text=one.text, confidence=one.confidence, alternatives=one.alternatives)
                     for question, one in zip(questions, heard, strict=True)]
    known = base.known_documents()
    questions = [replace(question, documents=tuple(_id(name, known) for name in question.documents))
                 for question in questions]
    missing = sorted({name for question in questions for name in question.documents} - known)
    if missing:
        raise KnowledgeError(f"collection '{base.collection}' has no document '{missing[0]}'"
                             + (f" ({len(missing) - 1} others are missing too)" if missing[1:] else "")
                             + ": ingest what the questions are about, or give the ids that search shows")
    found = Evaluation()
    for question in questions:
        started = time.perf_counter()
        answer = base.answer(question.text, spoken=spoken, confidence=question.confidence,
                             alternatives=question.alternatives)
        seconds = time.perf_counter() - started
        hits = base.search(question.text, DEPTH, confidence=question.confidence, alternatives=question.alternatives,
                           mode=mode)
        found.outcomes.append(Outcomes(question, judge(question, answer), answer, rank_of(question, hits), seconds))
    return found


def judge(question: Question, answer: Answer) -> Outcome:
    """Right is: answered from a right document, with the fact in what is said. Answering a question that has no answer
    is wrong."""
    if answer.decision == "unknown":
        return "refused"
    if answer.decision == "ask_back":
        return "asked_back"
    right = bool(answer.citations) and answer.citations[0].document in question.documents and (
        question.fact is None or question.fact.search(answer.text) is not None)
    return "right" if right else "wrong"


def rank_of(question: Question, hits: Sequence[Hit]) -> int:
    """The place of the first right passage, from 1; 0 where there is none. It is of a right document, and has the
    fact."""
    for place, hit in enumerate(hits, 1):
        if hit.citation.document in question.documents and (
                question.fact is None or question.fact.search(hit.whole) is not None):
            return place
    return 0


def _id(name: str, known: Collection[str]) -> str:
    """A document's id, also where it was named by its file."""
    bare = name.rpartition(".")[0]
    return bare if name not in known and bare in known else name


def _question(row: Any) -> Question:
    if not isinstance(row, dict):
        raise ValueError("it must be an object")
    text = row.get("question")
    if not isinstance(text, str) or not (text.strip() or "said" in row):
        raise ValueError("'question' must be a text")
    if "document" not in row:
        raise ValueError("'document' is missing")
    return Question(text, _documents(row["document"]), re.compile(_text(row, "fact"), re.IGNORECASE) if row.get("fact")
                    else None, _text(row, "group"), _text(row, "language"), _number(row, "confidence"),
                    tuple(str(other) for other in row.get("alternatives") or ()))


def _documents(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError("'document' must be an id, a list of ids or null")
    return tuple(names)


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name) or ""
    if not isinstance(value, str):
        raise ValueError(f"'{name}' must be a text")
    return value


def _number(row: Mapping[str, Any], name: str) -> float:
    value = row.get(name, -1.0)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ValueError(f"'{name}' must be a number")
    return float(value)
