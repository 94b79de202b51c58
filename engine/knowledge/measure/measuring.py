"""An evaluation as an operator reads it: typed and spoken questions each as they come, in three ways of searching, held
against what is demanded. ``evaluate`` asks; this puts together."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.knowledge.base import Hit, KnowledgeBase
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.measure.evaluate import Evaluation, Outcomes, Question, evaluate
from engine.knowledge.search.ranking import Mode

Manner = Literal["as they are", "spoken", "typed"]
MODES: tuple[Mode, ...] = ("hybrid", "meaning", "words")
SPOKEN_GROUPS = frozenset({"misheard", "telephone"})

Field = Literal["group", "language"]
Rates = dict[str, float | None]
"""Of ``Evaluation.summary``, but ``None`` where there was no such question."""

_OF_UNANSWERABLE = ("off_topic_answered", "off_topic_refused")
_OF_ANSWERABLE = ("recall@1", "recall@5", "recall@10", "mrr", "right", "wrong", "asked_back", "refused")
_DEMAND = re.compile(r"(?:(?P<part>[^:=]+):)?(?P<rate>[A-Za-z0-9@_]+)=(?P<value>[^=]+)")


def is_spoken(question: Question) -> bool:
    """Whether it was heard by a recogniser: it is of a spoken group, or has a confidence or alternatives."""
    return question.group in SPOKEN_GROUPS or question.confidence >= 0 or bool(question.alternatives)


def measure(base: KnowledgeBase, questions: Sequence[Question], manner: Manner = "as they are", mode: Mode = "hybrid"
            ) -> Evaluation:
    """Every question, with the thresholds of spoken or of typed ones; the outcomes in the order of the questions.

    Raises ``KnowledgeError`` for a document that the collection does not have."""
    spoken = [manner == "spoken" or (manner == "as they are" and is_spoken(question)) for question in questions]
    found: dict[int, Outcomes] = {}
    for kind in (True, False):
        places = [place for place, one in enumerate(spoken) if one is kind]
        some = evaluate(base, [questions[place] for place in places], spoken=kind, mode=mode)
        found |= dict(zip(places, some.outcomes, strict=True))
    return Evaluation([found[place] for place in range(len(questions))])


def rates(evaluation: Evaluation) -> Rates:
    """The summary, with ``None`` for rates of which there is no question."""
    found: Rates = dict(evaluation.summary())
    answerable = sum(bool(entry.question.documents) for entry in evaluation.outcomes)
    if not answerable:
        found |= dict.fromkeys(_OF_ANSWERABLE)
    if answerable == len(evaluation.outcomes):
        found |= dict.fromkeys((*_OF_UNANSWERABLE, "refusal_precision"))
    elif not any(entry.outcome == "refused" for entry in evaluation.outcomes):
        found["refusal_precision"] = None
    return found


def parts(evaluation: Evaluation, by: Field) -> dict[str, Evaluation]:
    """The evaluation of each group or language; "-" for those that have none."""
    return {name or "-": part for name, part in evaluation.by(by).items()}


# ---------------------------------------------------------------- failures

@dataclass(frozen=True, slots=True)
class Failure:
    """A question that went wrong: answered wrongly, asked back, refused although there is an answer; or not refused
    although there is none. ``nearest``: the best passages."""

    outcome: Outcomes
    nearest: tuple[Hit, ...]


def failures(base: KnowledgeBase, evaluation: Evaluation, count: int = 3) -> list[Failure]:
    """What went wrong, each with the ``count`` best passages."""
    found = []
    for entry in evaluation.outcomes:
        if entry.outcome != ("right" if entry.question.documents else "refused"):
            hits = base.search(entry.question.text, count, confidence=entry.question.confidence,
                               alternatives=entry.question.alternatives)
            found.append(Failure(entry, tuple(hits)))
    return found


# ---------------------------------------------------------------- demands

@dataclass(frozen=True, slots=True)
class Demand:
    """A rate that must be at least (or at most) ``value``. ``part``: of this group or language only, "" for all."""

    text: str
    part: str
    rate: str
    value: float
    least: bool


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A demand that was not met."""

    demand: Demand
    got: float


def demand(text: str, *, least: bool) -> Demand:
    """``recall@5=0.9``, or ``misheard:recall@5=0.85`` of one group or language. Raises ``KnowledgeError``."""
    known = Evaluation().summary()
    match = _DEMAND.fullmatch(text.strip())
    if not match or match["rate"] not in known:
        raise KnowledgeError(f"'{text}': write RATE=NUMBER or GROUP:RATE=NUMBER with one of {', '.join(known)}")
    try:
        value = float(match["value"])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise KnowledgeError(f"'{text}': '{match['value']}' is no number")
    return Demand(text, match["part"] or "", match["rate"], value, least)


def shortfalls(evaluation: Evaluation, demands: Iterable[Demand]) -> list[Shortfall]:
    """The demands that are not met. Raises ``KnowledgeError`` for a group or language that no question has: a demand
    that nothing can fail is none."""
    known: Mapping[str, Evaluation] = {**parts(evaluation, "language"), **parts(evaluation, "group")}
    found = []
    for one in demands:
        if one.part and one.part not in known:
            raise KnowledgeError(f"'{one.text}': no question has group or language '{one.part}'; there are: "
                                 f"{', '.join(known)}")
        got = rates(known[one.part] if one.part else evaluation)[one.rate]
        if got is None:
            raise KnowledgeError(f"'{one.text}': there is no question that this rate counts")
        if got < one.value if one.least else got > one.value:
            found.append(Shortfall(one, got))
    return found


__all__ = ["MODES", "Demand", "Failure", "Manner", "Rates", "Shortfall", "demand", "failures", "is_spoken", "measure",
           "parts", "rates", "shortfalls"]
