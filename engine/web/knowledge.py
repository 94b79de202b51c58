"""The knowledge base over HTTP: ask and search."""

from datetime import date
from typing import Any, Literal

from gevent.lock import BoundedSemaphore
from pydantic import BaseModel, ConfigDict, Field

from engine import paths
from engine.knowledge.answers.answering import MAX_QUESTION
from engine.knowledge.answers.rag_context import rag_context
from engine.knowledge.base import KnowledgeBase
from engine.knowledge.inventory import scope_in
from engine.knowledge.measure.gaps import gaps
from engine.knowledge.measure.unanswered import GAPS, unanswered
from engine.knowledge.scope import Scope
from engine.offhub import off_hub
from engine.service import Engine
from engine.web.errors import ApiError
from engine.web.faults import casting_of, telling
from engine.web.route import Asked, Route

MOST = 40
"""Passages that a search gives at most."""

GAPS_WAIT_S = 20.0
"""How long a question for gaps waits for the one before."""


class Filters(BaseModel):
    """A part of a collection."""

    model_config = ConfigDict(extra="forbid")

    tags: list[str] = Field([], max_length=20, description="Documents with any of these tags.")
    languages: list[str] = Field([], max_length=20, description="Passages in any of these languages (ISO 639).")
    on: str = Field("", description="A day on which the document holds, as 2026-05-31; default: today.")


class Line(BaseModel):
    """What was said before."""

    who: Literal["user", "agent"]
    text: str = Field(max_length=MAX_QUESTION)


class SearchBody(BaseModel):
    """What to look for."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(min_length=1, max_length=MAX_QUESTION)
    top_k: int = Field(5, ge=1, le=MOST)
    collection: str = Field("", max_length=129, description="Default: knowledge.collection.")
    filters: Filters = Filters()


class SearchAnswer(BaseModel):
    """``context``: the passages as one numbered text for a model, at most 1500 tokens. ``results``: each with its text,
    its score and what that is made of. ``citations``: the same without their texts."""

    context: str
    results: list[dict[str, Any]]
    citations: list[dict[str, Any]]
    collection: str
    search: Literal["meaning", "keywords"]


class AskBody(BaseModel):
    """A question."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=MAX_QUESTION)
    collection: str = Field("", max_length=129, description="Default: knowledge.collection.")
    spoken: bool = Field(False, description="With the thresholds and the wording of a call.")
    before: list[Line] = Field([], max_length=50, description="What was said before, oldest first.")
    filters: Filters = Filters()
    top_k: int = Field(5, ge=1, le=MOST, description="Passages that are shown with their scores.")


class AskAnswer(BaseModel):
    """``decision``: answer, ask_back or unknown; ``why`` it fell; ``passages``: the nearest, each with ``features``:
    its score by meaning, by words, by bm25, and in all lists together."""

    decision: Literal["answer", "ask_back", "unknown"]
    text: str
    more: str
    score: float
    why: str
    question: str
    searched: str
    citations: list[dict[str, Any]]
    candidates: list[dict[str, Any]]
    passages: list[dict[str, Any]]
    collection: str
    search: Literal["meaning", "keywords"]


class GapsQuery(BaseModel):
    """Which calls are looked at."""

    model_config = ConfigDict(extra="forbid")

    collection: str = ""
    since: date | None = Field(None, description="Only calls from this day on.")
    agent: str = ""
    decision: list[Literal["unknown", "ask_back", "model"]] = []
    top: int = Field(20, ge=1, le=200)


def routes(engine: Engine) -> list[Route]:
    """Search, answers, and what was asked in vain."""
    reading = BoundedSemaphore(1)  # ten thousand logs take a thread many seconds, and the interpreter from calls

    def opened(collection: str) -> KnowledgeBase:
        return casting_of(engine).knowledge(collection)

    def search(asked: Asked) -> SearchAnswer:
        body: SearchBody = asked.body
        base = opened(body.collection)
        hits = base.search(body.query, body.top_k, scope=_scope(base.collection, body.filters))
        results, citations = [hit.as_dict() for hit in hits], [hit.citation.as_dict() for hit in hits]
        if asked.key is not None and asked.key.ephemeral:  # visitors need not know how our folders are called
            for one in (*results, *citations):
                one.pop("uri")
        return SearchAnswer(context=rag_context(hits), results=results, citations=citations,
                            collection=base.collection, search=_searched(base))

    def ask(asked: Asked) -> AskAnswer:
        body: AskBody = asked.body
        base = opened(body.collection)
        scope, before = _scope(base.collection, body.filters), [(line.who, line.text) for line in body.before]
        answer = base.answer(body.question, spoken=body.spoken, context=before, scope=scope)
        hits = base.search(body.question, body.top_k, scope=scope, context=before)
        told = {**answer.as_dict(), "question": body.question, "searched": answer.question or body.question}
        return AskAnswer(**told, passages=[hit.as_dict() for hit in hits], collection=base.collection,
                         search=_searched(base))

    def in_vain(asked: Asked) -> dict[str, Any]:
        query: GapsQuery = asked.query
        base = opened(query.collection)
        paths.calls().mkdir(parents=True, exist_ok=True)  # nobody has called yet
        if not reading.acquire(timeout=GAPS_WAIT_S):
            raise ApiError(503, "busy", "the logs of calls are being read for somebody else; give `since` for less",
                           type="server_error", headers={"Retry-After": "10"})
        try:
            found = off_hub(unanswered, paths.calls(), query.since, query.agent, frozenset(query.decision or GAPS))
        finally:
            reading.release()
        shown, count = gaps(base, found.questions, query.top)
        return {"collection": base.collection, "calls": found.calls, "turns": found.turns,
                "unanswered": len(found.questions), "masked": found.masked, "dropped": found.dropped,
                "damaged": found.damaged, "clusters": count, "gaps": [gap.as_dict() for gap in shown]}

    return [
        Route("POST", "/api/rag/search", telling(search), "Passages for a question, and as one text for a model.",
              scope="talk", ephemeral=True, body=SearchBody, answer=SearchAnswer),
        Route("POST", "/api/kb/ask", telling(ask), "What would be answered, from which passage, and why.",
              scope="talk", body=AskBody, answer=AskAnswer),
        Route("GET", "/api/kb/gaps", telling(in_vain), "What callers asked in vain, the commonest first.",
              scope="knowledge", query=GapsQuery),
    ]


def _scope(collection: str, filters: Filters) -> Scope:
    return off_hub(scope_in, collection, filters.tags, filters.languages, filters.on)


def _searched(base: KnowledgeBase) -> Literal["meaning", "keywords"]:
    return "meaning" if base.by_meaning else "keywords"
