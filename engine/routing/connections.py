"""The providers themselves, by the names of their connections: made when first needed, shared by all calls.

    connections = Connections()
    connections.add_model("generic_cloud_llm", lambda choice: OpenAiChat(...))
    connections.add_voice("generic_cloud_tts", lambda choice: PhraseCache(OpenAiSpeech(...)))
    connections.add_recogniser("deepgram", lambda choice, on_fault: DeepgramRecogniser(..., on_fault=on_fault))

The routing file says who there is; ``Choice.connections`` says under which names a choice looks for its connection.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from engine.config.routing import Capability
from engine.dialog.model import Model
from engine.routing.errors import RoutingError
from engine.routing.facts import Choice
from engine.routing.router import FaultSlot
from engine.speech.interfaces import Recogniser, Voice

log = logging.getLogger(__name__)

Key = tuple[Capability, str, str, str]
"""Capability, connection, model, language: what is made once."""


class Connections:
    """``router.Connectors``. A choice without a connection is no candidate, and ``excluded`` says so.

    Makers are called in a greenlet of the first call that needs them: what takes long to load is made before, and the
    maker only hands it out. Makers may give the same object for several choices.
    """

    def __init__(self) -> None:
        """No connection yet."""
        self._models: dict[str, Callable[[Choice], Model]] = {}
        self._voices: dict[str, Callable[[Choice], Voice]] = {}
        self._recognisers: dict[str, Callable[[Choice, FaultSlot], Recogniser]] = {}
        self._made: dict[Key, Any] = {}
        self._slots: dict[Key, FaultSlot] = {}

    def add_model(self, name: str, make: Callable[[Choice], Model]) -> None:
        """``make(choice)`` gives the language model of ``choice.model``."""
        self._models[name] = make

    def add_voice(self, name: str, make: Callable[[Choice], Voice]) -> None:
        """``make(choice)`` gives a voice that speaks ``choice.language``; a cache of phrases belongs around each."""
        self._voices[name] = make

    def add_recogniser(self, name: str, make: Callable[[Choice, FaultSlot], Recogniser]) -> None:
        """``make(choice, on_fault)`` gives a recogniser; ``on_fault(ProviderFault)`` takes what goes wrong in it, just
        before the final of the stretch that it went wrong with."""
        self._recognisers[name] = make

    def able(self, choice: Choice) -> bool:
        """Whether there is a connection for ``choice``."""
        makers: Mapping[Capability, Mapping[str, Any]] = {
            "llm": self._models, "tts": self._voices, "stt": self._recognisers,
        }
        return any(name in makers[choice.capability] for name in choice.connections)

    def model(self, choice: Choice) -> Model:
        """The language model of ``choice``. Raises ``RoutingError`` without a connection, or what its maker raises."""
        make, key = _maker(self._models, choice)
        if key not in self._made:
            self._made[key] = make(choice)
        return self._made[key]

    def voice(self, choice: Choice) -> Voice:
        """The voice of ``choice``; as ``model``."""
        make, key = _maker(self._voices, choice)
        if key not in self._made:
            self._made[key] = make(choice)
        return self._made[key]

    def recogniser(self, choice: Choice) -> tuple[Recogniser, FaultSlot]:
        """The recogniser of ``choice``, and where it tells its faults; as ``model``."""
        make, key = _maker(self._recognisers, choice)
        slot = self._slots.setdefault(key, FaultSlot())
        if key not in self._made:
            self._made[key] = make(choice, slot)
        return self._made[key], slot

    def close(self) -> None:
        """Close all that was made, each once. Idempotent."""
        made = {id(one): one for one in self._made.values()}
        self._made.clear()
        for one in made.values():
            try:
                one.close()
            except Exception:
                log.exception("%s failed while it was closed", type(one).__name__)


def _maker(makers: dict[str, Any], choice: Choice) -> tuple[Any, Key]:
    """The maker of the most special connection that there is, and what its product is known by."""
    for name in choice.connections:
        if name in makers:
            return makers[name], (choice.capability, name, choice.model, choice.language)
    raise RoutingError(f"there is no connection {' or '.join(choice.connections)} for {choice.capability}")
