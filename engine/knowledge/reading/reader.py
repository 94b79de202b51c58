"""Any document in, a ``Document`` out: files are parsed in worker processes with limits of memory, time and rights.

    with Reader(options) as reader:
        document = reader.read(path, root)                  # DocumentError says what is wrong with the file
        for outcome in reader.read_all(files): ...          # as many at a time as there are workers, in order
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import gevent
from gevent import monkey
from gevent.lock import BoundedSemaphore

from engine.config import KnowledgeOptions
from engine.knowledge.document import Document
from engine.knowledge.errors import DocumentError, KnowledgeError
from engine.knowledge.reading import sidecar
from engine.knowledge.reading.child import START_S, WALL, Worker, WorkerGone
from engine.knowledge.reading.formats import SUFFIXES
from engine.knowledge.reading.limits import Limits
from engine.knowledge.reading.passages import Cut

_get_ident = monkey.get_original("_thread", "get_ident")
_allocate_lock = monkey.get_original("_thread", "allocate_lock")


def limits_of(options: KnowledgeOptions) -> Limits:
    """What the configuration allows a file."""
    return Limits(options.read_seconds, options.read_memory_mb, options.max_file_mb,
                  Cut(options.passage_words, options.passage_chars, options.passage_overlap_chars))


class Reader:
    """Workers are started when there is something to read, and replaced when they have been lost.

    Made in the main hub's thread; used from its greenlets, any number at a time, or from threads of its pool while the
    hub runs. The hub waits for nothing.
    """

    def __init__(self, options: KnowledgeOptions | None = None) -> None:
        """Nothing is started yet."""
        options = options or KnowledgeOptions()
        self.limits = limits_of(options)
        self.suffixes = SUFFIXES
        self.workers = options.read_workers
        self._hub = gevent.get_hub()
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._free = BoundedSemaphore(self.workers)
        self._closed = False

    def __enter__(self) -> "Reader":
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        """Close."""
        self.close()

    def digest(self, path: Path) -> str:
        """The ``Document.digest`` that reading the file would give, without parsing it. Raises ``DocumentError``."""
        return sidecar.digest(path)

    @property
    def pids(self) -> list[int]:
        """Of the workers that run now."""
        return sorted(worker.pid for worker in [*self._idle, *self._busy])

    def read(self, path: Path, root: Path) -> Document:
        """Read a file below ``root`` (or that is ``root``). Raises ``DocumentError`` that names the file and says what
        to do; ``KnowledgeError`` when no worker can be started."""
        path, root = Path(path).absolute(), Path(root).absolute()
        if _get_ident() == self._hub.thread_ident:
            return self._read(path, root)
        return self._in_hub(lambda: self._read(path, root))

    def read_all(self, files: Iterable[tuple[Path, Path]]) -> Iterator[Document | DocumentError]:
        """Read ``(path, root)`` of many, in order; all workers are kept busy, and few results wait. Called from a
        thread of the pool it reads one after the other."""
        if _get_ident() != self._hub.thread_ident:
            yield from (self._outcome(path, root) for path, root in files)
            return
        waiting: deque[gevent.Greenlet[..., Document | DocumentError]] = deque()
        try:
            for path, root in files:
                waiting.append(gevent.spawn(self._outcome, path, root))
                if len(waiting) > 2 * self.workers:
                    yield waiting.popleft().get()
            while waiting:
                yield waiting.popleft().get()
        finally:
            gevent.killall(list(waiting))

    def close(self) -> None:
        """End the workers; files that are being read fail. Idempotent."""
        self._closed = True
        if _get_ident() == self._hub.thread_ident:
            self._end()
        else:
            self._in_hub(self._end)

    def _end(self) -> None:
        for worker in [*self._idle, *self._busy]:
            worker.close()
        self._idle.clear()

    def _outcome(self, path: Path, root: Path) -> Document | DocumentError:
        try:
            return self.read(path, root)
        except DocumentError as fault:
            return fault

    def _read(self, path: Path, root: Path) -> Document:
        with self._free:
            for again in (True, False):
                worker = self._worker()
                try:
                    return worker.read(path, root)
                except WorkerGone as gone:  # once may be chance, such as a machine short of memory
                    if self._closed or not again:
                        raise DocumentError(f"{path}: the process that reads it was ended {gone.how}, for want of "
                                            "memory or by the file; save it anew, or split it") from gone
                finally:
                    self._busy.discard(worker)
                    if worker.usable and not self._closed:
                        self._idle.append(worker)
        raise AssertionError("a file is read or refused")

    def _worker(self) -> Worker:
        if self._closed:
            raise KnowledgeError("documents are not read any more: the reader is closed")
        worker = self._idle.pop() if self._idle else Worker(self.limits)
        self._busy.add(worker)
        return worker

    def _in_hub(self, function: Callable[[], Any]) -> Any:
        """Run a function in a greenlet of the main hub and wait for it in this thread."""
        done = _allocate_lock()
        done.acquire()
        results: list[Any] = []
        faults: list[BaseException] = []

        def run() -> None:
            try:
                results.append(function())
            except BaseException as fault:
                faults.append(fault)
                if not isinstance(fault, Exception):
                    raise
            finally:
                done.release()

        loop: Any = self._hub.loop
        loop.run_callback_threadsafe(gevent.spawn, run)
        if not done.acquire(timeout=START_S + 2 * WALL * self.limits.seconds * (1 + self.workers)):
            raise KnowledgeError("the hub does not run: documents cannot be read from this thread")
        if faults:
            raise faults[0]
        return results[0]
