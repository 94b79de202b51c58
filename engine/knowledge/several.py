"""Several collections as one, for agents who know more than one."""

from collections.abc import Sequence

from engine.knowledge.answers import answering
from engine.knowledge.answers.answer import Answer
from engine.knowledge.answers.answering import Context, Hit
from engine.knowledge.answers.phrases import ENGLISH, Phrases
from engine.knowledge.base import KnowledgeBase
from engine.knowledge.scope import ANY, Scope
from engine.knowledge.search.ranking import Candidate, Mode, distinct
from engine.knowledge.search.searcher import Ranked
from engine.offhub import off_hub


class SeveralBases:
    """Searches and answers from all of ``bases``, a ``Ranker``. Scores are comparable where the collections have the
    same embedding; thresholds and the reranker are those of the first."""

    def __init__(self, bases: Sequence[KnowledgeBase]) -> None:
        """At least one."""
        self._bases = tuple(bases)

    @property
    def collection(self) -> str:
        """Their names."""
        return ", ".join(base.collection for base in self._bases)

    @property
    def by_meaning(self) -> bool:
        """Whether the vectors of any are searched."""
        return any(base.by_meaning for base in self._bases)

    def search(self, query: str, k: int = 5, *, scope: Scope = ANY, context: Context = (),
               confidence: float = -1.0, alternatives: Sequence[str] = (), mode: Mode = "hybrid") -> list[Hit]:
        """The ``k`` best passages of all collections, best first; at equal scores in the order of the collections. See
        ``KnowledgeBase.search``."""
        return answering.hits(self, query, k, scope=scope, context=context, confidence=confidence,
                              alternatives=alternatives, mode=mode)

    def answer(self, question: str, *, spoken: bool, context: Context = (), confidence: float = -1.0,
               alternatives: Sequence[str] = (), phrases: Phrases = ENGLISH, scope: Scope = ANY) -> Answer:
        """What to say, from whichever collection fits best. See ``KnowledgeBase.answer``."""
        return answering.answer(self, self._bases[0].options, question, spoken=spoken, context=context,
                                confidence=confidence, alternatives=alternatives, phrases=phrases, scope=scope)

    def passage(self, chunk_id: str) -> Hit | None:
        """The passage of that id, from whichever collection has it; None where none has."""
        return next((hit for base in self._bases if (hit := base.passage(chunk_id)) is not None), None)

    def rank(self, texts: Sequence[str], scope: Scope = ANY, *, sure: bool = True) -> list[Ranked]:
        """See ``Ranker``. The words of a question are as the collection of the best passage has them."""
        rankings = [base.rank(texts, scope, sure=sure) for base in self._bases]
        return off_hub(_joined_all, rankings)

    def reranked(self, question: str, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """See ``Ranker``."""
        return self._bases[0].reranked(question, candidates)

    def language_material(self, language: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Sentences and utterances of all collections; see ``KnowledgeBase.language_material``."""
        material = [base.language_material(language) for base in self._bases]
        return (tuple(dict.fromkeys(text for sentences, _ in material for text in sentences)),
                tuple(dict.fromkeys(text for _, utterances in material for text in utterances)))


Collections = KnowledgeBase | SeveralBases


def as_one(bases: Sequence[KnowledgeBase]) -> Collections | None:
    """What is asked for all of them; ``None`` where there are none."""
    return SeveralBases(bases) if len(bases) > 1 else bases[0] if bases else None


def _joined_all(rankings: Sequence[Sequence[Ranked]]) -> list[Ranked]:
    return [_joined(each) for each in zip(*rankings, strict=True)]


def _joined(rankings: Sequence[Ranked]) -> Ranked:
    best = max(rankings, key=lambda one: one.candidates[0].score if one.candidates else -1.0)
    candidates = sorted((each for one in rankings for each in one.candidates), key=lambda each: -each.score)
    return Ranked(tuple(distinct(candidates)), best.slots, best.wants)
