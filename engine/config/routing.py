"""Options of routing, and the typed tree of the routing file (``docs/operator/routing.md``)."""

from typing import Literal

from pydantic import Field

from engine.config.base import Options


class RoutingOptions(Options):
    """Which provider hears, thinks and speaks, and what happens when one fails. Candidates are ordered by points:
    accuracy, less cost, delay, failures and place in the list, each by its weight."""

    file: str = ""
    """The routing file (languages, providers, rules). Empty: the example that comes with the engine."""

    accuracy_weight: float = Field(1.0, ge=0)
    """Points of an accuracy of 1."""

    cost_weight: float = Field(2.0, ge=0)
    """Points lost for each unit of money a minute."""

    latency_weight: float = Field(0.3, ge=0)
    """Points lost for each second of delay (95th percentile) before the first word, audio or transcript."""

    failure_weight: float = Field(1.0, ge=0)
    """Points lost when every request of late has failed; half of them when half have."""

    place_weight: float = Field(0.5, ge=0)
    """Points lost for each place in ``priority_providers``. At 0.5 the list is kept unless its first provider is a
    second and a half slower or fails every other time; at 0 the other four decide alone."""

    latency_memory_s: float = Field(300.0, ge=1)
    """Age at which a measured delay counts half, so that a provider that was slow is tried again."""

    breaker_failures: int = Field(3, ge=1)
    """Failures in a row after which a provider gets no requests for one capability."""

    breaker_share: float = Field(0.5, gt=0, le=1)
    """Share of failed requests of the last minute, of ten or more, that does the same: the error budget."""

    breaker_open_s: float = Field(10.0, gt=0)
    """How long it gets none; then one request tries it. Each failed try doubles the time."""

    breaker_open_max_s: float = Field(300.0, gt=0)
    """The doubling ends here. A refused key opens the breaker for so long at once."""

    avoid_s: float = Field(60.0, ge=0)
    """How long a provider that failed in a call stands behind the others in that call, so that its voice and its
    recogniser do not change to and fro."""

    rate_limit_wait_ms: int = Field(400, ge=0)
    """A provider that asks to wait so long or less is waited for; for longer waits the next one is taken."""

    rate_limit_hold_ms: int = Field(3000, ge=0)
    """Longest wait for a rate limit when no other provider is left; the caller is told to wait. For longer ones the
    request fails, and the caller hears the apology. It should stay below ``turns.reply_timeout_ms``."""

    first_text_ms: int = Field(2000, ge=50)
    """Longest wait for a model's first word while there is another model to ask."""

    first_audio_ms: int = Field(1500, ge=50)
    """Longest wait for a voice's first audio while there is another voice."""

    final_ms: int = Field(1500, ge=100)
    """Longest wait for a final transcript after the caller's voice stopped, while there is another recogniser."""

    stall_ms: int = Field(10000, ge=100)
    """Longest gap within an answer, and longest wait for the beginning when nobody else is left."""

    hedge_models: bool = False
    """Ask a second model when the first has not begun within the time it usually needs (95th percentile); the first
    word wins, the other is cancelled. Costs about one request in twenty twice."""

    hedge_voices: bool = False
    """The same for voices."""

    replay_ms: int = Field(2000, ge=0, le=10000)
    """Audio that a recogniser hears again when it takes over from one that was lost."""

    low_confidence_finals: int = Field(2, ge=1)
    """Final transcripts in a row below the rule's ``min_confidence`` after which the next recogniser takes over."""

    second_opinion_ms: int = Field(600, ge=0, le=5000)
    """A transcript below the rule's ``min_confidence`` is asked of the next recogniser as well, and held back for so
    long at most; the surer one counts. 0: never. It should stay below ``turns.final_wait_ms``."""

    currency: str = "USD"
    """What prices in the routing file are in; only shown."""


Capability = Literal["stt", "llm", "tts"]


class DialectRoute(Options):
    """What a dialect of a language prefers."""

    priority_providers: tuple[str, ...] = ()
    """Best first; others come after them."""


class LanguageRoute(Options):
    """What a language prefers."""

    priority_providers: tuple[str, ...] = ()
    """For dialects without a list of their own."""

    dialects: dict[str, DialectRoute] = {}
    """By name, as ``language.dialect`` of a call gives it."""


class ModelRoute(Options):
    """One model of a provider."""

    capabilities: tuple[Literal["conversational_ai", "llm", "stt", "tts"], ...] = Field(min_length=1)
    """What it can do; ``conversational_ai`` and ``llm`` are the same."""

    languages: tuple[str, ...] = ()
    """ISO 639-1 codes; empty: any."""

    dialects: tuple[str, ...] = ()
    """Dialects it is made for; empty: any. A call without a dialect may use it."""

    connection: str = ""
    """Name of the connection that serves it, where it is not one of those that are looked for: for provider ``x``,
    capability ``tts`` and language ``ml`` these are ``x_tts_ml``, ``x_tts`` and ``x``."""

    cost_per_minute: float = Field(0.0, ge=0)
    """Price of a minute: of audio heard, of audio spoken, of a model's work."""

    cost_per_million_input_tokens: float = Field(0.0, ge=0)
    """Price of a million tokens that a model reads."""

    cost_per_million_output_tokens: float = Field(0.0, ge=0)
    """Price of a million tokens that a model writes."""

    cost_per_million_characters: float = Field(0.0, ge=0)
    """Price of a million characters that a voice is given."""

    accuracy_score: float = Field(0.5, ge=0, le=1)
    """How good it is in these languages, 0..1, by your own measure."""

    expected_latency_ms: float = Field(500.0, gt=0)
    """Delay to assume before enough of it was measured (95th percentile)."""


class ProviderRoute(Options):
    """One provider and its models."""

    models: dict[str, ModelRoute] = Field(min_length=1)
    """By name, as the provider calls them."""


class RuleRoute(Options):
    """One rule; the first whose condition is true decides."""

    condition: str
    """Over the facts of the call: ``region == 'kerala' and language == 'ml'``."""

    priority_providers: tuple[str, ...] = Field(min_length=1)
    """Best first; others come after them."""

    only_listed: bool = False
    """Nobody else may be asked: for rules about where data may go."""

    min_confidence: float = Field(0.0, ge=0, le=1)
    """Transcripts below it count against the recogniser (``low_confidence_finals``)."""

    min_accuracy: float = Field(0.0, ge=0, le=1)
    """Models with a lower ``accuracy_score`` are not asked."""

    max_cost_per_minute: float | None = Field(None, ge=0)
    """Models that cost more are not asked."""


class RoutingFile(Options):
    """The whole routing file."""

    languages: dict[str, LanguageRoute] = {}
    """By ISO 639-1 code."""

    priority_providers: tuple[str, ...] = ()
    """For languages without a list of their own."""

    providers: dict[str, ProviderRoute] = Field(min_length=1)
    """By name; connections are looked for under names that begin with it."""

    routing_rules: dict[str, RuleRoute] = {}
    """Looked at from top to bottom."""
