"""The two deadlines of a streamed answer: one for its first useful part, one for its end."""

from collections.abc import Callable
from time import monotonic
from typing import TypeVar

import gevent

from engine.errors import ProviderFault

Result = TypeVar("Result")


class Deadline:
    """Of one request to ``provider``. Only waiting for the provider counts: while a long reply waits for the caller to
    hear its beginning, nothing is read, and nobody is late. ``begun()`` when the first useful part is there."""

    def __init__(self, provider: str, first_byte_s: float, total_s: float) -> None:
        """Both in seconds of waiting."""
        self.provider = provider
        self.has_begun = False
        self._first_s, self._total_s = min(first_byte_s, total_s), total_s
        self._waited_s = 0.0

    def begun(self) -> None:
        """The answer is coming: from now on only its end has a deadline."""
        self.has_begun = True

    def run(self, wait: Callable[[], Result]) -> Result:
        """``wait()``, which may block this greenlet. Raises ``ProviderFault`` (timeout) when the deadline passes."""
        limit_s = self._total_s if self.has_begun else self._first_s
        if self._waited_s >= limit_s:
            raise self._fault(limit_s)
        started = monotonic()
        timer = gevent.Timeout.start_new(limit_s - self._waited_s)
        try:
            return wait()
        except gevent.Timeout as fired:
            if fired is not timer:
                raise
            raise self._fault(limit_s) from None
        finally:
            timer.close()
            self._waited_s += monotonic() - started

    def _fault(self, limit_s: float) -> ProviderFault:
        what = "the answer was not complete" if self.has_begun else "no answer"
        return ProviderFault(self.provider, "timeout", f"{what} after {limit_s:g} s")
