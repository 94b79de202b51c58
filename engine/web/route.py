"""What an HTTP route and a WebSocket route are: data that the server, ``/openapi.json`` and the pages are made from.

    def show(asked: Asked) -> dict: return {"hello": asked.path["name"]}
    Route("GET", "/hello/<name>", show, "Says hello.")
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, get_args

import gevent
from flask import Request
from pydantic import BaseModel
from werkzeug.datastructures import FileStorage, Headers, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from engine.config.web import Scope
from engine.net.websocket import Limits
from engine.web.errors import ApiError
from engine.web.limits import UNLIMITED, Allowance
from engine.web.socket import ServerSocket

SCOPES: tuple[Scope, ...] = get_args(Scope)

SOCKETS_ONLY = "sockets_only"
"""In ``Key.about`` of a secret for one agent: WebSockets only, whose handlers see that it stays with that agent."""

SLOWEST_BYTES_S = 100_000
"""How slow a body may come once it has had its first seconds."""


@dataclass(frozen=True, slots=True)
class Key:
    """Who asks. ``name``: as in the configuration; ``local`` without keys. ``about``: what a verifier knows besides,
    such as the session that an ephemeral secret was made for. ``ephemeral``: it is one, in the hands of whoever has
    the page, and opens only routes that say so."""

    name: str
    scopes: frozenset[str]
    about: Mapping[str, Any] = field(default_factory=dict)
    ephemeral: bool = False


@dataclass(slots=True)
class Asked:
    """One request. ``body`` and ``query``: instances of the route's models, None where it has none. ``path``: the
    values in the path. ``remote``: address of the client. ``allowance()``: what its key may still ask this minute, now.
    ``request``: Flask's, for what is not here."""

    request: Request
    request_id: str
    remote: str
    key: Key | None = None
    path: dict[str, str] = field(default_factory=dict)
    body: Any = None
    query: Any = None
    allowance: Callable[[], Allowance] = lambda: UNLIMITED
    body_s: float = 20.0
    max_bytes: int = 1 << 20

    @property
    def headers(self) -> Headers:
        """The request's headers; names in any case."""
        return self.request.headers

    @property
    def data(self) -> bytes:
        """The body as it came. Raises ``ApiError``: 413 beyond the route's ``max_bytes``, 408 when it is too slow."""
        with self._deadline():
            data = self.request.get_data()
        if len(data) > self.max_bytes:
            raise RequestEntityTooLarge
        return data

    @property
    def files(self) -> "MultiDict[str, FileStorage]":
        """Uploaded files of a multipart body (``raw`` routes). Raises as ``data``."""
        with self._deadline():
            return self.request.files

    @property
    def form(self) -> "MultiDict[str, str]":
        """The other fields of a multipart body (``raw`` routes). Raises as ``data``."""
        with self._deadline():
            return self.request.form

    @contextmanager
    def _deadline(self) -> Iterator[None]:
        """The body has to arrive within ``body_s``, and what it takes at 100 kB/s."""
        seconds = self.body_s + (self.request.content_length or 0) / SLOWEST_BYTES_S
        with gevent.Timeout(seconds, ApiError(408, "slow_body", f"the body did not arrive within {seconds:.0f} s")):
            yield


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no plain JSON: a file, a stream, or JSON with a status of its own. A stream's iterator is
    closed when the client is gone."""

    data: bytes | Iterator[bytes] = b""
    mimetype: str = "application/octet-stream"
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None

    @classmethod
    def json(cls, body: object, status: int | None = None, headers: Mapping[str, str] | None = None) -> "Answer":
        """JSON with another status or further headers."""
        return cls(as_json(body), "application/json", headers or {}, status)


Handler = Callable[[Asked], object]
SocketHandler = Callable[[ServerSocket, Asked], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Common:
    """What both kinds of routes say."""

    scope: Scope | None = None
    """Scope of the API key that is needed; None: public."""

    query: type[BaseModel] | None = None
    """Model of the query string."""

    ephemeral: bool = False
    """Whether an ephemeral secret, such as pages have, opens it, too."""


@dataclass(frozen=True, slots=True)
class Route(_Common):
    """One method of one path. ``handle`` returns a model or what JSON can hold, an ``Answer``, or None (204). It
    raises ``ApiError``."""

    method: str
    path: str
    """In Flask's syntax: ``/sessions/<session_id>``."""

    handle: Handler
    summary: str
    body: type[BaseModel] | None = None
    """Model of the JSON body."""

    answer: type[BaseModel] | None = None
    """Model of the answer, for ``/openapi.json``."""

    produces: tuple[str, ...] = ()
    """Media types of the answers, besides the JSON of ``answer``: of pages, files, streams. None of both: some JSON."""

    status: int = 200
    max_bytes: int = 1 << 20
    """Largest body; more is refused with 413."""

    raw: bool = False
    """The body is no JSON: ``asked.data``, ``asked.files`` and ``asked.form`` have it."""


@dataclass(frozen=True, slots=True)
class WebSocketRoute(_Common):
    """A WebSocket. ``handle`` holds it until it returns; ``SocketClosed`` may pass through."""

    path: str
    handle: SocketHandler
    subprotocols: tuple[str, ...] = ()
    """Those that are spoken here; the first of the client's that is among them is accepted."""

    summary: str = ""
    limits: Limits = Limits()


def as_json(body: object) -> bytes:
    """A model, or what JSON can hold with models in it, as UTF-8."""
    if isinstance(body, BaseModel):
        return body.model_dump_json().encode()
    return json.dumps(body, ensure_ascii=False, default=_plain).encode()


def _plain(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
