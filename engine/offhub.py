"""CPU, SQL and disk work in the hub's thread pool, so that calls go on meanwhile."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import gevent

T = TypeVar("T")


def off_hub(function: Callable[..., T], *args: object) -> T:
    """Run ``function(*args)`` in a thread of the pool and wait for it. What it raises is raised here, without the
    traceback that the pool would print."""
    result, fault = gevent.get_hub().threadpool.apply(_caught, (function, args))
    if fault is not None:
        raise fault
    return cast(T, result)


def _caught(function: Callable[..., T], args: tuple[object, ...]) -> tuple[Any, Exception | None]:
    try:
        return function(*args), None
    except Exception as fault:  # noqa: BLE001  raised again where it is waited for
        return None, fault
