"""The engine's side of the recogniser workers: starts them, shares the utterances out, replaces the dead."""

import json
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from gevent.subprocess import PIPE, Popen

import engine
from engine.speech.stt import wire

log = logging.getLogger(__name__)

MAX_QUEUED = 4 << 20  # bytes that may wait for one worker: two minutes of speech. Beyond, it is not keeping up
MAX_ATTEMPTS = 2  # an utterance on which two workers died is not tried again
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0  # before a dead worker's successor, growing while they die at once

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
            self.worker.send(wire.frame(self.number, kind, payload))

    def replay(self) -> bytes:
        """All frames so far, for a worker that has not seen it."""
        frames = [wire.frame(self.number, wire.START, json.dumps(self.terms).encode())]
        if self.audio:
            frames.append(wire.frame(self.number, wire.AUDIO, bytes(self.audio)))
        if self.ended:
            frames.append(wire.frame(self.number, wire.END))
        return b"".join(frames)


class Worker:
    """One process after the other in the same place: when one dies, the next is started."""

    def __init__(self, pool: "WorkerPool", name: str) -> None:
        self.name = name
        self.utterances: dict[int, Utterance] = {}
        self.ready = Event()
        self._pool = pool
        self._process: Popen | None = None
        self._outgoing: deque[bytes] = deque()
        self._queued = 0
        self._waiting = Event()
        self._asked_at: float | None = None  # when something was first asked after the last answer
        self._greenlet = gevent.spawn(self._keep_alive)

    @property
    def load(self) -> int:
        """Utterances in progress; more for a worker that is not up yet."""
        return len(self.utterances) + (0 if self.ready.is_set() else 1000)

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return self._process.pid if self._process else None

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
        self.send(utterance.replay())

    def expect_answer(self) -> None:
        """From now on silence is suspicious."""
        if self._asked_at is None:
            self._asked_at = time.monotonic()

    def send(self, frames: bytes) -> None:
        """Queue frames; a worker that does not keep up is ended, and its utterances go to another. While none runs
        they are dropped: the next one gets every utterance replayed."""
        if self._process is None:
            return
        self._outgoing.append(frames)
        self._queued += len(frames)
        self._waiting.set()
        if self._queued > MAX_QUEUED:
            self.kill("does not keep up")

    def kill(self, why: str) -> None:
        """End the process; its successor is started by the greenlet that reads it."""
        if self._process and self._process.poll() is None:
            log.error("recogniser worker %s (process %d) %s: ended", self.name, self._process.pid, why)
            self._process.kill()

    def close(self) -> None:
        """End the process and its greenlets."""
        self._greenlet.kill()
        self._end_process()

    def _keep_alive(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            if self._run():
                pause = FIRST_PAUSE_S
            self._end_process()
            log.error("recogniser worker %s is gone; the next starts in %.1f s", self.name, pause)
            self._pool.restarts += 1
            lost, self.utterances = list(self.utterances.values()), {}
            for utterance in lost:
                self._pool.place(utterance)
            gevent.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _run(self) -> bool:
        """Start a process and serve it until it ends; whether it ever was ready."""
        root = str(Path(engine.__file__).parents[1])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
        try:
            process = Popen([sys.executable, "-m", "engine.speech.stt.worker"], stdin=PIPE, stdout=PIPE,
                            env=environment, bufsize=0)
        except OSError as fault:
            log.error("recogniser worker %s does not start: %s", self.name, fault)
            return False
        self._process = process
        self._asked_at = None
        self._outgoing.clear()
        self._queued = 0
        self.send(wire.frame(0, wire.PREPARE, json.dumps({"model": self._pool.model}).encode()))
        for utterance in self.utterances.values():
            self.send(utterance.replay())
        writer = gevent.spawn(self._write, process.stdin)
        try:
            self._read(process.stdout)
        finally:
            writer.kill()
        return self.ready.is_set()

    def _write(self, pipe: Any) -> None:
        try:
            while True:
                self._waiting.wait()
                self._waiting.clear()
                while self._outgoing:
                    data = self._outgoing.popleft()
                    view = memoryview(data)
                    while view:
                        view = view[pipe.write(view) or 0:]
                    self._queued -= len(data)
        except OSError:
            return  # the reader sees its end too, and replaces the process

    def _read(self, pipe: Any) -> None:
        """Give answers on until the process ends."""
        rest = b""
        while data := _read_some(pipe):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                try:
                    self._give(json.loads(line))
                except (ValueError, KeyError) as fault:
                    self.kill(f"says {line[:80]!r} ({fault})")

    def _give(self, content: dict[str, Any]) -> None:
        if "ready" in content:
            self.ready.set()
            return
        self._asked_at = None
        number = content["utterance"]
        utterance = self.utterances.get(number)
        if utterance is None:
            if content.get("error"):
                log.error("recogniser worker %s: %s", self.name, content["error"])
            return
        if content["final"]:
            del self.utterances[number]
            utterance.worker = None
        utterance.answer(content)

    def _end_process(self) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._process = None
        self.ready.clear()


def _read_some(pipe: Any) -> bytes:
    try:
        return bytes(pipe.read(1 << 16) or b"")
    except OSError:
        return b""


class WorkerPool:
    """Shares utterances out among ``size`` workers. ``model`` is the folder of the language model they load first."""

    def __init__(self, size: int, model: str) -> None:
        self.model = model
        self.restarts = 0
        self._number = 0
        self.workers = [Worker(self, str(n)) for n in range(1, size + 1)]

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
            worker.close()
