"""What is said to a question: answer, ask back, or admit not to know. Pure.

The thresholds were measured (``docs/knowledge.md``); they differ for typed and spoken questions, because a recogniser
turns a question that nobody asked into words of the collection, and for keyword search, whose scores mean something
else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.config import KnowledgeOptions
from engine.knowledge.search import Candidate, Snapshot, Statement
from engine.knowledge.text import sentence, terms

Decision = Literal["answer", "ask_back", "unknown"]

ASK_BACK = "Do you mean {first}, or {second}?"
ASK_BACK_BEGINS = ASK_BACK.split("{", 1)[0]
OFFER = "Shall I tell you more?"
UNKNOWN = "I am sorry, I do not know that."
DECLINED = "All right. What else can I do for you?"

SNIPPET = 160
_SAME_WORDS = 0.6


@dataclass(frozen=True, slots=True)
class Citation:
    """The passage that an answer stands on."""

    chunk_id: str
    document: str
    title: str
    heading: tuple[str, ...]
    score: float
    snippet: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON and the event log."""
        return {"chunk_id": self.chunk_id, "document": self.document, "title": self.title,
                "heading": list(self.heading), "score": round(self.score, 3), "snippet": self.snippet}


@dataclass(frozen=True, slots=True)
class Answer:
    """``text`` is what to say. ``score`` is that of the best candidate, ``why`` how the decision fell, ``candidates``
    the best documents with their scores. ``more`` is a second sentence for a caller who wants to hear it."""

    decision: Decision
    text: str
    citations: tuple[Citation, ...]
    score: float
    why: str
    candidates: tuple[tuple[str, float], ...] = ()
    more: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON and the event log."""
        return {"decision": self.decision, "text": self.text, "more": self.more, "score": round(self.score, 3),
                "why": self.why, "citations": [citation.as_dict() for citation in self.citations],
                "candidates": [{"document": name, "score": round(score, 3)} for name, score in self.candidates]}


@dataclass(frozen=True, slots=True)
class Gate:
    """Below ``score`` nothing is answered; closer than ``margin`` to the next document, it is asked back."""

    score: float
    margin: float


def gate_for(options: KnowledgeOptions, *, spoken: bool, meaning: bool, confidence: float = -1.0) -> Gate:
    """The thresholds for this kind of question and of search. ``confidence`` of a spoken question is the recogniser's,
    0..1, or -1 where it gives none: that is trusted."""
    if meaning and spoken:
        lacks = max(0.0, options.unsure_below - confidence) if confidence >= 0 else 0.0
        return Gate(options.answer_score + options.unsure_raise * lacks, options.ask_back_margin)
    if meaning:
        return Gate(options.typed_score, options.typed_margin)
    return Gate(options.answer_words if spoken else options.typed_words, options.words_margin)


def decide(ranked: Sequence[Candidate], snapshot: Snapshot, gate: Gate, *, spoken: bool, offer: bool) -> Answer:
    """The answer to a question whose candidates are ``ranked``, best first."""
    names = tuple((snapshot.documents[candidate.document].id, candidate.score) for candidate in ranked[:3])
    if not ranked or ranked[0].score < gate.score:
        score = ranked[0].score if ranked else 0.0
        return Answer("unknown", UNKNOWN, (), score, f"best score {score:.2f} is below {gate.score:.2f}", names)
    best = ranked[0]
    lead = best.score - ranked[1].score if len(ranked) > 1 else 1.0
    if lead < gate.margin and not _same_answer(best, ranked[1]):
        first, second = (_name(snapshot.documents[candidate.document].title) for candidate in ranked[:2])
        if first != second:
            text = ASK_BACK.format(first=first, second=second)
            return Answer("ask_back", sentence(text) if spoken else text, _citations(ranked[:2], snapshot), best.score,
                          f"leads by {lead:.2f} only, less than {gate.margin:.2f}", names)
    return tell(best, snapshot, gate, names, spoken=spoken, offer=offer,
                why=f"score {best.score:.2f} is not below {gate.score:.2f}, leads by {lead:.2f}")


def tell(best: Candidate, snapshot: Snapshot, gate: Gate, names: tuple[tuple[str, float], ...], *, spoken: bool,
         offer: bool, why: str) -> Answer:
    """Answer from this candidate: its best sentence, and another one where it has one that also fits."""
    said = best.statements[0]
    second = _second(best, said)
    more = second.text if second else ""
    text = said.text
    if spoken:
        text, more = sentence(text), sentence(more)
        # A ``say`` is whole by its author's will; of other passages a sentence that also passes the gate is offered.
        if offer and second and not said.say and second.score >= gate.score:
            text = f"{text} {OFFER}"
    return Answer("answer", text, _citations([best], snapshot), best.score, why, names, more)


def _second(best: Candidate, said: Statement) -> Statement | None:
    """The next best sentence that does not repeat the first."""
    heard = set(terms(said.text))
    for statement in best.statements:
        own = set(terms(statement.text))
        if statement is not said and not statement.say and len(own & heard) < _SAME_WORDS * len(own):
            return statement
    return None


def _same_answer(first: Candidate, second: Candidate) -> bool:
    """Two documents that say the same need no question back."""
    one, other = (set(terms(candidate.statements[0].text)) for candidate in (first, second))
    return one == other


def _name(title: str) -> str:
    """A title within a sentence: its first letter small, unless it is a name in capitals or has digits."""
    word = title.split(" ", 1)[0].rstrip("?")
    title = title.rstrip("?.!")
    return title[0].lower() + title[1:] if word[1:].islower() or word == "A" else title


def _citations(chosen: Sequence[Candidate], snapshot: Snapshot) -> tuple[Citation, ...]:
    return tuple(cite(snapshot, candidate) for candidate in chosen)


def cite(snapshot: Snapshot, candidate: Candidate) -> Citation:
    """The passage of a candidate."""
    chunk, document = snapshot.chunks[candidate.chunk], snapshot.documents[candidate.document]
    text = chunk.text if len(chunk.text) <= SNIPPET else chunk.text[:SNIPPET].rsplit(" ", 1)[0] + " ..."
    return Citation(chunk.id, document.id, document.title, chunk.heading, candidate.score, text)
