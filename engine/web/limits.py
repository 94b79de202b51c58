"""How often a key or an address may ask: token buckets in a bounded table. Pure: told the time, in seconds."""

from collections import OrderedDict
from dataclasses import dataclass

ENTRIES = 20_000
"""Buckets kept, about 200 bytes each; the one that was not used for longest makes room."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left, as ``rate_limits.updated`` tells it. ``limit``: requests at once and a minute, 0 for none;
    ``reset_seconds``: until all of it is there again; ``wait_s``: until the next request may come, 0 if now."""

    limit: int
    remaining: int
    reset_seconds: float
    wait_s: float = 0.0


UNLIMITED = Allowance(0, 0, 0.0)


class Buckets:
    """One a kind of limit. A bucket holds a minute's requests and fills steadily."""

    def __init__(self, entries: int = ENTRIES) -> None:
        """At most so many names are remembered."""
        self._entries = entries
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._left)

    def take(self, name: str, per_minute: int, now: float) -> Allowance:
        """One request of ``name``, if it may: where not, ``wait_s`` is above 0 and nothing is taken."""
        if per_minute <= 0:
            return UNLIMITED
        left = self._filled(name, per_minute, now)
        took = left >= 1
        left -= took
        self._left[name] = (left, now)
        self._left.move_to_end(name)
        if len(self._left) > self._entries:
            self._left.popitem(last=False)
        return _allowance(left, per_minute, 0.0 if took else (1 - left) * 60 / per_minute)

    def look(self, name: str, per_minute: int, now: float) -> Allowance:
        """What is left, without taking any."""
        return _allowance(self._filled(name, per_minute, now), per_minute, 0.0) if per_minute > 0 else UNLIMITED

    def _filled(self, name: str, per_minute: int, now: float) -> float:
        left, at = self._left.get(name, (float(per_minute), now))
        return min(float(per_minute), left + max(0.0, now - at) * per_minute / 60)


def _allowance(left: float, per_minute: int, wait_s: float) -> Allowance:
    return Allowance(per_minute, int(left), round((per_minute - left) * 60 / per_minute, 3), wait_s)
