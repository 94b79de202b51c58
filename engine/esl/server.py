"""The listening side: FreeSWITCH's ``socket`` application connects here, one connection a call.

Admission is exact: a slot is taken before anything is sent, and the listening socket is closed while no slot is free,
so that FreeSWITCH is refused and the dialplan's next host or action takes the call at once. A call that moves to a new
connection is expected: for it a full server listens, too; who else comes meanwhile is turned away after ``connect``.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import gevent
import greenswitch.esl
from gevent import socket
from gevent.event import Event as Flag

from engine.config import EventSocketOptions
from engine.esl.connection import ConnectionLost
from engine.esl.errors import EslError, ServerError
from engine.esl.listener import Listener
from engine.esl.session import OutboundSession

log = logging.getLogger(__name__)

RETRY_S = 0.5
"""Pause after an error of ``accept`` (no file descriptors left) or of listening anew."""

AFTER_CALL_S = 60.0
"""How long an application may go on when its connection is gone; then its greenlet is ended."""

DRAIN_GRACE_S = 5.0
"""How long applications have to end when a drain has closed their calls."""


class Application(Protocol):
    """What handles one call."""

    def run(self) -> object:
        """Handle the call; when it returns, the engine leaves and the dialplan goes on."""


class OutboundESLServer(greenswitch.esl.OutboundESLServer):
    """Takes calls and runs ``application(session).run()`` for each in a greenlet of its own.

    As greenswitch's: ``listen()`` serves until ``stop()``. For the engine: ``start()`` listens in the background,
    ``drain(seconds)`` ends gracefully.
    """

    def __init__(
        self,
        bind_address: str = "127.0.0.1",
        bind_port: int | Sequence[int] = 8000,
        application: Callable[[OutboundSession], Application] | None = None,
        max_connections: int = 100,
        *,
        options: EventSocketOptions | None = None,
        reuse_port: bool = False,
        after_call_s: float = AFTER_CALL_S,
    ) -> None:
        """Several ports: the first free one is taken; 0 takes any. ``options`` are the sessions' deadlines and bounds;
        the address and ``max_connections`` are the arguments. ``reuse_port`` lets workers share the port."""
        ports = [bind_port] if isinstance(bind_port, int) else list(bind_port)
        if not ports:
            raise ValueError("bind_port must be a port number or a list of them")
        if application is None:
            raise ValueError("You need an Application to control your calls.")
        self.bind_address = bind_address
        self.bind_port = ports
        self.application = application
        self.max_connections = max_connections
        self.options = options or EventSocketOptions()
        self.reuse_port = reuse_port
        self.after_call_s = after_call_s
        self.bound_port: int | None = None
        self.refusing = False
        self.turned_away = 0
        self._listener: Listener | None = None
        self._acceptor: gevent.Greenlet | None = None
        self._running = False
        self._calls: dict[gevent.Greenlet, OutboundSession | None] = {}
        self._leaving: set[gevent.Greenlet] = set()
        self._expected: set[str] = set()
        self._changed = Flag()

    @classmethod
    def from_options(
        cls, options: EventSocketOptions, application: Callable[[OutboundSession], Application], *,
        reuse_port: bool = False,
    ) -> "OutboundESLServer":
        """The server as configured."""
        return cls(options.host, options.port, application, options.max_calls, options=options, reuse_port=reuse_port)

    @property
    def connection_count(self) -> int:
        """Slots taken: calls, and connections that are about to become one."""
        return len(self._calls)

    @property
    def sessions(self) -> list[OutboundSession]:
        """The calls that have been taken."""
        return [session for session in self._calls.values() if session is not None]

    def expect(self, uuid: str) -> None:
        """A call of ours is about to come anew: listen for it now, whether there is a free slot or not."""
        self._expected.add(uuid)
        if self._running and self._listener is None:
            self._reopen()
        self._changed.set()

    def expect_no_more(self, uuid: str) -> None:
        """It has come, or will not. Idempotent."""
        if uuid in self._expected:
            self._expected.discard(uuid)
            if self._is_full:
                self._close_listener()

    @property
    def _is_full(self) -> bool:
        return len(self._calls) >= self.max_connections and not self._expected

    # ------------------------------------------------------------ life

    def start(self) -> None:
        """Listen, and take calls in the background. Raises ``ServerError`` when no port can be had."""
        if self._running:
            return
        self._running = True
        try:
            self._open()
        except ServerError:
            self._running = False
            raise
        self._acceptor = gevent.spawn(self._accept_calls)
        log.info("event socket listens on %s port %s for up to %s calls",
                 self.bind_address, self.bound_port, self.max_connections)

    def listen(self) -> None:
        """Serve until ``stop``, then wait for the calls to end, as greenswitch does."""
        self.start()
        assert self._acceptor is not None
        self._acceptor.join()
        self._join_calls(None)

    def stop(self) -> None:
        """Take no more calls: connections are refused from now on. Those under way go on."""
        self._running = False
        self._close_listener()
        self._changed.set()

    def drain(self, seconds: float) -> bool:
        """Stop, wait up to ``seconds`` for the calls to end by themselves, then leave them, so that the dialplan's
        next action takes them. True when none had to be left."""
        self.stop()
        clean = self._join_calls(seconds)
        if not clean:
            log.warning("drain: %s calls go to the dialplan's next action", len(self._calls))
            leaving = [gevent.spawn(session.close, "the engine is draining") for session in self.sessions]
            gevent.joinall(leaving, timeout=DRAIN_GRACE_S)
            if not self._join_calls(DRAIN_GRACE_S):
                log.error("drain: %s applications did not end and are killed", len(self._calls))
                gevent.killall(list(self._calls), timeout=DRAIN_GRACE_S)
            gevent.killall(leaving, timeout=DRAIN_GRACE_S)
        gevent.joinall(list(self._leaving), timeout=self.options.connect_timeout_s)
        if self._acceptor is not None:
            self._acceptor.join(timeout=DRAIN_GRACE_S)
        return clean

    def _join_calls(self, seconds: float | None) -> bool:
        """Wait until no call is left, at most ``seconds``."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while self._calls:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            self._changed.clear()
            self._changed.wait(left)
        return True

    # ------------------------------------------------------------ the listening socket

    def _open(self) -> None:
        ports = [self.bound_port] if self.bound_port else self.bind_port
        for number, port in enumerate(ports):
            try:
                self._listener = Listener(self.bind_address, port, reuse_port=self.reuse_port)
            except ServerError as fault:
                if number == len(ports) - 1:
                    raise
                log.info("%s; trying the next one", fault)
            else:
                self.bound_port = self._listener.port
                self.refusing = False
                return

    def _close_listener(self) -> None:
        """Refuse from now on. Who is in the backlog already is taken where a slot is free, else turned away."""
        listener, self._listener = self._listener, None
        self.refusing = True
        if listener is None:
            return
        for client, address in listener.close():
            if self._running and len(self._calls) < self.max_connections:
                self._admit(client, address)
            else:
                self._turn_away(client, address)

    def _accept_calls(self) -> None:
        while self._running:
            if self._is_full:
                self._close_listener()
                log.warning("full: %s calls; refusing until one ends", len(self._calls))
                self._wait_for_slot()
            elif self._listener is None:
                self._reopen()
            else:
                self._accept_one(self._listener)

    def _wait_for_slot(self) -> None:
        while self._running and self._is_full:
            self._changed.clear()
            self._changed.wait()

    def _reopen(self) -> None:
        try:
            self._open()
        except ServerError as fault:
            log.error("%s; trying again", fault)
            gevent.sleep(RETRY_S)

    def _accept_one(self, listener: Listener) -> None:
        try:
            client, address = listener.accept()
        except OSError as fault:
            if listener is self._listener:  # otherwise it was closed under us, by stop()
                log.error("accept failed, trying again: %s", fault)
                gevent.sleep(RETRY_S)
            return
        if listener is self._listener:
            self._admit(client, address)
        else:
            self._turn_away(client, address)

    # ------------------------------------------------------------ calls

    def _admit(self, client: socket.socket, address: object) -> None:
        """Take a slot, then everything else."""
        greenlet: gevent.Greenlet = gevent.Greenlet(self._run_call, client, address)
        self._calls[greenlet] = None
        greenlet.link(self._call_ended)
        greenlet.start()

    def _call_ended(self, greenlet: gevent.Greenlet) -> None:
        self._calls.pop(greenlet, None)
        self._changed.set()

    def _turn_away(self, client: socket.socket, address: object) -> None:
        """There is no room, but the connection exists: take the call and leave it, so that the dialplan goes on."""
        self.turned_away += 1
        greenlet = gevent.spawn(self._connect_and_leave, client, address)
        self._leaving.add(greenlet)
        greenlet.link(self._leaving.discard)

    def _connect_and_leave(self, client: socket.socket, address: object) -> None:
        session = self._session(client, address)
        try:
            session.connect()
        except EslError as fault:
            log.error("call from %s could not be turned away: %s", address, fault)
        finally:
            session.close("no free slot")

    def _run_call(self, client: socket.socket, address: object) -> None:
        """One call from its connection to the end of its application."""
        session = self._session(client, address)
        me = gevent.getcurrent()
        assert isinstance(me, gevent.Greenlet)
        undertaker = None
        try:
            session.connect()
            if not self._has_room_for(session):
                self.turned_away += 1
                return
            self._calls[me] = session
            undertaker = gevent.spawn(self._end_after_call, session, me)
            self.application(session).run()
        except ConnectionLost as fault:
            log.info("%s ended: %s", session.connection.name, fault)
        except EslError as fault:
            log.error("%s: %s; it goes to the dialplan's next action", session.connection.name, fault)
        except (Exception, gevent.Timeout):
            log.exception("%s: failed; it goes to the dialplan's next action", session.connection.name)
        finally:
            if undertaker is not None:
                undertaker.kill(block=False)
            session.close("the application has ended")

    def _has_room_for(self, session: OutboundSession) -> bool:
        """Always for calls that are expected; for others where those leave some."""
        assert session.channel is not None
        if session.channel.uuid in self._expected:
            self.expect_no_more(session.channel.uuid)
            return True
        return len(self._calls) + len(self._expected) <= self.max_connections

    def _session(self, client: socket.socket, address: object) -> OutboundSession:
        for level, option, value in KEEPALIVE:
            client.setsockopt(level, option, value)
        return OutboundSession(address, client, self.options)

    def _end_after_call(self, session: OutboundSession, application: gevent.Greenlet) -> None:
        """An application that never looks at its session must not hold its slot for ever."""
        session.connection.closed.wait()
        gevent.sleep(self.after_call_s)
        log.warning("%s: the application goes on %s s after its connection ended; ending it",
                    session.connection.name, self.after_call_s)
        application.kill(block=False)


KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),  # a switch that vanished without a word is noticed in a minute
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
)
