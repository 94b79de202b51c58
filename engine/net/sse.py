"""Server-sent events: bytes in, events out. Pure (WHATWG HTML 9.2.6; fields that providers do not use are skipped)."""

from collections.abc import Iterator

LONGEST_EVENT = 1 << 20
"""Bytes of an event that has not ended; more is no event stream."""


class SseReader:
    """Of one stream. Yields the ``data`` of each event as text; the kind of an event stands in the data, too, at all
    providers that we know."""

    def __init__(self) -> None:
        """At the start of a stream."""
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[str]:
        """The events that end with this piece. Raises ``ValueError`` when it cannot be an event stream."""
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            line = line.removesuffix(b"\r")
            if line.startswith(b"data:"):
                data = line[5:].removeprefix(b" ")
                self._data.append(data)
                self._size += len(data)
            elif not line and self._data:
                data = b"\n".join(self._data)
                self._data, self._size = [], 0
                yield data.decode("utf-8", "replace")
        if len(self._rest) + self._size > LONGEST_EVENT:
            raise ValueError(f"an event of more than {LONGEST_EVENT} bytes")
