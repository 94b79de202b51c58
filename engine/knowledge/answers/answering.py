"""A question to an answer: what it refers to, what is found, what is said. For one collection or several."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from engine.config import KnowledgeOptions
from engine.knowledge.answers.answer import Answer, Citation, Manner, cite, cited, decide, gate_for
from engine.knowledge.answers.followup import follow_up
from engine.knowledge.answers.phrases import ENGLISH, Phrases
from engine.knowledge.answers.replying import reply_to
from engine.knowledge.scope import ANY, Scope
from engine.knowledge.search.found import Features, Passage
from engine.knowledge.search.ranking import Candidate, Mode, alone, pool
from engine.knowledge.search.searcher import Ranker
from engine.knowledge.words.question import resolve
from engine.offhub import off_hub

MAX_QUESTION = 1000
"""Characters of a question that are looked at; longer ones are cut."""

ALTERNATIVES = 5
"""What the recogniser may have heard instead: so many are searched as well, 4 ms each."""

SURE = 0.8
"""A recogniser that is less confident has often heard other words than were said."""

Context = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found; ``text`` is the whole of it, ``says`` what was written to be said of it, ``features``
    what its score is made of where it was searched for."""

    citation: Citation
    text: str
    says: tuple[str, ...] = ()
    features: Features | None = None

    @property
    def score(self) -> float:
        """How likely it answers, 0 to 1."""
        return self.citation.score

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the citation, the text, and what the score is made of."""
        made_of = {name: round(value, 3) for name, value in asdict(self.features).items()} if self.features else {}
        return {**self.citation.as_dict(), "text": self.text, "say": list(self.says), "features": made_of}

    @property
    def whole(self) -> str:
        """All that is known of it: title, headings, text, what is said."""
        return "\n".join((self.citation.title, *self.citation.heading, self.text, *self.says))


def hit_of(passage: Passage) -> Hit:
    """A passage that was asked for by its id."""
    return Hit(cited(passage, 1.0), passage.text, passage.says)


def hits(ranker: Ranker, query: str, k: int, *, scope: Scope = ANY, context: Context = (),
         confidence: float = -1.0, alternatives: Sequence[str] = (), mode: Mode = "hybrid") -> list[Hit]:
    """The ``k`` passages that fit best, best first, none that repeats another; see ``KnowledgeBase.search``."""
    others = _tidied(alternatives)
    resolved = resolve(tidy(query), context)
    ranked = ranker.rank([resolved, *others], scope, sure=_sure(confidence))
    rankings: list[Sequence[Candidate]] = [
        one.candidates if mode == "hybrid" else alone(one.candidates, mode) for one in ranked]
    best: Sequence[Candidate] = off_hub(pool, rankings) if others else rankings[0]
    if mode == "hybrid":
        best = ranker.reranked(resolved, best)
    return [Hit(cite(one), one.passage.text, one.passage.says, one.features) for one in best[:k]]


def answer(ranker: Ranker, options: KnowledgeOptions, question: str, *, spoken: bool, context: Context = (),
           confidence: float = -1.0, alternatives: Sequence[str] = (), phrases: Phrases = ENGLISH, scope: Scope = ANY
           ) -> Answer:
    """What to say; see ``KnowledgeBase.answer``."""
    gate = gate_for(options, spoken=spoken)
    manner = Manner(phrases, spoken, options.offer_more)
    question, others = tidy(question), _tidied(alternatives)
    refers = follow_up(question, context, phrases)
    told = reply_to(question, refers, ranker, gate, manner, scope) if refers else None
    if told is not None:
        return told
    resolved = resolve(question, context)
    ranked = ranker.rank([resolved, *others], scope, sure=_sure(confidence))
    first = ranked[0]
    candidates: Sequence[Candidate] = first.candidates
    if candidates and others and ranker.by_meaning:
        candidates = off_hub(pool, [one.candidates for one in ranked])
    candidates = ranker.reranked(resolved, candidates)
    found = off_hub(decide, candidates, first.slots, gate, replace(manner, wants=first.wants))
    return found if resolved == question else replace(found, question=resolved)


def _sure(confidence: float) -> bool:
    """Whether the words are those that were asked: typed ones are, and what a recogniser is sure of."""
    return confidence < 0 or confidence >= SURE


def tidy(question: object) -> str:
    """Without the blanks that recognisers add, and not too long."""
    return " ".join(str(question)[:MAX_QUESTION].split())


def _tidied(alternatives: Sequence[str]) -> list[str]:
    return [tidy(text) for text in alternatives[:ALTERNATIVES]]
