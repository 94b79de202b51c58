"""Recognisers on this machine with a model of the operator's: whisper, vosk, sherpa. In worker processes, because the
packages hold Python's lock or may crash; partials where the model streams."""

from collections.abc import Callable, Sequence
from typing import Any

from engine import modelfolders
from engine.errors import ProviderFault
from engine.speech.errors import SpeechError
from engine.speech.interfaces import Heard
from engine.speech.stt.stretches import Faults, SpeechStream, Stretch, Terms
from engine.speech.stt.workers import Utterance, WorkerPool

RATES = (8000, 16000)
KINDS = ("whisper", "vosk", "sherpa")
HANGS_S = 15.0
"""A worker that says nothing for so long although it was asked is ended."""


class LocalRecogniser:
    """A ``Recogniser``. ``errors`` counts stretches that failed."""

    def __init__(self, kind: str, *, model: str = "", workers: int = 1, threads: int = 2, language: str = "",
                 vocabulary: Sequence[str] = (), final_timeout_s: float = 5.0, preroll_ms: int = 400,
                 longest_ms: int = 25_000, name: str = "",
                 on_fault: Callable[[ProviderFault], None] | None = None) -> None:
        """``model`` is the folder's name in ``models/``, the kind's own by default. Each of the ``workers`` loads it
        and decodes one piece of audio at a time with so many ``threads``. Raises ``ModelMissing``, saying what to
        install or where to put it."""
        folder = modelfolders.usable(kind, model)
        self.faults = Faults(name or folder.name, on_fault)
        self.terms = Terms(preroll_ms=preroll_ms, longest_ms=longest_ms, final_timeout_s=final_timeout_s,
                           joins=kind == "whisper")
        self.pool = WorkerPool(workers, str(folder.path), "engine.speech.stt.local_worker",
                               {"kind": kind, "folder": str(folder.path), "threads": threads, "language": language,
                                "vocabulary": list(vocabulary)})

    @property
    def errors(self) -> int:
        """Stretches that failed."""
        return self.faults.count

    def open(self, rate: int, deliver: Callable[[Heard], None]) -> SpeechStream:
        """A stream for one call at 8000 or 16000 Hz."""
        if rate not in RATES:
            raise SpeechError(f"{self.faults.provider} hears 8000 or 16000 Hz, not {rate}")
        return SpeechStream(rate, deliver, lambda stream: LocalEar(self, stream), self.terms, self.faults)

    def wait_ready(self, timeout_s: float) -> bool:
        """Whether all workers have loaded the model, waiting so long. Not needed before ``open``."""
        return self.pool.wait_ready(timeout_s)

    def close(self) -> None:
        """End the worker processes."""
        self.pool.close()


class LocalEar:
    """Gives each stretch to a worker."""

    def __init__(self, recogniser: LocalRecogniser, stream: SpeechStream) -> None:
        self._recogniser = recogniser
        self._stream = stream
        self._utterances: dict[Stretch, Utterance] = {}

    def begin(self, stretch: Stretch) -> None:
        """With the audio that has been handed on."""
        utterance = self._recogniser.pool.begin({"rate": self._stream.rate}, lambda told: self._told(stretch, told))
        self._utterances[stretch] = utterance
        utterance.feed(bytes(stretch.audio[:len(stretch.audio) - len(stretch.chunk)]))

    def more(self, stretch: Stretch, pcm: bytes) -> None:
        """The worker pool keeps it, for another worker if this one dies."""
        if stretch in self._utterances:
            self._utterances[stretch].feed(pcm)

    def end(self, stretch: Stretch) -> None:
        """Ask for the final."""
        if stretch in self._utterances:
            self._utterances[stretch].end()

    def cancel(self, stretch: Stretch) -> None:
        """Forget it; a worker that hangs is ended."""
        utterance = self._utterances.pop(stretch, None)
        if utterance is None:
            return
        worker = utterance.worker
        utterance.cancel()
        if worker is not None and worker.silent_s >= HANGS_S:
            worker.child.kill("hangs")

    def close(self) -> None:
        """Nobody wants anything any more."""
        for stretch in list(self._utterances):
            self.cancel(stretch)

    def _told(self, stretch: Stretch, told: dict[str, Any]) -> None:
        if not told["final"]:
            self._stream.partial(stretch, told["text"])
            return
        self._utterances.pop(stretch, None)
        if told.get("error"):
            self._stream.give_up(stretch, ProviderFault(self._recogniser.faults.provider, "broken", told["error"]))
        else:
            self._stream.final(stretch, told["text"], told["confidence"], told.get("language", ""))


__all__ = ["KINDS", "LocalRecogniser"]
