"""What a Realtime session's protocol state asks of the engine's side of the session. Plain data."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Configure:
    """The session's configuration changed; ``session`` is all of it, as the client sees it (GA, defaults filled in).
    ``changed``: dotted names of what changed (``audio.input.turn_detection``, ``instructions`` ...)."""

    session: dict[str, Any]
    changed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Hear:
    """The client's next audio, in the session's input format."""

    audio: bytes


@dataclass(frozen=True, slots=True)
class CommitInput:
    """The client ends the caller's turn: what is in the buffer is transcribed into the item ``item_id``. No reply."""

    item_id: str


@dataclass(frozen=True, slots=True)
class ClearInput:
    """What is in the input buffer was not meant: forget it."""


@dataclass(frozen=True, slots=True)
class Respond:
    """The client wants a reply now. ``items``: the conversation it stands on, oldest first, as protocol items with the
    words that were heard (for ``conversation: none`` its own input). ``session``: the configuration that holds for
    this reply, with its overrides. ``aside``: it is not part of the conversation and runs beside it."""

    response_id: str
    items: tuple[dict[str, Any], ...]
    session: dict[str, Any]
    aside: bool = False
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CancelReply:
    """The client wants this reply stopped; answered by ``ReplyCut`` with the words that were heard (the client was told
    at once that it is cancelled). It may not have begun yet."""

    response_id: str


@dataclass(frozen=True, slots=True)
class Truncate:
    """The client has heard only so much of the agent's item; answered by ``Truncated`` with the words of it (until then
    they are estimated from what was sent)."""

    item_id: str
    response_id: str
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class ClearOutput:
    """Drop what is about to be heard (phone calls)."""


@dataclass(frozen=True, slots=True)
class TranscribeItem:
    """The client made an item of the caller's with audio (in the session's input format) and no words; answered by
    ``Transcribed`` with its ``item_id``."""

    item_id: str
    audio: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """The client made this item, which says something: words of the caller's, what a tool of the client's returned."""

    item: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Close:
    """The session is over: close the connection with this code."""

    code: int
    reason: str


Order = (Configure | Hear | CommitInput | ClearInput | Respond | CancelReply | Truncate | ClearOutput | TranscribeItem
         | Note | Close)
