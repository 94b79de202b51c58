"""What is heard of a script's recordings, on machines that can hear; what the script says of them, on others."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.config import Config
from engine.errors import TrunklineError
from engine.knowledge.several import Collections
from engine.rehearsal.errors import RehearsalError
from engine.speech.ears import Ears
from engine.speech.interfaces import Heard, Pcm
from engine.speech.offline import Line
from engine.speech.stt.lm import build_language_model
from engine.speech.stt.pocketsphinx import PocketsphinxRecogniser
from engine.speech.vad import make_vad
from engine.standin.prompts import read_wav

RATE = 8000
"""As on a telephone."""

SILENCE_S = 0.6
"""After a recording, so that its last voice comes to an end."""

READY_S = 60.0
FINAL_MS = 60_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """Voice from ``start`` to ``end``, in s from the beginning of the recording, and what was heard of it."""

    start: float
    end: float
    heard: Heard


@dataclass(frozen=True, slots=True)
class Recording:
    """The stretches of voice of a recording. ``heard`` false: they are what the script says."""

    pieces: tuple[Stretch, ...]
    heard: bool = True


class Listener:
    """The embedded ears and recogniser, opened when the first recording comes."""

    def __init__(self, config: Config, knowledge: Collections | None) -> None:
        """``knowledge`` has the words that callers are expected to say."""
        self._config = config
        self._knowledge = knowledge
        self._recogniser: PocketsphinxRecogniser | None = None

    def hear(self, file: Path, says: str, language: str) -> Recording:
        """A recording. In languages that the embedded recogniser does not know, and where it is not installed, what
        it ``says`` counts. Raises ``RehearsalError`` if that is not given either."""
        try:
            pcm = read_wav(file, RATE)
        except TrunklineError as fault:
            raise RehearsalError(str(fault)) from fault
        try:
            if language != "en" or self._knowledge is None:
                raise RehearsalError(f"the embedded recogniser does not hear '{language}'")
            return Recording(tuple(Stretch(heard.start / RATE, heard.end / RATE, heard) for heard in self._listen(pcm)))
        except TrunklineError as fault:
            if not says:
                raise RehearsalError(f"{file} cannot be heard: {fault}. Give its words with says") from fault
        heard = Heard(says, True, 0, len(pcm))
        return Recording((Stretch(0.0, len(pcm) / RATE, heard),), heard=False)

    def _listen(self, pcm: Pcm) -> list[Heard]:
        line = Line(Ears(make_vad(self._config.vad), self._config.vad), self._open(), RATE)
        try:
            return line.listen(np.concatenate([pcm, np.zeros(round(SILENCE_S * RATE), np.int16)]))
        finally:
            line.close()

    def _open(self) -> PocketsphinxRecogniser:
        if self._recogniser is None:
            assert self._knowledge is not None
            speech = self._config.speech.model_copy(update={"recogniser_workers": 1, "final_timeout_ms": FINAL_MS})
            model = build_language_model(*self._knowledge.language_material("en"))
            recogniser = PocketsphinxRecogniser(speech, self._config.vad, model)
            if not recogniser.wait_ready(READY_S):
                recogniser.close()
                raise RehearsalError(f"the recogniser is not ready after {READY_S:g} s")
            self._recogniser = recogniser
        return self._recogniser

    def close(self) -> None:
        """End the recogniser's processes. Idempotent."""
        if self._recogniser is not None:
            self._recogniser.close()
            self._recogniser = None
