"""A recording over HTTP: whole or a range of it, read in threads; its header is right while the call goes on."""

import re
from collections.abc import Iterator
from pathlib import Path

from engine.offhub import off_hub
from engine.telemetry.recording import Recording, read
from engine.web.errors import ApiError
from engine.web.route import Answer

PIECE = 128 * 1024
"""Bytes read at a time."""


def answer(path: Path, wanted: str | None) -> Answer:
    """The WAV at ``path``. ``wanted``: the request's ``Range`` header. Raises ``ApiError`` 416 for a range beyond its
    end, ``TelemetryError`` for a file that is no recording."""
    recording = off_hub(read, path)
    size = recording.wav_bytes
    headers = {"Accept-Ranges": "bytes"}
    span = ranged(wanted, size)
    if span is None:
        return Answer(_pieces(recording, 0, size), "audio/wav", {**headers, "Content-Length": str(size)})
    start, end = span
    if start >= size:
        raise ApiError(416, "range_not_satisfiable", f"the recording has {size} bytes", "Range",
                       headers={"Content-Range": f"bytes */{size}"})
    headers |= {"Content-Range": f"bytes {start}-{end - 1}/{size}", "Content-Length": str(end - start)}
    return Answer(_pieces(recording, start, end), "audio/wav", headers, 206)


def ranged(wanted: str | None, size: int) -> tuple[int, int] | None:
    """First byte, and the one after the last, of ``bytes=a-b``, ``bytes=a-`` or ``bytes=-n``. None: all of it, also for
    what is no range or several (RFC 9110 lets a server ignore them)."""
    found = re.fullmatch(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", wanted or "", re.ASCII)
    if not found or not (found[1] or found[2]):
        return None
    if not found[1]:
        last = int(found[2])
        return (max(size - last, 0), size) if last else (size, size)
    start, end = int(found[1]), int(found[2] or size - 1) + 1
    return None if found[2] and end <= start else (start, min(end, size))


def _pieces(recording: Recording, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, PIECE):
        yield off_hub(recording.wav, at, min(at + PIECE, end))
