"""What carriers' WebSocket streams have in common: what happens on one, and how fields are read that each carrier, and
each page of its documents, writes in its own way. Pure.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.carriers.errors import CarrierError

LONGEST_MESSAGE = 300_000
"""Characters of a message; more is refused before it is parsed. 100,000 bytes in base64 and what stands around them."""

LONGEST_TEXT = 500
"""Characters of an id, a name or a parameter's value; Twilio allows 500 for a parameter's name and value."""

MOST_PARAMETERS = 50

KEYS = frozenset("0123456789*#ABCD")


class StreamFault(CarrierError):
    """A message that the carrier's documents do not allow; ``field`` names what is wrong in it, and the text says what.
    """

    def __init__(self, field: str, what: str) -> None:
        """``field``: dotted path in the message."""
        self.field = field
        super().__init__(f"{field}: {what}")


@dataclass(frozen=True, slots=True)
class Started:
    """The stream begins. ``encoding`` and ``rate`` (Hz) of both directions; ``rate`` 0: the carrier does not say.
    ``caller`` and ``called`` are empty where the carrier does not tell them."""

    stream_sid: str
    call_sid: str
    account_sid: str
    caller: str
    called: str
    parameters: Mapping[str, str]
    encoding: Literal["mulaw", "pcm"]
    rate: int


@dataclass(frozen=True, slots=True)
class Audio:
    """The caller's next audio, as the line has it."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Key:
    """The caller pressed a key; ``duration_ms`` 0: the carrier does not say."""

    digit: str
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class Marked:
    """A mark came back: the audio before it was played, or cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The stream is over; ``reason`` in the carrier's words, or empty."""

    reason: str = ""


StreamEvent = Started | Audio | Key | Marked | Stopped


@dataclass(slots=True)
class Sequence:
    """Numbers of messages: how many are missing. Carriers count from 1, and not all of them count."""

    last: int = 0
    missing: int = field(default=0)

    def saw(self, number: int) -> None:
        """The next message's; 0: it has none. One that goes back is the carrier's matter."""
        if number > self.last:
            self.missing += number - self.last - 1 if self.last else 0
            self.last = number


def parse(message: str | bytes) -> dict[str, Any]:
    """The JSON object of a message. Raises ``StreamFault``."""
    if len(message) > LONGEST_MESSAGE:
        raise StreamFault("message", f"longer than {LONGEST_MESSAGE} characters")
    try:
        found = json.loads(message)
    except (ValueError, RecursionError) as fault:  # UnicodeDecodeError is a ValueError
        raise StreamFault("message", "is no JSON") from fault
    if not isinstance(found, dict):
        raise StreamFault("message", "is no JSON object")
    return found


def part(message: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object in a message; empty where there is none. Raises ``StreamFault`` where it is something else."""
    found = message.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise StreamFault(name, "is no object")
    return found


def text(value: object, name: str, *, needed: bool = False) -> str:
    """A text, or a number as one; "" where there is none. Raises ``StreamFault``."""
    if value is None or value == "":
        if needed:
            raise StreamFault(name, "is missing")
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise StreamFault(name, "is no text")
    if isinstance(value, int) and abs(value) >= 10**18:
        raise StreamFault(name, "is too large")
    found = str(value)
    if len(found) > LONGEST_TEXT or not found.isprintable():
        raise StreamFault(name, f"is longer than {LONGEST_TEXT} characters, or not printable")
    return found


def number(value: object, name: str, unit: str = "") -> int:
    """A whole number of at least 0, written as one or as a text, with its unit or without; 0 where there is none.
    Raises ``StreamFault``."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    found = text(value, name).strip()
    if unit and found.lower().endswith(unit):
        found = found[: -len(unit)].rstrip()
    if not found:
        return 0
    if not (found.isascii() and found.isdigit()) or len(found) > 15:
        raise StreamFault(name, "is no whole number of at least 0")
    return int(found)


def audio(value: object, name: str, unit_bytes: int = 1) -> bytes:
    """Audio in base64; ``unit_bytes`` of a sample. Raises ``StreamFault``."""
    if not isinstance(value, str):
        raise StreamFault(name, "is missing" if value is None else "is no text")
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise StreamFault(name, "is no base64") from fault
    if len(data) % unit_bytes:
        raise StreamFault(name, f"has {len(data)} bytes, and a sample has {unit_bytes}")
    return data


def digit(value: object, name: str) -> str:
    """A key of a telephone. Raises ``StreamFault``."""
    found = text(value, name, needed=True).strip().upper()
    if found not in KEYS:
        raise StreamFault(name, "is no key of a telephone")
    return found


def parameters(value: object, name: str) -> dict[str, str]:
    """Custom parameters, by name; those that are no text are left out. Raises ``StreamFault``."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise StreamFault(name, "is no object")
    if len(value) > MOST_PARAMETERS:
        raise StreamFault(name, f"has more than {MOST_PARAMETERS} parameters")
    return {_printable(key): _printable(one) for key, one in value.items() if isinstance(one, str | int | float)}


def _printable(value: str | float) -> str:
    """A parameter is whatever somebody wrote into TwiML or a flow: what cannot be shown of it is left out."""
    return "".join(char for char in str(value)[:LONGEST_TEXT] if char.isprintable())


def base64_of(data: bytes) -> str:
    """As messages have it."""
    return base64.b64encode(data).decode("ascii")


def compact(message: Mapping[str, object]) -> str:
    """A message as it is sent."""
    return json.dumps(message, separators=(",", ":"))
