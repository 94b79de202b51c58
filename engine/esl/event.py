"""Events, decoded when somebody looks: most events of a call are only counted or dispatched by name."""

import json
import re
from functools import lru_cache
from typing import Any

from engine.esl.errors import ProtocolError
from engine.esl.wire import EVENT_JSON, Headers, Message, decode_value, split_headers

_BLANK_LINE = re.compile(rb"\n\r?\n")
_ARRAY = "ARRAY::"
_SEPARATOR = "|:"


class Event:
    """An event or notice of FreeSWITCH: headers and, for some, a text body.

    Header names keep FreeSWITCH's spelling; looking one up ignores case. An event from the wire stays raw while single
    headers are asked for by their exact names (about 1 µs each; decoding all takes 50 to 150 µs). What needs all of
    it may raise ``ProtocolError`` where the sender wrote nonsense.
    """

    __slots__ = ("_body", "_headers", "_is_json", "_name", "_raw")

    def __init__(self, headers: dict[str, str], body: str | None = None) -> None:
        """An event of these headers. ``body`` is None where the event has none."""
        self._headers: Headers | None = headers if isinstance(headers, Headers) else Headers(headers)
        self._body = body
        self._raw = b""
        self._is_json = False
        self._name: str | None = None

    @classmethod
    def from_message(cls, message: Message) -> "Event":
        """The event that a message carries; of other messages their own headers and body."""
        if not message.is_event:
            return cls(message.headers, message.text if message.body else None)
        event = cls.__new__(cls)
        event._headers = None
        event._body = None
        event._raw = message.body
        event._is_json = message.content_type == EVENT_JSON
        event._name = None
        return event

    @property
    def name(self) -> str:
        """``Event-Name``, "" where there is none."""
        if self._name is None:
            self._name = self.get("Event-Name") or ""
        return self._name

    @property
    def subclass(self) -> str:
        """``Event-Subclass`` of a CUSTOM event, otherwise ""."""
        return self.get("Event-Subclass") or ""

    @property
    def uuid(self) -> str:
        """``Unique-ID``: the channel that the event is about, "" where there is none."""
        return self.get("Unique-ID") or ""

    @property
    def headers(self) -> Headers:
        """All headers, decoded. A header of several values stands as FreeSWITCH's ``ARRAY::one|:two``."""
        if self._headers is None:
            decode = _decode_json if self._is_json else _decode_plain
            self._headers, self._body = decode(self._raw)
            self._raw = b""
        return self._headers

    @property
    def body(self) -> str | None:
        """The text that the event carries beside its headers, e.g. a job's result."""
        if self._headers is None:
            _ = self.headers
        return self._body

    @property
    def data(self) -> str | None:
        """greenswitch's name for ``body``."""
        return self.body

    def get(self, name: str, default: str | None = None) -> str | None:
        """The header's value, or ``default``."""
        if self._headers is None:
            value = self._peek_json(name) if self._is_json else self._peek_plain(name)
            if value is not None:
                return value
        return self.headers.get(name, default)

    def values(self, name: str) -> list[str]:
        """All values of a header that may have several; empty where it is absent."""
        value = self.get(name)
        if value is None:
            return []
        return value[len(_ARRAY) :].split(_SEPARATOR) if value.startswith(_ARRAY) else [value]

    def variable(self, name: str) -> str | None:
        """The channel variable of this name, None where it was not set."""
        return self.get(f"variable_{name}")

    def __repr__(self) -> str:
        return f"<Event {self.name or 'without name'} {self.uuid}>".replace(" >", ">")

    def _peek_json(self, name: str) -> str | None:
        """The first value of this exact name; None when only decoding can tell. In JSON as FreeSWITCH prints it a
        quote inside a string is escaped, so ``"name":"`` cannot be part of a value."""
        raw, key = self._raw, _json_key(name)
        start = raw.find(key) + len(key)
        end = raw.find(b'"', start)
        if start < len(key) or end < 0 or name == "_body":
            return None
        value = raw[start:end]
        return None if b"\\" in value else value.decode("utf-8", "replace")

    def _peek_plain(self, name: str) -> str | None:
        """The same in the header lines of a plain event, which end at the first empty line."""
        key = f"\n{name}: ".encode()
        start = -1 if self._raw.startswith(key[1:]) else self._raw.find(key)
        head = self._raw.find(b"\n\n")
        if b"\r" in self._raw or head < 0 or start > head or (start < 0 and not self._raw.startswith(key[1:])):
            return None
        start += len(key)
        value = self._raw[start : self._raw.find(b"\n", start)].decode("utf-8", "replace")
        return decode_value(value)


@lru_cache(maxsize=256)
def _json_key(name: str) -> bytes:
    return f'"{name}":"'.encode()


def _decode_plain(raw: bytes) -> tuple[Headers, str | None]:
    """Percent-encoded header lines, an empty line, and the body where there is one."""
    end = _BLANK_LINE.search(raw)
    head, rest = (raw[: end.start()], raw[end.end() :]) if end else (raw, b"")
    headers = split_headers(head.decode("utf-8", "replace"), encoded=True)
    return headers, rest.decode("utf-8", "replace") if rest else None


def _decode_json(raw: bytes) -> tuple[Headers, str | None]:
    """One object of strings and arrays of strings; ``_body`` is the body. FreeSWITCH may write raw non-UTF-8."""
    try:
        headers = _JSON.decode(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as fault:
        raise ProtocolError(f"JSON event cannot be read: {fault}") from fault
    if not isinstance(headers, Headers):
        raise ProtocolError(f"JSON event is no object, it begins {raw[:40]!r}")
    if set(map(type, headers.values())) - {str}:
        for name, value in headers.items():
            if not isinstance(value, str):
                headers[name] = _flatten(value)
    return headers, headers.pop("_body", None)


def _first_wins(pairs: list[tuple[str, Any]]) -> Headers:
    headers = Headers(pairs)
    if len(headers) != len(pairs):
        headers = Headers(reversed(pairs))
    return headers


def _flatten(value: Any) -> str:
    if isinstance(value, list):
        return _ARRAY + _SEPARATOR.join(item if isinstance(item, str) else json.dumps(item) for item in value)
    return json.dumps(value)


_JSON = json.JSONDecoder(object_pairs_hook=_first_wins, strict=False)
