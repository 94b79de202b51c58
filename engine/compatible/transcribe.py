"""Recordings to text for other programs: through the ears and the recogniser that calls have, off real time."""

import io
from collections.abc import Iterator
from typing import BinaryIO, Literal

from gevent.lock import BoundedSemaphore
from pydantic import BaseModel, ConfigDict, Field

from engine.casting import Casting
from engine.compatible.errors import CompatibleError
from engine.compatible.names import Direct, Names
from engine.compatible.sound import decode
from engine.compatible.transcripts import Segment, Transcript, joined
from engine.config import CompatibleOptions
from engine.media.pcm import Pcm
from engine.offhub import off_hub
from engine.routing.recogniser import RoutedRecogniser
from engine.routing.router import CallRoute
from engine.speech.interfaces import Recogniser
from engine.speech.offline import Line

RATE = 16_000
"""Hz at which recordings are heard."""


class TranscriptionForm(BaseModel):
    """The fields of the form besides ``file``. ``prompt`` and ``temperature`` are hints that are taken and not used."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    model: str = Field("auto", max_length=200)
    language: str = Field("", pattern=r"^([A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})?)?$")
    response_format: Literal["json", "text", "verbose_json", "srt", "vtt"] = "json"
    stream: bool = False
    timestamp_granularities: list[Literal["word", "segment"]] = Field([], alias="timestamp_granularities[]")
    prompt: str = ""
    temperature: float = 0.0
    include: list[str] = Field([], alias="include[]")
    chunking_strategy: str = ""


class Transcriber:
    """One an engine: so many recordings at a time."""

    def __init__(self, options: CompatibleOptions) -> None:
        """Nothing is heard yet."""
        self._options = options
        self._places = BoundedSemaphore(options.transcriptions)

    def transcribe(self, casting: Casting, file: BinaryIO, form: TranscriptionForm) -> "Hearing":
        """A recording on its way to text; ``file`` is read when its turn has come. Raises ``CompatibleError`` for what
        cannot be heard, ``TrunklineError``."""
        if file.seek(0, io.SEEK_END) > self._options.audio_mb * 1_000_000:
            raise CompatibleError("too_large", f"file: at most {self._options.audio_mb} MB (compatible.audio_mb)",
                                  "file")
        if form.include:
            raise CompatibleError("unsupported", "include: probabilities of tokens are not told", "include")
        language = form.language.lower().replace("_", "-").partition("-")[0]
        recogniser, language = _recogniser(casting, form.model, language)
        return Hearing(casting, recogniser, file, language, self._places, self._options)


class Hearing:
    """One recording: iterate for its segments, once; ``transcript`` is whole then."""

    def __init__(self, casting: Casting, recogniser: Recogniser, file: BinaryIO, language: str,
                 places: BoundedSemaphore, options: CompatibleOptions) -> None:
        """Use ``Transcriber.transcribe``."""
        self.transcript: Transcript = joined((), 0.0, language)
        self._casting, self._recogniser, self._file = casting, recogniser, file
        self._language, self._places, self._options = language, places, options

    def __iter__(self) -> Iterator[Segment]:
        """The segments as they are recognised. Raises ``CompatibleError`` when its turn does not come, and
        ``TrunklineError``."""
        wait_s = self._options.wait_s
        if not self._places.acquire(timeout=wait_s):
            raise CompatibleError("busy", f"other recordings are being heard; none ended within {wait_s:g} s")
        segments: list[Segment] = []
        try:
            pcm = self._samples()
            line = Line(self._casting.ears(), self._recogniser, RATE)
            try:
                for heard in line.finals(pcm):
                    if heard.text.strip():
                        self._language = heard.language or self._language
                        end = min(heard.end, len(pcm))
                        segments.append(Segment(heard.text.strip(), heard.start / RATE, max(heard.start, end) / RATE,
                                                heard.confidence))
                        yield segments[-1]
            finally:
                line.close()
        finally:
            self._places.release()
        self.transcript = joined(segments, len(pcm) / RATE, self._language)

    def _samples(self) -> Pcm:
        """What is to be heard. Only recordings whose turn it is are in memory."""
        def read() -> Pcm:
            self._file.seek(0)
            return decode(self._file.read(), RATE, self._options.audio_s)

        return off_hub(read)

    def whole(self) -> Transcript:
        """All of it."""
        for _ in self:
            pass
        return self.transcript


def _recogniser(casting: Casting, model: str, language: str) -> tuple[Recogniser, str]:
    """Who hears, and in which language."""
    who = Names(casting).hears(model, language)
    if isinstance(who, CallRoute):
        return RoutedRecogniser(who), language
    if isinstance(who, Direct):
        return casting.recogniser(who.provider, language), language
    own = casting.config.speech.language
    if language not in ("", own):
        raise CompatibleError("unsupported", f"language: the embedded recogniser hears {own}, not {language}; name a "
                              "provider in model, or give the router one", "language")
    return casting.transcriber(), own
