"""When the model is asked to go on after the functions that it called. Pure.

The service runs no functions and asks for nothing by itself: once all calls of a response are answered, and the
response is done, another one has to be created, unless the caller has interrupted it; and not while one is active.
"""

from dataclasses import dataclass, field

MOST_RESPONSES = 200
"""Responses that are remembered: those under way, and those whose functions still run."""


@dataclass(slots=True)
class _Response:
    """``waiting``: calls that are not answered yet."""

    aside: bool
    waiting: set[str] = field(default_factory=set)
    called: bool = False
    goes_on: bool = True
    done: bool = False


class FollowUps:
    """Those of one session. A method that gives True wants a ``response.create`` sent now."""

    def __init__(self) -> None:
        """No response yet."""
        self._responses: dict[str, _Response] = {}
        self._owed = False

    @property
    def active(self) -> bool:
        """Whether a response of the conversation is under way."""
        return any(not one.done and not one.aside for one in self._responses.values())

    def created(self, response_id: str, aside: bool = False) -> None:
        """A response begins; ``aside``: beside the conversation."""
        self._responses[response_id] = _Response(aside)
        if not aside:
            self._owed = False  # it knows all that was answered so far
        if len(self._responses) > MOST_RESPONSES:
            del self._responses[next(iter(self._responses))]

    def called(self, response_id: str, call_id: str) -> None:
        """It calls a function that is going to be answered."""
        response = self._responses.setdefault(response_id, _Response(aside=False))
        response.waiting.add(call_id)
        response.called = True

    def has_called(self, response_id: str) -> bool:
        """Whether it has called any."""
        response = self._responses.get(response_id)
        return response is not None and response.called

    def answered(self, response_id: str, call_id: str, goes_on: bool = True) -> bool:
        """The answer was sent up. ``goes_on`` false: nothing is to be said to it."""
        response = self._responses.get(response_id)
        if response is None or call_id not in response.waiting:
            return False
        response.waiting.remove(call_id)
        response.goes_on = response.goes_on and goes_on
        return self._all_answered(response)

    def done(self, response_id: str, status: str) -> bool:
        """The response has ended, by its ``status``."""
        response = self._responses.get(response_id)
        if response is None or response.done:
            return False
        response.done = True
        response.goes_on = response.goes_on and status in ("completed", "incomplete")
        if response.called:
            return self._all_answered(response)
        return self._pay()

    def refused(self) -> None:
        """The service did not take our ``response.create``: it had another one active, which may not know the answers.
        """
        self._owed = True

    def lost(self) -> None:
        """The connection is lost, and what was under way with it. Calls are still going to be answered."""
        for response in self._responses.values():
            response.done = True

    def reopened(self) -> bool:
        """A new connection is there."""
        return self._pay()

    def _all_answered(self, response: _Response) -> bool:
        if not response.done or response.waiting or response.aside or not response.goes_on:
            return False
        self._owed = True
        return self._pay()

    def _pay(self) -> bool:
        """Whether an owed response can be asked for."""
        if not self._owed or self.active:
            return False
        self._owed = False
        return True


__all__ = ["MOST_RESPONSES", "FollowUps"]
