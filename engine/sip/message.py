"""SIP messages, without I/O: bytes to ``Request`` or ``Response`` and back (RFC 3261, 7).

Libraries were tried first. aiosipua 0.7.1 (MIT) is asyncio throughout, needs Python 3.11 and has "simplified"
transactions without a non-INVITE or INVITE timer; sipua 0.5.7 (BSD) is asyncio and brings aiortc and PyAV; its parser
sipmessage 0.7.1 (BSD, sans-I/O, the nearest) refuses folded lines and text that is not UTF-8 whole, does not look at
Content-Length, and takes 1.3 s for a datagram of 8,000 header lines, because it looks through all of them for each;
aiosip 0.2 is asyncio and has not moved since 2017; pyVoIP 1.6.8 runs a thread a call; pjsua2 and sipsimple are GPL.

Bounded and linear: a message of more than ``MAX_MESSAGE`` bytes or ``MAX_LINES`` header lines is refused before it is
looked at closely. Text is UTF-8; bytes that are not come through unchanged.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engine.sip.errors import BadMessage
from engine.sip.fields import is_token, split_list

MAX_MESSAGE = 65_535
MAX_HEAD = 32_768
MAX_LINES = 256

COMPACT = {
    "a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition", "e": "Content-Encoding",
    "f": "From", "i": "Call-ID", "j": "Reject-Contact", "k": "Supported", "l": "Content-Length", "m": "Contact",
    "o": "Event", "r": "Refer-To", "s": "Subject", "t": "To", "u": "Allow-Events", "v": "Via", "x": "Session-Expires",
    "y": "Identity",
}  # fmt: skip
"""One-letter names (IANA's registry of SIP header fields)."""

ONCE = ("from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type", "session-expires", "min-se")
"""Fields that a message may have once."""

REASONS = {
    100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted",
    400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
    408: "Request Timeout", 410: "Gone", 413: "Request Entity Too Large", 414: "Request-URI Too Long",
    415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension",
    422: "Session Interval Too Small", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist",
    482: "Loop Detected", 483: "Too Many Hops", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 491: "Request Pending", 500: "Server Internal Error", 501: "Not Implemented",
    503: "Service Unavailable", 505: "Version Not Supported", 513: "Message Too Large", 600: "Busy Everywhere",
    603: "Decline",
}  # fmt: skip

_CONTROL = re.compile(r"[\x00\r\n]")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(r"[0-9]{1,9}\Z")
_STATUS = re.compile(r"[1-6][0-9][0-9]\Z")
_URI_BLANK = re.compile(r"\s")


class Headers:
    """Header fields in the order of the wire; names are looked up without regard to case, compact ones by their long
    name."""

    __slots__ = ("_by_name", "_items")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        """``items`` are names and values. Raises ``ValueError`` as ``add`` does."""
        self._items: list[tuple[str, str]] = []
        self._by_name: dict[str, list[str]] = {}
        for name, value in items:
            self.add(name, value)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._by_name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._items == other._items

    __hash__ = None  # type: ignore[assignment]

    def add(self, name: str, value: str) -> None:
        """Append a field. Raises ``ValueError`` for a line end in it: that would be a field of somebody else's."""
        if not is_token(name) or _CONTROL.search(value):
            raise ValueError(f"header {name!r} with a line end or zero byte, or no header name")
        self._append(name, value)

    def _append(self, name: str, value: str) -> None:
        self._items.append((name, value))
        self._by_name.setdefault(name.lower(), []).append(value)

    def replace(self, name: str, values: list[str]) -> None:
        """Put these in the place of all fields of that name, first in the message. Raises ``ValueError`` as ``add``."""
        kept = [item for item in self._items if item[0].lower() != name.lower()]
        self._items, self._by_name = [], {}
        for value in values:
            self.add(name, value)
        for item in kept:
            self._append(*item)

    def get(self, name: str, default: str = "") -> str:
        """The first value."""
        values = self._by_name.get(name.lower())
        return values[0] if values else default

    def all(self, name: str) -> list[str]:
        """Every field of that name, as written."""
        return self._by_name.get(name.lower(), [])

    def items_of(self, name: str) -> list[str]:
        """The items of a field that holds a list, over all its lines. Raises ``BadMessage``."""
        return split_list(self.all(name))

    def tokens(self, name: str) -> set[str]:
        """The items in small letters: option tags, methods. Raises ``BadMessage``."""
        return {item.lower() for item in self.items_of(name)}


@dataclass(slots=True)
class Request:
    """A request. ``uri`` is as written."""

    method: str
    uri: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    def serialise(self) -> bytes:
        """The bytes of the wire; Content-Length is put in."""
        return _serialise(f"{self.method} {self.uri} SIP/2.0", self.headers, self.body)


@dataclass(slots=True)
class Response:
    """A response."""

    status: int
    reason: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    def serialise(self) -> bytes:
        """The bytes of the wire; Content-Length is put in."""
        return _serialise(f"SIP/2.0 {self.status} {self.reason}", self.headers, self.body)


Message = Request | Response


def _serialise(first: str, headers: Headers, body: bytes) -> bytes:
    if _CONTROL.search(first):
        raise ValueError("line end in the first line of a message")
    lines = [first]
    lines += [f"{name}: {value}" for name, value in headers if name.lower() != "content-length"]
    lines.append(f"Content-Length: {len(body)}\r\n\r\n")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


class Broken(BadMessage):
    """A message with a fault whose request can still be answered: ``request`` has what could be read of it."""

    def __init__(self, fault: BadMessage, request: Request) -> None:
        """``fault`` is what is wrong."""
        super().__init__(fault.reason, fault.status)
        self.request = request


def parse(data: bytes) -> Message:
    """One datagram to a message; bytes behind the body are left out (RFC 3261, 18.3). Raises ``BadMessage``; of a
    request that can be answered ``Broken``."""
    if len(data) > MAX_MESSAGE:
        raise BadMessage("Message too large", 513)
    end = _HEAD_END.search(data, 0, MAX_HEAD + 4)
    if end is None:
        raise BadMessage("No end of the header" if len(data) <= MAX_HEAD else "Header too large", 400)
    message = parse_head(data[: end.start()])
    body = data[end.end() :]
    try:
        length = content_length(message)
        if length is not None and length > len(body):
            raise BadMessage("Body shorter than Content-Length")
    except BadMessage as fault:
        raise _broken(fault, message) from None
    message.body = body if length is None else body[:length]
    return message


def parse_head(head: bytes) -> Message:
    """First line and fields, without the empty line. Raises as ``parse`` does."""
    if head.count(b"\n") > MAX_LINES:
        raise BadMessage("Too many header lines", 400)
    first, *lines = head.decode("utf-8", "surrogateescape").split("\n")
    first = first.removesuffix("\r")
    message = _response(first) if first[:4].upper() == "SIP/" else _request(first)
    fault: BadMessage | None = None
    try:
        _read_fields(lines, message.headers)
    except BadMessage as found:
        fault = found
    if isinstance(message, Request):
        fault = fault or _fault_of_request(first, message)
    fault = fault or _repeated(message)
    if fault:
        raise _broken(fault, message)
    return message


def content_length(message: Message) -> int | None:
    """What Content-Length says, None where there is none. Raises ``BadMessage``."""
    if "content-length" not in message.headers:
        return None
    text = message.headers.get("content-length").strip()
    if not _LENGTH.match(text):
        raise BadMessage("Malformed Content-Length")
    return int(text)


def _broken(fault: BadMessage, message: Message) -> BadMessage:
    return Broken(fault, message) if isinstance(message, Request) else fault


def _request(first: str) -> Request:
    """What can be read of a request's first line, good or not; ``_fault_of_request`` says what is wrong with it."""
    method, _, rest = first.partition(" ")
    uri, _, _ = rest.rpartition(" ")
    if not is_token(method):
        raise BadMessage("Neither request nor response")
    return Request(method, uri)


def _fault_of_request(first: str, request: Request) -> BadMessage | None:
    version = first.rpartition(" ")[2]
    if version.upper() != "SIP/2.0":
        if version[:4].upper() == "SIP/":
            return BadMessage("Version Not Supported", 505)
        return BadMessage("Malformed first line")
    if not request.uri or _URI_BLANK.search(request.uri) or request.uri[0] == "<":
        return BadMessage("Malformed Request-URI")
    return None


def _response(first: str) -> Response:
    version, _, rest = first.partition(" ")
    status, _, reason = rest.partition(" ")
    if version.upper() != "SIP/2.0" or not _STATUS.match(status):
        raise BadMessage("Malformed status line")
    return Response(int(status), reason)


def _read_fields(lines: list[str], headers: Headers) -> None:
    """Unfold and file the fields; the good ones are filed although there are bad ones."""
    fault: BadMessage | None = None
    name, pieces, begun = "", [""], False
    for line in [*lines, ":"]:
        line = line.removesuffix("\r")
        if line[:1] in (" ", "\t"):
            if not begun:
                fault = BadMessage("Folded first line")
            pieces.append(line.strip())
            continue
        begun = True
        if name:
            value = " ".join(pieces).strip()
            if "\r" in value or "\0" in value:
                fault = BadMessage("Control character in a header")
            else:
                headers._append(name, value)
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        pieces = [value]
        if line == ":":
            continue
        if not colon or not is_token(name):
            fault, name = BadMessage("Malformed header line"), ""
        elif len(name) == 1:
            name = COMPACT.get(name.lower(), name)
    if fault:
        raise fault


def _repeated(message: Message) -> BadMessage | None:
    for name in ONCE:
        if len(message.headers.all(name)) > 1:
            return BadMessage("Repeated header that may be there once")
    return None
