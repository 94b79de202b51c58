"""Health over HTTP, for load balancers, supervisors and people.

| path            | answers                                                             | status                      |
|-----------------|---------------------------------------------------------------------|-----------------------------|
| `/health`       | everything that `snapshot()` tells                                  | 200; 503 when down          |
| `/health/live`  | whether the process answers; restart it when not                    | 200                         |
| `/health/ready` | whether to send calls here                                          | 200; 503 draining or down   |
"""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from engine import __version__
from engine.telemetry.state import Component, Snapshot
from engine.web.route import Answer, Asked, Route

logger = logging.getLogger(__name__)


def routes(snapshot: Callable[[], Snapshot]) -> list[Route]:
    """The three paths. ``snapshot`` must return at once."""
    health = _Health(snapshot)
    return [
        Route("GET", "/health", health.health, "State of the service and of its parts; 503 when it is down."),
        Route("GET", "/health/live", health.live, "Whether the process answers; restart it when it does not."),
        Route("GET", "/health/ready", health.ready, "Whether to send calls here; 503 when draining or down."),
    ]


class _Health:
    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot
        self._started = time.monotonic()

    def health(self, asked: Asked) -> Answer:
        now = self._taken()
        body = {**_head(now.status), "uptime_s": round(time.monotonic() - self._started, 1),
                "calls": {"active": now.calls_active, "max": now.calls_max},
                "components": {name: asdict(component) for name, component in now.components.items()},
                "frame_clock": now.frame_clock, "hub": now.hub}
        return Answer.json(body, 503 if now.status == "down" else 200)

    def live(self, asked: Asked) -> dict[str, Any]:
        return _head("ok")

    def ready(self, asked: Asked) -> Answer:
        status = self._taken().status
        return Answer.json(_head(status), 503 if status in ("down", "draining") else 200)

    def _taken(self) -> Snapshot:
        try:
            return self._snapshot()
        except Exception as fault:  # noqa: BLE001  a probe gets an answer whatever is broken
            logger.exception("the state of the service cannot be told")
            return Snapshot("down", components={"health": Component("down", detail=f"{type(fault).__name__}: {fault}")})


def _head(status: str) -> dict[str, Any]:
    stamp = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"status": status, "timestamp": stamp, "service": "trunkline", "version": __version__}
