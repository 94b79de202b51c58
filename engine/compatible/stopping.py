"""Where an answer ends that must not go on: at a stop text, or at a length. Pure."""

from collections.abc import Sequence


class StopCutter:
    """``feed`` the words as they come and send what it gives; ``flush`` at the end. ``over``: nothing more is wanted.
    ``cut``: the length was reached. No part of a stop text is ever given."""

    def __init__(self, stops: Sequence[str] = (), max_chars: int | None = None) -> None:
        """``stops``: texts that end the answer and are no part of it. ``max_chars``: characters at most."""
        self._stops = tuple(stop for stop in stops if stop)
        self._left = max_chars
        self._held = ""
        self.over = False
        self.cut = False

    def feed(self, text: str) -> str:
        """What can be sent now."""
        if self.over:
            return ""
        self._held += text
        found = [at for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            self.over = True
            return self._let_go(min(found))
        return self._let_go(len(self._held) - self._may_begin())

    def flush(self) -> str:
        """The answer has ended: what was held back."""
        return "" if self.over else self._let_go(len(self._held))

    def _may_begin(self) -> int:
        """How many of the last characters may be the beginning of a stop text."""
        longest = 0
        for stop in self._stops:
            for size in range(min(len(stop) - 1, len(self._held)), longest, -1):
                if self._held.endswith(stop[:size]):
                    longest = size
                    break
        return longest

    def _let_go(self, count: int) -> str:
        text, self._held = self._held[:count], self._held[count:]
        if self._left is not None:
            if len(text) > self._left:
                text, self.over, self.cut = text[:self._left], True, True
            self._left -= len(text)
        return text
