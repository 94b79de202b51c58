"""Relayed sessions of an engine: a client, the upstream, the agent's instructions and skills, and a log as any call has
one; and what becomes of the session when the upstream is gone."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path

import gevent

from engine import calllog
from engine.arrival import Visitor
from engine.errors import TrunklineError
from engine.net.errors import SocketClosed
from engine.realtime import serverevents as events
from engine.realtime.actions import SocketActions
from engine.realtime.client import as_json
from engine.realtime.relay import Left, Relay, Successor
from engine.realtime.relaylog import RelayLog
from engine.realtime.server import RealtimeServer, Socket, Visit, make_id
from engine.realtime.session import Session
from engine.service import Engine
from engine.telemetry import logs
from engine.telemetry.eventlog import EventLog
from engine.upstream.model import SpeechModel
from engine.upstream.terms import Terms
from engine.upstream.tools import described

log = logging.getLogger(__name__)

GOING_AWAY = 1001
"""Close code of a session that the engine ends because it stops."""

REQUEST_ID = "x-ms-client-request-id"
"""Goes up with the connection: Azure's support asks for it."""


NO_UPSTREAM = ("This engine has no upstream to relay to: set upstream.provider to the name of a provider of kind "
               "openai_speech_to_speech or azure_speech_to_speech, or connect with ?mode=local.")
POLICY = 1008
"""Close code of a client that asks for what there is not."""


class Relayed:
    """One relayed session, as the engine counts it: a ``Session`` of ``engine.service``, and a ``Live`` call."""

    def __init__(self, server: RealtimeServer, socket: Socket, visit: Visit, model: SpeechModel,
                 headers: Mapping[str, str]) -> None:
        """Nothing is opened at the upstream yet."""
        engine = server.engine
        self.uuid = make_id("sess")
        self._server, self._socket, self._visit = server, socket, visit
        self._ended = ("", "")  # why, and by whom, where that is not the client
        around = self._around = engine.surroundings
        options = model.upstream.options
        self.folder: Path = around.folder(self.uuid)
        self._began = time.monotonic()
        self.events = EventLog(self.folder / "events.jsonl", around.disk, lambda: time.monotonic() - self._began)
        variables = {"trunkline_agent": visit.agent} if visit.agent else {}
        visitor = self.channel = Visitor(self.uuid, visit.caller, "", variables)
        around.began(self)
        calllog.began(self.events, visitor, around.node, around.config, transport="relay")
        self.events.write("answered", ms=0.0)
        self._actions = SocketActions(visitor, self.events, lambda reason: self.let_go(reason, 1000))
        context = self._actions.context()
        skills = model.skills(context)
        terms = Terms(options.instructions or model.instructions(context), options.voice,
                      {"id": options.prompt_id} if options.prompt_id else None, options.max_output_tokens,
                      described(skills), options.transcription_model, options.client_tools)
        self._relay = Relay(
            socket, model.upstream, terms, skills, extensions=visit.extensions, beta=visit.beta,
            take_over=self._take_over,
            headers={name: value for name, value in headers.items() if name.lower() == REQUEST_ID},
            follow=RelayLog(self.events, model.upstream.model).event,
        )

    def run(self) -> None:
        """Hold it until one side ends it. Raises ``SocketClosed``."""
        self._relay.run()

    def let_go(self, why: str, code: int = GOING_AWAY) -> None:
        """See ``engine.service.Session``."""
        self._ended = why, "engine" if code == GOING_AWAY else "agent"
        gevent.spawn(self._socket.close, code, why)

    @property
    def seconds(self) -> float:
        """How long it has been."""
        return time.monotonic() - self._began

    def end(self, why: str) -> None:
        """Somebody outside wants it to be over."""
        self.events.note("told_to_end", why=why)
        self.let_go(why, 1000)

    def close(self, cause: str, by: str) -> None:
        """Its log is complete then."""
        self._actions.close()
        cause, by = self._ended if self._ended[1] else (cause, by)
        self.events.write("hangup", cause=cause, by=by)
        calllog.ended(self.events, self.seconds, None, None)
        self.events.close()
        self._around.over(self)

    def _take_over(self, left: Left) -> Successor:
        """The engine's own providers go on, in the session that the client knows."""
        session = self._server.resume(self._socket, self._visit, left.session)
        self.events.write("brain_lost", why="the upstream is gone", lines=len(left.items))
        session.resumed(left.items, left.beta)
        if left.owes_answer:
            session.receive({"type": "response.create"})
        return _Local(self._server.engine, session)


class _Local:
    """``Successor``: a session of the engine's own."""

    def __init__(self, engine: Engine, session: Session) -> None:
        self._engine, self._session = engine, session
        engine.session_began(session)

    def receive(self, message: str | bytes) -> None:
        """See ``Successor``."""
        self._session.receive(message)

    def close(self) -> None:
        """See ``Successor``."""
        self._session.close()
        self._engine.session_ended(self._session)


def refuse(socket: Socket) -> None:
    """Tell a client that wants to be relayed that there is no upstream."""
    event = {"event_id": make_id("event"), **events.error(NO_UPSTREAM, "no_upstream", "mode", None)}
    socket.send(as_json(event))
    socket.close(POLICY, "there is no upstream (upstream.provider)")


def hold(server: RealtimeServer, socket: Socket, visit: Visit, headers: Mapping[str, str]) -> None:
    """Relay one client until it is gone or its session is over. Without an upstream its session is refused."""
    model = server.engine.speech_for(Visitor("", visit.caller, "", {"trunkline_agent": visit.agent}))
    if model is None:
        refuse(socket)
        return
    if not server.has_room(socket):
        return
    relayed = Relayed(server, socket, visit, model, headers)
    server.engine.session_began(relayed)
    cause, by = "the client is gone", "caller"
    try:
        with logs.call(relayed.uuid):
            relayed.run()
    except SocketClosed as end:
        log.debug("session %s: %s", relayed.uuid, end)
    except TrunklineError as fault:
        cause, by = "fault", "engine"
        log.error("session %s: %s", relayed.uuid, fault)
        socket.close(1011, "a fault of the engine")
    finally:
        relayed.close(cause, by)
        server.engine.session_ended(relayed)


__all__ = ["hold"]
