"""What is said to a question: answer, ask back, or admit not to know. Pure.

The thresholds were measured (``docs/knowledge.md``); they differ for typed and spoken questions, because a recogniser
turns a question that nobody asked into words of the collection.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.config import KnowledgeOptions
from engine.knowledge.answers.phrases import Phrases
from engine.knowledge.answers.statements import Statement, statements
from engine.knowledge.search.found import Passage
from engine.knowledge.search.lexical import Slot
from engine.knowledge.search.ranking import Candidate
from engine.knowledge.words.text import sentence, terms

Decision = Literal["answer", "ask_back", "unknown"]

SNIPPET = 160
_SAME_WORDS = 0.6

TOGETHER, MOST_WORDS = 0.06, 45
"""Two sentences whose scores are so near are told together, if they have so few words: a quarter of a minute."""


@dataclass(frozen=True, slots=True)
class Citation:
    """The passage that an answer stands on. ``page`` from 1, 0 where there are none; ``uri``: where the document came
    from."""

    chunk_id: str
    document: str
    title: str
    heading: tuple[str, ...]
    score: float
    snippet: str
    page: int = 0
    uri: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON and the event log."""
        return {"chunk_id": self.chunk_id, "document": self.document, "title": self.title, "uri": self.uri,
                "page": self.page, "heading": list(self.heading), "score": round(self.score, 3),
                "snippet": self.snippet}


@dataclass(frozen=True, slots=True)
class Answer:
    """``text`` is what to say. ``score`` is that of the best candidate, ``why`` how the decision fell, ``candidates``
    the best documents with their scores. ``more`` is a second sentence for a caller who wants to hear it. ``question``
    is what was searched for, where that is not what was asked."""

    decision: Decision
    text: str
    citations: tuple[Citation, ...]
    score: float
    why: str
    candidates: tuple[tuple[str, float], ...] = ()
    more: str = ""
    question: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON and the event log."""
        return {"decision": self.decision, "text": self.text, "more": self.more, "score": round(self.score, 3),
                "why": self.why, "question": self.question,
                "citations": [citation.as_dict() for citation in self.citations],
                "candidates": [{"document": name, "score": round(score, 3)} for name, score in self.candidates]}


@dataclass(frozen=True, slots=True)
class Gate:
    """Below ``score`` nothing is answered; closer than ``margin`` to the next document, it is asked back."""

    score: float
    margin: float


@dataclass(frozen=True, slots=True)
class Manner:
    """How an answer is put: aloud or written, with an offer of more or not, in which words."""

    phrases: Phrases
    spoken: bool
    offer: bool
    wants: str = ""


def gate_for(options: KnowledgeOptions, *, spoken: bool) -> Gate:
    """The thresholds for this kind of question."""
    if spoken:
        return Gate(options.answer_score, options.ask_back_margin)
    return Gate(options.typed_score, options.typed_margin)


def decide(ranked: Sequence[Candidate], slots: Sequence[Slot], gate: Gate, manner: Manner) -> Answer:
    """The answer to a question whose candidates are ``ranked``, best first."""
    names = names_of(ranked)
    if not ranked or ranked[0].score < gate.score:
        score = ranked[0].score if ranked else 0.0
        why = f"best score {score:.2f} is below {gate.score:.2f}" if ranked else "nothing was found"
        return Answer("unknown", manner.phrases.unknown, (), score, why, names)
    best = ranked[0]
    other = next((one for one in ranked[1:] if _another(one.passage, best.passage)), None)
    lead = best.fit - other.fit if other else 1.0
    if other and lead < gate.margin and not _same_answer(best, other, slots, manner):
        text = manner.phrases.ask_back.format(first=_name_of(best.passage), second=_name_of(other.passage))
        return Answer("ask_back", sentence(text) if manner.spoken else text, tuple(map(cite, (best, other))),
                      best.score, f"leads by {lead:.2f} only, less than {gate.margin:.2f}", names)
    return tell(best, slots, gate, manner, names,
                f"score {best.score:.2f} is not below {gate.score:.2f}, leads by {lead:.2f}")


def tell(best: Candidate, slots: Sequence[Slot], gate: Gate, manner: Manner, names: tuple[tuple[str, float], ...],
         why: str) -> Answer:
    """Answer from this candidate: its best sentence, and another one where it has one that also fits."""
    found = statements(best.found, slots, manner.wants)
    said = found[0]
    second = _second(found, said)
    text, more = said.text, second.text if second else ""
    if second and _belongs(said, second):
        text, more = _in_order(best.passage, said, second), ""
    if manner.spoken:
        text, more = sentence(text), sentence(more)
        # A ``say`` is whole by its author's will; of other passages a sentence that fits as well is offered.
        if manner.offer and more and second and not said.say and best.score >= gate.score and second.fits:
            text = f"{text} {manner.phrases.offer}"
    return Answer("answer", text, (cite(best),), best.score, why, names, more)


def _belongs(said: Statement, second: Statement) -> bool:
    """Whether two sentences are told together: both are short, and either may be the one that was asked for."""
    words = len(said.text.split()) + len(second.text.split())
    return not said.say and said.score - second.score < TOGETHER and words <= MOST_WORDS


def _in_order(passage: Passage, said: Statement, second: Statement) -> str:
    """Two sentences in the order of the passage."""
    order = {text: place for place, text in enumerate(passage.sentences)}
    texts = sorted((said.text, second.text), key=lambda text: order.get(text, len(order)))
    return " ".join(map(sentence, texts))


def names_of(ranked: Sequence[Candidate], count: int = 3) -> tuple[tuple[str, float], ...]:
    """The best documents with their scores."""
    best: dict[str, float] = {}
    for candidate in ranked:
        best.setdefault(candidate.passage.document, candidate.score)
    return tuple(best.items())[:count]


def cite(candidate: Candidate) -> Citation:
    """The passage of a candidate."""
    return cited(candidate.passage, candidate.score)


def cited(passage: Passage, score: float) -> Citation:
    """A passage with its score."""
    text = passage.text
    snippet = text if len(text) <= SNIPPET else text[:SNIPPET].rsplit(" ", 1)[0] + " ..."
    return Citation(passage.key, passage.document, passage.title, passage.heading, score, snippet, passage.page,
                    passage.uri)


def _second(found: Sequence[Statement], said: Statement) -> Statement | None:
    """The next best sentence that does not repeat the first."""
    heard = set(terms(said.text))
    for statement in found:
        own = set(terms(statement.text))
        if statement is not said and not statement.say and len(own & heard) < _SAME_WORDS * len(own):
            return statement
    return None


def _same_answer(first: Candidate, second: Candidate, slots: Sequence[Slot], manner: Manner) -> bool:
    """Two passages that say the same need no question back."""
    one, other = (set(terms(statements(candidate.found, slots, manner.wants)[0].text)) for candidate in (first, second))
    return one == other


def _another(one: Passage, best: Passage) -> bool:
    """Whether it has another name than the best; translations are the same thing under another name."""
    same_language = not one.language or not best.language or one.language == best.language
    return same_language and _name_of(one) != _name_of(best)


def _name_of(passage: Passage) -> str:
    """What a passage is called within a sentence: the document's title; its first letter small, unless it is a name in
    capitals or has digits."""
    title = passage.title.rstrip("?.! ")
    word = title.split(" ", 1)[0]
    return title[:1].lower() + title[1:] if word[1:].islower() or word == "A" else title
