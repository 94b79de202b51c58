"""Measured delay of a provider: a histogram whose counts fade with age. Pure: told the time."""

from bisect import bisect_left

LOWEST_MS, GROWTH, BUCKETS = 10.0, 1.2, 48
EDGES = tuple(LOWEST_MS * GROWTH**number for number in range(BUCKETS))
"""Upper bounds, from 10 ms to 53 s: a percentile is right to a fifth."""

PRIOR_WEIGHT = 3.0
"""The expected delay counts like three measurements, so that neither one lucky nor one slow answer decides."""


class Latency:
    """Delays of the last minutes. Where little was measured, or it is long ago, ``expected_ms`` has the word."""

    def __init__(self, expected_ms: float, half_life_s: float) -> None:
        self._expected_ms = expected_ms
        self._half_life = half_life_s
        self._weights = [0.0] * BUCKETS
        self._total = 0.0
        self._at = 0.0
        self._cached = expected_ms
        self._stale = False

    def add(self, now: float, ms: float) -> None:
        """One measurement."""
        keep = 0.5 ** (max(0.0, now - self._at) / self._half_life)
        self._weights = [weight * keep for weight in self._weights]
        self._weights[min(bisect_left(EDGES, ms), BUCKETS - 1)] += 1
        self._total = self._total * keep + 1
        self._at = max(now, self._at)
        self._stale = True

    def count(self, now: float) -> float:
        """How many measurements there are, faded."""
        return self._total * 0.5 ** (max(0.0, now - self._at) / self._half_life)

    def p95(self, now: float) -> float:
        """The 95th percentile in ms, mixed with what is expected by how much was measured."""
        count = self.count(now)
        if self._stale:
            self._cached, self._stale = self._percentile(0.95), False
        return (self._cached * count + self._expected_ms * PRIOR_WEIGHT) / (count + PRIOR_WEIGHT)

    def _percentile(self, share: float) -> float:
        wanted, seen = self._total * share, 0.0
        for edge, weight in zip(EDGES, self._weights, strict=True):
            seen += weight
            if weight and seen >= wanted - 1e-9:
                return edge
        return EDGES[-1]
