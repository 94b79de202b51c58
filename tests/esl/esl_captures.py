"""Reads the recorded conversations in ``tests/data/esl``: FreeSWITCH 1.11.2 with a controller, both directions."""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "data" / "esl"
FILES = sorted(FOLDER.glob("*.txt"))

_CHUNK = re.compile(rb"^--- +([\d.]+) (\S+) (.*)\n", re.MULTILINE)


@dataclass(frozen=True)
class Chunk:
    """Bytes that went over in one piece. ``sender`` is ``S>`` (FreeSWITCH) or ``C>`` (controller)."""

    at: float
    sender: str
    data: bytes


def read(path):
    """The chunks of a capture. Carriage returns are shown as ``\\r`` in the files, except inside JSON, where it is
    JSON's own escape: the byte count of the chunk tells which."""
    text = path.read_bytes()
    marks = list(_CHUNK.finditer(text))
    chunks = []
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        size = re.match(rb"(\d+) bytes", mark[3])
        if size is None or mark[2] not in (b"S>", b"C>"):
            continue
        shown = text[mark.end() : following.start() if following else len(text)]
        data = shown if int(size[1]) <= len(shown) <= int(size[1]) + 1 else shown.replace(b"\\r", b"\r")
        data = data[: int(size[1])]
        assert len(data) == int(size[1]), f"{path.name} at {mark[1]!r}: {len(data)} bytes of {size[1]!r}"
        chunks.append(Chunk(float(mark[1]), mark[2].decode(), data))
    return chunks


def stream(path, sender="S>"):
    """All bytes of one direction."""
    return b"".join(chunk.data for chunk in read(path) if chunk.sender == sender)


def named(part):
    """The capture whose file name begins with ``part``."""
    return next(path for path in FILES if path.name.startswith(part))
