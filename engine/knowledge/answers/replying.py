"""Answers to replies that go back to an earlier question: "yes please", "the second", "for children"."""

from collections.abc import Sequence
from dataclasses import replace

from engine.knowledge.answers.answer import Answer, Gate, Manner, names_of, tell
from engine.knowledge.answers.followup import FollowUp, named
from engine.knowledge.scope import Scope
from engine.knowledge.search.ranking import Candidate
from engine.knowledge.search.searcher import Ranked, Ranker
from engine.offhub import off_hub


def reply_to(reply: str, refers: FollowUp, ranker: Ranker, gate: Gate, manner: Manner, scope: Scope
             ) -> Answer | None:
    """What to say to a reply; ``None``: it is a question of its own."""
    question = " ".join(refers.question.split())
    ranked = ranker.rank([question], scope)[0]
    ranked = replace(ranked, candidates=tuple(ranker.reranked(question, ranked.candidates)))
    if not ranked.candidates:
        return None
    names, score = names_of(ranked.candidates), ranked.candidates[0].score
    if refers.kind == "no_more":
        return Answer("answer", manner.phrases.declined, (), score, "the caller wants no more", names)
    if refers.kind == "neither":
        return Answer("unknown", manner.phrases.unknown, (), score, "the caller meant neither", names)
    if refers.kind == "more":
        told = _tell(ranked.candidates[0], ranked, gate, replace(manner, offer=False), "the caller wants more")
        return replace(told, text=told.more or told.text, more="")
    pair = _pair(ranked.candidates)
    if refers.kind in ("first", "second"):
        best = pair[0 if refers.kind == "first" else -1]
        return _tell(best, ranked, gate, manner, f"the caller chose the {refers.kind}")
    return _chosen(reply, question, pair, ranker, gate, manner, scope)


def _chosen(reply: str, question: str, pair: Sequence[Candidate], ranker: Ranker, gate: Gate, manner: Manner,
            scope: Scope) -> Answer | None:
    """The one of the two that the reply means, judged by title, else by what is nearest; ``None``: something else."""
    own, both = ranker.rank([reply, f"{reply}. {question}"], scope)
    documents = [candidate.passage.document for candidate in pair]
    place = named(reply, [candidate.passage.title for candidate in pair]) if len(pair) == 2 else None
    if place is None:
        best = own.candidates[:1]
        if not best or (best[0].passage.document not in documents and best[0].score >= gate.score):
            return None
        nearer = next((one for one in own.candidates if one.passage.document in documents), None)
        if nearer is None:
            return None
        place = documents.index(nearer.passage.document)
    chosen = next((one for one in both.candidates if one.passage.document == documents[place]), pair[place])
    return _tell(chosen, both, gate, manner, "the caller named it")


def _tell(best: Candidate, ranked: Ranked, gate: Gate, manner: Manner, why: str) -> Answer:
    manner = replace(manner, wants=ranked.wants)
    return off_hub(tell, best, ranked.slots, gate, manner, names_of(ranked.candidates), why)


def _pair(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The best two passages of different names, as a question back names them."""
    first = candidates[0]
    other = next((one for one in candidates[1:] if one.passage.title != first.passage.title), None)
    return [first, other] if other else [first]
