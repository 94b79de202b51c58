"""What a carrier sent, whatever it is written in: form, JSON, query. Pure and bounded.

    message = read("application/json", [], b'{"Call": {"Sid": "a1"}}')
    message.get("CallSid", "Call.Sid")            # "a1": names in any case
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from engine.carriers.errors import Unreadable

MOST_BYTES = 64_000
MOST_FIELDS = 300
LONGEST_VALUE = 4096
LONGEST_NAME = 200
DEEPEST = 6

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Message:
    """``fields``: the values by their names in small letters, the last of a repeated name; those inside of JSON objects
    under ``outer.inner``. ``form``: the pairs of a form as they came, which are part of Twilio's signature."""

    fields: Mapping[str, str]
    form: Pairs = ()
    is_form: bool = False

    def get(self, *names: str) -> str:
        """The first of these that is there and not empty; "" where none is."""
        for name in names:
            value = self.fields.get(name.lower(), "").strip()
            if value and value.lower() not in ("null", "undefined"):
                return value
        return ""

    def has(self, *names: str) -> bool:
        """Whether any of these was sent, empty or not."""
        return any(name.lower() in self.fields for name in names)


def read(content_type: str, query: str, body: bytes) -> Message:
    """``query``: the raw query string, which counts where there is no body: a signature over a body does not cover it.
    Raises ``Unreadable``."""
    if len(body) > MOST_BYTES or len(query) > MOST_BYTES:
        raise Unreadable(f"more than {MOST_BYTES} bytes")
    kind = content_type.partition(";")[0].strip().lower()
    if not body.strip():
        return Message(dict(_named(_pairs(query, "the query"))), is_form=True)
    if kind.endswith("json") or kind not in ("application/x-www-form-urlencoded", "") or body.lstrip()[:1] == b"{":
        return Message(dict(_named(tuple(_flat(_parsed(body))))))
    try:
        form = _pairs(body.decode(), "the form")
    except UnicodeDecodeError:
        raise Unreadable("the form is no UTF-8") from None
    return Message(dict(_named(form)), form, True)


def _pairs(text: str, what: str) -> Pairs:
    try:
        return tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"))
    except UnicodeDecodeError:
        raise Unreadable(f"{what} is no UTF-8") from None
    except ValueError:
        raise Unreadable(f"{what} has more than {MOST_FIELDS} fields") from None


def _named(pairs: Pairs) -> Iterator[tuple[str, str]]:
    """Names in small letters; ``Stream[StreamSid]`` is ``stream.streamsid``."""
    for name, value in pairs:
        if len(name) <= LONGEST_NAME:
            plain = name.lower().replace("[", ".").replace("]", "").strip(".")
            yield plain, value[:LONGEST_VALUE].replace("\0", "")


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable("the body is neither a form nor JSON") from None
    if not isinstance(found, dict):
        raise Unreadable("the JSON is no object")
    return found


def _flat(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """All values with their paths, breadth first, so many at most. Raises ``Unreadable``."""
    waiting: list[tuple[str, Any, int]] = [(str(name), value, 1) for name, value in found.items()]
    count = 0
    while waiting:
        path, value, depth = waiting.pop(0)
        count += 1
        if count > MOST_FIELDS:
            raise Unreadable(f"the JSON has more than {MOST_FIELDS} fields")
        if isinstance(value, dict | list):
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            if depth < DEEPEST and len(value) <= MOST_FIELDS:
                waiting += [(f"{path}.{name}", one, depth + 1) for name, one in inner]
            continue
        yield path, "" if value is None else _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return str(value).encode("utf-8", "replace").decode()
    except ValueError:  # a whole number of more digits than Python writes
        return ""
