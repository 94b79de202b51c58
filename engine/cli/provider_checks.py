"""What ``trunkline doctor`` looks at in ``providers:``: whether the keys are there, and whether the services listen.

Nothing is asked of a service, because most would take money for it; a wrong key shows at the first request.
"""

import socket
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from gevent.pool import Pool

from engine.config import Config
from engine.config.providers import ServiceOptions
from engine.errors import TrunklineError
from engine.providers import credentials
from engine.upstream.service import open_upstream

AT_ONCE = 16

Row = tuple[Literal["pass", "warn", "fail"], str, str]
"""Status, what was found, what to do about it."""


def look(config: Config, environ: Mapping[str, str], wait_s: float) -> list[Row]:
    """One row a provider behind HTTP. Each connection may take ``wait_s``."""
    remote = [(name, options) for name, options in config.providers.items() if isinstance(options, ServiceOptions)]
    return [*Pool(AT_ONCE).map(lambda one: _look_at(*one, environ, wait_s), remote), *_upstream(config, environ)]


def _upstream(config: Config, environ: Mapping[str, str]) -> list[Row]:
    """The speech-to-speech model that clients and calls get, if there is one."""
    try:
        upstream = open_upstream(config, environ)
    except TrunklineError as fault:
        return [("fail", str(fault), "docs/operator/realtime-upstream.md describes it")]
    if upstream is None:
        wanted = config.agent.brain == "realtime" or config.realtime.mode == "relay"
        return [("fail", "agent.brain or realtime.mode wants a speech-to-speech model, and there is none",
                 "name a provider in upstream.provider")] if wanted else []
    upstream.close()
    return [("pass", f"upstream: {upstream.model} at {upstream.url.partition('?')[0]}", "")]


def _look_at(name: str, options: Any, environ: Mapping[str, str], wait_s: float) -> Row:
    try:
        credentials(name, options, environ).close()
    except TrunklineError as fault:
        return "fail", str(fault), "export it, or put it into the EnvironmentFile of the service"
    parts = urlsplit(options.base_url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((host, port), wait_s).close()
    except OSError as fault:
        return ("warn", f"{name} ({options.kind}): no connection to {host}:{port}: {fault}",
                f"start the service, or correct providers.{name}.base_url; calls that need it will use another one")
    return "pass", f"{name} ({options.kind}): {host}:{port} listens", ""
