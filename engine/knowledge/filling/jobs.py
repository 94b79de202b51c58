"""Runs of ingest that somebody started from afar, and can follow: one at a time for each collection."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal
from uuid import uuid4

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from engine.errors import TrunklineError
from engine.knowledge.filling.report import Progress, Report
from engine.telemetry import logs

log = logging.getLogger(__name__)

State = Literal["waiting", "running", "done", "failed"]

AT_ONCE = 2
"""Jobs that run at the same time, each of another collection: their workers take cores from calls."""

KEPT = 100
"""Jobs that are told of; the oldest that have ended go first."""

STOP_S = 10.0
"""How long the batch in hand has to be put in place when the engine stops."""

Run = Callable[[Callable[[Progress], None], Callable[[], bool]], Report]
"""``run(progress, stop)``: does it, tells how far it is, and asks whether to stop."""


@dataclass(eq=False, slots=True)
class Job:
    """One run. ``error``: why it failed as a whole; single files that could not be read are in ``report.failed``."""

    collection: str
    kind: str
    run: Run
    id: str = field(default_factory=lambda: f"job_{uuid4().hex[:16]}")
    state: State = "waiting"
    created: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))
    progress: Progress | None = None
    report: Report | None = None
    error: str = ""
    version: int = 0
    changed: Event = field(default_factory=Event)

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.state in ("done", "failed")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        progress = None if self.progress is None else {**asdict(self.progress), "rate": round(self.progress.rate, 1)}
        return {"id": self.id, "collection": self.collection, "kind": self.kind, "state": self.state,
                "created": self.created, "progress": progress,
                "report": asdict(self.report) if self.report else None, "error": self.error}

    def tell(self) -> None:
        """Wake those that follow it."""
        self.version += 1
        self.changed.set()
        self.changed = Event()

    def follow(self) -> Iterator[dict[str, Any]]:
        """How it stands, now and whenever that changes, until it has ended."""
        while True:
            version, changed = self.version, self.changed
            yield self.as_dict()
            if self.over:
                return
            if version == self.version:
                changed.wait()


class Jobs:
    """One an engine; owns the greenlets."""

    def __init__(self) -> None:
        """No job yet."""
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._locks: dict[str, BoundedSemaphore] = {}
        self._greenlets: set[gevent.Greenlet] = set()
        self._places = BoundedSemaphore(AT_ONCE)
        self._closing = False

    def __iter__(self) -> Iterator[Job]:
        """The newest first."""
        return iter(list(reversed(self._jobs.values())))

    def get(self, job_id: str) -> Job | None:
        """The job of this id."""
        return self._jobs.get(job_id)

    def start(self, collection: str, kind: str, run: Run) -> Job:
        """Run it when no other job of the collection runs. One of this kind that waits already does what is asked."""
        waiting = next((job for job in self if (job.collection, job.kind, job.state) == (collection, kind, "waiting")),
                       None)
        if waiting is not None:
            return waiting
        job = Job(collection, kind, run)
        self._jobs[job.id] = job
        for known in [known for known in self._jobs.values() if known.over][:max(0, len(self._jobs) - KEPT)]:
            del self._jobs[known.id]
        greenlet = logs.spawn(self._work, job)
        self._greenlets.add(greenlet)
        greenlet.link(self._greenlets.discard)
        return job

    def lock(self, collection: str) -> BoundedSemaphore:
        """What a job of the collection holds while it runs."""
        return self._locks.setdefault(collection, BoundedSemaphore(1))

    def close(self) -> None:
        """End them: the batch in hand is still put in place."""
        self._closing = True
        gevent.joinall(list(self._greenlets), timeout=STOP_S)
        gevent.killall(list(self._greenlets))

    def _work(self, job: Job) -> None:
        with self.lock(job.collection), self._places:
            job.state = "running"
            job.tell()
            try:
                if self._closing:
                    raise TrunklineError("the engine stops")
                job.report = job.run(lambda progress: self._progressed(job, progress), lambda: self._closing)
                job.state = "done"
            except TrunklineError as fault:
                job.state, job.error = "failed", str(fault)
            except BaseException:
                job.state, job.error = "failed", "it ended for a reason that the engine's log tells"
                log.exception("%s of collection %s failed", job.kind, job.collection)
                raise
            finally:
                job.tell()

    @staticmethod
    def _progressed(job: Job, progress: Progress) -> None:
        job.progress = progress
        job.tell()
