"""One small builder per command. ``str(command)`` is its text, ``bytes(command)`` what goes on the wire.

No line end gets into a command through an argument: a file name with an empty line in it would be a second command to
FreeSWITCH, ``api system …`` included. Builders raise ``BadArgument`` before anything is sent.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.esl.errors import BadArgument

LONG_ARGUMENT = 1024
"""Arguments of applications longer than this travel as a body, where FreeSWITCH reads them by length."""

_VARIABLE = re.compile(r"[A-Za-z_][\w.:-]*")


@dataclass(frozen=True, slots=True)
class Command:
    """A line, header lines below it, and a body where there is one."""

    line: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""

    def __str__(self) -> str:
        lines = [self.line, *(f"{name}: {value}" for name, value in self._all_headers())]
        return "\n".join(lines) + "\n\n" + self.body

    def __bytes__(self) -> bytes:
        return str(self).encode("utf-8", "surrogateescape")

    @property
    def label(self) -> str:
        """What it is, for errors and logs: the first line, of a message also what it asks for. Passwords are left
        out."""
        name = self.line.partition(" ")[0]
        if name in ("auth", "userauth"):
            return f"{name} …"
        asked = [value for header, value in self.headers if header in ("call-command", "execute-app-name")]
        return " ".join([self.line, *asked])

    def _all_headers(self) -> tuple[tuple[str, str], ...]:
        if not self.body:
            return self.headers
        length = len(self.body.encode("utf-8", "surrogateescape"))
        return (*self.headers, ("content-type", "text/plain"), ("content-length", str(length)))


def one_line(what: str, value: object, expand: bool = True) -> str:
    """``value`` as text, when it may stand in a command line. ``what`` names it in the error.

    Refuses CR, LF and NUL always, and ``${`` without ``expand``: FreeSWITCH expands variables and runs
    ``${api(arguments)}`` in the arguments of applications, so a caller's text must not hold one.
    """
    text = str(value)
    for character, name in (("\n", "a line feed"), ("\r", "a carriage return"), ("\0", "a NUL")):
        at = text.find(character)
        if at >= 0:
            raise BadArgument(f"{what} has {name} at character {at}: {text[:60]!r}. It could start another command; "
                              "remove it or send the text in another way")
    if not expand and "${" in text:
        raise BadArgument(f"{what} has ${{…}}, which FreeSWITCH would expand or run: {text[:60]!r}. "
                          "Pass expand=True only where the text is your own")
    return text


def word(what: str, value: object) -> str:
    """As ``one_line``, and neither empty nor with a space in it: one argument of several."""
    text = one_line(what, value)
    if not text or " " in text or "\t" in text:
        raise BadArgument(f"{what} must be one word without spaces, not {text[:60]!r}")
    return text


def raw(text: str) -> Command:
    """A command written out by hand, header lines included; it may not hold an empty line, which would end it."""
    lines = text.rstrip("\n").split("\n")
    for line in lines:
        one_line("command", line)
        if not line:
            raise BadArgument(f"command has an empty line, so it would be two commands: {text[:60]!r}")
    return Command("\n".join(lines))


# ---------------------------------------------------------------- the connection


def connect() -> Command:
    """Take the call. Must be the first command: any other first command gets no reply."""
    return Command("connect")


def auth(password: str) -> Command:
    """Log in on the inbound socket with the password of ``event_socket.conf.xml``."""
    return Command(f"auth {one_line('password', password)}")


def userauth(user: str, password: str) -> Command:
    """Log in as a user of the directory, ``user@domain``, whose ``esl-password`` is this."""
    name = word("user", user)
    if ":" in name:
        raise BadArgument(f"user {name!r} has a colon, which separates it from the password")
    return Command(f"userauth {name}:{one_line('password', password)}")


def exit() -> Command:  # noqa: A001 (FreeSWITCH's name)
    """Leave. On an outbound socket the dialplan goes on with its next action."""
    return Command("exit")


def linger(seconds: int) -> Command:
    """Keep the socket for so long after hangup, so that the last events arrive."""
    if seconds < 1:
        raise BadArgument(f"linger needs at least 1 second, not {seconds}")
    return Command(f"linger {int(seconds)}")


def nolinger() -> Command:
    """Do not keep the socket after hangup."""
    return Command("nolinger")


def resume() -> Command:
    """When this connection ends while an application runs, cut the application and go on in the dialplan."""
    return Command("resume")


# ---------------------------------------------------------------- events


def myevents(form: str = "json", uuid: str | None = None) -> Command:
    """The events of this call (of ``uuid`` on an inbound socket). RECORD_*, PLAYBACK_*, CUSTOM and BACKGROUND_JOB are
    not among them: ask with ``event``."""
    return Command(" ".join(["myevents", *([word("uuid", uuid)] if uuid else []), _form(form)]))


def event(names: Iterable[str], form: str = "json") -> Command:
    """Also these events. Subclasses of CUSTOM follow it: ``["DTMF", "CUSTOM", "mod_x::y"]``. ``["ALL"]`` is all."""
    wanted = [word("event name", name) for name in names]
    if not wanted:
        raise BadArgument("event needs at least one event name")
    return Command(" ".join(["event", _form(form), *wanted]))


def nixevent(names: Iterable[str]) -> Command:
    """No longer these events."""
    return Command(" ".join(["nixevent", *(word("event name", name) for name in names)]))


def filter(header: str, value: str) -> Command:  # noqa: A001 (FreeSWITCH's name)
    """Only events whose header has this value; several filters add up."""
    return Command(f"filter {word('header', header)} {one_line('value', value)}")


def divert_events(on: bool) -> Command:
    """Whether events that the session would handle itself (DTMF callbacks) come here instead."""
    return Command(f"divert_events {'on' if on else 'off'}")


def log(level: str) -> Command:
    """Send FreeSWITCH's log from this level on: ``debug``, ``info``, ``notice``, ``warning``, ``err`` …"""
    return Command(f"log {word('level', level)}")


# ---------------------------------------------------------------- the channel


def getvar(name: str) -> Command:
    """Value of a variable of the channel, raw and cut at 511 bytes; ``-ERR command not found`` where it is unset."""
    return Command(f"getvar {word('variable', name)}")


def execute(
    app: str,
    arg: str = "",
    *,
    event_uuid: str | None = None,
    lock: bool = True,
    uuid: str | None = None,
    loops: int = 1,
    expand: bool = False,
) -> Command:
    """Run an application on the channel (on ``uuid`` where given).

    ``event_uuid`` comes back as ``Application-UUID`` in the application's events. ``lock`` queues it behind what runs;
    without it FreeSWITCH interrupts, and several sent at once run in reverse order. ``expand`` allows ``${…}`` in
    ``arg``. A long ``arg`` travels as the body.
    """
    text = one_line(f"argument of {app}", arg, expand)
    headers = [("call-command", "execute"), ("execute-app-name", word("application", app))]
    long = len(text) > LONG_ARGUMENT
    if text and not long:
        headers.append(("execute-app-arg", text))
    if loops != 1:
        headers.append(("loops", str(int(loops))))
    if event_uuid:
        headers.append(("Event-UUID", word("Event-UUID", event_uuid)))
    if lock:
        headers.append(("event-lock", "true"))
    return sendmsg(headers, uuid, text if long else "")


def unicast(
    local_ip: str, local_port: int, remote_ip: str, remote_port: int, native: bool = False, uuid: str | None = None
) -> Command:
    """Send the audio of the call (of ``uuid``) to ``remote`` by UDP and take audio from there; FreeSWITCH binds
    ``local``.

    Only on an answered, parked channel: before media FreeSWITCH aborts. ``+OK`` says nothing: watch for datagrams.
    """
    headers = [
        ("call-command", "unicast"),
        ("local-ip", word("local_ip", local_ip)),
        ("local-port", str(_port("local_port", local_port, 0))),
        ("remote-ip", word("remote_ip", remote_ip)),
        ("remote-port", str(_port("remote_port", remote_port, 1))),
    ]
    if native:
        headers.append(("flags", "native"))
    return sendmsg(headers, uuid)


def hangup(cause: str = "NORMAL_CLEARING", uuid: str | None = None) -> Command:
    """Hang up when all that is queued under event-lock has run. To hang up now: ``api uuid_kill``."""
    return sendmsg([("call-command", "hangup"), ("hangup-cause", word("cause", cause))], uuid)


def sendmsg(headers: Iterable[tuple[str, str]], uuid: str | None = None, body: str = "") -> Command:
    """A message to the channel, or to ``uuid``."""
    checked = tuple((word("header", name), one_line(f"header {name}", value)) for name, value in headers)
    line = f"sendmsg {word('uuid', uuid)}" if uuid else "sendmsg"
    return Command(line, checked, one_line("body", body))


# ---------------------------------------------------------------- the switch


def api(name: str, args: str = "") -> Command:
    """An API command, its reply awaited: it holds up this connection until it is done."""
    return Command(_with_arguments("api", name, args))


def bgapi(name: str, args: str = "", *, job_uuid: str) -> Command:
    """An API command in the background, as the job ``job_uuid``: its result is a BACKGROUND_JOB event."""
    return Command(_with_arguments("bgapi", name, args), (("Job-UUID", word("job_uuid", job_uuid)),))


def sendevent(name: str, headers: Mapping[str, str], body: str = "") -> Command:
    """Fire an event into FreeSWITCH."""
    checked = tuple((word("header", key), one_line(f"header {key}", value)) for key, value in headers.items())
    return Command(f"sendevent {word('event name', name)}", checked, body)


def originate(
    endpoint: str, target: str, variables: Mapping[str, object], *, dialplan: str = "", context: str = ""
) -> str:
    """The arguments of ``originate``: ``{variables}endpoint target [dialplan context]``.

    ``target`` is an extension or ``&application(argument)``. Values of variables may be any one-line text without
    braces.
    """
    where = [word("endpoint", endpoint), word("target", target)]
    if context:
        where += [word("dialplan", dialplan or "XML"), word("context", context)]
    elif dialplan:
        where.append(word("dialplan", dialplan))
    for part in where:
        if "'" in part or "\\" in part:
            raise BadArgument(f"quotes and backslashes are taken away by FreeSWITCH here: {part[:60]!r}")
    return channel_variables(variables) + " ".join(where)


def channel_variables(variables: Mapping[str, object], *, for_originate: bool = True) -> str:
    """``{name=value,…}`` for the front of an endpoint, "" for none, such that FreeSWITCH reads back each value.

    FreeSWITCH takes quotes and escapes away each time that it splits: ``originate`` at spaces (the application
    ``bridge`` does not), then variables at commas, then names from values (``cleanup_separated_string``,
    switch_utils.c; ``switch_event_create_brackets``, switch_event.c; read back from 1.11.2). Braces it only counts, so
    they are refused.
    A variable with an empty value is left out, as FreeSWITCH would.
    """
    parts = []
    for name, value in variables.items():
        text = one_line(f"variable {name}", value, expand=False)
        if not _VARIABLE.fullmatch(name):
            raise BadArgument(f"{name[:60]!r} is no name of a channel variable")
        if ":_:" in text or any(brace in text for brace in "{}[]<>"):
            raise BadArgument(f"variable {name}: braces, brackets, angles and ':_:' mean something else to FreeSWITCH "
                              f"here: {text[:60]!r}")
        if text:
            text = escape(escape(text), ",")
            parts.append(f"{name}={escape(text) if for_originate else text}")
    return "{" + ",".join(parts) + "}" if parts else ""


def escape(text: str, delimiter: str = "") -> str:
    """Text that FreeSWITCH gives back as it was after splitting a line once, at ``delimiter`` or spaces."""
    for character in ("\\", "'", delimiter):
        if character:
            text = text.replace(character, "\\" + character)
    return text.replace(" ", "\\s")


def _with_arguments(kind: str, name: str, args: str) -> str:
    line = f"{kind} {word('command', name)}"
    return f"{line} {one_line(f'arguments of {name}', args)}" if args else line


def _form(form: str) -> str:
    if form not in ("json", "plain"):
        raise BadArgument(f"events come as json or plain, not {form!r}")
    return form


def _port(what: str, port: int, least: int) -> int:
    if not least <= port <= 65535:
        raise BadArgument(f"{what} must be from {least} to 65535, not {port}")
    return port
