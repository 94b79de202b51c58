"""Voices of ElevenLabs, with the times of their words.

Sources: ElevenLabs' API reference, "Stream speech with timing" (``POST /v1/text-to-speech/{voice}/stream/
with-timestamps``, ``output_format`` in the query, ``xi-api-key``) and their Python SDK, which reads the answer line by
line as JSON: ``audio_base64`` and ``alignment`` with ``characters``, ``character_start_times_seconds`` and
``character_end_times_seconds``, counted from the start of the request's audio; or null.

``alignment`` is of the text that was sent, ``normalized_alignment`` of what it was turned into; the ledger wants the
first. Some models send it twice for a stretch (pipecat issue 4316): what goes back in time is not taken again.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any

from engine.config.providers import ElevenLabsOptions
from engine.errors import ProviderFault
from engine.net.credentials import Credentials
from engine.net.faults import fault_of
from engine.net.http import Answer
from engine.speech.interfaces import Chunk, WordTime
from engine.speech.tts.pcm_stream import PcmStream
from engine.speech.tts.remote import RemoteVoice, Shape

LONGEST_LINE = 1 << 22
"""Bytes of one line: about a minute of audio. More is not their stream."""


class ElevenLabs(RemoteVoice):
    """A ``Voice``. A request runs in the greenlet that takes its audio."""

    def __init__(self, name: str, options: ElevenLabsOptions, credentials: Credentials) -> None:
        """``name`` is what the configuration calls it."""
        super().__init__(name, options, credentials)
        self._options = options

    def _speak(self, text: str, shape: Shape) -> Iterator[Chunk]:
        options = self._options
        body: dict[str, Any] = {"text": text, "model_id": options.model}
        if options.language:
            body["language_code"] = options.language
        body.update(options.extra)
        path = f"/v1/text-to-speech/{options.voice}/stream" + ("/with-timestamps" if options.timestamps else "")
        with self.http.stream("POST", path, body, query={"output_format": f"pcm_{options.rate_hz}"},
                              headers=self._credentials.headers()) as answer:
            if options.timestamps:
                yield from self._timed(answer, PcmStream(options.rate_hz), shape, Words(text, options.rate_hz))
            else:
                yield from self._audio(answer, shape, options.rate_hz)

    def _timed(self, answer: Answer, stream: PcmStream, shape: Shape, words: "Words") -> Iterator[Chunk]:
        for line in self._lines(answer):
            audio, alignment = self._read(line)
            try:
                shape.add_words(words.add(alignment))
            except (KeyError, TypeError, ValueError) as fault:
                raise ProviderFault(self.provider, "broken", f"an alignment that is none: {fault!r:.100}") from fault
            pcm = self._samples(stream, audio)
            if len(pcm):
                answer.begun()
                yield shape.chunk(pcm, stream.rate)
        shape.add_words(words.finish())
        yield shape.chunk(self._samples(stream, None), stream.rate)
        yield shape.rest()

    def _lines(self, answer: Answer) -> Iterator[bytes]:
        rest = b""
        for piece in answer:
            *lines, rest = (rest + piece).split(b"\n")
            yield from (line for line in lines if line.strip())
            if len(rest) > LONGEST_LINE:
                raise ProviderFault(self.provider, "broken", "a line that does not end")
        if rest.strip():
            yield rest

    def _read(self, line: bytes) -> tuple[bytes, Mapping[str, Any]]:
        """(PCM, alignment) of a line."""
        try:
            content = json.loads(line.strip().removeprefix(b"data:"))
            if "audio_base64" not in content:
                raise fault_of(self.provider, 0, {}, content)
            return base64.b64decode(content["audio_base64"] or "", validate=True), content.get("alignment") or {}
        except (ValueError, TypeError, binascii.Error) as fault:
            raise ProviderFault(self.provider, "broken", f"a line that is not theirs: {fault!r:.100}") from fault


class Words:
    """Times of characters become times of words, as the ledger counts them. Pure.

    A word is given with its last letter: as the text has it, or, where the letters are not the text's, at a space.
    """

    def __init__(self, text: str, rate: int) -> None:
        """Of the clause ``text``, in samples at ``rate`` Hz."""
        self._text = text
        self._rate = rate
        self._word = ""  # the letters of the word that is coming
        self._start = self._end = self._told = 0.0  # of that word, and of all letters
        self._at = 0  # characters of the text that are done
        self._expected = self._next()

    def add(self, alignment: Mapping[str, Any]) -> list[WordTime]:
        """The words that end in this piece of the alignment. Raises ``KeyError``, ``TypeError``, ``ValueError``."""
        if not alignment:
            return []
        done: list[WordTime] = []
        told = self._told if alignment["character_start_times_seconds"][:1] < [self._told] else -1.0
        for letter, start, end in zip(alignment["characters"], alignment["character_start_times_seconds"],
                                      alignment["character_end_times_seconds"], strict=True):
            if end <= told:
                continue
            self._told = end
            if letter.isspace():
                done += self.finish()
                continue
            if not self._word:
                self._start = start
            self._word += letter
            self._end = end
            if self._word == self._expected:
                done += self.finish()
        return done

    def finish(self) -> list[WordTime]:
        """The word that was coming, if it stands in the text."""
        word, self._word = self._word, ""
        found = self._text.find(word, self._at) if word else -1
        if found < 0:
            return []
        self._at = found + len(word)
        self._expected = self._next()
        return [WordTime(found, self._at, round(self._start * self._rate), round(self._end * self._rate))]

    def _next(self) -> str:
        """The next word of the text; empty at its end."""
        rest = self._text[self._at:].split(maxsplit=1)
        return rest[0] if rest else ""
