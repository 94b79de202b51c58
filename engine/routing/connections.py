"""The providers themselves, by the names of the routing file: made when first needed, once for all calls.

    connections = Connections()
    connections.add_model("generic_cloud", lambda choice: OpenAiModel(...))
    connections.add_voice("generic_cloud", lambda choice: OpenAiVoice(...))
    connections.add_recogniser("deepgram", lambda choice, on_fault: DeepgramRecogniser(..., on_fault=on_fault))
"""

import logging
from collections.abc import Callable, Collection
from typing import Protocol, TypeVar

from engine.config.routing import Capability
from engine.dialog.model import Model
from engine.routing.errors import RoutingError
from engine.routing.facts import Choice
from engine.routing.router import FaultSlot
from engine.speech.interfaces import Recogniser, Voice

log = logging.getLogger(__name__)


class _Closable(Protocol):
    def close(self) -> None:
        """Free what it holds."""


T = TypeVar("T", bound=_Closable)


class Connections:
    """``router.Connectors``. A provider that has no maker for a capability is passed over, and ``route explain`` says
    so. Each (provider, model, language, dialect) is made once."""

    def __init__(self) -> None:
        """No provider is known yet."""
        self._models: dict[str, Callable[[Choice], Model]] = {}
        self._voices: dict[str, Callable[[Choice], Voice]] = {}
        self._recognisers: dict[str, Callable[[Choice, FaultSlot], Recogniser]] = {}
        self._made: dict[Choice, _Closable] = {}
        self._slots: dict[Choice, FaultSlot] = {}

    def add_model(self, provider: str, make: Callable[[Choice], Model]) -> None:
        """``make(choice)`` gives the language model of ``choice.model``."""
        self._models[provider] = make

    def add_voice(self, provider: str, make: Callable[[Choice], Voice]) -> None:
        """``make(choice)`` gives a voice that speaks ``choice.language``. Wrap it in ``PhraseCache`` here."""
        self._voices[provider] = make

    def add_recogniser(self, provider: str, make: Callable[[Choice, FaultSlot], Recogniser]) -> None:
        """``make(choice, on_fault)`` gives a recogniser; ``on_fault(ProviderFault)`` takes what goes wrong in it, just
        before the final of the stretch that it went wrong with."""
        self._recognisers[provider] = make

    def able(self, capability: Capability) -> Collection[str]:
        """Providers that there is a maker for."""
        makers: dict[Capability, Collection[str]] = {
            "llm": self._models.keys(), "tts": self._voices.keys(), "stt": self._recognisers.keys(),
        }
        return makers[capability]

    def model(self, choice: Choice) -> Model:
        """The language model of ``choice``."""
        return self._have(choice, self._models, lambda make: make(choice))

    def voice(self, choice: Choice) -> Voice:
        """The voice of ``choice``."""
        return self._have(choice, self._voices, lambda make: make(choice))

    def recogniser(self, choice: Choice) -> tuple[Recogniser, FaultSlot]:
        """The recogniser of ``choice``, and where it tells its faults."""
        slot = self._slots.setdefault(choice, FaultSlot())
        return self._have(choice, self._recognisers, lambda make: make(choice, slot)), slot

    def close(self) -> None:
        """Close all that was made. Idempotent."""
        made, self._made = self._made, {}
        for choice, one in made.items():
            try:
                one.close()
            except Exception:
                log.exception("%s failed while it was closed", choice.name)

    def _have(self, choice: Choice, makers: dict[str, Callable[..., T]], call: Callable[[Callable[..., T]], T]) -> T:
        one = self._made.get(choice)
        if one is None:
            make = makers.get(choice.provider)
            if make is None:
                raise RoutingError(f"no connection to {choice.provider} for {choice.capability} is set up")
            one = self._made[choice] = call(make)
        return one  # type: ignore[return-value]
