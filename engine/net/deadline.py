"""The two deadlines of a streamed answer: one for its first useful part, one for its end."""

from collections.abc import Callable
from time import monotonic
from typing import TypeVar

import gevent

from engine.errors import ProviderFault

Result = TypeVar("Result")


class Deadline:
    """Of one request to ``provider``, from now on. ``begun()`` when the first useful part is there."""

    def __init__(self, provider: str, first_byte_s: float, total_s: float) -> None:
        """Both in seconds."""
        self.provider = provider
        self.has_begun = False
        started = monotonic()
        self._first = started + min(first_byte_s, total_s)
        self._end = started + total_s
        self._said = {False: first_byte_s, True: total_s}

    def begun(self) -> None:
        """The answer is coming: from now on only its end has a deadline."""
        self.has_begun = True

    def run(self, wait: Callable[[], Result]) -> Result:
        """``wait()``, which may block this greenlet. Raises ``ProviderFault`` (timeout) when the deadline passes."""
        left = (self._end if self.has_begun else self._first) - monotonic()
        if left <= 0:
            raise self._fault()
        timer = gevent.Timeout.start_new(left)
        try:
            return wait()
        except gevent.Timeout as fired:
            if fired is not timer:
                raise
            raise self._fault() from None
        finally:
            timer.close()

    def _fault(self) -> ProviderFault:
        what = "the answer was not complete" if self.has_begun else "no answer"
        return ProviderFault(self.provider, "timeout", f"{what} after {self._said[self.has_begun]:g} s")
