"""What thinks in a rehearsal: the knowledge base, or the brain for language models around a model whose answers are
written down. Both on the virtual clock.
"""

import json
from collections.abc import Iterator, Sequence

from engine.dialog.brain import Brain, ReplyPart, Request
from engine.dialog.model import Message, ModelPart, Tool, ToolCall, Words
from engine.errors import ProviderFault
from engine.rehearsal.script import Reply, Timings, found


class Stopwatch:
    """Virtual time that thoughts have taken so far."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.ms = 0.0

    def spend(self, ms: float) -> None:
        """So much more."""
        self.ms += ms


class Timed:
    """A brain whose answer takes ``ms``."""

    def __init__(self, brain: Brain, watch: Stopwatch, ms: float) -> None:
        """``brain`` answers at once in real time."""
        self._brain, self._watch, self._ms = brain, watch, ms

    def reply(self, request: Request) -> Iterator[ReplyPart]:
        """See ``engine.dialog.brain.Brain``."""
        self._watch.spend(self._ms)
        yield from self._brain.reply(request)


class ScriptedModel:
    """A ``Model`` that says what is written down. ``unanswered`` are turns that nothing is written for."""

    name = "scripted"

    def __init__(self, replies: Sequence[Reply], timings: Timings, watch: Stopwatch) -> None:
        """``replies`` in the order of the turns."""
        self._replies = replies
        self._timings = timings
        self._watch = watch
        self._of_turn: dict[int, Reply] = {}
        self.unanswered: list[str] = []

    def stream(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), *, temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> Iterator[ModelPart]:
        """See ``engine.dialog.model.Model``."""
        asked = [message.text for message in messages if message.role == "user"]
        last = max(number for number, message in enumerate(messages) if message.role == "user")
        reply = self._reply(len(asked), asked[-1])
        if reply is None:
            self.unanswered.append(asked[-1])
            raise ProviderFault(self.name, "broken", f"nothing is written down for {asked[-1]!r}")
        first = self._timings.first_ms if reply.first_ms is None else reply.first_ms
        done = max(first, self._timings.done_ms if reply.done_ms is None else reply.done_ms)
        self._watch.spend(first)
        if reply.fails:
            raise ProviderFault(self.name, "broken", "it is written down that it fails")
        if reply.calls and not any(message.role == "tool" for message in messages[last:]):
            if reply.first:
                yield Words(reply.first)
            for number, call in enumerate(reply.calls):
                yield ToolCall(f"call-{len(asked)}-{number}", call.skill, json.dumps(call.arguments, default=str))
            return
        yield from self._words(reply.reply, done - first)

    def _words(self, text: str, ms: float) -> Iterator[Words]:
        """Evenly, word by word."""
        words = text.split(" ") if text else []
        for number, word in enumerate(words):
            yield Words(word if number == 0 else f" {word}")
            self._watch.spend(ms / len(words))

    def _reply(self, turn: int, text: str) -> Reply | None:
        named = next((reply for reply in self._replies if reply.when and found(reply.when, text)), None)
        before = self._of_turn.get(turn)
        if named is None and before is not None and not before.when:
            return before  # asked again, with more words
        taken = [id(reply) for reply in self._of_turn.values()]
        free = (reply for reply in self._replies if not reply.when and id(reply) not in taken)
        reply = named or next(free, None)
        if reply is not None:
            self._of_turn[turn] = reply
        return reply

    def warm(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""
