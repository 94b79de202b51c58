"""The Realtime server over HTTP: WebSockets for sessions, and ephemeral secrets for browsers.

    WS   /v1/realtime, /ws/realtime, /openai/v1/realtime, /realtime
    POST /v1/realtime/client_secrets, /v1/realtime/sessions
    GET  /api/session
"""

import time
from typing import Any, Literal
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ConfigDict, Field

from engine.arrival import Visitor
from engine.errors import ProviderFault
from engine.net.websocket import Limits
from engine.realtime import dialect_beta, relaying
from engine.realtime.errors import Refused
from engine.realtime.secrets import PREFIX, Secret
from engine.realtime.server import RealtimeServer, Visit, make_id
from engine.service import Engine
from engine.upstream.terms import Terms
from engine.web import realtime_calls
from engine.web.errors import ApiError
from engine.web.keys import digest
from engine.web.route import SOCKETS_ONLY, Asked, Key, Route, WebSocketRoute
from engine.web.socket import ServerSocket

PATHS = ("/v1/realtime", "/ws/realtime", "/openai/v1/realtime", "/realtime")
MIDDLE_TIER = "/realtime"
"""Where clients of the origin's middle tier come: relayed where there is an upstream, with ``extension.*`` events."""

SUBPROTOCOL = "realtime"
"""What is answered to browsers, which offer their key as a sub-protocol beside it."""

LIMITS = Limits(message_bytes=24 << 20, queued_bytes=8 << 20)
"""The largest event has 15 MiB of audio, in base64; what waits for a client is a minute of its audio and more."""

POLICY = 1008
"""Close code of a client that asks for what there is not."""

BETA_SECRET_S = 60
"""How long the beta's secrets were good for."""

SESSION_BYTES = 1 << 17
"""Of the session that a secret is made for: it is kept as long as the secret, and there may be ten thousand."""

GUEST = "guest"
"""Among the wishes of a secret of the talk page's: whoever has it is nobody's program."""

SECRET_SCOPES = frozenset({"talk"})
_SERVERS: "WeakKeyDictionary[Engine, RealtimeServer]" = WeakKeyDictionary()


def server_of(engine: Engine) -> RealtimeServer:
    """The Realtime server of an engine: one, whoever asks."""
    found = _SERVERS.get(engine)
    if found is None:
        found = _SERVERS[engine] = RealtimeServer(engine)
    return found


class SocketQuery(BaseModel):
    """The address of a session."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field("", max_length=200)
    """Said back as the session's model."""

    deployment: str = Field("", max_length=200)
    """The same, as Azure's clients call it."""

    call_id: str = Field("", max_length=200)
    """A telephone call to attach to, instead of a session of one's own."""

    agent: str = Field("", max_length=100)
    """Who answers: the name of an agent; empty: the default one."""

    language: str = Field("", max_length=20)
    """ISO 639-1; empty: the agent's first."""

    greet: bool | None = None
    """Whether the agent speaks first."""

    mode: Literal["", "local", "relay"] = ""
    """Who holds the session: the engine's own providers, or the upstream; empty: as configured (``realtime.mode``)."""

    dialect: Literal["", "ga", "beta"] = ""
    """Which protocol the client speaks; empty: it is found out."""

    extensions: bool = False
    """The client understands ``extension.*`` events."""


class Target(BaseModel):
    """Where a page is going to connect."""

    target: Literal["", "local", "upstream"] = ""
    """``upstream``: directly to the service behind the engine; empty: there if there is one."""


class Expiry(BaseModel):
    """When a secret expires."""

    anchor: Literal["created_at"] = "created_at"
    seconds: int = Field(600, ge=10, le=7200)


class SecretBody(BaseModel):
    """What ``POST /v1/realtime/client_secrets`` takes."""

    model_config = ConfigDict(extra="forbid")

    expires_after: Expiry | None = None
    session: dict[str, Any] = Field(default_factory=dict)
    agent: str = Field("", max_length=100)
    """The only agent that it opens sessions with; empty: whoever the address of the session names."""

    language: str = Field("", max_length=20)
    """The language of its sessions; empty: as the address says."""


class SecretAnswer(BaseModel):
    """An ephemeral secret, and the session that it opens."""

    value: str
    expires_at: int
    session: dict[str, Any]


class ClientSecret(BaseModel):
    """The secret in a session's description."""

    value: str
    expires_at: int


class BetaSession(BaseModel):
    """A session as the beta described it, with its secret."""

    model_config = ConfigDict(extra="allow")

    id: str
    client_secret: ClientSecret


class BetaBody(BaseModel):
    """What ``POST /v1/realtime/sessions`` takes: beta's flat fields of a session."""

    model_config = ConfigDict(extra="allow")


class SessionAnswer(BaseModel):
    """A session that a page may open."""

    id: str
    client_secret: ClientSecret


def routes(engine: Engine) -> list[Route]:
    """Ephemeral secrets."""
    server = server_of(engine)
    return [
        Route("POST", "/v1/realtime/client_secrets", lambda asked: _make_secret(server, asked),
              "Makes an ephemeral secret for a browser's session.", scope="talk", body=SecretBody,
              answer=SecretAnswer, max_bytes=SESSION_BYTES),
        Route("POST", "/v1/realtime/sessions", lambda asked: _beta_session(server, asked),
              "An ephemeral session as the Realtime API's beta made them.", scope="talk", body=BetaBody,
              answer=BetaSession, max_bytes=SESSION_BYTES),
        Route("GET", "/api/session", lambda asked: _api_session(server, asked),
              "An ephemeral session for a page: its id and secret.", scope="talk", query=Target,
              answer=SessionAnswer),
    ]


def sockets(engine: Engine) -> list[WebSocketRoute]:
    """Sessions."""
    server = server_of(engine)
    return [
        WebSocketRoute(path, lambda socket, asked: _hold(server, socket, asked), (SUBPROTOCOL,), scope="talk",
                       ephemeral=True, query=SocketQuery, limits=LIMITS,
                       summary="A conversation by the OpenAI Realtime protocol.")
        for path in PATHS
    ]


def verify(engine: Engine, secret: str) -> Key | None:
    """Whose ephemeral secret this is; for the verifiers of ``engine.web.keys``."""
    found = server_of(engine).secrets.find(secret, time.time()) if secret.startswith(PREFIX) else None
    if found is None:
        return None
    # Each has limits of its own: a visitor of a page cannot use up those of the others.
    return Key(f"ephemeral {digest(secret)[:12]}", SECRET_SCOPES,
               {"secret": found, SOCKETS_ONLY: "agent" in found.wishes}, ephemeral=True)


def _make_secret(server: RealtimeServer, asked: Asked) -> SecretAnswer:
    body: SecretBody = asked.body
    seconds = body.expires_after.seconds if body.expires_after else server.engine.config.realtime.secret_s
    session = {"type": "realtime", **body.session}
    whole = _checked(server, session)
    wishes = {name: value for name, value in (("agent", body.agent), ("language", body.language)) if value}
    value, secret = server.secrets.make(session, seconds, time.time(), wishes)
    return SecretAnswer(value=value, expires_at=secret.expires_at, session={**whole, "expires_at": secret.expires_at})


def _beta_session(server: RealtimeServer, asked: Asked) -> BetaSession:
    flat = asked.body.model_dump(exclude_unset=True)
    session = dialect_beta.decode({"type": "session.update", "session": flat})["session"]
    whole = _checked(server, session)
    value, secret = server.secrets.make(session, BETA_SECRET_S, time.time())
    described = dialect_beta.encode({"type": "session.created", "session": whole}) or {}
    return BetaSession(**described["session"], client_secret=ClientSecret(value=value, expires_at=secret.expires_at))


def _checked(server: RealtimeServer, session: dict[str, Any]) -> dict[str, Any]:
    """The whole configuration that a session begins with. ``ApiError`` names what is wrong in it."""
    try:
        return server.config(Visit(given=session)).whole
    except Refused as fault:
        raise ApiError(400, fault.code or "invalid_value", fault.message, param=fault.param or "session") from fault


def _api_session(server: RealtimeServer, asked: Asked) -> SessionAnswer:
    query: Target = asked.query
    if query.target == "upstream" or not query.target and server.engine.upstream is not None:
        return _upstream_session(server.engine)
    value, secret = server.secrets.make({"type": "realtime"}, server.engine.config.realtime.secret_s, time.time())
    session_id = str(server.config(Visit()).whole["id"])
    return SessionAnswer(id=session_id, client_secret=ClientSecret(value=value, expires_at=secret.expires_at))


def _upstream_session(engine: Engine) -> SessionAnswer:
    """A secret of the service's own, with the agent's instructions and voice bound to it. Its functions are not: a page
    that talks to the service itself has nobody to run them."""
    model = engine.speech_for(Visitor(""))
    if model is None:
        raise ApiError(404, "no_upstream", "there is no upstream (upstream.provider); target=local gives a secret for "
                       "this server", param="target")
    upstream, options = model.upstream, model.upstream.options
    terms = Terms(options.instructions or model.instructions(None), options.voice,
                  {"id": options.prompt_id} if options.prompt_id else None, options.max_output_tokens)
    try:
        secret = upstream.client_secret(terms.bound(), engine.config.realtime.secret_s)
    except ProviderFault as fault:
        raise ApiError(502, "upstream_failed", str(fault), type="server_error") from fault
    return SessionAnswer(id=str(secret.session.get("id") or make_id("sess")),
                         client_secret=ClientSecret(value=secret.value, expires_at=secret.expires_at))


def _hold(server: RealtimeServer, socket: ServerSocket, asked: Asked) -> None:
    query: SocketQuery = asked.query
    if query.call_id:
        realtime_calls.hold(server.engine, socket, asked, query.call_id)
        return
    secret = asked.key.about.get("secret") if asked.key is not None else None
    given, fixed = (secret.session, secret.wishes) if isinstance(secret, Secret) else ({}, {})
    agent, language = fixed.get("agent") or query.agent, fixed.get("language") or query.language
    offered = [name.strip() for name in asked.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    headers = {name.lower(): value for name, value in asked.headers.items()}
    beta = dialect_beta.chosen(headers, offered, {"dialect": query.dialect})
    middle_tier = asked.request.path == MIDDLE_TIER
    known = [agent.name for agent in server.engine.casting.agents] if server.engine.casting is not None else []
    if agent and known and agent not in known:
        socket.close(POLICY, f"there is no agent {agent!r}; there are {', '.join(known)}"[:120])
        return
    visit = Visit(
        query.model or query.deployment, agent, language, query.greet, query.extensions or middle_tier, beta,
        asked.remote, dict(given), lambda: _limits(asked), guest=GUEST in fixed,
    )
    mode = query.mode or ("relay" if middle_tier else server.engine.config.realtime.mode)
    if middle_tier and server.engine.upstream is None:
        mode = "local"  # the middle tier's clients know nothing of modes
    if mode == "relay":
        relaying.hold(server, socket, visit, headers)
    else:
        server.hold(socket, visit)


def _limits(asked: Asked) -> tuple[dict[str, object], ...]:
    left = asked.allowance()
    return ({"name": "requests", "limit": left.limit, "remaining": left.remaining,
             "reset_seconds": round(left.reset_seconds, 3)},) if left.limit else ()
