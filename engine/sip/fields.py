"""The header fields that a user agent must understand: Via, addresses, CSeq, lists and parameters.

Every function is linear in its text. Fields are parsed when they are looked at, not when a message arrives: a fault in
a field that nobody needs hurts nobody.
"""

import re
from dataclasses import dataclass

from engine.sip.errors import BadMessage
from engine.sip.uri import parse_host_port

MAX_CSEQ = 2**31 - 1

Parameters = tuple[tuple[str, str], ...]

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+\Z")
_DIGITS = re.compile(r"[0-9]{1,10}\Z")
_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|[^"<>,;]+|[<>,;"]', re.DOTALL)
_DISPLAY = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*\Z', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def is_token(text: str) -> bool:
    """Whether this is a token of RFC 3261, 25.1."""
    return bool(_TOKEN.match(text))


def _split(text: str, separator: str) -> list[str]:
    """Cut at a separator that stands neither in quotes nor in angle brackets."""
    if '"' not in text and "<" not in text:
        return [part.strip() for part in text.split(separator)]
    parts: list[str] = []
    current: list[str] = []
    inside = False
    for match in _PIECES.finditer(text):
        piece = match.group()
        if piece == '"':  # at once, or each of many such would be looked for to the end
            raise BadMessage("Unterminated quoted string")
        if piece == "<":
            inside = True
        elif piece == ">":
            inside = False
        elif piece == separator and not inside:
            parts.append("".join(current).strip())
            current = []
            continue
        current.append(piece)
    if inside:
        raise BadMessage("Unterminated angle bracket")
    parts.append("".join(current).strip())
    return parts


def split_list(values: list[str]) -> list[str]:
    """The items of a field that may be repeated or hold several values with commas between; empty ones left out.
    Raises ``BadMessage``."""
    return [item for value in values for item in _split(value, ",") if item]


def parse_parameters(parts: list[str]) -> Parameters:
    """``name=value`` pairs, names in small letters, quotes taken off. Raises ``BadMessage``."""
    found = []
    for part in parts:
        name, _, value = part.partition("=")
        name, value = name.strip().lower(), value.strip()
        if not name:
            continue
        if value.startswith('"'):
            value = _unquote(value)
        found.append((name, value))
    return tuple(found)


def parameter(parameters: Parameters, name: str) -> str | None:
    """The first value of that name, or None."""
    for own, value in parameters:
        if own == name:
            return value
    return None


def _unquote(text: str) -> str:
    match = _DISPLAY.match(text)
    if not match:
        raise BadMessage("Unterminated quoted string")
    return _ESCAPED.sub(r"\1", match.group(1))


@dataclass(frozen=True, slots=True)
class NameAddress:
    """From, To, Contact, Route, Record-Route: a display name, a URI (as written) and the field's own parameters."""

    display: str
    uri: str
    parameters: Parameters

    @property
    def tag(self) -> str:
        """The tag, or "" (peers of RFC 2543 send none)."""
        return parameter(self.parameters, "tag") or ""


def parse_name_address(text: str) -> NameAddress:
    """``"Name" <uri>;parameters`` or ``uri;parameters``: without brackets the parameters are the field's (RFC 3261,
    20). The display name is not held to be tokens: callers' names rarely are. Raises ``BadMessage``."""
    parts = _split(text, ";")
    address, parameters = parts[0], parse_parameters(parts[1:])
    start = _bracket(address)
    if start < 0:
        if not address or " " in address or "," in address or "?" in address:
            raise BadMessage("Malformed address")
        return NameAddress("", address, parameters)
    display, rest = address[:start].strip(), address[start + 1 :]
    uri, bracket, after = rest.partition(">")
    if not bracket or after.strip() or not uri:
        raise BadMessage("Malformed address")
    if display.startswith('"'):
        display = _unquote(display)
    return NameAddress(display, uri, parameters)


def _bracket(address: str) -> int:
    """Where the opening bracket stands that is not within the quotes of the display name; -1 where there is none."""
    if not address.startswith('"'):
        return address.find("<")
    for match in _PIECES.finditer(address):
        if match.group() == "<":
            return match.start()
    return -1


@dataclass(frozen=True, slots=True)
class Via:
    """One hop that a request came by. ``port`` is 0 where none is given."""

    transport: str
    host: str
    port: int
    parameters: Parameters
    text: str

    @property
    def branch(self) -> str:
        """The transaction's name; peers of RFC 2543 give none or one without the cookie."""
        return parameter(self.parameters, "branch") or ""


def parse_via(text: str) -> Via:
    """``SIP/2.0/UDP host:port;parameters``. Raises ``BadMessage``."""
    parts = _split(text, ";")
    protocol, _, sent_by = _collapse_slashes(parts[0]).partition(" ")
    name, slash, rest = protocol.partition("/")
    version, second, transport = rest.partition("/")
    if not slash or not second or name.upper() != "SIP" or version != "2.0" or not is_token(transport):
        raise BadMessage("Malformed Via")
    host, port = parse_host_port(sent_by.strip())
    return Via(transport.upper(), host, port, parse_parameters(parts[1:]), text)


def _collapse_slashes(text: str) -> str:
    """``SIP / 2.0 / UDP host`` is allowed, with any white space."""
    return "/".join(piece.strip() for piece in " ".join(text.split()).split("/"))


def parse_cseq(text: str) -> tuple[int, str]:
    """``4711 INVITE``. Raises ``BadMessage``."""
    number, _, method = text.strip().partition(" ")
    method = method.strip()
    if not _DIGITS.match(number) or int(number) > MAX_CSEQ or not is_token(method):
        raise BadMessage("Malformed CSeq")
    return int(number), method


def parse_number(text: str, what: str, largest: int = 2**32 - 1) -> int:
    """A decimal number; parameters behind it are passed over. Raises ``BadMessage``."""
    digits = text.partition(";")[0].strip()
    if not _DIGITS.match(digits) or int(digits) > largest:
        raise BadMessage(f"Malformed {what}")
    return int(digits)


def quote_display(name: str) -> str:
    """A display name as a quoted string; control characters become blanks."""
    clean = "".join(" " if ord(char) < 32 or ord(char) == 127 else char for char in name)
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'
