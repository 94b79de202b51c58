"""SIP over TCP, without I/O: a stream of bytes to messages (RFC 3261, 18.3)."""

import re

from engine.sip.errors import BadMessage
from engine.sip.message import MAX_HEAD, MAX_MESSAGE, content_length, parse_head

_END = re.compile(rb"\r?\n\r?\n")
_BLANK = re.compile(rb"[\r\n]+")


class Cutter:
    """Cuts a stream into messages, each as one ``bytes`` for ``parse``. Work is linear, memory is bounded."""

    def __init__(self) -> None:
        """Nothing received."""
        self._buffer = bytearray()
        self._searched = 0
        self._whole = 0  # length of the message being received, once known

    def receive(self, data: bytes) -> list[bytes]:
        """The messages that ``data`` completes. Raises ``BadMessage`` where the stream cannot be followed any more: a
        message without a good Content-Length; what came before it is lost with it, so end the connection."""
        self._buffer += data
        messages = []
        while True:
            if not self._whole and not self._find_length():
                break
            if len(self._buffer) < self._whole:
                break
            messages.append(bytes(self._buffer[: self._whole]))
            del self._buffer[: self._whole]
            self._whole = self._searched = 0
        return messages

    def _find_length(self) -> bool:
        blank = _BLANK.match(self._buffer)
        if blank and not self._searched:
            del self._buffer[: blank.end()]
        end = _END.search(self._buffer, max(0, self._searched - 3))
        if (len(self._buffer) if end is None else end.start()) > MAX_HEAD:
            raise BadMessage("Header too large")
        if end is None:
            self._searched = len(self._buffer)
            return False
        length = content_length(parse_head(bytes(self._buffer[: end.start()])))
        if length is None:
            raise BadMessage("Missing Content-Length")
        self._whole = end.end() + length
        if self._whole > MAX_MESSAGE:
            raise BadMessage("Message too large", 513)
        return True
