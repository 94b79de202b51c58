"""A vendor's protocol on one connection, without the connection: what is sent, and what comes back means."""

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from engine.errors import ProviderFault
from engine.net.errors import SocketClosed

UNREADABLE = (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError)
"""What reading a message of another shape than documented may raise; ``take`` makes a ``broken`` fault of it."""

Message = str | bytes


@dataclass(frozen=True, slots=True)
class Words:
    """What a message said of a stretch. ``number`` counts the stretches of this connection; ``start`` and ``end`` are
    samples of its audio there, None where the vendor gives no times. ``last``: nothing more of this stretch comes."""

    number: int
    text: str
    final: bool = False
    last: bool = False
    start: int | None = None
    end: int | None = None
    confidence: float = -1.0
    language: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A message told of a fault. ``number``: of this stretch, whose final will not come. ``ends``: the connection is of
    no more use."""

    fault: ProviderFault
    number: int | None = None
    ends: bool = False


class Wire(Protocol):
    """A vendor's protocol on one connection, without the connection: messages out, and what came in means."""

    alive_s: float
    """After so long without a message either way ``alive`` is sent."""

    def opening(self) -> list[Message]:
        """What is said first."""

    def begin(self) -> int:
        """A stretch begins; its number on this connection, counted from 0."""

    def audio(self, pcm: bytes) -> list[Message]:
        """More of the newest stretch, at the call's rate."""

    def end(self) -> list[Message]:
        """The newest stretch is over: its final is wanted."""

    def alive(self) -> list[Message]:
        """What keeps an idle connection open."""

    def closing(self) -> list[Message]:
        """What is said last."""

    def take(self, message: Message) -> list[Words | Trouble]:
        """What a message means."""

    def lost(self, closed: SocketClosed) -> ProviderFault:
        """The fault that an end of the connection means."""


def text_of(value: object) -> str:
    """Text of a message. Raises ``TypeError``."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} in place of text")
    return value


def probability(value: float) -> float:
    """A confidence as ``Heard`` has it: rounded; -1 for what is none."""
    return round(float(value), 3) if 0 <= value <= 1 else -1.0


def socket_url(url: str) -> str:
    """``http`` as ``ws`` and ``https`` as ``wss``; the rest as it is."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    return urlunsplit((scheme, *parts[1:])).rstrip("/")


__all__ = ["UNREADABLE", "Message", "Trouble", "Wire", "Words", "probability", "socket_url", "text_of"]
