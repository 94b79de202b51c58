"""A worker process as the engine sees it: started, asked, ended in time. For greenlets of the main hub."""

import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import gevent
from gevent.subprocess import DEVNULL, PIPE, Popen, TimeoutExpired

import engine
from engine.knowledge.document import Document
from engine.knowledge.errors import DocumentError, KnowledgeError
from engine.knowledge.reading import wire
from engine.knowledge.reading.limits import Limits

log = logging.getLogger(__name__)

START_S = 60.0
"""Until a worker must be ready; on an idle machine it takes 0.3 s."""

END_S = 5.0
WALL = 2
"""Times the seconds of computing that may pass on the clock: the machine has other work too."""

_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONHOME", "TMPDIR", "TZ")
"""What a worker is told of the environment. Keys and passwords in it are none of its business."""


class WorkerGone(Exception):
    """The process ended without a word about the file. ``how``: by which signal or with which status."""

    def __init__(self, how: str = "") -> None:
        """``how``: "" where it cannot be told."""
        super().__init__(how)
        self.how = how


class Worker:
    """One process. ``usable`` turns false when it is to be replaced."""

    def __init__(self, limits: Limits) -> None:
        """Start it; waits until it is ready. Raises ``KnowledgeError`` when it does not start."""
        self.usable = True
        self._limits = limits
        self._buffer = bytearray()
        root = str(Path(engine.__file__).parents[1])
        environment = {name: value for name, value in os.environ.items() if name in _KEPT}
        environment |= {"PYTHONPATH": root, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        # Not the folder of the documents: a file there could pass itself off as a module.
        command = [sys.executable, "-X", "utf8", "-m", "engine.knowledge.reading.worker", limits.to_json()]
        self._process: Any
        try:
            self._process = Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment, cwd="/", bufsize=0)
        except OSError as fault:
            raise KnowledgeError(f"the process that reads documents does not start: {fault}") from fault
        try:
            with gevent.Timeout(START_S, KnowledgeError("the process that reads documents is not ready after "
                                                        f"{START_S:.0f} s; the machine is overloaded")):
                if self._line() != wire.READY:
                    raise WorkerGone
        except WorkerGone as fault:
            self.close()
            raise KnowledgeError("the process that reads documents ends at once; knowledge.read_memory_mb is "
                                 f"{limits.memory_mb} and may be too little. To see why: {' '.join(command[:5])} "
                                 f"'{command[5]}'") from fault
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Of the process."""
        return int(self._process.pid)

    def read(self, path: Path, root: Path) -> Document:
        """Have a file read; paths are absolute. Raises ``DocumentError``, and ``WorkerGone`` when the process is lost
        without the file's fault being told. Whatever is raised but ``DocumentError``: the worker is ended."""
        wall = WALL * self._limits.seconds
        try:
            with gevent.Timeout(wall, _TooLong()):
                self._send(wire.request(path, root))
                answer = self._answer()
        except _TooLong as fault:
            self.close()
            raise self._too_long(path, f"{wall} s") from fault
        except WorkerGone as fault:
            status = self.close()
            if status == -signal.SIGXCPU:
                raise self._too_long(path, f"{self._limits.seconds} s of computing") from fault
            raise WorkerGone("" if status is None else f"by signal {-status}" if status < 0 else f"with status {status}"
                             ) from fault
        except BaseException:
            self.close()
            raise
        if answer.last:
            self.close()
        if isinstance(answer.outcome, DocumentError):
            raise answer.outcome
        assert answer.outcome is not None
        return answer.outcome

    def close(self) -> int | None:
        """End the process; its status. Idempotent."""
        self.usable = False
        process = self._process
        if process.stdin:
            with suppress(OSError):
                process.stdin.close()
        status = process.poll()
        if status is None:
            try:
                status = process.wait(timeout=0.1)  # it may be ending by itself: that status says more
            except TimeoutExpired:
                process.kill()
                with suppress(TimeoutExpired):
                    status = process.wait(timeout=END_S)
        if process.stdout:
            with suppress(OSError):
                process.stdout.close()
        return status

    def _too_long(self, path: Path, how_long: str) -> DocumentError:
        return DocumentError(f"{path}: takes more than {how_long} to read; split it, or raise knowledge.read_seconds")

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[self._process.stdin.write(view) or 0:]
        except OSError as fault:
            raise WorkerGone from fault

    def _answer(self) -> wire.Answer:
        answer = wire.Answer()
        total = 0
        while answer.outcome is None:
            line = self._line()
            total += len(line)
            try:
                if total > wire.MAX_ANSWER:
                    raise ValueError("too long")
                answer.take(line)
            except (ValueError, KeyError, TypeError) as fault:
                log.error("the process that reads documents is out of order: %s", fault)
                raise WorkerGone from fault
        return answer

    def _line(self) -> bytes:
        """One line; other greenlets run after each piece of the pipe. Raises ``WorkerGone`` at its end."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched) + 1) == 0:
            searched = len(self._buffer)
            gevent.sleep(0)
            try:
                data = self._process.stdout.read(1 << 16)
            except OSError:
                data = b""
            if not data or searched > wire.MAX_LINE:
                raise WorkerGone
            self._buffer += data
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        return line


class _TooLong(BaseException):
    """The deadline of a file has passed."""
