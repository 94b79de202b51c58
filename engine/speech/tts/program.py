"""Voices that are programs: text on standard input, a WAV file on standard output.

This is how espeak-ng (GPL-3) is used: as a separate program, never linked. A program is started per clause; audio is
passed on as it comes.
"""

import shutil
import struct
from collections.abc import Iterator
from typing import Any

import gevent
import numpy as np
from gevent.subprocess import DEVNULL, PIPE, Popen

from engine.speech.errors import SpeechError, VoiceUnavailable
from engine.speech.interfaces import Chunk
from engine.speech.tts.shape import Trimmer, ascii_text

PATIENCE_S = 5.0  # for the next piece of audio
MAX_TEXT = 2000  # characters of a clause
PIECE = 1 << 13  # bytes read at once: a quarter of a second
_LARGEST_HEADER = 4096


class ProgramVoice:
    """A ``Voice`` that runs ``command`` per clause. ``ascii_only`` for programs that know no other letters."""

    def __init__(self, name: str, command: list[str], *, gain: float = 1.0, ascii_only: bool = False) -> None:
        """Raises ``VoiceUnavailable`` if the program is not installed."""
        program = shutil.which(command[0])
        if program is None:
            raise VoiceUnavailable(f"the program {command[0]} is not installed. "
                                   f"To install it: sudo apt-get install -y {command[0]}")
        self.name = name
        self._command = [program, *command[1:]]
        self._gain = gain
        self._ascii_only = ascii_only

    def render(self, text: str) -> Iterator[Chunk]:
        """Audio of one clause, trimmed of silence."""
        if len(text) > MAX_TEXT:
            raise SpeechError(f"a clause of {len(text)} characters; the longest is {MAX_TEXT}")
        if not any(character.isalnum() for character in text):
            return
        plain = ascii_text(text)[0] if self._ascii_only else text.replace("\0", " ")
        process = Popen(self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, bufsize=0)
        into: Any = process.stdin
        out: Any = process.stdout
        try:
            into.write(plain.encode() + b"\n")
            into.close()
            yield from self._chunks(out)
            if process.wait(PATIENCE_S):
                raise SpeechError(f"{self.name}: {self._command[0]} ended with {process.returncode}")
        except (OSError, ValueError) as fault:
            raise SpeechError(f"{self.name}: {fault}") from fault
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            into.close()
            out.close()

    def _chunks(self, pipe: Any) -> Iterator[Chunk]:
        data = b""
        while (found := wav_header(data)) is None:
            piece = self._read(pipe)
            if not piece or len(data) > _LARGEST_HEADER:
                raise SpeechError(f"{self.name}: {self._command[0]} gave no WAV")
            data += piece
        rate, start = found
        data = data[start:]
        trimmer = Trimmer(rate, self._gain)
        while True:
            whole = len(data) // 2 * 2
            pcm = trimmer.feed(np.frombuffer(data[:whole], "<i2"))
            if len(pcm):
                yield Chunk(pcm, rate)
            piece = self._read(pipe)
            if not piece:
                break
            data = data[whole:] + piece
        tail = trimmer.finish()
        if len(tail):
            yield Chunk(tail, rate)

    def _read(self, pipe: Any) -> bytes:
        with gevent.Timeout(PATIENCE_S, SpeechError(f"{self.name} gave no audio for {PATIENCE_S:.0f} s")):
            return bytes(pipe.read(PIECE) or b"")

    def close(self) -> None:
        """Nothing is held."""


def wav_header(data: bytes) -> tuple[int, int] | None:
    """(rate, offset of the first sample) of a mono 16-bit WAV, or None while its header is not whole. The lengths in
    the header are not believed: programs that write to a pipe do not know them. Raises ``ValueError``."""
    if len(data) < 12:
        return None
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("not a WAV")
    at, rate = 12, 0
    while len(data) >= at + 8:
        kind, length = data[at:at + 4], struct.unpack_from("<I", data, at + 4)[0]
        if kind == b"data":
            return (rate, at + 8) if rate else None
        if len(data) < at + 8 + length:
            return None
        if kind == b"fmt ":
            coding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, at + 8)
            if (coding, channels, bits) != (1, 1, 16):
                raise ValueError("not 16-bit mono PCM")
        at += 8 + length + length % 2
    return None
