"""How this caller pauses: learned in the call, so that a quick one is answered quickly and a slow one is let finish."""

SPREAD, MARGIN_S = 1.5, 0.1
"""A caller who pauses is waited for half as long again, and a bit: pauses vary in proportion to their length."""

RISE, FALL, FALL_SHORT = 0.45, 0.25, 0.1
"""How far one pause draws the wait up, and one turn without pauses draws it down. To cut somebody off is worse than to
be slow, so it rises faster; a short answer ("yes") says little about pauses."""

SHORT_WORDS = 3


class Pace:
    """``complete_s``: the wait after words that look complete; ``open_s``: the least one after words that do not."""

    def __init__(self, start_s: float, floor_s: float, longest_s: float) -> None:
        """Of a caller of whom nothing is known: ``start_s``. It never leaves ``floor_s`` to ``longest_s``."""
        self.floor_s = min(floor_s, start_s)
        self.longest_s = longest_s
        self.complete_s = start_s
        self.open_s = 0.0
        self.known = False
        self._longest_pause_s = 0.0

    def paused(self, seconds: float, complete: bool) -> None:
        """They were silent for so long within a turn and went on, after words that looked complete or did not. A gap
        longer than the longest wait was no pause."""
        if not 0 < seconds <= self.longest_s:
            return
        wait_s = min(seconds * SPREAD + MARGIN_S, self.longest_s)
        if not complete:
            self.open_s += RISE * max(0.0, wait_s - self.open_s)
            return
        self._longest_pause_s = max(self._longest_pause_s, seconds)
        self.complete_s += RISE * max(0.0, wait_s - self.complete_s)

    def finished(self, words: int) -> None:
        """A turn of so many words was answered, and they had indeed finished."""
        paused_s = self._longest_pause_s
        wait_s = max(self.floor_s, min(paused_s * SPREAD + MARGIN_S, self.longest_s) if paused_s else 0.0)
        fall = FALL if words >= SHORT_WORDS else FALL_SHORT
        self.complete_s -= fall * max(0.0, self.complete_s - wait_s)
        self._longest_pause_s = 0.0
        self.known = True


__all__ = ["Pace"]
