"""All Realtime sessions of an engine: who may come in, what they share, how a connection becomes a session."""

import logging
import secrets as random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import gevent

from engine.arrival import Visitor
from engine.errors import TrunklineError
from engine.media.messageleg import MessageLegs
from engine.net.errors import SocketClosed
from engine.realtime.client import Wishes, as_json
from engine.realtime.config import SessionConfig
from engine.realtime.secrets import Secrets
from engine.realtime.session import Session
from engine.service import Engine
from engine.telemetry import logs
from engine.voicenames import REALTIME

log = logging.getLogger(__name__)

RECEIVE_S = 3600.0
"""A client may be silent for so long: pings tell whether it is there."""


class NotNow(TrunklineError):
    """No session can begin: the engine is full, or stops."""


class Socket(Protocol):
    """A WebSocket, as the server needs it; ``engine.web.socket.ServerSocket`` is one."""

    def receive(self, timeout_s: float | None = None) -> str | bytes | None:
        """The next message; None: none came. Raises ``SocketClosed``."""

    def send(self, message: str | bytes) -> None:
        """Returns at once. Raises ``SocketClosed``."""

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye, and end it."""


@dataclass(frozen=True, slots=True)
class Visit:
    """How a client comes. ``model``, ``agent``, ``language``: from the address, empty where it does not say; ``greet``:
    None: as configured; ``beta``: they speak the dialect before GA; ``given``: the configuration that a secret is bound
    to; ``caller``: who it is; ``limits``: what their key has left, as ``rate_limits.updated`` tells it; ``guest``: they
    may talk to the agent, and change nothing of what it is told and may do."""

    model: str = ""
    agent: str = ""
    language: str = ""
    greet: bool | None = None
    extensions: bool = False
    beta: bool = False
    caller: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    limits: Callable[[], tuple[dict[str, object], ...]] = tuple
    guest: bool = False


class RealtimeServer:
    """One an engine. ``hold`` keeps one client until its end."""

    def __init__(self, engine: Engine) -> None:
        """The engine need not be started yet."""
        self.engine = engine
        self.secrets = Secrets()
        self._legs: MessageLegs | None = None

    def config(self, visit: Visit, session_id: str = "") -> SessionConfig:
        """The configuration that a session begins with. Raises ``Refused`` where ``visit.given`` is wrong."""
        options = self.engine.config.realtime
        given = {**visit.given}
        model = str(given.pop("model", "") or visit.model or options.model)
        expires_at = int(time.time()) + options.max_session_minutes * 60
        return SessionConfig(session_id or make_id("sess"), model, expires_at=expires_at, given=given,
                             voices=(*REALTIME, *self.engine.config.compatible.voices),
                             minutes=options.max_session_minutes)

    def hold(self, socket: Socket, visit: Visit) -> None:
        """Serve one client until it is gone or its session is over. A fault ends this session only."""
        if not self.has_room(socket):
            return
        session = self._session(socket, visit)
        self.engine.session_began(session)
        cause, by = "the client is gone", "caller"
        try:
            with logs.call(session.uuid):
                session.opened()
                self._receive(socket, session)
        except SocketClosed as end:
            log.debug("session %s: %s", session.uuid, end)
        except Exception:
            cause, by = "fault", "engine"
            log.exception("session %s ends by a fault of the engine", session.uuid)
            socket.close(1011, "a fault of the engine")
        finally:
            session.close(cause, by)
            self.engine.session_ended(session)

    def has_room(self, socket: Socket) -> bool:
        """Whether another session may begin; if not, ``socket`` has been told."""
        if not self.engine.accepting:
            socket.close(1001, "the engine takes no new sessions")
            return False
        if len(self.engine.sessions) >= self.engine.config.realtime.max_sessions:
            socket.close(1013, "as many sessions as may be (realtime.max_sessions)")
            return False
        return True

    def _session(self, socket: Socket, visit: Visit, session_id: str = "") -> Session:
        session_id = session_id or make_id("sess")
        variables = {"trunkline_agent": visit.agent} if visit.agent else {}
        visitor = Visitor(session_id, visit.caller, "", variables)
        wishes = Wishes(visit.language, visit.greet, visit.extensions, visit.beta, visit.limits, visit.guest)
        return Session(self.engine.surroundings, self._shared_legs(), self.engine.timers,
                       self.config(visit, session_id), make_id, SocketClient(socket), visitor, wishes)

    def resume(self, socket: Socket, visit: Visit, known: Mapping[str, Any]) -> Session:
        """A session that goes on where another one has stopped; ``known``: its configuration, as the client has it.
        Nothing is sent yet."""
        heard, spoken = (known.get("audio") or {}).get("input") or {}, (known.get("audio") or {}).get("output") or {}
        kept = {"output_modalities": known.get("output_modalities"), "tools": known.get("tools") or [], "audio": {
            "input": {name: heard[name] for name in ("format", "turn_detection") if name in heard},
            "output": {name: spoken[name] for name in ("format",) if name in spoken}}}
        session_id = str(known.get("id") or make_id("sess"))
        given = {name: value for name, value in kept.items() if value}
        return self._session(socket, replace(visit, model=str(known.get("model") or ""), given=given), session_id)

    def _shared_legs(self) -> MessageLegs:
        if self._legs is None or self._legs.clock is not self.engine.clock:
            self._legs = MessageLegs(self.engine.clock, self.engine.config.media.frame_ms)
        return self._legs

    @staticmethod
    def _receive(socket: Socket, session: Session) -> None:
        while True:
            message = socket.receive(RECEIVE_S)
            if message is not None:
                session.receive(message)


class SocketClient:
    """A session's ``Client`` on a WebSocket."""

    def __init__(self, socket: Socket) -> None:
        """Of an open one."""
        self._socket = socket
        self._gone = False

    def send(self, event: dict[str, Any]) -> None:
        """See ``Client``."""
        if not self._gone:
            try:
                self._socket.send(as_json(event))
            except SocketClosed:
                self._gone = True  # whoever receives is told, too

    def close(self, code: int, reason: str) -> None:
        """See ``Client``."""
        if not self._gone:
            self._gone = True
            gevent.spawn(self._socket.close, code, reason)


def make_id(prefix: str) -> str:
    """An id that was never given before."""
    return f"{prefix}_{random.token_hex(12)}"


__all__ = ["NotNow", "RealtimeServer", "Visit", "make_id"]
