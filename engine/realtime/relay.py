"""A client's Realtime session that is held by the upstream, with the server's instructions, voice and tools.

    relay = Relay(socket, upstream, terms, skills, extensions=True)
    relay.run()                     holds the client's WebSocket until one side is done; raises SocketClosed

The client's greenlet reads the client, the session's its upstream, each function has one of its own; what is to be sent
is decided by the ``Rewriter`` and sent at once, so that the order of events is the order in which they were decided.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from engine.dialog.skills.executor import CallSkills
from engine.net.errors import SocketClosed
from engine.realtime import dialect_beta
from engine.realtime.relaystep import Message, ServerCall, Step
from engine.realtime.rewrite import Rewriter
from engine.upstream.memory import Line
from engine.upstream.service import Upstream
from engine.upstream.session import UpstreamSession
from engine.upstream.terms import Event, Terms
from engine.upstream.tools import Answered, Tools

log = logging.getLogger(__name__)

TRY_AGAIN_LATER = 1013
"""Close code when the upstream is gone and nobody takes its place."""


class ClientSocket(Protocol):
    """A client's WebSocket, as ``engine.web.socket.ServerSocket``."""

    def send(self, message: str | bytes) -> None:
        """Queue a message. Raises ``SocketClosed``."""

    def receive(self, timeout_s: float | None = None) -> str | bytes | None:
        """The next message."""

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye."""


class Successor(Protocol):
    """Who holds the session when the upstream is gone."""

    def receive(self, message: str | bytes) -> None:
        """The client's next message."""

    def close(self) -> None:
        """The client is gone."""


@dataclass(frozen=True, slots=True)
class Left:
    """What a relayed session leaves behind: its configuration as the client knows it, the conversation as items with
    text, whether somebody waits for an answer, and whether the client speaks the old dialect."""

    session: Event
    items: list[Event]
    owes_answer: bool
    beta: bool


TakeOver = Callable[[Left], Successor]
"""Goes on with the client's session."""


class Relay:
    """See the module. ``headers`` go up with the connection (``x-ms-client-request-id``)."""

    def __init__(
        self, socket: ClientSocket, upstream: Upstream, terms: Terms, skills: CallSkills, *,
        extensions: bool = False, headers: Mapping[str, str] | None = None, take_over: TakeOver | None = None,
        beta: bool = False, follow: Callable[[Event], None] | None = None,
    ) -> None:
        """``beta``: the client speaks the old dialect, as its first ``session.update`` may also tell; ``follow`` is
        told what the upstream says, to keep the log of it."""
        self._socket = socket
        self._upstream = upstream
        self._session = UpstreamSession(upstream, self, headers)
        self._tools = Tools(skills, self._session.memory.lines, self._tool_done)
        self._rewriter = Rewriter(terms, extensions=extensions, hide_tool_turns=upstream.options.hide_tool_turns)
        self._calls: dict[str, ServerCall] = {}
        self._take_over = take_over
        self._successor: Successor | None = None
        self._beta = beta
        self._follow = follow
        self._shown: Event = {}  # the session, as the client knows it
        self._closed = False
        self.began = monotonic()

    @property
    def lines(self) -> list[Line]:
        """The conversation so far."""
        return self._session.memory.lines()

    def run(self) -> None:
        """Hold the session until one side ends it."""
        self._session.start()
        try:
            while True:
                message = self._socket.receive()
                if message is None:
                    continue
                if self._successor is not None:
                    self._successor.receive(message)
                else:
                    self._apply(self._rewriter.from_client(self._read(message)))
        finally:
            self._closed = True
            self._session.close()
            self._tools.close()
            if self._successor is not None:
                self._successor.close()

    # ------------------------------------------------------------ the upstream tells

    def opened(self, again: bool) -> None:
        """See ``engine.upstream.session.Listener``."""
        self._apply(self._rewriter.open(again))
        self._tell("connected")

    def event(self, event: Event, text: str) -> None:
        """See ``Listener``."""
        if self._follow is not None:
            self._follow(event)
        self._apply(self._rewriter.from_upstream(event, text))

    def lost(self, why: str, wait_s: float, attempt: int) -> None:
        """See ``Listener``."""
        self._apply(self._rewriter.lost())
        self._tell("reconnecting", attempt=attempt, tries=self._upstream.options.tries, retry_in_s=round(wait_s, 2))

    def limited(self, wait_s: float) -> None:
        """See ``Listener``."""
        self._tell("rate_limited", retry_in_s=round(wait_s, 2))

    def failed(self, why: str) -> None:
        """See ``Listener``: the same client goes on with the engine's own providers, if there are some."""
        if self._closed:
            return
        self._apply(self._rewriter.lost())
        if self._take_over is None:
            self._tell("failed")
            self._down([self._rewriter.gone()])
            self._socket.close(TRY_AGAIN_LATER, "the upstream is gone")
            return
        self._tell("local")
        items = self._session.memory.items()
        self._successor = self._take_over(Left(self._shown, items, self._session.memory.owes_answer, self._beta))

    # ------------------------------------------------------------ inside

    def _tool_done(self, answered: Answered) -> None:
        call = self._calls.pop(answered.call_id, None)
        if call is not None and self._successor is None:
            self._apply(self._rewriter.tool_done(call, answered.output, answered.shown))

    def _apply(self, step: Step) -> None:
        for event, text in step.up:
            self._session.send(event, text)
        self._down(step.down)
        for call in step.calls:
            self._calls[call.call_id] = call
            self._tools.run(call.call_id, call.name, call.arguments)

    def _tell(self, state: str, **more: object) -> None:
        self._down(self._rewriter.connection(state, **more))

    def _down(self, messages: list[Message]) -> None:
        try:
            for event, text in messages:
                if event.get("type") in ("session.created", "session.updated"):
                    self._shown = event["session"]
                if not self._beta:
                    self._socket.send(text or json.dumps(event))
                elif (encoded := dialect_beta.encode(event)) is not None:
                    self._socket.send(json.dumps(encoded))
        except SocketClosed as closed:  # its reader finds out, too
            log.debug("the client is gone: %s", closed)

    def _read(self, message: str | bytes) -> str | bytes:
        """A message of the client in GA."""
        if isinstance(message, bytes) or not (self._beta or '"session.update"' in message):
            return message
        try:
            event = json.loads(message)
        except (ValueError, RecursionError):
            return message
        if not isinstance(event, dict):
            return message
        self._beta = self._beta or dialect_beta.is_beta(event)
        return json.dumps(dialect_beta.decode(event)) if self._beta else message


__all__ = ["ClientSocket", "Left", "Relay", "Successor", "TakeOver"]
