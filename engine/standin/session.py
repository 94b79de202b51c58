"""One controller's connection: its commands, its subscriptions, its replies. Pure.

Replies are those of FreeSWITCH 1.11.2 (``tests/data/esl/05-bad-commands.txt``, ``05b-async-not-full.txt``).
"""

from typing import TYPE_CHECKING

from engine.standin import wire
from engine.standin.headers import EVENT_NAMES, MY_EVENTS, profile_headers
from engine.standin.wire import Command, Header

if TYPE_CHECKING:
    from engine.standin.channel import Channel

LINGER_SLACK_S = 0.2
"""How much later than asked the final notice comes (5.24 s for ``linger 5``)."""

NOT_FOUND = "-ERR command not found"
_FULL_ONLY = frozenset({"linger", "nolinger", "api", "bgapi", "event", "nixevent", "log", "nolog", "sendevent"})
"""Commands that need ``full``; ``myevents``, ``divert_events``, ``filter``, ``getvar`` and ``sendmsg`` do not."""


class Session:
    """A connection of the outbound socket. ``greeted``: the controller has sent its first command."""

    def __init__(self, channel: "Channel", full: bool) -> None:
        """Connected; FreeSWITCH says nothing until the controller speaks."""
        self.channel, self.full = channel, full
        self.greeted = self.closed = False
        self.linger: int | None = None
        """Seconds asked for by ``linger``; -1 until the controller leaves; None: no linger."""

        self.events: set[str] = set()
        self.mine = False
        """Whether only this channel's events are wanted (``myevents``)."""

        self.json = False
        self.filters: list[Header] = []
        self.commands: list[tuple[float, Command]] = []
        """What the controller said, with the time."""

        self._parser = wire.CommandParser()

    def receive(self, data: bytes) -> None:
        """Bytes of the controller: every complete command is answered."""
        for command in self._parser.feed(data):
            if self.closed:
                return
            self.commands.append((self.channel.now, command))
            first, self.greeted = not self.greeted, True
            if command.name == "connect":
                self._connect()
            elif not first:  # the first command gets no answer unless it is ``connect``
                self._answer(command)

    def listens(self, name: str, channel: "Channel | None") -> bool:
        """Whether events of this name of ``channel`` (None: of no channel) may go to this controller."""
        if self.closed or not (name in self.events or "ALL" in self.events):
            return False
        if self.mine and channel is not None and channel is not self.channel:
            return False
        # Without linger the connection ends with the call and the last events may be lost. Here they always are.
        lost = self.linger is None and bool(self.channel.cause) and name != "CHANNEL_HANGUP"
        return not (lost and channel is self.channel)

    def passes(self, headers: list[Header]) -> bool:
        """Whether an event gets through ``filter``."""
        return not self.filters or any(header in self.filters for header in headers)

    def deliver(self, headers: list[Header], body: str = "") -> None:
        """Send one event in the format asked for."""
        render = wire.event_json if self.json else wire.event_plain
        self.channel.send(self, render(headers, body))

    def reply(self, text: str, *extra: Header) -> None:
        """A command's answer."""
        self.channel.send(self, wire.command_reply(text, extra))

    def call_ended(self) -> None:
        """The call is over: the final notice now, or after the linger."""
        channel = self.channel
        if self.linger is None:
            channel.finish_session(self)
            return
        channel.send(self, wire.linger_notice(channel.uuid, channel.profile.channel_name, self.linger))
        if self.linger >= 0:
            channel.later(self.linger + LINGER_SLACK_S, "linger", lambda: channel.finish_session(self))

    def first_command_due(self) -> None:
        """FreeSWITCH has waited long enough for the first command."""
        if not self.greeted and not self.closed:
            self.channel.note("the controller said nothing for 25 s: the socket is closed, the call parked in silence")
            self.channel.close_session(self)

    def _connect(self) -> None:
        channel = self.channel
        headers = [
            *channel.switch.head("CHANNEL_DATA", channel.now),
            *profile_headers("Channel", channel.profile),
            *channel.headers(),
            *channel.variable_headers(),
        ]
        control = "full" if self.full else "single-channel"
        channel.send(self, wire.connect_reply(headers, "async", control))

    def _answer(self, command: Command) -> None:
        handler = _HANDLERS.get(command.name)
        if handler is None or (command.name in _FULL_ONLY and not self.full):
            self.reply(NOT_FOUND)
        else:
            handler(self, command)

    # ---- commands

    def _myevents(self, command: Command) -> None:
        if self.mine:
            self.reply("-ERR aready enabled.")  # FreeSWITCH's spelling
            return
        self.mine = True
        self.events |= MY_EVENTS
        self.json = command.argument.lower() == "json"
        self.reply("+OK Events Enabled")

    def _linger(self, command: Command) -> None:
        seconds = command.argument
        self.linger = int(seconds) if seconds.isdigit() else -1
        self.reply(f"+OK will linger {seconds} seconds" if seconds.isdigit() else "+OK will linger")

    def _nolinger(self, command: Command) -> None:
        self.linger = None
        self.reply("+OK will not linger")

    def _divert_events(self, command: Command) -> None:
        said = {"on": "+OK events diverted", "off": "+OK events not diverted"}
        self.reply(said.get(command.argument.lower(), "-ERR missing value."))

    def _event(self, command: Command) -> None:
        words = command.argument.split()
        form = words.pop(0).lower() if words and words[0].lower() in ("plain", "json", "xml") else "plain"
        names = self._names(words)
        if not names:
            self.reply("-ERR no keywords supplied")
            return
        self.events |= names
        self.json = form == "json"
        self.reply(f"+OK event listener enabled {form}")

    def _names(self, words: list[str]) -> set[str]:
        """Event names among ``words``. What follows CUSTOM are subclasses; the stand-in has no CUSTOM events."""
        return {word.upper() for word in words} & EVENT_NAMES

    def _nixevent(self, command: Command) -> None:
        names = self._names(command.argument.split())
        self.events -= names
        self.reply("+OK event listener disabled" if names else "-ERR no keywords supplied")

    def _noevents(self, command: Command) -> None:
        if self.events:
            self.events = set()
            self.reply("+OK no longer listening for events")
        else:
            self.reply("-ERR not listening for events")

    def _filter(self, command: Command) -> None:
        words = command.argument.split(" ", 2)
        if words[0].lower() == "delete":
            name = words[1] if len(words) > 1 else ""
            value = words[2] if len(words) > 2 else ""
            self.filters = [
                (header, wanted)
                for header, wanted in self.filters
                if name != "all" and (header != name or (value and wanted != value))
            ]
            self.reply(f"+OK filter deleted. [{name}][{value}]")
        elif len(words) > 1:
            value = command.argument.partition(" ")[2]
            self.filters.append((words[0], value))
            self.reply(f"+OK filter added. [{words[0]}]=[{value}]")
        else:
            self.reply(NOT_FOUND)

    def _getvar(self, command: Command) -> None:
        # An unset variable makes an empty reply, which FreeSWITCH turns into its default error (:2621).
        self.reply(self.channel.variables.get(command.argument) or NOT_FOUND)

    def _sendmsg(self, command: Command) -> None:
        uuid = command.argument
        channel = self.channel.switch.channels.get(uuid) if uuid else self.channel
        if channel is None:
            self.reply(f"-ERR invalid session id [{uuid}]")
            return
        channel.messages.append(command)
        self.reply("+OK")

    def _api(self, command: Command) -> None:
        if not command.argument:
            self.reply(NOT_FOUND)
        else:
            self.channel.send(self, wire.api_response(self.channel.switch.api(command.argument, self.channel.now)))

    def _bgapi(self, command: Command) -> None:
        switch = self.channel.switch
        job = command.headers.get("job-uuid") or switch.new_uuid()
        self.reply(f"+OK Job-UUID: {job}", ("Job-UUID", job))
        name, _, argument = command.argument.partition(" ")
        result = switch.api(command.argument, self.channel.now)
        described = [("Job-UUID", job), ("Job-Owner-UUID", self.channel.uuid), ("Job-Command", name)]
        if argument:
            described.append(("Job-Command-Arg", argument))
        switch.publish("BACKGROUND_JOB", described, (), None, result)

    def _log(self, command: Command) -> None:
        self.reply(f"+OK log level {command.argument} [7]")

    def _nolog(self, command: Command) -> None:
        self.reply("+OK no longer logging")

    def _sendevent(self, command: Command) -> None:
        self.reply(f"+OK {self.channel.switch.new_uuid()}")

    def _resume(self, command: Command) -> None:
        self.channel.resume_on_drop = True
        self.channel.variables.put("socket_resume", "true")
        self.reply("+OK")

    def _exit(self, command: Command) -> None:
        self.reply("+OK bye")
        self.channel.finish_session(self)


_HANDLERS = {
    "myevents": Session._myevents,
    "linger": Session._linger,
    "nolinger": Session._nolinger,
    "divert_events": Session._divert_events,
    "event": Session._event,
    "nixevent": Session._nixevent,
    "noevents": Session._noevents,
    "filter": Session._filter,
    "getvar": Session._getvar,
    "sendmsg": Session._sendmsg,
    "api": Session._api,
    "bgapi": Session._bgapi,
    "log": Session._log,
    "nolog": Session._nolog,
    "sendevent": Session._sendevent,
    "resume": Session._resume,
    "exit": Session._exit,
}
