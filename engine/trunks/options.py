"""An OPTIONS request outside of any call (RFC 3261, 11), and what its answer tells of a trunk. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from engine.trunks.errors import Malformed

MOST_BYTES = 16384
"""An answer to OPTIONS is a few hundred bytes; what is longer is none."""

_STATUS = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?")
_COMPACT = {"v": "via", "i": "call-id", "f": "from", "t": "to", "l": "content-length", "m": "contact"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. ``date`` is the clock of whoever answered, None where it did not tell."""

    status: int
    reason: str
    server: str = ""
    date: datetime | None = None


def request(host: str, transport: str, local: tuple[str, int], *, branch: str, call_id: str, tag: str) -> bytes:
    """The request to ``sip:host``. ``local`` is where the answer is to go; ``branch``, ``call_id`` and ``tag`` are the
    caller's own random words, letters and digits only."""
    for text in (host, transport, local[0], branch, call_id, tag):
        if not re.fullmatch(r"[A-Za-z0-9.:_\[\]-]+", text):
            raise ValueError(f"{text[:40]!r} must not stand in a SIP request")
    to = f"[{host}]" if ":" in host else host
    here = f"[{local[0]}]:{local[1]}" if ":" in local[0] else f"{local[0]}:{local[1]}"
    lines = [
        f"OPTIONS sip:{to} SIP/2.0",
        f"Via: SIP/2.0/{transport.upper()} {here};branch=z9hG4bK{branch};rport",
        "Max-Forwards: 70",
        f"From: <sip:trunkline@{here}>;tag={tag}",
        f"To: <sip:{to}>",
        f"Call-ID: {call_id}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:trunkline@{here};transport={transport}>",
        "Accept: application/sdp",
        "User-Agent: Trunkline",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def is_whole(data: bytes) -> bool:
    """Whether the head of a message has come; its body, if any, is of no interest. ``Malformed`` when it never will."""
    if b"\r\n\r\n" in data:
        return True
    if len(data) > MOST_BYTES:
        raise Malformed(f"an answer of more than {MOST_BYTES} bytes is no answer to OPTIONS")
    return False


def answer(data: bytes, call_id: str) -> Answer | None:
    """The response in ``data``; None where it belongs to another request, or is provisional. Raises ``Malformed``."""
    head = data[:MOST_BYTES].partition(b"\r\n\r\n")[0].decode("utf-8", "replace").lstrip("\r\n")
    first, *rest = head.split("\r\n")
    status = _STATUS.fullmatch(first)
    if not status:
        raise Malformed(f"what answers is no SIP: {first[:60]!r}")
    headers: dict[str, str] = {}
    for line in rest:
        name, colon, value = line.partition(":")
        if colon:
            name = name.strip().lower()
            headers.setdefault(_COMPACT.get(name, name), value.strip())
    if headers.get("call-id") != call_id or int(status[1]) < 200:
        return None
    server = headers.get("server") or headers.get("user-agent", "")
    return Answer(int(status[1]), (status[2] or "").strip()[:60], _plain(server)[:60], _date(headers))


def _date(headers: Mapping[str, str]) -> datetime | None:
    try:
        told = parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return told if told.tzinfo else told.replace(tzinfo=timezone.utc)


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


__all__ = ["Answer", "answer", "is_whole", "request"]
