"""Text that is changed step by step while each character remembers where in the written text it came from. Pure."""

import re
from collections.abc import Callable

Span = tuple[int, int]


class Traced:
    """``text``, and for each of its characters the half-open span of the written text that it stands for."""

    __slots__ = ("spans", "text")

    def __init__(self, text: str, spans: list[Span] | None = None) -> None:
        """Without ``spans``: the written text itself."""
        self.text = text
        self.spans = [(at, at + 1) for at in range(len(text))] if spans is None else spans

    def replace(self, pattern: re.Pattern[str], say: str | Callable[[re.Match[str]], str | None]) -> "Traced":
        """Each match replaced by ``say`` (``None``: left as it is). What is new stands for the whole match."""
        changes = []
        for match in pattern.finditer(self.text):
            new = say if isinstance(say, str) else say(match)
            if new is not None:
                changes.append((match.start(), match.end(), new))
        return self.changed(changes)

    def keep(self, pattern: re.Pattern[str], group: int = 1) -> "Traced":
        """Each match reduced to this group of it; what is kept stands for itself."""
        changes = []
        for match in pattern.finditer(self.text):
            start, end = match.span(group)
            changes += [(match.start(), start, ""), (end, match.end(), "")]
        return self.changed(changes)

    def changed(self, changes: list[tuple[int, int, str]]) -> "Traced":
        """With ``text[start:end]`` replaced, for each ``(start, end, new)`` in order."""
        if not changes:
            return self
        pieces: list[str] = []
        spans: list[Span] = []
        done = 0
        for start, end, new in changes:
            pieces += [self.text[done:start], new]
            spans += self.spans[done:start]
            if new and start < end:
                spans += [(self.spans[start][0], self.spans[end - 1][1])] * len(new)
            elif new:
                raise ValueError("what is new must replace something")
            done = end
        return Traced("".join([*pieces, self.text[done:]]), spans + self.spans[done:])
