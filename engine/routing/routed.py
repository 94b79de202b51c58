"""A language model and a voice that are several: the protocols of ``Model`` and ``Voice`` over the router's candidates.

One each a call: they go by the call's language and keep to its voice.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from engine.dialog.model import Message, Model, ModelPart, Tool, Usage, Words
from engine.errors import TrunklineError
from engine.routing.facts import Choice
from engine.routing.failover import Terms, close_parts, first_to_begin
from engine.routing.router import CallRoute
from engine.speech.interfaces import Chunk

CHARACTERS_A_TOKEN = 4
"""For the account, where a provider does not tell its tokens."""

WARMED = 2
"""How many candidates get a connection ahead: the first, and who takes over from it."""


class RoutedModel:
    """``Model`` over candidates: the first that gives a part answers. After its first part a fault is raised, and the
    call's next request goes to another."""

    def __init__(self, route: CallRoute, tune: Callable[[Model], Model] | None = None) -> None:
        """For one call. ``name`` becomes that of the model in use. ``tune`` makes of each candidate's model the one
        that is asked; a ``ProviderFault`` that it raises leaves the candidate out."""
        self.name = "routed"
        self._route = route
        self._tune = tune

    def stream(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), *, temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> Iterator[ModelPart]:
        """As ``Model.stream``. Raises ``ProviderFault`` when no candidate is left, or when an answer broke off."""
        route = self._route

        def parts_of(choice: Choice) -> Iterator[ModelPart]:
            model = route.router.connectors.model(choice)
            if self._tune is not None:
                model = self._tune(model)
            return model.stream(messages, tools, temperature=temperature, max_tokens=max_tokens)

        options = route.options
        terms = Terms(options.first_text_ms / 1000, options.stall_ms / 1000, options.hedge_models)
        used: Choice | None = None
        usage: Usage | None = None
        written, began = 0, route.now
        try:
            with closing(first_to_begin(route, "llm", parts_of, terms)) as parts:
                for choice, part in parts:
                    used, self.name = choice, choice.name
                    if isinstance(part, Usage):
                        usage = part
                    else:
                        written += len(part.text if isinstance(part, Words) else part.arguments)
                    yield part
        finally:
            if used is not None:
                tokens = usage or _estimated(messages, written)
                route.account.thought(used, tokens.input_tokens, tokens.output_tokens, route.now - began, usage is None)

    def warm(self) -> None:
        """Open connections to the first candidates."""
        for standing in self._route.order("llm").standing[:WARMED]:
            model = self._connected(standing.choice)
            if model is not None:
                model.warm()

    def close(self) -> None:
        """Nothing: connections belong to the engine."""

    def _connected(self, choice: Choice) -> Model | None:
        try:
            return self._route.router.connectors.model(choice)
        except TrunklineError:
            return None  # the request that needs it will say so


def _estimated(messages: Sequence[Message], written: int) -> Usage:
    read = sum(len(message.text) for message in messages)
    return Usage(read // CHARACTERS_A_TOKEN, written // CHARACTERS_A_TOKEN)


class RoutedVoice:
    """``Voice`` over candidates. The voice that spoke first goes on speaking while it can; a clause of which audio was
    given is never spoken again by another voice."""

    def __init__(self, route: CallRoute) -> None:
        """For one call. ``name`` becomes that of the voice in use."""
        self.name = "routed"
        self._route = route

    def render(self, text: str) -> Iterator[Chunk]:
        """As ``Voice.render``. Raises ``ProviderFault`` when no candidate is left, or when a clause broke off."""
        route = self._route

        def chunks_of(choice: Choice) -> Iterator[Chunk]:
            return _audible(route.router.connectors.voice(choice).render(text))

        options = route.options
        speakable = any(letter.isalnum() for letter in text)
        terms = Terms(options.first_audio_ms / 1000, options.stall_ms / 1000, options.hedge_voices, not speakable)
        used: Choice | None = None
        seconds = 0.0
        try:
            with closing(first_to_begin(route, "tts", chunks_of, terms)) as chunks:
                for choice, chunk in chunks:
                    used, self.name = choice, choice.name
                    seconds += len(chunk.pcm) / chunk.rate
                    yield chunk
        finally:
            if used is not None:
                route.account.spoke(used, len(text), seconds)

    def close(self) -> None:
        """Nothing: voices belong to the engine."""


def _audible(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Chunks with audio in them: an empty one is not yet the beginning."""
    try:
        for chunk in chunks:
            if len(chunk.pcm):
                yield chunk
    finally:
        close_parts(chunks)
