"""Moves a collection to another vector store. Interrupted, it is run again: what is there is not written twice."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

import gevent

from engine.errors import ProviderFault
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.vectorstores.interface import Point, VectorStore
from engine.knowledge.vectorstores.payload import DIGEST, batches, digest
from engine.offhub import off_hub

T = TypeVar("T")

log = logging.getLogger(__name__)

BATCH = 100
"""Points that are looked up, and those that differ written, at once."""

TRIES = 6
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
"""After a fault that may pass: 0.5, 1, 2, 4, 8 s, or what the server says. Some 15 s of trouble are survived."""

SETTLE_S = 60.0
"""Pinecone and Azure count what was written only after a while: so long it is waited for."""

PASSING = ("rate_limit", "timeout", "unavailable", "broken")
"""Kinds of faults that another try may cure. Writing a point twice is as writing it once."""


@dataclass(frozen=True, slots=True)
class Progress:
    """``read`` of the source so far; ``written``, ``kept`` (were there, and the same) and ``removed`` at the target."""

    read: int = 0
    written: int = 0
    kept: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Migrated:
    """A migration that is done and checked. ``count`` is the target's; ``extra`` of them are not from this source."""

    progress: Progress
    count: int
    extra: int


def migrate(
    source: Iterable[Point], target: VectorStore, progress: Callable[[Progress], None] = lambda done: None, *,
    prune: bool = False, sleep: Callable[[float], None] = gevent.sleep, clock: Callable[[], float] = monotonic,
) -> Migrated:
    """Write every point of ``source`` that ``target`` lacks or has otherwise, then check the counts.

    The target makes itself ready for the dimension of the first point. ``prune`` removes points that the source does
    not have. Faults that may pass are tried again, up to six times. Raises ``ProviderFault`` when that is used up, and
    ``KnowledgeError`` when the counts do not agree at the end.
    """
    done, seen = Progress(), set[str]()
    for batch in batches(source, BATCH):
        if not seen:
            dim = len(batch[0].vector)
            _try(lambda: target.ensure(dim), sleep)  # noqa: B023
        fresh = _differing(batch, target, sleep)
        if fresh:
            _try(lambda: target.upsert(fresh), sleep)  # noqa: B023
        seen |= {point.id for point in batch}
        done = Progress(done.read + len(batch), done.written + len(fresh), done.kept + len(batch) - len(fresh))
        progress(done)
    if not seen:
        raise KnowledgeError("there is nothing to migrate: the source is empty")
    if prune:
        gone = [one for one in _try(lambda: [point.id for point in target.scan()], sleep) if one not in seen]
        for ids in batches(gone, 1000):
            _try(lambda: target.delete(ids), sleep)  # noqa: B023
        done = Progress(done.read, done.written, done.kept, len(gone))
        progress(done)
    count = _settled(target, len(seen), prune, sleep, clock)
    return Migrated(done, count, count - len(seen))


def _differing(batch: list[Point], target: VectorStore, sleep: Callable[[float], None]) -> list[Point]:
    """Those to be written, each with its digest; of equal ids the last."""
    marked = off_hub(_marked, batch)
    there = _try(lambda: target.get([point.id for point in marked], vectors=False), sleep)
    has = {point.id: point.payload.get(DIGEST) for point in there}
    return [point for point in marked if has.get(point.id) != point.payload[DIGEST]]


def _marked(batch: list[Point]) -> list[Point]:
    last = {point.id: point for point in batch}
    return [Point(point.id, point.vector, {**point.payload, DIGEST: digest(point)}) for point in last.values()]


def _settled(
    target: VectorStore, expected: int, exact: bool, sleep: Callable[[float], None], clock: Callable[[], float]
) -> int:
    """The target's count, as soon as it is what it must be. Raises ``KnowledgeError`` when it does not become so."""
    deadline, wait_s = clock() + SETTLE_S, FIRST_WAIT_S
    while True:
        count = _try(target.count, sleep)
        if count == expected or (count > expected and not exact):
            return count
        if clock() >= deadline:
            raise KnowledgeError(f"{target.name}: holds {count} passages after the migration, not {expected}: run it "
                                 "again, and see that nobody else writes there")
        sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


def _try(work: Callable[[], T], sleep: Callable[[float], None]) -> T:
    """``work()``, again after faults that may pass."""
    wait_s = FIRST_WAIT_S
    for attempt in range(1, TRIES + 1):
        try:
            return work()
        except ProviderFault as fault:
            if fault.kind not in PASSING or attempt == TRIES:
                raise
            told_s = min(max(fault.retry_after_s or 0.0, wait_s), LONGEST_WAIT_S)
            log.warning("%s; trying again in %g s", fault, told_s)
            sleep(told_s)
            wait_s *= 2
    raise AssertionError("unreachable")
