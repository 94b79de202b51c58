"""What voices behind HTTP have in common: one request a clause, audio passed on as it comes, trimmed of silence."""

import hashlib
import json
import re
from collections.abc import Iterator

import numpy as np

from engine.config.providers import AUDIO_RATES_HZ, VoiceOptions
from engine.errors import ProviderFault
from engine.net.credentials import Credentials
from engine.net.http import Answer, HttpClient
from engine.speech.interfaces import Chunk, Pcm, WordTime
from engine.speech.tts.pcm_stream import PcmStream
from engine.speech.tts.shape import Trimmer, joined

MAX_TEXT = 2000  # characters of a clause

STREAMED_RATES_HZ = (8000, 16000, 24000, 48000)
"""Rates that are resampled as they come. Audio at another rate is passed on when the clause is complete: resampled in
pieces it would click where they meet."""


class RemoteVoice:
    """Base of the voices behind HTTP; a ``Voice`` says in ``_answer`` how it is asked.

    ``name`` tells the phrase cache apart what sounds different, so it must change with every setting that is heard.
    """

    def __init__(self, name: str, options: VoiceOptions, credentials: Credentials) -> None:
        """``name`` is what the configuration calls it."""
        self.provider = name
        self.name = f"{name}:{_settings(options)}"
        self._credentials = credentials
        self._gain = 10 ** (options.gain_db / 20)
        self.http = HttpClient(
            name, options.base_url, headers=options.headers, query=options.query,
            connect_timeout_s=options.connect_timeout_s,
            first_byte_timeout_s=options.first_byte_timeout_s, total_timeout_s=options.total_timeout_s,
            max_connections=options.max_connections)

    def render(self, text: str) -> Iterator[Chunk]:
        """Audio of one clause, as soon as there is some. Closing the iterator ends the request. Raises
        ``ProviderFault``."""
        if len(text) > MAX_TEXT:
            raise ProviderFault(self.provider, "refused", f"a clause of {len(text)} characters; at most {MAX_TEXT}")
        if not any(character.isalnum() for character in text):
            return
        shape = Shape(self._gain)
        gathered: list[Chunk] = []
        for chunk in self._speak(text, shape):
            if len(chunk.pcm) and chunk.rate in STREAMED_RATES_HZ:
                yield chunk
            elif len(chunk.pcm):
                gathered.append(chunk)
        if gathered:
            yield joined(gathered)
        if not shape.heard:
            raise ProviderFault(self.provider, "broken", "it gave no audio for the text")

    def _speak(self, text: str, shape: "Shape") -> Iterator[Chunk]:
        """Ask for ``text``; chunks of its audio through ``shape``."""
        raise NotImplementedError

    def _audio(self, answer: Answer, shape: "Shape", rate: int, *, wav: bool = False) -> Iterator[Chunk]:
        """The chunks of an answer that is nothing but audio: a WAV, or samples at ``rate``."""
        self._check_kind(answer, 0 if wav else rate)
        stream = PcmStream(rate, wav=wav, kind=answer.kind)
        for piece in answer:
            pcm = self._samples(stream, piece)
            if len(pcm):
                answer.begun()
                yield shape.chunk(pcm, stream.rate)
        yield shape.chunk(self._samples(stream, None), stream.rate)
        yield shape.rest()

    def _samples(self, stream: PcmStream, piece: bytes | None) -> Pcm:
        """The samples of the next piece; None: the end."""
        try:
            pcm = stream.feed(piece) if piece is not None else stream.finish()
        except ValueError as fault:
            raise ProviderFault(self.provider, "broken", f"it answers with {fault}") from fault
        if stream.rate and stream.rate not in AUDIO_RATES_HZ:
            raise ProviderFault(self.provider, "broken", f"it speaks at {stream.rate} Hz; the engine plays "
                                                         f"{', '.join(map(str, AUDIO_RATES_HZ))}")
        return pcm

    def _check_kind(self, answer: Answer, rate: int) -> None:
        """Refuse what says that it is no audio, or audio at another rate than ``rate`` (0: any)."""
        if answer.kind.startswith("text/") or answer.kind == "application/json":
            said = " ".join(answer.read_all(500).decode("utf-8", "replace").split())[:200]
            more = "" if said.startswith("<") else f": {said}"
            raise ProviderFault(self.provider, "broken", f"it answers with {answer.kind}, not with audio{more}")
        told = re.search(r";\s*rate=(\d+)", answer.headers.get("content-type", ""))
        if rate and told and int(told[1]) != rate:
            raise ProviderFault(self.provider, "broken", f"it speaks at {told[1]} Hz: correct rate_hz ({rate})")

    def warm(self) -> None:
        """Open a connection ahead of the first clause. Never raises; returns at once."""
        self._credentials.warm()
        self.http.warm()

    def close(self) -> None:
        """Close the connections."""
        self._credentials.close()
        self.http.close()


class Shape:
    """Of one clause: silence off its ends, its loudness, and word times that fit what is left."""

    def __init__(self, gain: float) -> None:
        """``gain`` is a factor."""
        self.heard = False
        self._gain = gain
        self._trimmer: Trimmer | None = None
        self._rate = 0
        self._words: list[WordTime] = []

    def add_words(self, words: list[WordTime]) -> None:
        """Words with their samples in the audio as the voice gave it; they go with the next chunk."""
        self._words += words

    def chunk(self, pcm: Pcm, rate: int) -> Chunk:
        """The next audio; what comes out may be empty."""
        if self._trimmer is None and len(pcm):
            self._trimmer, self._rate = Trimmer(rate, self._gain), rate
        return self._chunk(self._trimmer.feed(pcm) if self._trimmer else pcm)

    def rest(self) -> Chunk:
        """The end of the clause."""
        return self._chunk(self._trimmer.finish() if self._trimmer else np.zeros(0, np.int16))

    def _chunk(self, pcm: Pcm) -> Chunk:
        if not len(pcm) or self._trimmer is None:
            return Chunk(pcm, self._rate)
        self.heard = True
        cut = self._trimmer.cut
        words = tuple(WordTime(w.start_char, w.end_char, max(0, w.start_sample - cut), max(0, w.end_sample - cut))
                      for w in self._words)
        self._words = []
        return Chunk(pcm, self._rate, words)


def _settings(options: VoiceOptions) -> str:
    """A short text that changes with every setting that is heard, and is the same in every process."""
    silent = {"api_key", "api_key_env", "headers", "query", "max_connections", "timestamps"}
    heard = {name: value for name, value in options.model_dump().items()
             if name not in silent and not name.endswith("_timeout_s")}
    return hashlib.sha256(json.dumps(heard, sort_keys=True).encode()).hexdigest()[:12]
