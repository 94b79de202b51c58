"""One thread writes what calls leave behind, so that a slow or full disk never holds the hub.

Order is kept per engine; the queue is bounded in bytes. What does not fit, or cannot be written because the disk is
full, is dropped and counted, and the call goes on.
"""

import logging
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from gevent.monkey import get_original

log = logging.getLogger(__name__)

# A real OS thread with real locks: the hub must never wait for a disk.
_start_thread = get_original("_thread", "start_new_thread")
_allocate_lock = get_original("_thread", "allocate_lock")


class DiskWriter:
    """Writes files in the order of the calls, on its own OS thread.

    ``max_bytes`` bounds what waits in memory. ``dropped`` counts bytes that were not written and ``error`` holds the
    reason of the last failure.
    """

    def __init__(self, max_bytes: int = 64 * 1024 * 1024) -> None:
        """Starts the thread. ``max_bytes``: how much may wait."""
        self.max_bytes = max_bytes
        self.waiting = 0
        self.dropped = 0
        self.error: str | None = None
        self._jobs: deque[tuple[Callable[[], None], int]] = deque()
        self._wake = _allocate_lock()
        self._wake.acquire()
        self._idle = _allocate_lock()
        self._closed = False
        self._done = _allocate_lock()
        self._done.acquire()
        _start_thread(self._run, ())

    def open(self, path: Path) -> "DiskFile":
        """A new file, truncated, its folder made; errors show in the file's ``error``, never as an exception here."""
        return DiskFile(self, path)

    def submit(self, job: Callable[[], None], size: int) -> bool:
        """Run ``job`` on the thread, ``size`` bytes of it waiting. False: there was no room, the job is dropped."""
        if self._closed or self.waiting + size > self.max_bytes:
            self.dropped += size
            return False
        self.waiting += size
        self._jobs.append((job, size))
        self._signal()
        return True

    def close(self, timeout_s: float = 10.0) -> bool:
        """Write what waits, then end the thread. False when that took longer than ``timeout_s``."""
        if not self._closed:
            self._closed = True
            self._signal()
        import gevent

        deadline = timeout_s
        while not self._done.acquire(False):
            if deadline <= 0:
                return False
            gevent.sleep(0.01)
            deadline -= 0.01
        self._done.release()
        return True

    def _signal(self) -> None:
        try:
            self._wake.release()
        except RuntimeError:
            return  # the thread is awake already

    def _run(self) -> None:
        while True:
            while self._jobs:
                job, size = self._jobs.popleft()
                try:
                    job()
                except OSError as fault:
                    self.error = str(fault)
                    self.dropped += size
                finally:
                    self.waiting -= size
            if self._closed and not self._jobs:
                self._done.release()
                return
            self._wake.acquire()


class DiskFile:
    """A file that is written from the hub without waiting. After an error it drops what follows and says so once."""

    def __init__(self, writer: DiskWriter, path: Path) -> None:
        """Opened by the first job on the writer's thread."""
        self.path = path
        self.error: str | None = None
        self.dropped = 0
        self._writer = writer
        self._file: BinaryIO | None = None
        writer.submit(self._open, 0)

    def write(self, data: bytes, at: int | None = None) -> None:
        """Append ``data``, or put it at byte ``at`` and go on appending at the end."""
        if self.error or not self._writer.submit(lambda: self._write(data, at), len(data)):
            self.dropped += len(data)

    def close(self) -> None:
        """Flush to the disk and close. Idempotent."""
        self._writer.submit(self._close, 0)

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w+b")
        except OSError as fault:
            self._fail(fault)

    def _write(self, data: bytes, at: int | None) -> None:
        if self._file is None:
            self.dropped += len(data)
            return
        try:
            if at is not None:
                self._file.seek(at)
            self._file.write(data)
            if at is not None:
                self._file.seek(0, os.SEEK_END)
            self._file.flush()
        except OSError as fault:
            self.dropped += len(data)
            self._fail(fault)

    def _close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.close()
            except OSError as fault:
                self._fail(fault)

    def _fail(self, fault: OSError) -> None:
        self.error = f"{self.path}: {fault.strerror or fault}"
        self._writer.error = self.error
        log.error("%s; what follows for this file is dropped", self.error)


__all__ = ["DiskFile", "DiskWriter"]
