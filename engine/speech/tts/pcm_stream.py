"""Audio that comes as bytes, cut anywhere: PCM or a WAV with its header in pieces. Pure."""

import numpy as np

from engine.speech.interfaces import Pcm
from engine.speech.tts.program import wav_header

LARGEST_HEADER = 4096
"""Bytes of a WAV before its samples; more is no WAV."""

PIECE_MS = 20
"""Smaller pieces are gathered up to this: each costs the engine a fixed effort."""

_NOT_AUDIO = {b"<!doctype": "a web page", b"<html": "a web page", b"<?xml": "XML", b'{"': "JSON", b"id3": "MP3",
              b"oggs": "Ogg", b"flac": "FLAC"}


class PcmStream:
    """Bytes in, samples out. ``rate`` is 0 until it is known, in Hz then."""

    def __init__(self, rate: int, *, wav: bool = False, kind: str = "") -> None:
        """``rate`` of samples without a header; ``wav``: there must be one. A header that comes unasked is taken, too.
        ``kind`` is the media type that was told; some proxies say ``audio/mpeg`` of everything."""
        self.rate = 0
        self._plain_rate = rate
        self._wav = wav
        self._may_be_mp3 = "mpeg" in kind or "mp3" in kind
        self._data = b""

    def feed(self, piece: bytes) -> Pcm:
        """The samples that are complete. Raises ``ValueError`` saying what it is instead of audio."""
        self._data += piece
        if not self.rate and not self._begin():
            return np.zeros(0, np.int16)
        if len(self._data) < self.rate * PIECE_MS // 1000 * 2:
            return np.zeros(0, np.int16)
        return self._samples()

    def finish(self) -> Pcm:
        """The rest. Half a sample at the end is dropped. Raises ``ValueError`` if a header never came to its end."""
        if not self.rate:
            if not self._data:
                return np.zeros(0, np.int16)
            if self._wav or self._data[:4] == b"RIFF":
                raise ValueError("a WAV that ends in its header")
            self.rate = self._plain_rate
        return self._samples()

    def _begin(self) -> bool:
        """Whether it is clear where the samples begin; cuts off what is before."""
        if len(self._data) < 16:
            return False
        if self._wav or self._data[:4] == b"RIFF":
            self._check()
            found = wav_header(self._data)
            if found is None:
                if len(self._data) > LARGEST_HEADER:
                    raise ValueError("a WAV without samples in its first 4 kB")
                return False
            self.rate, start = found
            self._data = self._data[start:]
            return True
        self._check()
        self.rate = self._plain_rate
        return True

    def _check(self) -> None:
        """Samples may begin with any bytes, but hardly with the first letters of these. An MP3 that begins without
        letters is only looked for where one is announced: its first two bytes are a sample like others."""
        start = self._data[:512].lstrip()[:10].lower()
        for letters, name in _NOT_AUDIO.items():
            if start.startswith(letters):
                raise ValueError(f"{name}, not {'a WAV' if self._wav else 'PCM'}")
        if self._may_be_mp3 and self._data[0] == 0xFF and self._data[1] & 0xE6 == 0xE2:  # sync, layer III
            raise ValueError(f"MP3, not {'a WAV' if self._wav else 'PCM'}")

    def _samples(self) -> Pcm:
        whole = len(self._data) // 2 * 2
        pcm = np.frombuffer(self._data[:whole], "<i2").astype(np.int16)
        self._data = self._data[whole:]
        return pcm
