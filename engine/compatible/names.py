"""What a request's ``model`` and ``voice`` mean here: agents, the router, providers, the embedded set.

``auto`` is the router's choice; where it has nobody, a chat goes to the default agent, a recording to the embedded
recogniser, a text to ``speech.voice``. The name of an agent is that agent, for chats. ``PROVIDER`` and
``PROVIDER/MODEL``, as in the routing file or under ``providers``, are asked directly.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.agents.agent import Agent
from engine.casting import Casting
from engine.compatible.errors import CompatibleError
from engine.config.providers import (
    AnthropicOptions,
    ChatOptions,
    ElevenLabsOptions,
    EmbeddingOptions,
    HttpTtsOptions,
    OpenAiSpeechOptions,
    RecogniserOptions,
)
from engine.config.routing import Capability
from engine.routing.facts import Facts
from engine.routing.pinned import PinnedRoute
from engine.routing.router import CallRoute, NoLog
from engine.voicenames import USUAL, built_in, configured

AUTO = "auto"

USUAL_MODELS = dict.fromkeys(
    ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"), AUTO)
"""Names that clients have built in, because OpenAI has no others."""

KINDS: dict[str, tuple[type[Any], ...]] = {
    "llm": (ChatOptions, AnthropicOptions), "stt": (RecogniserOptions,),
    "tts": (OpenAiSpeechOptions, ElevenLabsOptions, HttpTtsOptions), "embeddings": (EmbeddingOptions,),
}
"""Which options describe providers that can do it."""


@dataclass(frozen=True, slots=True)
class Direct:
    """A provider of the configuration, and a model or voice of it ("": as it is configured)."""

    provider: str
    model: str = ""


class Names:
    """Resolves names by what there is now. Cheap: made for each request."""

    def __init__(self, casting: Casting) -> None:
        """Looks at agents, providers and routes of ``casting``."""
        self._casting = casting
        self._config = casting.config

    def thinks(self, name: str) -> "Agent | CallRoute | Direct":
        """Who answers a chat. Raises ``CompatibleError`` for a name that is none."""
        name = self._meant(name)
        agents = self._casting.agents
        if name == AUTO:
            route = self._routed("llm", "")
            if route is not None:
                return route
            if not agents.default:
                raise CompatibleError("not_found", "there is neither a language model in the routing file nor a "
                                      "default agent: name one in model", "model")
            return agents.get(agents.default)
        if any(agent.name == name for agent in agents):
            return agents.get(name)
        return self._provider("llm", name)

    def hears(self, name: str, language: str) -> "CallRoute | Direct | None":
        """Who transcribes; None: the embedded recogniser."""
        name = self._meant(name)
        if name == AUTO:
            return self._routed("stt", language)
        return None if name == "pocketsphinx" else self._provider("stt", name, language)

    def speaks(self, model: str, voice: str, language: str = "") -> "CallRoute | Direct | str":
        """Who speaks ``language``; a text is the name of a voice for ``Casting.voice``."""
        model = self._meant(model)
        named = configured(voice, language, self._config.compatible.voices)
        if model == AUTO:
            if named is None and voice in USUAL:
                return self._routed("tts", language) or built_in(voice, language) or self._own(language)
            if not named and (named is not None or voice == AUTO):
                return self._routed("tts", language) or self._own(language)
            name = named if named is not None else voice
            if name and not self._is_voice(name):
                raise CompatibleError("invalid", f"there is no voice '{voice}'; there are OpenAI's names "
                                      f"({', '.join(USUAL)}), flite:VOICE, espeak-ng:VOICE and PROVIDER:VOICE",
                                      "voice")
            return name
        if model in ("flite", "espeak-ng"):
            return f"{model}:{voice.rpartition(':')[2]}"
        found = self._provider("tts", model)
        if isinstance(found, Direct):  # OpenAI's names mean the voice that is configured
            own = "" if voice in USUAL and named is None else (named or voice).rpartition(":")[2]
            return f"{found.provider}:{own}" if own else found.provider
        return found

    def listed(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """``(name, owner, capabilities)`` of every name that a request may give as its model."""
        yield AUTO, "trunkline", ("llm", "stt", "tts", "embeddings")
        for agent in self._casting.agents:
            yield agent.name, "agent", ("llm",)
        if self._casting.router is not None:
            for provider, route in self._casting.router.routes.tree.providers.items():
                for model, terms in route.models.items():
                    yield f"{provider}/{model}", provider, tuple(
                        "llm" if what == "conversational_ai" else what for what in terms.capabilities)
        for name, options in self._config.providers.items():
            able = tuple(what for what, kinds in KINDS.items() if isinstance(options, kinds))
            if able:
                yield name, options.kind, able
        for name, meant in {**USUAL_MODELS, **self._config.compatible.models}.items():
            yield name, f"alias of {meant}", ()

    # ------------------------------------------------------------ inside

    def _meant(self, name: str) -> str:
        return self._config.compatible.models.get(name, USUAL_MODELS.get(name, name)) or AUTO

    def _routed(self, capability: Capability, language: str) -> CallRoute | None:
        """The router, where it has anybody for this."""
        router = self._casting.router
        if router is None or not router.decide(capability, Facts(language=language)).standing:
            return None
        return router.for_call(Facts(language=language), NoLog())

    def _provider(self, capability: Capability, name: str, language: str = "") -> "CallRoute | Direct":
        provider, _, model = name.partition("/")
        router = self._casting.router
        if router is not None:
            pinned = PinnedRoute(router, Facts(language=language), NoLog(), provider, model)
            if pinned.order(capability).standing:
                return pinned
        options = self._config.providers.get(provider)
        if isinstance(options, KINDS[capability]):
            return Direct(provider, model)
        what = {"llm": "answers chats", "stt": "hears", "tts": "speaks"}[capability]
        there = [known for known, _, able in self.listed() if capability in able]
        raise CompatibleError("not_found", f"there is no model '{name}' that {what}; there are {', '.join(there)} "
                              "(GET /v1/models)", "model")

    def _own(self, language: str) -> str:
        """The embedded voice of this language."""
        return "" if language in ("", self._config.speech.language) else f"espeak-ng:{language}"

    def _is_voice(self, name: str) -> bool:
        engine, _, _ = name.partition(":")
        return engine in ("flite", "espeak-ng") or isinstance(self._config.providers.get(engine), KINDS["tts"])
