"""Telephone calls under OpenAI's calls API: programs accept, reject, refer and end them, and attach to them."""

import logging
import time
from collections.abc import Mapping
from typing import Any

import gevent

from engine.apps.errors import NotPending
from engine.apps.referral import refer_to, referral
from engine.call import Call
from engine.errors import TrunklineError
from engine.net.errors import SocketClosed
from engine.realtime.config import SessionConfig
from engine.realtime.phone import NotAttachable, PhoneSession
from engine.realtime.server import RECEIVE_S, Socket, SocketClient, make_id
from engine.service import Engine
from engine.telemetry import logs

log = logging.getLogger(__name__)

LONGEST_MINUTES = 24 * 60
"""A session lasts as long as its call; ``turns.max_call_s`` ends that."""

BEGIN_S = 5.0
"""How long a client waits for a call that is being answered."""

POLL_S = 0.02

REJECTED = 603
"""SIP: declined."""

POLICY = 1008


class NoSuchCall(TrunklineError):
    """The engine holds no telephone call of this id."""


class Calls:
    """One an engine."""

    def __init__(self, engine: Engine) -> None:
        """The engine need not be started yet."""
        self._engine = engine
        self._sessions: dict[str, PhoneSession] = {}

    def find(self, call_id: str) -> Call:
        """The call. Raises ``NoSuchCall``."""
        call = self._engine.calls.get(call_id)
        if call is None:
            raise NoSuchCall(f"there is no call {call_id[:80]!r}")
        return call

    # ------------------------------------------------------------ what programs do with calls

    def accept(self, call_id: str, given: Mapping[str, Any]) -> None:
        """Take a call that waits; returns when it is answered. ``given``: the session's configuration. Raises
        ``NoSuchCall``, ``NotPending``, ``Refused`` (the configuration is wrong), ``AppError`` (it cannot be answered).
        """
        call = self.find(call_id)
        config = self._config(given)
        if call.offer is None:
            raise NotPending("the call was not offered: its agent has no app, or it goes on already")
        call.offer.accept(lambda answered: self._begin(answered, config, mine=True))

    def reject(self, call_id: str, status: int = REJECTED) -> None:
        """Refuse a call that waits. Raises ``NoSuchCall``, ``NotPending``."""
        offer = self.find(call_id).offer
        if offer is None:
            raise NotPending("the call was not offered: its agent has no app, or it goes on already")
        offer.reject(status)

    def refer(self, call_id: str, target: str) -> None:
        """Send the caller elsewhere. Raises ``NoSuchCall``, ``NotPending`` (not answered yet), ``ReferRefused``,
        ``AppError`` (the trunk refused), ``EslError``."""
        call, options = self.find(call_id), self._engine.config.realtime
        to = referral(target, options.refer_targets)
        if not call.begun:
            raise NotPending("the call is not answered yet")
        if to.number and options.refer_by == "dialplan":
            call.send_on(to.number)
            return
        call.refer(refer_to(to, options.refer_host or call.channel.variables.get("sip_from_host") or ""))

    def hang_up(self, call_id: str) -> None:
        """End it; one that waits is rejected. Raises ``NoSuchCall``."""
        call = self.find(call_id)
        if call.offer is not None and not call.begun:
            try:
                call.offer.reject(REJECTED)
                return
            except NotPending:
                log.debug("call %s is being answered: it is ended", call_id)
        call.end("a program ended it")

    # ------------------------------------------------------------ attached clients

    def hold(self, socket: Socket, call_id: str) -> None:
        """Serve one client that is attached to a call, until it or the call is gone."""
        client = SocketClient(socket)
        try:
            session = self._session(self.find(call_id))
            session.attach(client)
        except (NoSuchCall, NotAttachable) as fault:
            socket.close(POLICY, str(fault)[:120])
            return
        try:
            with logs.call(call_id):
                while True:
                    message = socket.receive(RECEIVE_S)
                    if message is not None:
                        session.receive(message, client)
        except SocketClosed as end:
            log.debug("a client of call %s: %s", call_id, end)
        except Exception:
            log.exception("a client of call %s is let go by a fault of the engine", call_id)
            socket.close(1011, "a fault of the engine")
        finally:
            session.detach(client)

    def _session(self, call: Call) -> PhoneSession:
        """The call's, begun with its first client. Raises ``NotAttachable``."""
        until = time.monotonic() + BEGIN_S
        while not self._is_ready(call) and call.uuid in self._engine.calls and time.monotonic() < until:
            gevent.sleep(POLL_S)
        known = self._sessions.get(call.uuid)
        if known is not None:
            return known
        if not call.begun:
            raise NotAttachable("the call is not answered yet, or over")
        model = self._engine.config.realtime.model
        given = {"audio": {"input": {"transcription": {"model": model}}}}
        return self._begin(call, self._config(given), mine=False)

    def _is_ready(self, call: Call) -> bool:
        """Whether it is answered; with its session, where a program has accepted it."""
        return call.begun and (call.offer is None or not call.offer.accepted or call.offer.is_under_way)

    def _begin(self, call: Call, config: SessionConfig, *, mine: bool) -> PhoneSession:
        session = PhoneSession(call, config, self._engine.config.realtime, self._engine.timers, make_id, self._closed,
                               mine=mine)
        self._sessions[call.uuid] = session
        return session

    def _closed(self, session: PhoneSession) -> None:
        if self._sessions.get(session.uuid) is session:
            del self._sessions[session.uuid]

    def _config(self, given: Mapping[str, Any]) -> SessionConfig:
        """Raises ``Refused`` where ``given`` is wrong."""
        own = {**given}
        model = str(own.pop("model", "") or self._engine.config.realtime.model)
        return SessionConfig(make_id("sess"), model, expires_at=int(time.time()) + LONGEST_MINUTES * 60, given=own,
                             minutes=LONGEST_MINUTES)


__all__ = ["Calls", "NoSuchCall"]
