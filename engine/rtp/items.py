"""What a stream of packets becomes: audio, and time without."""

from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What an item of the stream is."""

    AUDIO = "audio"
    """A payload."""

    LOST = "lost"
    """Audio was sent, and did not come."""

    SILENT = "silent"
    """Nothing was sent."""


class Item(NamedTuple):
    """The next ``ticks`` of the caller; ``payload`` is empty where there is no audio."""

    kind: Kind
    payload: bytes
    ticks: int


__all__ = ["Item", "Kind"]
