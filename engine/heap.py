"""Garbage collections that do not stop calls.

A full collection looks at every object that is alive: 130 ms for the million of an engine that has served a while, in
which the hub does nothing, and it finds next to none. So what has survived one that took long is put aside
(``gc.freeze``): the next looks at what came since. What was put aside and has become garbage in cycles meanwhile is
found when everything is looked at again: in a quiet moment, or when a lot has come together.
"""

import gc
import logging
from collections.abc import Callable
from time import perf_counter

import gevent

log = logging.getLogger(__name__)

LONG_S = 0.01
"""A full collection that takes longer is felt in the frames of calls."""

SELDOM = (1000, 10, 100)
"""Thresholds of the collector (``gc.set_threshold``): a full collection after a million new objects, not after the
default's 70,000. Most garbage of cycles is young, and the small collections of 2 ms find it."""

LOOK_EVERY_S = 10.0

SOME, MUCH = 100_000, 3_000_000
"""Objects put aside since everything was looked at: so many are worth a look in a quiet moment, so many at any time
(some 300 MB, and a pause of half a second)."""


class Heap:
    """One a process: ``start`` in the hub's thread, ``stop``."""

    def __init__(self, quiet: Callable[[], bool]) -> None:
        """``quiet``: nobody would notice a pause now."""
        self.put_aside = 0
        """How often."""
        self._quiet = quiet
        self._began = 0.0
        self._known = 0
        self._usual = gc.get_threshold()
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        """What is alive now is put aside."""
        if self._greenlet is None:
            self.look_at_everything()
            gc.set_threshold(*SELDOM)
            gc.callbacks.append(self._told)
            self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Collections are as ever again. Idempotent."""
        if self._greenlet is not None:
            greenlet, self._greenlet = self._greenlet, None
            greenlet.kill()
            gc.callbacks.remove(self._told)
            gc.set_threshold(*self._usual)
            gc.unfreeze()

    def tidy(self) -> None:
        """Look at everything, if this is the time for it."""
        more = gc.get_freeze_count() - self._known
        if more > MUCH or (more > SOME and self._quiet()):
            began = perf_counter()
            self.look_at_everything()
            log.info("garbage collection: %d objects looked at in %.0f ms", gc.get_freeze_count(),
                     (perf_counter() - began) * 1000)

    def look_at_everything(self) -> None:
        """Collect, whatever was put aside; put aside what is left."""
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self._known = gc.get_freeze_count()

    def _told(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] != 2:
            return
        if phase == "start":
            self._began = perf_counter()
        elif perf_counter() - self._began > LONG_S:
            gc.freeze()
            self.put_aside += 1

    def _run(self) -> None:
        while True:
            gevent.sleep(LOOK_EVERY_S)
            self.tidy()


__all__ = ["Heap"]
