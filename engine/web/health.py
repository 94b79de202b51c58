"""Health over HTTP, for load balancers, supervisors and people.

    server = HealthServer(config.http, snapshot)
    server.start()

| path            | answers                                                             | status                      |
|-----------------|---------------------------------------------------------------------|-----------------------------|
| `/health`       | everything that `snapshot()` tells                                  | 200; 503 when down          |
| `/health/live`  | whether the process answers; restart it when not                    | 200                         |
| `/health/ready` | whether to send calls here                                          | 200; 503 draining or down   |
"""

import errno
import json
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

import gevent.pool
from gevent import pywsgi

from engine import __version__
from engine.config import HttpOptions
from engine.telemetry.state import Component, Snapshot
from engine.web.errors import WebError

logger = logging.getLogger(__name__)

CONNECTIONS = 64
"""Connections served at once; more wait in the kernel."""

IDLE_S = 10.0
"""How long a connection may be silent."""


class HealthServer:
    """Serves ``snapshot()``, which must return at once. One an engine."""

    def __init__(self, options: HttpOptions, snapshot: Callable[[], Snapshot]) -> None:
        """Nothing is bound yet."""
        self._options = options
        self._snapshot = snapshot
        self._started = time.monotonic()
        self._pool = gevent.pool.Pool(CONNECTIONS)
        self._server = pywsgi.WSGIServer((options.host, options.port), self._answer, spawn=self._pool, log=None,
                                         error_log=logger, handler_class=_Handler)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are bound; the port that was taken for port 0."""
        return self._options.host, int(self._server.server_port or 0)

    @property
    def url(self) -> str:
        """Where health is told."""
        host, port = self.address
        return f"http://{host}:{port}/health"

    def start(self) -> None:
        """Bind and serve. Raises ``WebError`` when the address cannot be had."""
        try:
            self._server.start()
        except OSError as fault:
            raise WebError(bind_problem("http", self._options.host, self._options.port, fault)) from fault

    def stop(self) -> None:
        """Stop serving; open connections are closed."""
        self._server.stop(timeout=1)

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"].rstrip("/"), environ["REQUEST_METHOD"]
        pages = {"/health": self._health, "/health/live": self._live, "/health/ready": self._ready}
        headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
        if path not in pages:
            status, body = "404 Not Found", {"error": f"no such page; there are {', '.join(pages)}"}
        elif method not in ("GET", "HEAD"):
            status, body = "405 Method Not Allowed", {"error": "GET only"}
            headers.append(("Allow", "GET, HEAD"))
        else:
            status, body = pages[path]()
        data = json.dumps(body, ensure_ascii=False, default=str).encode() + b"\n"
        start_response(status, [*headers, ("Content-Length", str(len(data)))])
        return [] if method == "HEAD" else [data]

    def _health(self) -> tuple[str, dict[str, Any]]:
        now = self._taken()
        body = {**self._head(now.status), "uptime_s": round(time.monotonic() - self._started, 1),
                "calls": {"active": now.calls_active, "max": now.calls_max},
                "components": {name: asdict(component) for name, component in now.components.items()},
                "frame_clock": now.frame_clock, "hub": now.hub}
        return _UNAVAILABLE if now.status == "down" else _OK, body

    def _live(self) -> tuple[str, dict[str, Any]]:
        return _OK, self._head("ok")

    def _ready(self) -> tuple[str, dict[str, Any]]:
        status = self._taken().status
        return _UNAVAILABLE if status in ("down", "draining") else _OK, self._head(status)

    def _taken(self) -> Snapshot:
        try:
            return self._snapshot()
        except Exception as fault:  # noqa: BLE001  a probe gets an answer whatever is broken
            logger.exception("the state of the service cannot be told")
            return Snapshot("down", components={"health": Component("down", detail=f"{type(fault).__name__}: {fault}")})

    @staticmethod
    def _head(status: str) -> dict[str, Any]:
        stamp = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"status": status, "timestamp": stamp, "service": "trunkline", "version": __version__}


_OK, _UNAVAILABLE = "200 OK", "503 Service Unavailable"


class _Handler(pywsgi.WSGIHandler):
    """Connections that say nothing are dropped, so that they cannot take all places."""

    def handle(self) -> None:
        """One connection."""
        self.socket.settimeout(IDLE_S)
        super().handle()


def bind_problem(group: str, host: str, port: int, fault: OSError) -> str:
    """Why an address of the option group ``group`` cannot be bound, and what to do."""
    variable = f"{group}.port (TRUNKLINE_{group.upper()}__PORT)"
    if fault.errno == errno.EADDRINUSE:
        return (f"{host}:{port} is in use by another program; `ss -ltnp 'sport = :{port}'` shows which. "
                f"End it, or set {variable} to another port")
    if fault.errno == errno.EACCES:
        return f"{host}:{port} needs rights that this user has not; set {variable} to a port from 1024 on"
    if fault.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine; set {group}.host (TRUNKLINE_{group.upper()}__HOST)"
    return f"{host}:{port} cannot be bound: {fault.strerror or fault}; see {variable}"
