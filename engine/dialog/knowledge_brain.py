"""The brain that needs no model: answers out of the knowledge base, asks back, or says that it does not know.

It keeps no state: what "yes please" or "say that again" refers to is read from the history, which holds only what was
really said and heard.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from engine.config import AgentOptions
from engine.dialog.brain import Farewell, Grounds, ReplyPart, Request, Text
from engine.dialog.courtesies import Courtesy, courtesy
from engine.knowledge.answers.answer import Answer
from engine.knowledge.answers.phrases import ENGLISH, Phrases, phrases_for


class Answerer(Protocol):
    """What this brain needs of a knowledge base."""

    def answer(self, question: str, *, spoken: bool, context: Sequence[tuple[str, str]] = (),
               confidence: float = -1.0, alternatives: Sequence[str] = (), phrases: Phrases = ENGLISH) -> Answer:
        """Decide on an answer to ``question``, heard with ``confidence``, or maybe one of ``alternatives``; ``context``
        is what was said before; ``phrases`` stand around the answer."""


class KnowledgeBrain:
    """Answers from ``knowledge``, with the fixed phrases of ``agent``."""

    def __init__(self, knowledge: Answerer, agent: AgentOptions, language: str = "en", *, spoken: bool = True) -> None:
        """Shared by all calls of an engine in this language; ``agent`` has its phrases. ``spoken`` False: questions are
        typed, and answers are read."""
        self._spoken = spoken
        self._knowledge = knowledge
        self._agent = agent
        self._language = language
        self._phrases = replace(phrases_for(language), ask_back=agent.ask_back, unknown=agent.unknown)

    def reply(self, request: Request) -> Iterator[ReplyPart]:
        """The reply to what the caller said; see ``engine.dialog.brain.Brain``."""
        if not request.text.strip():
            yield Text(self._unasked(request))
            return
        kind = courtesy(request.text, self._language)
        said = next((text for who, text in reversed(request.history) if who == "agent"), "")
        refers_back = self._phrases.offers(said) or self._phrases.asks_back(said)
        if kind is None or (kind in ("yes", "no") and refers_back):
            yield from self._answer(request)
        else:
            yield Grounds("courtesy", 1.0, detail={"kind": kind})
            yield from self._be_courteous(kind, said)

    def _unasked(self, request: Request) -> str:
        """What to say to somebody who has said nothing: a client of the conversation wants a reply."""
        agent = self._agent
        spoken = any(who == "agent" for who, _ in request.history)
        return agent.go_ahead if spoken or not agent.greeting else agent.greeting

    def _answer(self, request: Request) -> Iterator[ReplyPart]:
        context = tuple(line for line in request.history if line[0] != "note")
        answer = self._knowledge.answer(request.text, spoken=self._spoken, context=context,
                                        confidence=request.confidence, alternatives=request.alternatives,
                                        phrases=self._phrases)
        yield Grounds(
            answer.decision,
            answer.score,
            tuple(citation.as_dict() for citation in answer.citations),
            {"why": answer.why, "candidates": [list(candidate) for candidate in answer.candidates]},
        )
        yield Text(answer.text)

    def _be_courteous(self, kind: Courtesy, said: str) -> Iterator[ReplyPart]:
        agent = self._agent
        if kind == "goodbye" or (kind == "no" and said == agent.welcome):
            yield Text(agent.goodbye)
            yield Farewell()
        elif kind == "repeat" and said:
            yield Text(said)
        else:
            yield Text(agent.welcome if kind in ("thanks", "no") else agent.go_ahead)
