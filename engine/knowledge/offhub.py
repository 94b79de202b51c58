"""CPU and disk work in the hub's thread pool, so that calls go on meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import gevent

from engine.errors import TrunklineError

T = TypeVar("T")


def off_hub(function: Callable[..., T], *args: object) -> T:
    """Run ``function(*args)`` in a pool thread and wait for it; other greenlets run meanwhile.

    A ``TrunklineError`` is raised here as if called directly. (Left to the pool, its traceback would be printed too;
    that is wanted for faults nobody foresaw.)
    """
    result = gevent.get_hub().threadpool.apply(_caught, (function, args))
    if isinstance(result, _Fault):
        raise result.fault
    return cast(T, result)


@dataclass(frozen=True, slots=True)
class _Fault:
    fault: TrunklineError


def _caught(function: Callable[..., T], args: tuple[object, ...]) -> T | _Fault:
    try:
        return function(*args)
    except TrunklineError as fault:
        return _Fault(fault)
