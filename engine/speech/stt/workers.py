"""The engine's side of the recogniser workers: shares utterances out among them, replays them when a worker dies."""

import json
import logging
import time
from collections.abc import Callable
from typing import Any

from gevent.event import Event

from engine.speech.child import Child
from engine.speech.stt import wire

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 2  # an utterance on which two workers died is not tried again

Answer = Callable[[dict[str, Any]], None]


class Utterance:
    """One utterance on its way through a worker. Its audio is kept until the final, to be replayed to another worker;
    who feeds it bounds its length."""

    def __init__(self, number: int, terms: dict[str, Any], answer: Answer) -> None:
        self.number = number
        self.terms = terms
        self.answer = answer
        self.audio = bytearray()
        self.ended = False
        self.attempts = 0
        self.worker: Worker | None = None

    def feed(self, pcm: bytes) -> None:
        """More of its audio."""
        self.audio += pcm
        self._send(wire.AUDIO, pcm)

    def end(self) -> None:
        """Ask for the final."""
        self.ended = True
        self._send(wire.END)
        if self.worker:
            self.worker.expect_answer()

    def cancel(self) -> None:
        """Forget it: no answer comes any more."""
        self._send(wire.CANCEL)
        if self.worker:
            self.worker.utterances.pop(self.number, None)
            self.worker = None

    def _send(self, kind: int, payload: bytes = b"") -> None:
        if self.worker:
            self.worker.child.send(wire.frame(self.number, kind, payload))

    def replay(self) -> bytes:
        """All frames so far, for a worker that has not seen it."""
        frames = [wire.frame(self.number, wire.START, json.dumps(self.terms).encode())]
        if self.audio:
            frames.append(wire.frame(self.number, wire.AUDIO, bytes(self.audio)))
        if self.ended:
            frames.append(wire.frame(self.number, wire.END))
        return b"".join(frames)


class Worker:
    """One worker process and the utterances that it has. A successor of a dead one finds them on other workers."""

    def __init__(self, pool: "WorkerPool", number: int) -> None:
        self.utterances: dict[int, Utterance] = {}
        self.ready = Event()
        self._pool = pool
        self._line = b""  # the beginning of an answer whose end has not come
        self._asked_at: float | None = None  # when something was first asked after the last answer
        self.child = Child(f"recogniser worker {number}", pool.module, [], on_start=self._started,
                           on_output=self._take, on_end=self._ended)

    @property
    def load(self) -> int:
        """Utterances in progress; more for a worker that is not up yet."""
        return len(self.utterances) + (0 if self.ready.is_set() else 1000)

    @property
    def silent_s(self) -> float:
        """Seconds since something was first asked of it after its last answer."""
        return 0.0 if self._asked_at is None else time.monotonic() - self._asked_at

    def begin(self, utterance: Utterance) -> None:
        """Take an utterance, whatever of it there is already."""
        utterance.worker = self
        utterance.attempts += 1
        self.utterances[utterance.number] = utterance
        self.expect_answer()
        self.child.send(utterance.replay())

    def expect_answer(self) -> None:
        """From now on silence is suspicious."""
        if self._asked_at is None:
            self._asked_at = time.monotonic()

    def _started(self) -> None:
        self._line, self._asked_at = b"", None
        self.child.send(wire.frame(0, wire.PREPARE, json.dumps(self._pool.prepare).encode()))
        for utterance in self.utterances.values():  # given to it while it was down
            self.child.send(utterance.replay())

    def _take(self, data: bytes) -> None:
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            self._answered(json.loads(line))

    def _answered(self, content: dict[str, Any]) -> None:
        self._asked_at = None
        if "ready" in content:
            self.ready.set()
            return
        utterance = self.utterances.get(content["utterance"])
        if utterance is None:  # cancelled, or what failed was to prepare
            if content.get("error"):
                log.error("%s: %s", self.child.name, content["error"])
            return
        if content["final"]:
            del self.utterances[utterance.number]
            utterance.worker = None
        utterance.answer(content)

    def _ended(self) -> None:
        self.ready.clear()
        lost, self.utterances = list(self.utterances.values()), {}
        for utterance in lost:
            self._pool.place(utterance)


class WorkerPool:
    """Shares utterances out among ``size`` workers. ``model`` is the folder of the language model they load first;
    workers of another kind are another ``module`` that gets ``prepare`` instead."""

    def __init__(self, size: int, model: str, module: str = "engine.speech.stt.worker",
                 prepare: dict[str, Any] | None = None) -> None:
        self.model = model
        self.module = module
        self.prepare = prepare or {"model": model}
        self._number = 0
        self.workers = [Worker(self, n) for n in range(1, size + 1)]

    @property
    def restarts(self) -> int:
        """How often a worker was replaced."""
        return sum(worker.child.restarts for worker in self.workers)

    def begin(self, terms: dict[str, Any], answer: Answer) -> Utterance:
        """A new utterance; ``answer`` gets every partial, and one final unless it is cancelled. ``terms`` are those of
        a START frame."""
        self._number = self._number % 0xFFFFFFFF + 1
        utterance = Utterance(self._number, terms, answer)
        self.place(utterance)
        return utterance

    def place(self, utterance: Utterance) -> None:
        """Give it to the worker with the least to do, or answer with an empty final if it has killed two."""
        if utterance.attempts >= MAX_ATTEMPTS:
            utterance.worker = None
            utterance.answer({"final": True, "text": "", "confidence": -1.0, "cmn": None,
                              "error": f"the recogniser failed {utterance.attempts} times"})
            return
        min(self.workers, key=lambda worker: worker.load).begin(utterance)

    def wait_ready(self, timeout_s: float) -> bool:
        """Whether every worker has its decoder loaded, waiting so long for it."""
        deadline = time.monotonic() + timeout_s
        return all(worker.ready.wait(max(0.0, deadline - time.monotonic())) for worker in self.workers)

    def close(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.child.close()
