"""What is done when the upstream is lost or asks for patience. Pure: times and chance are given.

Sources: openai-python 3.52 (``resources/realtime``: which close codes are worth another try), OpenAI's guide on rate
limits ("Please try again in 1.8s"), RFC 6455 7.4.1 (close codes).
"""

from collections.abc import Callable, Mapping
from typing import Any

from engine.config.upstream import UpstreamOptions
from engine.errors import ProviderFault
from engine.net.errors import NetError, SocketClosed
from engine.net.waits import wait_told

RECOVERABLE = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 1015})
"""Close codes after which a new connection may do better: going away (which is also how a session of 60 minutes ends),
no code, no close frame, a fault of the server, its restart, "try again later", TLS."""

STEADY_S = 30.0
"""A connection that has held for so long was a good one: the next loss begins with fresh tries."""

UNTOLD_WAIT_S = 2.0
"""Wait after a rate limit that does not say how long."""

JITTER = 0.25
"""Part of a wait that is chance, so that sessions which were lost together do not come back together."""


class Retries:
    """When to open a lost connection again, and when to give up. ``chance()`` gives numbers from 0 up to 1."""

    def __init__(self, options: UpstreamOptions, chance: Callable[[], float]) -> None:
        """No try was made yet."""
        self._options = options
        self._chance = chance
        self._opened: float | None = None
        self.made = 0
        """Tries since the last good connection."""

    def opened(self, now: float) -> None:
        """A connection was opened at ``now``, in seconds."""
        self._opened = now

    def lost(self, now: float, fault: NetError | ProviderFault) -> float | None:
        """Seconds to wait before the next try, None to give up, after ``fault`` ended a connection or a try."""
        if self._opened is not None and now - self._opened >= STEADY_S:
            self.made = 0
        self._opened = None
        if not recoverable(fault) or self.made >= self._options.tries:
            return None
        wait_s = min(self._options.retry_first_ms * 2 ** min(self.made, 30), self._options.retry_longest_ms) / 1000
        wait_s *= 1 - JITTER * self._chance()
        self.made += 1
        if isinstance(fault, ProviderFault) and fault.retry_after_s is not None:
            wait_s = max(wait_s, rate_limit_wait(fault.retry_after_s, self._options, self._chance()))
        return wait_s


def recoverable(fault: NetError | ProviderFault) -> bool:
    """Whether another connection may do better."""
    if isinstance(fault, SocketClosed):
        return fault.code in RECOVERABLE
    return not (isinstance(fault, ProviderFault) and fault.kind in ("auth", "refused"))


def rate_limited(event: Mapping[str, Any]) -> float | None:
    """Seconds that a server event asks to be left alone, None where it is about nothing of the kind. Rate limits come
    as ``error``, and as ``response.done`` of a response that failed."""
    if event.get("type") == "error":
        error = event.get("error")
    elif event.get("type") == "response.done":
        response = event.get("response")
        details = response.get("status_details") if isinstance(response, Mapping) else None
        error = details.get("error") if isinstance(details, Mapping) else None
    else:
        return None
    if not isinstance(error, Mapping):
        return None
    names = f"{error.get('code') or ''} {error.get('type') or ''}"
    if "rate_limit" not in names:
        return None
    told = wait_told({}, str(error.get("message") or ""))
    return UNTOLD_WAIT_S if told is None else told


def rate_limit_wait(told_s: float, options: UpstreamOptions, chance: float) -> float:
    """Seconds to wait where ``told_s`` were asked for: a little more, for the service's clock and for others who were
    told the same; ``rate_limit_longest_s`` at most."""
    return min(told_s * (1 + JITTER * chance) + 0.1, options.rate_limit_longest_s)


__all__ = ["JITTER", "RECOVERABLE", "STEADY_S", "UNTOLD_WAIT_S", "Retries", "rate_limit_wait", "rate_limited",
           "recoverable"]
