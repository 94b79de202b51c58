"""The inbound event socket: the engine connects to FreeSWITCH, and again whenever the connection is lost.

For what does not belong to one call: placing calls, health, looking for orphans (``reconcile.py``).
"""

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import uuid4

import gevent
from gevent import socket
from gevent.event import Event as Flag

from engine.config import SwitchOptions
from engine.esl import command, handlers
from engine.esl.command import Command
from engine.esl.connection import CommandTimeout, Connection, ConnectionLost, Stage
from engine.esl.errors import CommandRefused, EslError
from engine.esl.event import Event
from engine.esl.handlers import Handler, Handlers
from engine.esl.jobs import Job
from engine.esl.wire import AUTH_REQUEST, EMPTY, REJECTION, Message

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 10.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
SETTLED_S = 10.0
"""A connection that lasted so long resets the pause between attempts."""

_SESSIONS = re.compile(r"^(\d+) session\(s\) - peak", re.MULTILINE)
_UP = re.compile(r"^UP (.*)$", re.MULTILINE)
_VERSION = re.compile(r"Version ([^\s)]+)")


class LoginRefused(EslError):
    """FreeSWITCH does not let the engine in; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of the switch. ``error`` is "" while it answers."""

    connected: bool
    answer_ms: float = 0.0
    sessions: int = 0
    version: str = ""
    uptime: str = ""
    error: str = ""


class InboundClient:
    """A connection to FreeSWITCH that comes back by itself. While it is away commands raise ``ConnectionLost`` at once.

    ``start()`` connects in the background; ``wait_connected`` waits for it; ``close()`` ends it.
    """

    def __init__(
        self,
        host: str,
        port: int,
        password: str,
        *,
        user: str = "",
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        command_timeout_s: float = COMMAND_TIMEOUT_S,
        first_pause_s: float = FIRST_PAUSE_S,
        longest_pause_s: float = LONGEST_PAUSE_S,
        event_queue: int = 512,
    ) -> None:
        """``host`` may be a name, IPv4 or IPv6. With ``user`` (``user@domain``) the login is ``userauth``. Pauses
        between attempts double from the first to the longest."""
        self.host = host
        self.port = port
        self.error = "not started"
        self.attempts = 0
        self._user = user
        self._password = password
        self._connect_timeout_s = connect_timeout_s
        self._command_timeout_s = command_timeout_s
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._event_queue = event_queue
        self._handlers = Handlers()
        self._names: dict[str, None] = {}  # events to ask for, at each connection anew; in order
        self._connection: Connection | None = None
        self._invited = Flag()
        self._connected = Flag()
        self._closing = Flag()
        self._keeper: gevent.Greenlet | None = None

    @classmethod
    def from_options(cls, options: SwitchOptions) -> "InboundClient":
        """The client as configured."""
        return cls(options.host, options.port, options.password, user=options.user)

    # ------------------------------------------------------------ life

    def start(self) -> None:
        """Connect in the background, for as long as it takes."""
        if self._keeper is None:
            self._keeper = gevent.spawn(self._keep)

    def wait_connected(self, timeout: float) -> None:
        """Raises ``ConnectionLost``, naming the last error, when there is no connection within ``timeout`` seconds."""
        if not self._connected.wait(timeout):
            raise ConnectionLost(self._absence(), Stage.NOT_SENT)

    @property
    def connected(self) -> bool:
        """Whether commands can be sent now."""
        return self._connected.is_set()

    def close(self) -> None:
        """End the connection and all attempts. Idempotent."""
        self._closing.set()
        if self._connection is not None:
            self._connection.close()
        if self._keeper is not None:
            self._keeper.join(self._connect_timeout_s)
            self._keeper.kill()

    # ------------------------------------------------------------ commands

    def send(self, message: Command, timeout: float | None = None) -> Message:
        """Any command. Raises ``ConnectionLost``, ``CommandTimeout``, ``CommandRefused``."""
        connection = self._connection
        if connection is None or not self.connected:
            raise ConnectionLost(self._absence(), Stage.NOT_SENT, message.label)
        reply = connection.send(message, timeout)
        if not reply.ok:
            raise CommandRefused(message.label, reply.text)
        return reply

    def api(self, name: str, args: str = "", *, timeout: float | None = None) -> str:
        """Run an API command and return its text. It holds up the connection until it is done."""
        return self.send(command.api(name, args), timeout).text

    def bgapi(self, name: str, args: str = "") -> Job:
        """Start an API command in the background: ``job.get(timeout)`` is its text."""
        self.subscribe("BACKGROUND_JOB")
        connection = self._connection
        if connection is None:
            raise ConnectionLost(self._absence(), Stage.NOT_SENT, f"bgapi {name}")
        return Job.start(connection, self.send, name, args)

    def originate(
        self,
        endpoint: str,
        target: str = "&park()",
        *,
        variables: Mapping[str, object] | None = None,
        caller_number: str = "",
        caller_name: str = "",
        uuid: str = "",
        answer_timeout_s: int = 30,
        dialplan: str = "",
        context: str = "",
    ) -> str:
        """Place a call and return the uuid of its channel when it has been answered.

        ``endpoint`` e.g. ``sofia/gateway/carrier/+15550100``; ``target`` what it is connected with: an extension or
        ``&application(argument)``. Raises ``CommandRefused`` with the cause (``-ERR USER_BUSY``).
        """
        uuid = uuid or str(uuid4())
        given: dict[str, object] = {
            "origination_uuid": uuid,
            "origination_caller_id_number": caller_number,
            "origination_caller_id_name": caller_name,
            "originate_timeout": int(answer_timeout_s),
            **(variables or {}),
        }
        args = command.originate(endpoint, target, given, dialplan=dialplan, context=context)
        job = self.bgapi("originate", args)
        try:
            job.get(answer_timeout_s + self._command_timeout_s)
        finally:
            job.cancel()
        return uuid

    def getvar(self, uuid: str, name: str) -> str | None:
        """A variable of a channel; None where it is unset or the channel is gone."""
        try:
            text = self.api("uuid_getvar", f"{command.word('uuid', uuid)} {command.word('variable', name)}")
        except CommandRefused:
            return None
        return None if text == EMPTY else text

    def kill(self, uuid: str, cause: str = "NORMAL_CLEARING") -> None:
        """Hang up a channel."""
        self.api("uuid_kill", f"{command.word('uuid', uuid)} {command.word('cause', cause)}")

    def health(self, timeout: float = 2.0) -> Health:
        """Ask the switch how it is. Never raises."""
        begun = time.monotonic()
        try:
            text = self.api("status", timeout=timeout)
        except EslError as fault:
            return Health(connected=self.connected, error=str(fault))
        sessions, version, up = _SESSIONS.search(text), _VERSION.search(text), _UP.search(text)
        return Health(
            connected=True,
            answer_ms=(time.monotonic() - begun) * 1000,
            sessions=int(sessions[1]) if sessions else 0,
            version=version[1] if version else "",
            uptime=up[1] if up else "",
        )

    # ------------------------------------------------------------ events

    def subscribe(self, *names: str) -> None:
        """Ask for these events, now and after each reconnect. Subclasses of CUSTOM follow it."""
        missing = [name for name in names if name not in self._names]
        if not missing:
            return
        self._names.update(dict.fromkeys(names))
        if self.connected:
            self.send(command.event(names))

    def on(self, name: str, handler: Handler) -> Callable[[], None]:
        """Call ``handler(event)`` for each event of this name; returns what takes it back."""
        self._handlers.add(name, handler)
        return lambda: self._handlers.remove(name, handler)

    # ------------------------------------------------------------ keeping the connection

    def _keep(self) -> None:
        pause = self._first_pause_s
        while not self._closing.is_set():
            begun = time.monotonic()
            self.attempts += 1
            try:
                self._serve_once()
            except LoginRefused as fault:
                self.error = str(fault)
                pause = self._longest_pause_s  # trying often would only fill the switch's log
                log.error("%s", fault)
            except (EslError, OSError) as fault:
                self.error = f"{fault}"
                log.warning("no connection to FreeSWITCH at %s port %s: %s", self.host, self.port, fault)
            if time.monotonic() - begun > SETTLED_S:
                pause = self._first_pause_s
            self._closing.wait(pause)
            pause = min(pause * 2, self._longest_pause_s)

    def _serve_once(self) -> None:
        """Connect, log in, subscribe, and stay until the connection is lost."""
        sock = socket.create_connection((self.host, self.port), timeout=self._connect_timeout_s)
        sock.settimeout(None)
        self._invited.clear()
        connection = Connection(
            sock,
            self._handle,
            observe=self._observe,
            name=f"FreeSWITCH at {self.host} port {self.port}",
            command_timeout_s=self._command_timeout_s,
            event_queue=self._event_queue,
        )
        self._connection = connection
        try:
            connection.start()
            self._log_in(connection)
            if self._names:
                self._ask_for(connection, list(self._names))
            self.error = ""
            self._connected.set()
            log.info("connected to FreeSWITCH at %s port %s", self.host, self.port)
            connection.closed.wait()
            if not self._closing.is_set():
                raise connection.lost or EslError("lost")
        finally:
            self._connected.clear()
            connection.close()

    def _log_in(self, connection: Connection) -> None:
        gevent.wait([self._invited, connection.closed], timeout=self._connect_timeout_s, count=1)
        if connection.lost is not None:
            raise connection.lost
        if not self._invited.is_set():
            raise CommandTimeout("auth/request of FreeSWITCH", self._connect_timeout_s, Stage.NOT_SENT)
        login = command.userauth(self._user, self._password) if self._user else command.auth(self._password)
        try:
            reply = connection.send(login, self._connect_timeout_s)
        except ConnectionLost as fault:
            raise LoginRefused(f"FreeSWITCH at {self.host} port {self.port} closed the connection at the login: "
                               "wrong password?") from fault
        if not reply.ok:
            raise LoginRefused(f"FreeSWITCH at {self.host} port {self.port} refused the login ({reply.text}); compare "
                               f"TRUNKLINE_SWITCH__PASSWORD with {self._where_the_password_is()}")

    def _where_the_password_is(self) -> str:
        return f"esl-password of the directory's user {self._user}" if self._user else "event_socket.conf.xml"

    def _ask_for(self, connection: Connection, names: Iterable[str]) -> None:
        message = command.event(names)
        reply = connection.send(message)
        if not reply.ok:
            raise CommandRefused(message.label, reply.text)

    def _observe(self, event: Event, message: Message) -> None:
        if message.content_type == AUTH_REQUEST:
            self._invited.set()
        elif message.content_type == REJECTION:
            log.error("FreeSWITCH at %s port %s rejects this address: allow it in apply-inbound-acl of "
                      "event_socket.conf.xml", self.host, self.port)

    def _handle(self, event: Event) -> None:
        for handler in self._handlers.of(event):
            handlers.run(handler, event)

    def _absence(self) -> str:
        return f"no connection to FreeSWITCH at {self.host} port {self.port}: {self.error or 'lost'}"
