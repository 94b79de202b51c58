"""The engine for the console: health as it changes, providers and their breakers, the configuration in effect."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from time import monotonic
from typing import Any, get_args

import gevent
from pydantic import BaseModel, Field

from engine import __version__
from engine.config import Config
from engine.config.routing import Capability
from engine.configfile import MASK
from engine.configtree import OPTIONS, Option, named_options
from engine.routing.facts import Facts
from engine.service import Engine
from engine.web import sse
from engine.web.route import Answer, Asked, Route

HEALTH_EVERY_S = 2.0


class ProvidersQuery(BaseModel):
    """For which call."""

    language: str = Field("", max_length=20, description="of the call; empty: that of the default agent")
    region: str = Field("", max_length=80)


def routes(engine: Engine) -> list[Route]:
    """Routes over the state of ``engine``."""
    began = monotonic()

    def health(asked: Asked) -> Answer:
        return sse.events(_health(engine, began))

    return [
        Route("GET", "/api/console/health", health, "The state of the engine and of every breaker, now and every "
              f"{HEALTH_EVERY_S:g} s (server-sent events).", scope="read",
              produces=("text/event-stream",)),
        Route("GET", "/api/console/providers", lambda asked: _providers(engine, asked.query), "Configured providers, "
              "and in which order a call would ask them, and why.", scope="read", query=ProvidersQuery),
        Route("GET", "/api/console/config", lambda asked: {"options": settings(engine.config)}, "Every option in "
              "effect, with default and reason; secrets are hidden.", scope="admin"),
    ]


def _health(engine: Engine, began: float) -> Iterator[sse.Event]:
    while True:
        state = asdict(engine.snapshot())
        yield "", "health", {**state, "version": __version__, "uptime_s": round(monotonic() - began, 1),
                             "breakers": _breakers(engine)}
        gevent.sleep(HEALTH_EVERY_S)


def _breakers(engine: Engine) -> list[dict[str, Any]]:
    router = engine.casting.router if engine.casting is not None else None
    if router is None:
        return []
    return [{"provider": provider, "capability": capability, "state": state, "ready_in_s": round(seconds, 1)}
            for provider, capability, state, seconds in router.health.breakers(router.clock())]


def _providers(engine: Engine, query: ProvidersQuery) -> dict[str, Any]:
    casting, config = engine.casting, engine.config
    router = casting.router if casting is not None else None
    language = query.language
    if not language and casting is not None and casting.agents.default:
        language = casting.agents.get(casting.agents.default).language
    facts = Facts(language=language or config.speech.language, region=query.region)
    decisions = [router.decide(capability, facts).as_dict() for capability in get_args(Capability)] if router else []
    return {
        "configured": [_described(name, options) for name, options in config.providers.items()],
        "embedded": {"stt": "pocketsphinx", "tts": config.speech.voice, "language": config.speech.language},
        "routing_file": config.routing.file, "decisions": decisions, "breakers": _breakers(engine),
    }  # fmt: skip


def _described(name: str, options: Any) -> dict[str, Any]:
    """What one sees of a provider: no secret, and where it is."""
    shown = {field: getattr(options, field, None) for field in ("model", "deployment", "voice", "url", "base_url")}
    return {"name": name, "kind": options.kind, **{field: value for field, value in shown.items() if value}}


def settings(config: Config) -> list[dict[str, Any]]:
    """Every option: path, value, default, whether it was set, unit, what it may be, reason, variable. Values of secrets
    are masked."""
    return [_setting(option, _value(config, option.path)) for option in (*OPTIONS.values(), *named_options(config))]


def _setting(option: Option, value: object) -> dict[str, Any]:
    changed = value != option.default
    secret = option.secret and bool(value)
    return {
        "path": option.path, "value": MASK if secret else _plain(value), "changed": changed,
        "default": None if option.secret else _plain(option.default), "unit": option.unit,
        "expected": option.expected, "reason": option.reason, "variable": option.variable, "secret": option.secret,
    }  # fmt: skip


def _value(config: Config, path: str) -> object:
    value: Any = config
    for name in path.split("."):
        value = value[name] if isinstance(value, Mapping) else getattr(value, name)
    return value


def _plain(value: object) -> object:
    """As JSON has it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
