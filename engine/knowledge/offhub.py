"""CPU and disk work in the hub's thread pool, so that calls go on meanwhile."""

from collections.abc import Callable
from typing import TypeVar

import gevent

from engine.errors import TrunklineError

T = TypeVar("T")


def off_hub(function: Callable[..., T], *args: object) -> T:
    """Run ``function(*args)`` in a pool thread and wait for it; other greenlets run meanwhile.

    A ``TrunklineError`` is raised here as if called directly. (Left to the pool, its traceback would be printed too;
    that is wanted for faults nobody foresaw.)
    """
    def run() -> tuple[T | None, TrunklineError | None]:
        try:
            return function(*args), None
        except TrunklineError as fault:
            return None, fault

    result, fault = gevent.get_hub().threadpool.apply(run)
    if fault is not None:
        raise fault
    return result  # type: ignore[no-any-return]
