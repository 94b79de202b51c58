"""The event socket's wire, without I/O: bytes in, messages out.

A message is a block of header lines, an empty line, and ``Content-Length`` bytes of body where that header is given.
The form was observed on FreeSWITCH 1.11.2 (``tests/data/esl/``); the reply to ``connect`` is the odd one: it is a whole
event, about 170 percent-encoded headers with the ``Content-Type`` near the end and no length, while every other reply
is sent raw.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from engine.esl.errors import ProtocolError

AUTH_REQUEST = "auth/request"
COMMAND_REPLY = "command/reply"
API_RESPONSE = "api/response"
EVENT_PLAIN = "text/event-plain"
EVENT_JSON = "text/event-json"
DISCONNECT = "text/disconnect-notice"
REJECTION = "text/rude-rejection"
LOG = "log/data"

EMPTY = "_undef_"  # how plain events spell an empty value, and ``uuid_getvar`` an unset variable

MAX_HEADERS = 1024 * 1024
MAX_BODY = 16 * 1024 * 1024  # FreeSWITCH's own limit (mod_event_socket.c:38)

_BLANK_LINE = re.compile(rb"\n\r?\n")
_LINE_ENDS = re.compile(rb"(?:\r?\n)+")
_DECIMAL = re.compile(r"[0-9]{1,19}")


class Headers(dict[str, str]):
    """Headers in the order of the wire, under the names of the wire; looking one up ignores case, as FreeSWITCH's
    ``switch_event_get_header`` does. Of several with the same name the first counts."""

    __slots__ = ("_folded",)
    _folded: dict[str, str]

    def __missing__(self, name: str) -> str:
        spelling = self._spelling(name)
        if spelling == name:
            raise KeyError(name)
        return self[spelling]

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and self._spelling(name) != name)

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """The value, or ``default`` where there is no such header."""
        try:
            return self[name]
        except KeyError:
            return default

    def _spelling(self, name: str) -> str:
        """The name as it stands here, or ``name`` itself where there is none."""
        try:
            folded = self._folded
        except AttributeError:
            folded = self._folded = {}
            for own in self:
                folded.setdefault(own.lower(), own)
        return folded.get(name.lower(), name)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of FreeSWITCH. ``headers`` are the outer ones, decoded; ``body`` is raw."""

    content_type: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    @property
    def text(self) -> str:
        """What a reply says: the body of ``api/response``, otherwise ``Reply-Text``; "" where there is neither.
        Bytes that are not UTF-8 are replaced."""
        if self.content_type == COMMAND_REPLY:
            return (self.headers.get("Reply-Text") or "").rstrip("\n")
        return self.body.decode("utf-8", "replace")

    @property
    def data(self) -> str:
        """greenswitch's name for ``text``."""
        return self.text

    @property
    def ok(self) -> bool:
        """Whether FreeSWITCH did not refuse. Of ``sendmsg`` it says nothing more than that it was queued."""
        return not self.text.startswith(("-ERR", "-USAGE"))

    @property
    def is_event(self) -> bool:
        """Whether the body is an event."""
        return self.content_type in (EVENT_JSON, EVENT_PLAIN)

    @property
    def lingering(self) -> bool:
        """Whether this is the notice that the call has ended but the socket stays for a while."""
        return self.content_type == DISCONNECT and self.headers.get("Content-Disposition") == "linger"


def decode_value(value: str) -> str:
    """A value of a plain event as FreeSWITCH meant it."""
    if "%" in value:
        return unquote(value, errors="replace")
    return "" if value == EMPTY else value


def split_headers(block: str, encoded: bool) -> Headers:
    """Header lines to headers: split on LF only, decode each value after splitting, the first of a name wins.

    Percent-encoding is undone when ``encoded``. Decoding before splitting, or splitting at every character that
    Unicode calls a line end, would let a caller's display name write headers. A line without a colon goes on with
    the value before it: raw replies of several lines look so.
    """
    headers = Headers()
    last = ""
    for line in block.split("\n"):
        line = line.removesuffix("\r")
        name, colon, value = line.partition(": ")
        if not colon:
            name, colon, value = line.partition(":")
        if not colon:
            if last and line:
                headers[last] += "\n" + line
            continue
        last = ""
        if not dict.__contains__(headers, name):
            headers[name] = decode_value(value) if encoded else value
            last = name
    return headers


class Parser:
    """Bytes to messages, however they are cut. Work is linear in the bytes received; memory is bounded by the limits.

    ``error`` is set once the bytes made no sense; from the next call on the parser raises it.
    """

    def __init__(self, max_headers: int = MAX_HEADERS, max_body: int = MAX_BODY) -> None:
        """Limits in bytes of one header block and of one body."""
        self.max_headers = max_headers
        self.max_body = max_body
        self.error: ProtocolError | None = None
        self._buffer = bytearray()
        self._searched = 0  # bytes of the buffer that are known to hold no end of headers
        self._headers: Headers | None = None  # of the message whose body is awaited
        self._length = 0

    @property
    def idle(self) -> bool:
        """Whether no message is half received, so that an end of the stream here loses nothing."""
        return not self._buffer and self._headers is None

    def receive_data(self, data: bytes) -> list[Message]:
        """The messages that ``data`` completes. Raises ``ProtocolError``, but gives out what came before the fault
        first: look at ``error`` after each call."""
        if self.error is not None:
            raise self.error
        self._buffer += data
        messages: list[Message] = []
        taken = 0
        try:
            while True:
                if self._headers is None:
                    after = self._take_headers(taken)
                    if after is None:
                        break
                    taken = after
                if len(self._buffer) - taken < self._length:
                    break
                messages.append(self._take_body(taken))
                taken += self._length
        except ProtocolError as fault:
            self.error = fault
            if not messages:
                raise
        del self._buffer[:taken]
        self._searched = max(0, self._searched - taken)
        return messages

    def _take_headers(self, at: int) -> int | None:
        """Read the header block at ``at``; returns where its body begins, or None while it is not complete."""
        buffer = self._buffer
        if buffer[at : at + 1] in (b"\n", b"\r"):
            # Empty lines between messages: a raw reply's text may end with one.
            blank = _LINE_ENDS.match(buffer, at)
            at = blank.end() if blank else at
        end = _BLANK_LINE.search(buffer, max(at, self._searched - 2))
        size = (end.start() if end else len(buffer)) - at
        if size > self.max_headers:
            raise ProtocolError(f"header block of more than {self.max_headers} bytes: this is no FreeSWITCH")
        if end is None:
            self._searched = len(buffer)
            return None
        block = buffer[at : end.start()].decode("utf-8", "replace")
        headers = split_headers(block, encoded=block.startswith("Event-Name:"))
        if "Content-Type" not in headers:
            raise ProtocolError(f"header block without Content-Type, it begins {block[:60]!r}: this is no FreeSWITCH")
        self._length = self._body_length(headers.get("Content-Length") or "0")
        self._headers = headers
        self._searched = 0
        return end.end()

    def _body_length(self, text: str) -> int:
        """The length as a number; only plain decimals count (CVE-2026-49840 came of a negative one)."""
        if not _DECIMAL.fullmatch(text.strip()):
            raise ProtocolError(f"Content-Length {text[:40]!r} is not a decimal number")
        length = int(text)
        if length > self.max_body:
            raise ProtocolError(f"body of {length} bytes, more than the limit of {self.max_body}")
        return length

    def _take_body(self, at: int) -> Message:
        headers, self._headers = self._headers, None
        assert headers is not None
        with memoryview(self._buffer) as buffer:  # one copy instead of two
            body = bytes(buffer[at : at + self._length])
        return Message(headers["Content-Type"], headers, body)
