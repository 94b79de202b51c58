"""One thread writes what calls leave behind, so that a slow or full disk never holds the hub.

Order is kept; the queue is bounded in bytes. What does not fit, or cannot be written because the disk is full, is
dropped and counted, and the call goes on. Everything here is called from the hub's thread; the writing thread touches
neither the hub nor logging (its locks are gevent's), it leaves its findings in plain attributes.
"""

import logging
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import gevent
from gevent.monkey import get_original

log = logging.getLogger(__name__)

# A real OS thread: the hub must never wait for a disk.
_start_thread = get_original("_thread", "start_new_thread")
_nap = get_original("time", "sleep")

NAP_S = 0.05
"""How often the thread looks for work. Waking it would take the interpreter from the frame clock each time."""

_POLL_S = 0.005


class DiskWriter:
    """Runs jobs, and so writes files, in the order in which they were given, on its own OS thread.

    ``max_bytes`` bounds what waits in memory.
    """

    def __init__(self, max_bytes: int = 64 * 1024 * 1024) -> None:
        """Starts the thread. ``max_bytes``: how much may wait."""
        self.max_bytes = max_bytes
        self._jobs: deque[tuple[Callable[[], None], int]] = deque()
        self._closed = False
        # Counters with one writer each: those of the hub, those of the thread. None is shared, so none needs a lock.
        self._bytes_in = self._jobs_in = self._refused = 0
        self._bytes_out = self._jobs_out = self._failed = 0
        self._error: str | None = None
        self._ended = False
        _start_thread(self._run, ())

    @property
    def waiting(self) -> int:
        """Bytes that are not written yet."""
        return self._bytes_in - self._bytes_out

    @property
    def dropped(self) -> int:
        """Bytes that were not written: no room, a full disk, a closed writer."""
        return self._refused + self._failed

    @property
    def error(self) -> str | None:
        """The reason of the last failure."""
        return self._error

    def open(self, path: Path, held: bool = True) -> "DiskFile":
        """A new file, truncated, its folder made; errors show in the file's ``error``, never as an exception here.
        ``held`` false: it is open only while something is written, which is for many files that seldom are."""
        return DiskFile(self, path, held)

    def submit(self, job: Callable[[], None], size: int) -> bool:
        """Run ``job`` on the thread, ``size`` bytes of it waiting. False: there was no room, the job is dropped.

        An exception of the job counts ``size`` as dropped and is kept in ``error``.
        """
        if not self.admit(size):
            return False
        self._jobs_in += 1
        self._jobs.append((job, size))
        return True

    def admit(self, size: int) -> bool:
        """Count ``size`` bytes as waiting, for a job that is given already and reports them with ``written``."""
        if self._closed or self.waiting + size > self.max_bytes:
            self._refused += size
            return False
        self._bytes_in += size
        return True

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait, cooperatively, until all that was submitted so far is done. False: not within ``timeout_s``."""
        wanted = self._jobs_in
        return _wait_until(lambda: self._jobs_out >= wanted, timeout_s)

    def close(self, timeout_s: float = 10.0) -> bool:
        """Write what waits, then end the thread. False when that took longer than ``timeout_s``. Idempotent."""
        self._closed = True
        return _wait_until(lambda: self._ended, timeout_s)

    # ------------------------------------------------------------------ on the thread

    def _run(self) -> None:
        while True:
            while self._jobs:
                job, size = self._jobs.popleft()
                try:
                    job()
                except Exception as fault:  # noqa: BLE001 - one bad job must not end the writing of all calls
                    self.note_failure(f"{type(fault).__name__}: {fault}", size)
                self._bytes_out += size
                self._jobs_out += 1
            if self._closed and not self._jobs:
                self._ended = True
                return
            _nap(NAP_S)

    def written(self, size: int) -> None:
        """For jobs, on the thread: ``size`` bytes that were admitted by ``admit`` wait no more."""
        self._bytes_out += size

    def note_failure(self, error: str, size: int) -> None:
        """For jobs, on the thread: ``size`` bytes of this job could not be written."""
        self._error = error
        self._failed += size


class DiskFile:
    """A file that is written from the hub without waiting. After an error it drops what follows and says so once."""

    def __init__(self, writer: DiskWriter, path: Path, held: bool = True) -> None:
        """Opened by the first job on the writer's thread."""
        self.path = path
        self._held = held
        self._writer = writer
        self._error: str | None = None
        self._told = False
        self._refused = 0  # bytes, counted by the hub
        self._failed = 0  # bytes, counted by the thread
        self._descriptor: int | None = None
        self._closed = False
        self._end = 0
        self._pending: deque[tuple[bytes, int | None]] = deque()
        self._queued = False  # a job for what is pending was given and has not begun
        if not writer.submit(self._open, 0):
            self._error = f"{path}: the disk writer is closed"

    @property
    def error(self) -> str | None:
        """Why the file is not written any more; None while it is."""
        return self._error

    @property
    def dropped(self) -> int:
        """Bytes given to ``write`` that are not in the file."""
        return self._refused + self._failed

    def write(self, data: bytes, at: int | None = None) -> None:
        """Append ``data``, or put it at byte ``at`` and go on appending at the end."""
        if self._error:
            self._tell()
            self._refused += len(data)
        elif not self._writer.admit(len(data)):
            self._refused += len(data)
        else:
            # First append, then look: the thread does it the other way round, so nothing is left behind.
            self._pending.append((data, at))
            if not self._queued:
                self._queued = True
                self._writer.submit(self._write_pending, 0)

    def close(self) -> None:
        """Close after what was written so far. Idempotent."""
        self._tell()
        self._writer.submit(self._close, 0)

    def _tell(self) -> None:
        if self._error and not self._told:
            self._told = True
            log.error("%s; what follows for this file is dropped", self._error)

    # ------------------------------------------------------------------ on the writer's thread

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        except OSError as fault:
            self._fail(fault, 0)
        self._let_go()

    def _take_up(self) -> None:
        """Open it again, where it is not held."""
        if not (self._held or self._closed or self._error):
            try:
                self._descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            except OSError as fault:
                self._fail(fault, 0)

    def _let_go(self) -> None:
        """Close it until something is written again, where it is not held."""
        if not self._held:
            self._release()

    def _write_pending(self) -> None:
        """All that has come since the last time, appends in a row as one write."""
        self._queued = False
        pending = self._pending
        self._take_up()
        while pending:
            data, at = pending.popleft()
            if at is None:
                row = [data]
                while pending and pending[0][1] is None:
                    row.append(pending.popleft()[0])
                data = b"".join(row)
            self._write(data, at)
            self._writer.written(len(data))
        self._let_go()

    def _write(self, data: bytes, at: int | None) -> None:
        if self._descriptor is None or self._error:
            self._failed += len(data)
            self._writer.note_failure(self._error or f"{self.path}: written after it was closed", len(data))
            return
        left = memoryview(data)
        position = self._end if at is None else at
        try:
            while left:
                count = os.pwrite(self._descriptor, left, position)
                left = left[count:]
                position += count
        except OSError as fault:
            self._fail(fault, len(left))
        self._end = max(self._end, position)

    def _close(self) -> None:
        self._closed = True
        self._release()

    def _release(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            try:
                os.close(descriptor)
            except OSError as fault:
                self._fail(fault, 0)

    def _fail(self, fault: OSError, size: int) -> None:
        self._failed += size
        self._error = f"{self.path}: {fault.strerror or fault}"
        self._writer.note_failure(self._error, size)


def _wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Poll in the hub: the other side is a thread that must not touch the hub."""
    deadline = monotonic() + timeout_s
    while not condition():
        if monotonic() >= deadline:
            return False
        gevent.sleep(_POLL_S)
    return True


__all__ = ["DiskFile", "DiskWriter"]
