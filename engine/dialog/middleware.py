"""Code of the operator's around a turn: before the model, on every sentence, on every skill, at the end.

A hook has a time budget. One that takes longer, or fails, is passed over as if it were not there, with a line in the
call's event log: it is never the reason why a caller hears nothing. So it is not the place for what must not fail.
"""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

import gevent

from engine.dialog.actions import CallContext
from engine.dialog.model import Message, ToolCall

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TurnInfo:
    """The turn that a hook is about. ``text``: what the caller said; ``call`` is None outside a call."""

    generation: int
    text: str
    language: str
    speculative: bool
    call: CallContext | None


class Middleware:
    """Derive from it and write the hooks that you need. One an engine, shared by its calls.

    ``before_model`` and ``on_sentence`` may run for a turn that is never decided: they must change nothing outside.
    """

    name = "middleware"
    budget_ms = 50.0

    def before_model(self, turn: TurnInfo, messages: Sequence[Message]) -> Sequence[Message]:
        """The messages that the model gets."""
        return messages

    def on_sentence(self, turn: TurnInfo, text: str) -> str | None:
        """What is said in place of a sentence of the model; None: nothing."""
        return text

    def on_tool(self, turn: TurnInfo, call: ToolCall) -> str:
        """Why a skill must not be called, in words for the model; empty: it may."""
        return ""

    def on_turn_end(self, turn: TurnInfo, said: str) -> None:
        """The reply was made to its end or interrupted; ``said`` is what was given to the voice of it."""


class Chain:
    """All of an engine's middleware, in order."""

    def __init__(self, links: Iterable[Middleware] = ()) -> None:
        """``links`` in the order in which they are asked."""
        self._links = tuple(links)
        self.on_sentences = self._with("on_sentence")
        self.on_ends = self._with("on_turn_end")

    def before_model(self, turn: TurnInfo, messages: Sequence[Message]) -> list[Message]:
        """The messages as all of them want them."""
        for link in self._with("before_model"):
            messages = _within(link, "before_model", turn, messages, link.before_model, turn, messages)
        return list(messages)

    def on_sentence(self, turn: TurnInfo, text: str) -> str:
        """The sentence as all of them want it; empty: it is not said."""
        said: str | None = text
        for link in self.on_sentences:
            if not said:
                break
            said = _within(link, "on_sentence", turn, said, link.on_sentence, turn, said)
        return said or ""

    def on_tool(self, turn: TurnInfo, call: ToolCall) -> str:
        """The first reason against it; empty: none."""
        for link in self._with("on_tool"):
            if why := _within(link, "on_tool", turn, "", link.on_tool, turn, call):
                return why
        return ""

    def on_turn_end(self, turn: TurnInfo, said: str) -> None:
        """Tell all of them."""
        for link in self.on_ends:
            _within(link, "on_turn_end", turn, None, link.on_turn_end, turn, said)

    def _with(self, hook: str) -> list[Middleware]:
        """Those that have the hook."""
        return [link for link in self._links if getattr(type(link), hook) is not getattr(Middleware, hook)]


def _within(link: Middleware, hook: str, turn: TurnInfo, otherwise: Any, function: Callable[..., T], *args: Any) -> Any:
    """What the hook gives; ``otherwise`` if it fails or waits too long. Computing cannot be broken off: what comes late
    of it is taken, and noted."""
    began = monotonic()
    problem = message = ""
    value: Any = otherwise
    limit = gevent.Timeout(link.budget_ms / 1000)
    try:
        with limit:
            value = function(*args)
    except gevent.Timeout as fault:
        problem, message = "late" if fault is limit else "failed", "it did not come to an end"
    except Exception as fault:  # noqa: BLE001  a hook never fails a call
        log.exception("%s of %s failed", hook, link.name)
        problem, message = "failed", f"{type(fault).__name__}: {fault}"
    ms = (monotonic() - began) * 1000
    if not problem and ms > link.budget_ms:
        problem = "late"
    if problem:
        log.warning("%s of %s: %s after %d ms (it has %d)", hook, link.name, problem, ms, link.budget_ms)
        if turn.call is not None:
            turn.call.write("middleware", gen=turn.generation, hook=hook, name=link.name, problem=problem, ms=ms,
                            message=message)
    return value


class PhraseFilter(Middleware):
    """Sentences with one of these phrases are not said: ``instead`` is, or nothing. Whole words, capitals or not."""

    name = "phrase filter"

    def __init__(self, phrases: Iterable[str], instead: str = "") -> None:
        """``phrases``: words or several words."""
        words = "|".join(r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases if phrase.strip())
        self._pattern = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) if words else None
        self._instead = instead

    def on_sentence(self, turn: TurnInfo, text: str) -> str | None:
        """The sentence, or what stands for it."""
        return self._instead if self._pattern and self._pattern.search(text) else text
