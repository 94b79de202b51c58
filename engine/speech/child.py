"""A worker process that is always there: started at once, replaced when it dies, ended with ``close``.

Workers are Python modules of this package without gevent. They isolate what holds Python's lock (pocketsphinx) or may
exit the process (flite's own error handling), and talk over standard input and output.
"""

import logging
import os
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from gevent.subprocess import PIPE, Popen

import engine

log = logging.getLogger(__name__)

MAX_QUEUED = 4 << 20  # bytes that may wait for it: two minutes of speech. Beyond, it is not keeping up
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0  # before a dead worker's successor, growing while they die at once


class Child:
    """One process after the other in the same place.

    ``on_start()`` is called when a process has been started and may be sent to, ``on_output(data)`` with whatever it
    writes, ``on_end()`` when it is gone; all from the child's own greenlet. A fault in ``on_output`` ends the process.
    """

    def __init__(self, name: str, module: str, arguments: list[str], *, on_start: Callable[[], None],
                 on_output: Callable[[bytes], None], on_end: Callable[[], None]) -> None:
        self.name = name
        self.restarts = 0
        self._command = [sys.executable, "-m", module, *arguments]
        self._on_start, self._on_output, self._on_end = on_start, on_output, on_end
        self._process: Popen | None = None
        self._outgoing: deque[bytes] = deque()
        self._queued = 0
        self._waiting = Event()
        self._greenlet = gevent.spawn(self._keep_alive)

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return self._process.pid if self._process else None

    def send(self, data: bytes) -> None:
        """Queue bytes for its standard input; returns at once. Nothing is kept while no process runs. A process that
        does not keep up is ended."""
        if self._process is None:
            return
        self._outgoing.append(data)
        self._queued += len(data)
        self._waiting.set()
        if self._queued > MAX_QUEUED:
            self.kill("does not keep up")

    def kill(self, why: str) -> None:
        """End the process that runs now; the next one is started."""
        if self._process and self._process.poll() is None:
            log.error("%s (process %d) %s: ended", self.name, self._process.pid, why)
            self._process.kill()

    def close(self) -> None:
        """End process and greenlets. Idempotent."""
        self._greenlet.kill()
        self._end_process()

    def _keep_alive(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            if self._run():
                pause = FIRST_PAUSE_S
            self._end_process()
            self.restarts += 1
            log.error("%s is gone; the next starts in %.1f s", self.name, pause)
            self._on_end()
            gevent.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _run(self) -> bool:
        """Start a process and serve it until it ends; whether it ever said anything."""
        root = str(Path(engine.__file__).parents[1])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]),
                       "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        try:
            process = Popen(self._command, stdin=PIPE, stdout=PIPE, env=environment, bufsize=0)
        except OSError as fault:
            log.error("%s does not start: %s", self.name, fault)
            return False
        self._process = process
        self._outgoing.clear()
        self._queued = 0
        writer = gevent.spawn(self._write, process.stdin)
        said = False
        try:
            self._on_start()
            while data := self._read(process.stdout):
                said = True
                self._take(data)
        finally:
            writer.kill()
        return said

    def _take(self, data: bytes) -> None:
        try:
            self._on_output(data)
        except Exception as fault:
            log.exception("what %s says cannot be understood", self.name)
            self.kill(f"is out of order ({fault})")

    def _read(self, pipe: Any) -> bytes:
        try:
            return bytes(pipe.read(1 << 16) or b"")
        except OSError:
            return b""

    def _write(self, pipe: Any) -> None:
        try:
            while True:
                self._waiting.wait()
                self._waiting.clear()
                while self._outgoing:
                    data = memoryview(self._outgoing.popleft())
                    self._queued -= len(data)
                    while data:
                        data = data[pipe.write(data) or 0:]
        except OSError:
            return  # the reader sees its end too

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
