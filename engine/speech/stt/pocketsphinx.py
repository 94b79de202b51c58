"""The embedded recogniser: pocketsphinx in worker processes, on speech only, with the knowledge base's language model.

Demo-grade and English only: good for closed questions and for what the language model expects, poor in noise.
"""

import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent

from engine.config import SpeechOptions, VadOptions
from engine.speech.errors import SpeechError
from engine.speech.interfaces import Heard
from engine.speech.stt.grammars import GRAMMARS
from engine.speech.stt.workers import Utterance, WorkerPool

log = logging.getLogger(__name__)

RATES = (8000, 16000)
CHUNK_MS = 60  # of audio sent to a worker at once
GRAMMAR_PREROLL_MS = 150  # grammars put words into longer silence
LONGEST_UTTERANCE_MS = 20_000  # then a final is taken and a new one begun
LATE_MS = 400  # by which ``voice_on`` may come after the voice: onset, detector's window, lost frames


class PocketsphinxRecogniser:
    """A ``Recogniser``. ``errors`` counts finals that did not come or came with a fault."""

    def __init__(self, speech: SpeechOptions, vad: VadOptions, model: Path) -> None:
        """``model`` is a folder of ``build_language_model``. Worker processes are started; calls may begin at once."""
        self.model = model
        """Folder of the language model; a new one holds from the next utterance on."""
        self.preroll_ms = vad.preroll_ms
        self.final_timeout_s = speech.final_timeout_ms / 1000
        self.errors = 0
        self.pool = WorkerPool(speech.recogniser_workers, str(model))

    def open(self, rate: int, deliver: Callable[[Heard], None]) -> "PocketsphinxStream":
        """A stream for one call at 8000 or 16000 Hz."""
        if rate not in RATES:
            raise SpeechError(f"the recogniser hears 8000 or 16000 Hz, not {rate}")
        return PocketsphinxStream(self, rate, deliver)

    def wait_ready(self, timeout_s: float) -> bool:
        """Whether all workers have loaded, waiting so long. Not needed before ``open``: audio waits for them."""
        return self.pool.wait_ready(timeout_s)

    def close(self) -> None:
        """End the worker processes. Streams deliver nothing any more."""
        self.pool.close()


class PocketsphinxStream:
    """One caller's audio. Positions are samples, counted by ``feed``."""

    def __init__(self, recogniser: PocketsphinxRecogniser, rate: int, deliver: Callable[[Heard], None]) -> None:
        self._recogniser = recogniser
        self._rate = rate
        self._deliver: Callable[[Heard], None] | None = deliver
        self._grammar: str | None = None
        self._cmn: list[float] | None = None  # the cepstral mean of this call, carried from utterance to utterance
        self._position = 0  # samples fed
        self._recent: deque[bytes] = deque()  # the last frames, for the pre-roll
        self._recent_bytes = 0
        self._keep_bytes = self._bytes(recogniser.preroll_ms + LATE_MS)
        self._heard_to = 0  # audio before this sample has been in an utterance
        self._talking: _Talk | None = None
        self._pending: set[_Talk] = set()

    def expect(self, grammar: str | None) -> None:
        """What the next utterances will be: ``yes_no``, ``digits``, ``commands``, or anything (None)."""
        if grammar is not None and grammar not in GRAMMARS:
            raise SpeechError(f"there is no grammar '{grammar}'; known are: {', '.join(GRAMMARS)}")
        self._grammar = grammar

    def feed(self, frame: bytes) -> None:
        """Take the next frame of the call."""
        self._position += len(frame) // 2
        self._recent.append(frame)
        self._recent_bytes += len(frame)
        while self._recent_bytes - len(self._recent[0]) >= self._keep_bytes:
            self._recent_bytes -= len(self._recent.popleft())
        talk = self._talking
        if talk is not None:
            talk.feed(frame)
            if self._position - talk.start > self._rate * LONGEST_UTTERANCE_MS // 1000:
                self._finish(self._position)
                self._begin(self._position, self._position)

    def voice_on(self, sample: int) -> None:
        """Begin an utterance, with the pre-roll before ``sample``."""
        if self._deliver is not None and self._talking is None:
            preroll = self._recogniser.preroll_ms if self._grammar is None else GRAMMAR_PREROLL_MS
            self._begin(sample, max(self._heard_to, sample - self._rate * preroll // 1000))

    def voice_off(self, sample: int) -> None:
        """Ask for the final of the utterance."""
        if self._talking is not None:
            self._finish(sample)

    def close(self) -> None:
        """End the stream. Idempotent."""
        self._deliver = None
        for talk in self._pending:
            talk.cancel()
        self._pending.clear()
        self._talking = None

    def _begin(self, start: int, audio_from: int) -> None:
        terms = {"model": str(self._recogniser.model), "rate": self._rate, "cmn": self._cmn, "grammar": self._grammar}
        talk = _Talk(self, start, self._bytes(CHUNK_MS))
        talk.utterance = self._recogniser.pool.begin(terms, talk.answer)
        held = b"".join(self._recent)
        talk.feed(held[max(0, len(held) - 2 * (self._position - audio_from)):] if audio_from < self._position else b"")
        self._talking = talk
        self._pending.add(talk)

    def _finish(self, end: int) -> None:
        talk, self._talking = self._talking, None
        if talk is not None:
            self._heard_to = end
            talk.end(end, self._recogniser.final_timeout_s)

    def answered(self, talk: "_Talk", content: dict[str, Any]) -> None:
        """An answer of the worker to one of the utterances."""
        if self._deliver is None or talk not in self._pending:
            return
        end = self._position
        if content["final"]:
            self._pending.discard(talk)
            end = talk.stop if talk.stop is not None else self._position
            if self._talking is talk:  # a fault in the middle of the utterance
                self._talking = None
                self._heard_to = end
            self._cmn = content["cmn"] or self._cmn
            if content.get("error"):
                self._recogniser.errors += 1
                log.error("recogniser: %s", content["error"])
        heard = Heard(content["text"], content["final"], talk.start, end, content.get("confidence", -1.0),
                      alternatives=tuple(content.get("alternatives", ())))
        try:
            self._deliver(heard)
        except Exception:
            log.exception("a transcript could not be delivered; the other calls go on")

    def overdue(self, talk: "_Talk") -> None:
        """The final of an utterance did not come in time."""
        utterance = talk.utterance
        worker = utterance.worker if utterance else None
        talk.cancel()
        if worker is not None and worker.silent_s >= self._recogniser.final_timeout_s:
            worker.child.kill("hangs")  # it said nothing at all, so the others on it wait in vain too
        self.answered(talk, {"final": True, "text": "", "confidence": -1.0, "cmn": None,
                             "error": f"no final after {self._recogniser.final_timeout_s:.1f} s"})

    def _bytes(self, ms: int) -> int:
        return self._rate * ms // 1000 * 2


class _Talk:
    """One utterance of a stream: collects frames to chunks, and waits for the final."""

    def __init__(self, stream: PocketsphinxStream, start: int, chunk_bytes: int) -> None:
        self.start = start
        self.stop: int | None = None
        self.utterance: Utterance | None = None
        self._stream = stream
        self._chunk_bytes = chunk_bytes
        self._chunk = bytearray()
        self._timer: gevent.Greenlet | None = None

    def feed(self, pcm: bytes) -> None:
        self._chunk += pcm
        if len(self._chunk) >= self._chunk_bytes:
            self._flush()

    def end(self, sample: int, timeout_s: float) -> None:
        self.stop = sample
        self._flush()
        if self.utterance:
            self.utterance.end()
        self._timer = gevent.spawn_later(timeout_s, self._late)

    def cancel(self) -> None:
        if self._timer:
            self._timer.kill(block=False)
        if self.utterance:
            self.utterance.cancel()

    def answer(self, content: dict[str, Any]) -> None:
        if content["final"] and self._timer:
            self._timer.kill(block=False)
        self._stream.answered(self, content)

    def _late(self) -> None:
        self._timer = None  # it is this greenlet
        self._stream.overdue(self)

    def _flush(self) -> None:
        if self.utterance and self._chunk:
            self.utterance.feed(bytes(self._chunk))
            self._chunk.clear()
