"""Control of one call that FreeSWITCH gave to the engine by its ``socket`` application: what the engine itself uses.

Every method returns or raises an ``EslError`` in bounded time. ``session.py`` adds greenswitch's vocabulary.
"""

import logging
import time
from collections.abc import Callable, Iterable
from uuid import uuid4

import gevent
from gevent import socket
from gevent.event import Event as Flag

from engine.config import EventSocketOptions
from engine.esl import command, handlers
from engine.esl.channel import Channel
from engine.esl.command import Command
from engine.esl.connection import Connection, ConnectionLost, Expectation, Stage
from engine.esl.errors import CommandRefused, EslError
from engine.esl.event import Event
from engine.esl.handlers import Handler, Handlers
from engine.esl.jobs import Job
from engine.esl.wire import EMPTY, Headers, Message

log = logging.getLogger(__name__)

EXECUTE_TIMEOUT_S = 60.0
GOODBYE_TIMEOUT_S = 1.0

PARK_S = 0.1
"""How long FreeSWITCH may take from ``connect`` to parking the channel. A controller that leaves earlier leaves it
parked in silence for ever (of 120 calls left at once on 1.11.2, 39 stayed; none after 20 ms)."""


class CallControl:
    """A call under control. ``channel`` is None until ``connect``; ``hangup_cause`` None while the call lives."""

    def __init__(
        self,
        client_address: object,
        sock: socket.socket,
        options: EventSocketOptions | None = None,
    ) -> None:
        """Begins to read at once; nothing is sent before ``connect``."""
        self.options = options or EventSocketOptions()
        self.client_address = client_address
        self.sock = sock
        self.channel: Channel | None = None
        self.hangup_cause: str | None = None
        self.answer_state = ""
        self._connected_at = 0.0
        self.ended = Flag()
        """Set when the call has hung up or the connection is lost, whichever is first."""
        self._subscribed: set[str] = set()
        self._handlers = Handlers()
        self.connection = Connection(
            sock,
            self._handle,
            observe=self._observe,
            on_lost=self._on_lost,
            name=f"call from {client_address}",
            command_timeout_s=self.options.command_timeout_s,
            event_queue=self.options.event_queue,
        )
        self.connection.start()

    # ------------------------------------------------------------ state

    @property
    def connected(self) -> bool:
        """Whether the connection is there. It outlives the call by the linger time."""
        return self.connection.lost is None

    @property
    def uuid(self) -> str | None:
        """The channel's uuid, None before ``connect``."""
        return self.channel.uuid if self.channel else None

    def raise_if_disconnected(self) -> None:
        """Raises ``ConnectionLost`` when the caller is gone or not there yet."""
        fault = self._absence()
        if fault is not None:
            raise ConnectionLost(fault, Stage.NOT_SENT)

    # ------------------------------------------------------------ taking the call, leaving it

    def connect(self) -> Headers:
        """Take the call; returns what FreeSWITCH tells of it (also ``channel``). A second call sends nothing."""
        if self.channel is None:
            reply = self._require(command.connect(), self.options.connect_timeout_s)
            self.channel = Channel(reply.headers)
            self._connected_at = time.monotonic()
            self.answer_state = self.answer_state or self.channel.answer_state
            self.connection.name = f"call {self.channel.uuid}"
        return self.channel.headers

    def begin(self, events: Iterable[str] = (), *, cancel_watchdog: bool = False) -> Channel:
        """What every call of the engine starts with: ``connect``; then in one trip ``linger`` for the configured
        seconds, ``myevents json``, ``events`` on top (names as in ``subscribe``), and with ``cancel_watchdog`` what the
        dialplan scheduled is cancelled (``sched_del``)."""
        self.connect()
        assert self.channel is not None
        first = [] if "myevents" in self._subscribed else [command.myevents()]
        if self.channel.full:
            first.insert(0, command.linger(self.options.linger_s))
            wanted = [name for name in events if name not in self._subscribed]
            if wanted:
                first.append(command.event(wanted))
                self._subscribed.update(name for name in wanted if name != "CUSTOM")
            if cancel_watchdog:
                first.append(command.api("sched_del", self.channel.uuid))
        else:
            log.warning("%s: the dialplan's socket action lacks 'full': the last events may be lost, and api commands "
                        "are refused; write 'socket host:port async full'", self.connection.name)
        if not first:
            return self.channel
        for sent, reply in zip(first, self.connection.send_all(first), strict=True):
            if not reply.ok:
                raise CommandRefused(sent.label, reply.text)
        self._subscribed.add("myevents")
        return self.channel

    def close(self, reason: str = "the engine left the call") -> None:
        """Leave: FreeSWITCH goes on in the dialplan. Handlers get what had arrived before this returns. Idempotent."""
        if self.connection.lost is None and self.channel is not None:
            if self.hangup_cause is None:
                gevent.sleep(max(0.0, self._connected_at + PARK_S - time.monotonic()))
            try:
                self.connection.send(command.exit(), GOODBYE_TIMEOUT_S)
            except EslError as fault:
                log.debug("%s: leaving without a goodbye: %s", self.connection.name, fault)
        self.connection.close(reason)

    # ------------------------------------------------------------ events

    def linger(self, timeout: int | None = None) -> None:
        """Keep the socket after hangup for ``timeout`` seconds, the configured number where None is given."""
        self.send(command.linger(int(timeout) if timeout is not None else self.options.linger_s))

    def myevents(self) -> None:
        """All usual events of this call, as JSON. A second time does nothing."""
        if "myevents" not in self._subscribed:
            self.send(command.myevents())

    def subscribe(self, *names: str) -> None:
        """Ask for these events beside ``myevents``. Subclasses of CUSTOM follow it: ``"CUSTOM", "mod_x::y"``."""
        missing = [name for name in names if name not in self._subscribed]
        if missing:
            self._require(command.event(names if "CUSTOM" in names else missing))
            self._subscribed.update(name for name in missing if name != "CUSTOM")

    def on(self, name: str, handler: Handler) -> Callable[[], None]:
        """Call ``handler(event)`` for each event ``name`` (the subclass for CUSTOM, ``*`` for those without a
        handler), in order, in a greenlet of this session; it may send commands. Returns what takes it back."""
        self._handlers.add(name, handler)
        return lambda: self._handlers.remove(name, handler)

    def wait_for(self, name: str, match: Callable[[Event], bool] | None = None, timeout: float | None = None) -> Event:
        """The next event ``name`` for which ``match`` is true. Raises ``CommandTimeout`` or ``ConnectionLost``."""
        with self.connection.expect(name, match) as expectation:
            return expectation.get(timeout)

    # ------------------------------------------------------------ applications on the channel

    def execute(
        self,
        app: str,
        arg: str = "",
        *,
        lock: bool = True,
        timeout: float | None = EXECUTE_TIMEOUT_S,
        expand: bool = False,
    ) -> Event:
        """Run an application and wait for its own CHANNEL_EXECUTE_COMPLETE, matched by ``Event-UUID``.

        ``lock`` queues it behind what runs. ``expand`` allows ``${…}`` in ``arg``, for text that is the engine's own.
        An unknown application makes FreeSWITCH hang up. Raises ``ConnectionLost`` when the call ends first,
        ``CommandTimeout`` after ``timeout`` seconds (None: as long as the call lives).
        """
        self._subscribe_to_completions()
        event_uuid = str(uuid4())
        with self._completion(event_uuid) as completion:
            self._channel_command(command.execute(app, arg, event_uuid=event_uuid, lock=lock, expand=expand))
            return completion.get(timeout)

    def execute_nowait(
        self, app: str, arg: str = "", *, lock: bool = True, expand: bool = False, uuid: str | None = None
    ) -> str:
        """Queue an application, on another channel ``uuid`` where given; returns the ``Event-UUID`` that its events
        will carry as ``Application-UUID``."""
        event_uuid = str(uuid4())
        message = command.execute(app, arg, event_uuid=event_uuid, lock=lock, expand=expand, uuid=uuid)
        if uuid is None:
            self._channel_command(message)
        else:
            self._require(message)
        return event_uuid

    def unicast(self, local_ip: str, local_port: int, remote_ip: str, remote_port: int, native: bool = False) -> None:
        """Send the audio to ``remote`` by UDP. ``+OK`` proves nothing: watch for the datagrams.

        Refused before the channel has media: there FreeSWITCH 1.11 aborts with all its calls (switch_ivr.c:1102).
        """
        if self.answer_state not in ("answered", "early"):
            raise EslError(f"unicast on a channel that is {self.answer_state or 'not connected'} would abort "
                           "FreeSWITCH; execute('answer') and await it first")
        self._channel_command(command.unicast(local_ip, local_port, remote_ip, remote_port, native))

    # ------------------------------------------------------------ commands

    def send(self, data: str | Command, timeout: float | None = None) -> Message:
        """Any command; its reply, whatever it says."""
        message = data if isinstance(data, Command) else command.raw(data)
        reply = self.connection.send(message, timeout)
        if reply.ok and message.line.startswith(("myevents", "event ")):
            self._subscribed.add("myevents")
        return reply

    def api(self, name: str, args: str = "", *, timeout: float | None = None) -> str:
        """Run an API command and return its text. Raises ``CommandRefused`` on ``-ERR`` and ``-USAGE``."""
        return self._require(command.api(name, args), timeout).text

    def bgapi(self, name: str, args: str = "") -> Job:
        """Start an API command in the background: ``job = bgapi(…); text = job.get(timeout)``."""
        self.subscribe("BACKGROUND_JOB")
        return Job.start(self.connection, self._require, name, args)

    def getvar(self, name: str) -> str | None:
        """A variable of the channel, None where it is unset."""
        text = self.api("uuid_getvar", f"{self._own_uuid()} {command.word('variable', name)}")
        return None if text == EMPTY else text

    def setvar(self, name: str, value: object) -> None:
        """Set a variable of the channel; "" unsets it. Any one-line text comes through unchanged."""
        text = command.escape(command.one_line(f"variable {name}", value))
        self.api("uuid_setvar", f"{self._own_uuid()} {command.word('variable', name)} {text}".rstrip(" "))

    def kill(self, cause: str = "NORMAL_CLEARING") -> None:
        """Hang up now. (``sendmsg hangup`` would wait for what is queued under event-lock.)"""
        self.api("uuid_kill", f"{self._own_uuid()} {command.word('cause', cause)}")

    def transfer(self, extension: str, dialplan: str = "XML", context: str = "default") -> None:
        """Send the call elsewhere in the dialplan. The connection lasts; ``close`` it at once when the call comes back
        to the engine on a new one (closing it later ended the call)."""
        parts = ("extension", extension), ("dialplan", dialplan), ("context", context)
        self.api("uuid_transfer", " ".join([self._own_uuid(), *(command.word(what, value) for what, value in parts)]))

    def break_all(self) -> None:
        """Stop the running application and drop what is queued."""
        self.api("uuid_break", f"{self._own_uuid()} all")

    def sched_del(self) -> None:
        """Cancel what the dialplan scheduled for this channel: its watchdog over the engine."""
        self.api("sched_del", self._own_uuid())

    def sched_hangup(self, seconds: int, cause: str = "ALLOTTED_TIMEOUT") -> None:
        """Let FreeSWITCH hang up in so many seconds, whatever becomes of the engine."""
        self.api("sched_hangup", f"+{int(seconds)} {self._own_uuid()} {command.word('cause', cause)}")

    # ------------------------------------------------------------ inside

    def _require(self, message: Command, timeout: float | None = None) -> Message:
        """Send; raise ``CommandRefused`` where FreeSWITCH says no."""
        reply = self.connection.send(message, timeout)
        if not reply.ok:
            raise CommandRefused(message.label, reply.text)
        return reply

    def _channel_command(self, message: Command) -> Message:
        """As ``_require``, for what makes no sense on a call that has ended."""
        fault = self._absence()
        if fault is not None:
            raise ConnectionLost(fault, Stage.NOT_SENT, message.label)
        return self._require(message)

    def _absence(self) -> str | None:
        """Why there is no call to control, None where there is one."""
        if self.connection.lost is not None:
            return self.connection.lost.reason
        if self.hangup_cause is not None:
            return f"the call has ended: {self.hangup_cause}"
        return None if self.channel else "connect() has not been called"

    def _completion(self, event_uuid: str) -> Expectation:
        return self.connection.expect(
            "CHANNEL_EXECUTE_COMPLETE", lambda event: event.get("Application-UUID") == event_uuid
        )

    def _subscribe_to_completions(self) -> None:
        if not self._subscribed:
            self.myevents()

    def _own_uuid(self) -> str:
        if self.channel is None:
            raise ConnectionLost("connect() has not been called", Stage.NOT_SENT)
        return self.channel.uuid

    def _handle(self, event: Event) -> None:
        for handler in self._handlers.of(event):
            handlers.run(handler, event)

    def _observe(self, event: Event, message: Message) -> None:
        """Keep the call's state; in the reader, before handlers."""
        if message.lingering:
            self._end_of_call(self.hangup_cause or "hung up")
        if not message.is_event or self.channel is None or event.uuid != self.channel.uuid:
            return
        state = event.get("Answer-State")
        if state:
            self.answer_state = state
        if event.name == "CHANNEL_HANGUP":
            self.hangup_cause = event.get("Hangup-Cause") or "hung up"
            self.ended.set()
        elif event.name == "CHANNEL_HANGUP_COMPLETE":
            self._end_of_call(event.get("Hangup-Cause") or "hung up")

    def _end_of_call(self, cause: str) -> None:
        """No application will complete any more: those running have, those queued never run."""
        self.hangup_cause = cause
        self.ended.set()
        self.connection.fail_expected(
            ConnectionLost(f"the call has ended: {cause}", Stage.ACCEPTED), "CHANNEL_EXECUTE_COMPLETE"
        )

    def _on_lost(self, lost: ConnectionLost) -> None:
        self.ended.set()
