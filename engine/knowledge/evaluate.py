"""How well a collection answers: questions with known answers in, rates out.

A question set is JSON lines: ``{"question": ..., "document": id or null, "fact": regular expression}``. A question with
``document`` null has no answer in the collection. What is asked may differ from what was written: give ``heard``, the
texts that a recogniser made of the questions, and the same rates tell how well the whole ear-to-answer chain does.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from engine.knowledge.answer import Answer
from engine.knowledge.base import KnowledgeBase
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.ingest import SAMPLE

QUESTIONS = SAMPLE.with_name("sample_questions") / "questions.jsonl"
"""40 questions about the sample and 10 about other things; nothing was tuned on them."""

TUNING = QUESTIONS.with_name("tuning.jsonl")
"""35 and 15 others, on which weights and thresholds were chosen."""

Outcome = Literal["right", "wrong", "asked_back", "refused"]


@dataclass(frozen=True, slots=True)
class Question:
    """``document`` is ``None`` if the collection has no answer; ``fact`` must be found in a right one."""

    text: str
    document: str | None
    fact: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class HeardQuestion:
    """What a recogniser made of a question: see ``engine.speech.interfaces.Heard``."""

    text: str
    confidence: float = -1.0
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of one question. ``asked`` is the text that was given to the knowledge base."""

    question: Question
    asked: str
    outcome: Outcome
    answer: Answer


@dataclass(slots=True)
class Evaluation:
    """All outcomes, and the rates in them."""

    outcomes: list[Outcomes] = field(default_factory=list)

    def rate(self, outcome: Outcome, *, answerable: bool = True) -> float:
        """Share of the answerable (or of the unanswerable) questions with this outcome, 0 to 1."""
        of = [entry for entry in self.outcomes if (entry.question.document is not None) == answerable]
        return sum(entry.outcome == outcome for entry in of) / len(of) if of else 0.0

    def summary(self) -> dict[str, float]:
        """Rates of the answerable questions, and ``off_topic_answered`` of the others."""
        return {
            "questions": len(self.outcomes),
            "right": round(self.rate("right"), 3),
            "wrong": round(self.rate("wrong"), 3),
            "asked_back": round(self.rate("asked_back"), 3),
            "refused": round(self.rate("refused"), 3),
            "off_topic_answered": round(self.rate("wrong", answerable=False), 3),
        }


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
            except (ValueError, KeyError, TypeError, re.error) as fault:
                raise KnowledgeError(f'{path}:{number}: not a question ({fault!r}); a line is {{"question": "...", '
                                     '"document": "id" or null, "fact": "regular expression"}') from fault
    if not questions:
        raise KnowledgeError(f"{path}: there is no question in it")
    return questions


def evaluate(base: KnowledgeBase, questions: Sequence[Question], *, spoken: bool,
             heard: Sequence[HeardQuestion] | None = None) -> Evaluation:
    """Ask every question, or in its place what was heard of it (same order; "" counts as refused)."""
    if heard is not None and len(heard) != len(questions):
        raise KnowledgeError(f"{len(heard)} texts were heard of {len(questions)} questions")
    found = Evaluation()
    for place, question in enumerate(questions):
        asked = HeardQuestion(question.text) if heard is None else heard[place]
        answer = base.answer(asked.text, spoken=spoken, confidence=asked.confidence, alternatives=asked.alternatives)
        found.outcomes.append(Outcomes(question, asked.text, judge(question, answer), answer))
    return found


def judge(question: Question, answer: Answer) -> Outcome:
    """Right is: answered from the right document, with the fact in what is said. Answering a question that has no
    answer is wrong."""
    if answer.decision == "unknown":
        return "refused"
    if answer.decision == "ask_back":
        return "asked_back"
    right = (question.document is not None and question.fact is not None
             and answer.citations[0].document == question.document and question.fact.search(answer.text) is not None)
    return "right" if right else "wrong"


def _question(row: Any) -> Question:
    if not isinstance(row, dict) or not isinstance(row["question"], str) or not row["question"].strip():
        raise ValueError("'question' must be a text")
    document = row["document"]
    if document is None:
        return Question(row["question"], None, None)
    return Question(row["question"], str(document), re.compile(row["fact"], re.IGNORECASE))
