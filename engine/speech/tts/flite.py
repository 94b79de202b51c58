"""The voice of the embedded default: flite (BSD-style, US English), streaming out of worker processes."""

import json
import struct
from collections.abc import Iterator

import numpy as np
from gevent.queue import Empty, Queue

from engine.speech.child import Child
from engine.speech.errors import SpeechError
from engine.speech.interfaces import Chunk, WordTime
from engine.speech.tts import flite_worker as worker
from engine.speech.tts.shape import Trimmer, ascii_text, word_times

PATIENCE_S = 5.0  # for the next piece of audio, also when other clauses come first
MAX_TEXT = 2000  # characters of a clause

# Factor that brings each voice's speaking parts to -20 dBFS.
GAINS = {"slt": 0.55, "rms": 1.1, "awb": 1.05, "kal": 0.8, "kal16": 2.1}

Answer = tuple[int, bytes]


class FliteVoice:
    """A ``Voice``. Clauses wait for one of ``workers`` processes; each is spoken while it is being made."""

    def __init__(self, voice: str, workers: int = 1) -> None:
        """Raises ``VoiceUnavailable`` if flite's library or the voice is not on this machine."""
        worker.Flite(voice)  # loading it here tells at once whether the workers will be able to
        self.name = f"flite:{voice}"
        self._gain = GAINS[voice]
        self._job = 0
        self.workers = [_Worker(f"flite worker {n}", voice) for n in range(1, workers + 1)]

    def render(self, text: str) -> Iterator[Chunk]:
        """Audio of one clause, trimmed of silence; the first chunk carries the times of all words."""
        if len(text) > MAX_TEXT:
            raise SpeechError(f"a clause of {len(text)} characters; the longest is {MAX_TEXT}")
        plain, origin = ascii_text(text)
        if not any(character.isalnum() for character in plain):
            return
        place = min(self.workers, key=lambda each: len(each.jobs))
        self._job = self._job % 0xFFFFFFFF + 1
        job = self._job
        answers = place.begin(job, plain)
        try:
            yield from self._chunks(answers, plain, origin)
        finally:
            place.cancel(job)

    def _chunks(self, answers: "Queue[Answer]", plain: str, origin: list[int]) -> Iterator[Chunk]:
        trimmer: Trimmer | None = None
        rate = 0
        spoken: list[tuple[str, float, float]] = []
        first = True
        while True:
            try:
                kind, payload = answers.get(timeout=PATIENCE_S)
            except Empty:
                raise SpeechError(f"{self.name} gave no audio for {PATIENCE_S:.0f} s") from None
            if kind == worker.WORDS:
                spoken = json.loads(payload)
                continue
            if kind == worker.FAILED:
                raise SpeechError(f"{self.name}: {payload.decode()}")
            if kind == worker.AUDIO:
                (rate,) = struct.unpack_from("<I", payload)
                trimmer = trimmer or Trimmer(rate, self._gain)
                pcm = trimmer.feed(np.frombuffer(payload, "<i2", offset=4))
            else:
                pcm = trimmer.finish() if trimmer else np.zeros(0, np.int16)
            if len(pcm):
                words: tuple[WordTime, ...] = ()
                if first and trimmer:
                    words, first = word_times(plain, origin, spoken, rate, trimmer.cut), False
                yield Chunk(pcm, rate, words)
            if kind == worker.DONE:
                return

    def close(self) -> None:
        """End the workers. Clauses being rendered fail."""
        for place in self.workers:
            place.close()


class _Worker:
    """One process and the clauses given to it, which it renders in their order."""

    def __init__(self, name: str, voice: str) -> None:
        self.jobs: dict[int, Queue[Answer]] = {}
        self._waiting: dict[int, str] = {}  # texts of which nothing has come yet
        self._running: int | None = None
        self._data = b""
        self._child = Child(name, "engine.speech.tts.flite_worker", [voice], on_start=self._started,
                            on_output=self._take, on_end=self._ended)

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return self._child.pid

    def begin(self, job: int, plain: str) -> "Queue[Answer]":
        """Queue a clause; its answers come on the queue, DONE or FAILED last."""
        self.jobs[job] = Queue()
        self._waiting[job] = plain
        self._child.send(_line(job=job, text=plain))
        return self.jobs[job]

    def cancel(self, job: int) -> None:
        """Forget a clause, complete or not."""
        if self.jobs.pop(job, None) is not None:
            self._waiting.pop(job, None)
            self._child.send(_line(cancel=job))

    def close(self) -> None:
        """End the process; who waits for a clause is told."""
        self._child.close()
        for answers in self.jobs.values():
            answers.put((worker.FAILED, b"closed"))

    def _started(self) -> None:
        self._data = b""
        for job, plain in self._waiting.items():
            self._child.send(_line(job=job, text=plain))

    def _take(self, data: bytes) -> None:
        self._data += data
        size = worker.HEADER.size
        while len(self._data) >= size:
            length, job, kind = worker.HEADER.unpack_from(self._data)
            if len(self._data) < size + length:
                return
            payload, self._data = self._data[size:size + length], self._data[size + length:]
            self._waiting.pop(job, None)
            self._running = None if kind in (worker.READY, worker.DONE, worker.FAILED) else job
            if job in self.jobs:
                self.jobs[job].put((kind, payload))

    def _ended(self) -> None:
        """The clause that it died on fails; those behind it are for the next process."""
        culprit = self._running if self._running is not None else next(iter(self._waiting), None)
        self._running = None
        if culprit is not None:
            self._waiting.pop(culprit, None)
            if culprit in self.jobs:
                self.jobs[culprit].put((worker.FAILED, b"flite died on it"))


def _line(**content: object) -> bytes:
    return json.dumps(content).encode() + b"\n"
