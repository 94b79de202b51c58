"""Text to speech for other programs: clause by clause, by the voices that calls have."""

import base64
from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from engine.casting import Casting
from engine.compatible.errors import CompatibleError
from engine.compatible.names import Direct, Names
from engine.compatible.sound import Format, format_of
from engine.dialog.clauses import clauses
from engine.language.identify import identify
from engine.media.pcm import Pcm
from engine.media.resample import RATES, resample
from engine.media.tempo import FASTEST, SLOWEST, at_tempo
from engine.offhub import off_hub
from engine.routing.routed import RoutedVoice
from engine.routing.router import CallRoute
from engine.speech.interfaces import Voice
from engine.speech.spoken import speakable


class SpeechBody(BaseModel):
    """A request for speech. ``instructions`` is taken and not used: local voices have one manner."""

    model_config = ConfigDict(extra="forbid")

    input: str = Field(min_length=1, max_length=4096)
    model: str = Field("auto", max_length=200, description="auto, PROVIDER, flite or espeak-ng.")
    voice: str | dict[str, str] = Field("alloy", description="One of OpenAI's names, flite:slt, espeak-ng:hi, "
                                                             "PROVIDER:VOICE.")
    response_format: str = Field("mp3", description="mp3, wav, pcm (24 kHz), flac, opus, mulaw (8 kHz).")
    speed: float = Field(1.0, ge=SLOWEST, le=FASTEST)
    instructions: str | None = None
    stream_format: Literal["audio", "sse"] = "audio"
    language: str = Field("", max_length=20, description="Of the text (ISO 639-1); found out where it is not given.")


class SpeechRun:
    """One request: ``audio`` is what to send."""

    def __init__(self, casting: Casting, body: SpeechBody) -> None:
        """Nothing is spoken yet. Raises ``CompatibleError``, or what the voice's maker raises."""
        self.format: Format = format_of(body.response_format)
        voice = body.voice if isinstance(body.voice, str) else body.voice.get("id", "")
        if not any(letter.isalnum() for letter in body.input):
            raise CompatibleError("invalid", "input: there is nothing to say in it", "input")
        self._speed = body.speed
        found = identify(body.input)
        self._language = body.language or found.language or casting.config.speech.language
        # Text in Latin letters is read by the voice of the place: what language it is in is only guessed.
        speaks = body.language or (found.language if found.probability == 1.0 else casting.config.speech.language)
        self._voice = _voice(casting, Names(casting).speaks(body.model, voice, speaks))
        self._text = body.input

    def audio(self) -> Iterator[bytes]:
        """Bytes as they are ready; closing it ends the rendering. Raises ``TrunklineError``."""
        shape = self.format
        if not shape.streams:
            whole = list(self._pieces())
            yield off_hub(shape.encode, np.concatenate(whole) if whole else np.zeros(0, np.int16))
            return
        head = shape.head
        for pcm in self._pieces():
            yield head + shape.encode(pcm)
            head = b""
        if head:
            yield head

    def _pieces(self) -> Iterator[Pcm]:
        """PCM at the format's rate and the tempo asked for: what the voice gives at once, or a clause where rate or
        tempo are changed, because the edges of pieces that are changed one by one click."""
        for clause in clauses(self._text):
            spoken = speakable(clause, self._language).text
            chunks = self._voice.render(spoken) if spoken.strip() else iter(())
            try:
                held: list[Pcm] = []
                rate = self.format.rate
                for chunk in chunks:
                    if self._speed == 1.0 and chunk.rate == self.format.rate:
                        yield chunk.pcm
                    else:
                        held.append(chunk.pcm)
                        rate = chunk.rate
                if held:
                    yield off_hub(self._shaped, np.concatenate(held), rate)
            finally:
                close = getattr(chunks, "close", None)
                if close is not None:
                    close()

    def _shaped(self, pcm: Pcm, rate: int) -> Pcm:
        if rate not in RATES:
            raise CompatibleError("unsupported", f"voice: it speaks at {rate} Hz, which cannot be converted", "voice")
        return resample(at_tempo(pcm, rate, self._speed), rate, self.format.rate)


def as_events(audio: Iterator[bytes]) -> Iterator[dict[str, object]]:
    """``stream_format: sse``: the events of the audio."""
    for piece in audio:
        yield {"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()}
    yield {"type": "speech.audio.done", "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}}


def _voice(casting: Casting, who: CallRoute | Direct | str) -> Voice:
    if isinstance(who, CallRoute):
        return RoutedVoice(who)
    return casting.voice(who if isinstance(who, str) else who.provider)
