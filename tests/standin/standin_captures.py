"""Reads the recorded conversations in ``tests/data/esl``: what each side said, when, and FreeSWITCH's messages."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

FOLDER = Path(__file__).parents[1] / "data" / "esl"


@dataclass(frozen=True)
class Chunk:
    """What one side said at ``at`` seconds; ``who`` is ``C`` (controller), ``S`` (FreeSWITCH) or ``NOTE``."""

    at: float
    who: str
    data: bytes


@dataclass(frozen=True)
class Message:
    """One message of FreeSWITCH: outer headers in order, the event's headers in order if it is one, the body if not."""

    outer: list[tuple[str, str]]
    event: list[tuple[str, str]] | None
    body: str

    @property
    def name(self) -> str:
        """The event's name, or the content type."""
        return dict(self.event)["Event-Name"] if self.event else dict(self.outer)["Content-Type"]

    def get(self, header: str) -> str | None:
        return dict(self.event or self.outer).get(header)

    def fields(self) -> list[tuple[str, str]]:
        """All headers in order."""
        return [*self.outer, *(self.event or [])]


def chunks(name: str) -> list[Chunk]:
    """The recording's chunks with their bytes restored (``\\r`` and escapes are printed, the length is exact)."""
    found: list[tuple[float, str, int, list[str]]] = []
    for line in (FOLDER / name).read_text().splitlines(keepends=True):
        head = re.match(r"---\s+([\d.]+) (C|S)> (?:EOF )?(\d+) bytes$", line)
        note = re.match(r"---\s+([\d.]+) (C> close|S> EOF|NOTE).*$", line)
        if head:
            found.append((float(head[1]), head[2], int(head[3]), []))
        elif note:
            found.append((float(note[1]), "NOTE", 0, []))
        elif found:
            found[-1][3].append(line)
    return [Chunk(at, who, _restore("".join(lines), size)) for at, who, size, lines in found if size]


def _restore(text: str, size: int) -> bytes:
    """The bytes of a chunk: a CR is printed as ``\\r`` (in JSON it is one already), a missing last LF is added."""
    for data in (text.encode(), text.replace("\\r", "\r").encode()):
        if size <= len(data) <= size + 1:
            return data[:size]
    raise AssertionError(f"a chunk that is not {size} bytes: {text[:80]}")


def messages(stream: bytes) -> list[Message]:
    """FreeSWITCH's bytes as messages."""
    found = []
    while stream:
        head, end, rest = stream.partition(b"\n\n")
        assert end, f"an unfinished message: {stream[:100]!r}"
        outer = _headers(head.decode())
        length = int(dict(outer).get("Content-Length", "0"))
        body, stream = rest[:length].decode(), rest[length:]
        found.append(_message(outer, body))
    return found


def _message(outer: list[tuple[str, str]], body: str) -> Message:
    kind = dict(outer).get("Content-Type", "")
    if outer[0][0] == "Event-Name":  # the reply to connect is an event without a body
        return Message([], [(name, unquote(value)) for name, value in outer], "")
    if kind == "text/event-plain":
        head, _, inner = body.partition("\n\n")
        return Message(outer, [(name, unquote(value)) for name, value in _headers(head)], inner)
    if kind == "text/event-json":
        return Message(outer, list(json.loads(body).items()), "")
    return Message(outer, None, body)


def _headers(text: str) -> list[tuple[str, str]]:
    return [tuple(line.split(": ", 1)) for line in text.split("\n")]
