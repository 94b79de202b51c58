"""Sound in the formats that other programs send and want. CPU work: pool threads only, but for ``PLAIN`` formats."""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import soundfile

from engine.compatible.errors import CompatibleError
from engine.media.g711 import ulaw_encode
from engine.media.pcm import Pcm
from engine.media.resample import RATES, resample

SPOKEN_RATE = 24_000
"""Hz of what ``/v1/audio/speech`` gives, as OpenAI's; mulaw has 8000."""

MOST_CHANNELS = 8
PART_S = 30

UNKNOWN_LENGTH = 0xFFFFFFFF
"""In the header of a WAV whose end is not known when it begins."""


@dataclass(frozen=True, slots=True)
class Format:
    """How speech is sent. ``encode`` makes the bytes of a piece of PCM: pieces follow each other where ``streams``,
    else it is given all of it at once. ``head`` comes before."""

    mimetype: str
    rate: int
    encode: Callable[[Pcm], bytes]
    streams: bool
    head: bytes = b""


def decode(data: bytes, rate: int, longest_s: float) -> Pcm:
    """A recording (WAV, FLAC, OGG, MP3 ...; channels mixed) as int16 mono at ``rate`` Hz. Raises ``CompatibleError``
    for what is no recording, or a longer one.

    A second at a time: half a megabyte of silence in eight channels unfolds to gigabytes.
    """
    pieces: list[Pcm] = []
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            found = int(file.samplerate)
            if found not in RATES or file.channels > MOST_CHANNELS:
                raise CompatibleError("unsupported", f"file: {file.channels} channels at {found} Hz; send up to "
                                      f"{MOST_CHANNELS} at one of {', '.join(map(str, RATES))} Hz", "file")
            if file.frames > longest_s * found:
                raise CompatibleError("too_large", f"file: {file.frames / found:.0f} s; at most {longest_s:g} s "
                                      "(compatible.audio_s); send it in parts", "file")
            for block in file.blocks(found, frames=int(longest_s * found) + 1, dtype="float32", always_2d=True):
                pieces.append(np.clip(np.rint(block.mean(axis=1) * 32768), -32768, 32767).astype(np.int16))
    except soundfile.LibsndfileError as fault:
        raise CompatibleError("invalid", f"file: not a recording that can be read ({fault.error_string.rstrip('.')}); "
                              "send WAV, FLAC, OGG or MP3", "file") from fault
    if not pieces:
        raise CompatibleError("invalid", "file: there is no sound in it", "file")
    return resampled(np.concatenate(pieces), found, rate)


def resampled(pcm: Pcm, rate_from: int, rate_to: int) -> Pcm:
    """As ``resample``, but half a minute at a time, whose working memory is that of half a minute. Each has a second
    of its neighbours around it while it is computed, so that no edge is heard."""
    parts = []
    for start in range(0, len(pcm), PART_S * rate_from):
        before = min(start, rate_from)
        part = resample(pcm[start - before:start + (PART_S + 1) * rate_from], rate_from, rate_to)
        skip = before // rate_from * rate_to
        parts.append(part[skip:skip + PART_S * rate_to])
    return np.concatenate(parts)


def wav_head(rate: int, samples: int | None = None) -> bytes:
    """The header of 16-bit mono PCM; ``samples`` None: not known yet."""
    size = UNKNOWN_LENGTH if samples is None else samples * 2
    riff = UNKNOWN_LENGTH if samples is None else size + 36
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data",
                       size)


def _pcm(pcm: Pcm) -> bytes:
    return pcm.astype("<i2").tobytes()


def _mulaw(pcm: Pcm) -> bytes:
    return ulaw_encode(pcm).tobytes()


def _filed(container: str, subtype: str, rate: int) -> Callable[[Pcm], bytes]:
    def encode(pcm: Pcm) -> bytes:
        file = io.BytesIO()
        # libsndfile's Ogg encoder overflows its stack when it is given much at once.
        with soundfile.SoundFile(file, "w", rate, 1, subtype, format=container) as out:
            for start in range(0, len(pcm), rate):
                out.write(pcm[start:start + rate])
        return file.getvalue()

    return encode


FORMATS: dict[str, Format] = {
    "wav": Format("audio/wav", SPOKEN_RATE, _pcm, True, wav_head(SPOKEN_RATE)),
    "pcm": Format("audio/pcm", SPOKEN_RATE, _pcm, True),
    "mulaw": Format("audio/basic", 8000, _mulaw, True),
    "flac": Format("audio/flac", SPOKEN_RATE, _filed("FLAC", "PCM_16", SPOKEN_RATE), False),
    "mp3": Format("audio/mpeg", SPOKEN_RATE, _filed("MP3", "MPEG_LAYER_III", SPOKEN_RATE), False),
    "opus": Format("audio/ogg", SPOKEN_RATE, _filed("OGG", "OPUS", SPOKEN_RATE), False),
}


def format_of(name: str) -> Format:
    """The format of that name. Raises ``CompatibleError`` for one that cannot be written here."""
    container = {"mp3": "MP3", "opus": "OGG", "flac": "FLAC"}.get(name)
    if name not in FORMATS or (container and container not in soundfile.available_formats()):
        raise CompatibleError("unsupported", f"response_format: '{name}' cannot be written here; there are "
                              f"{', '.join(FORMATS)}", "response_format")
    return FORMATS[name]
