"""Who said what, in order: the caller's words as recognised, the agent's as heard. The turn engine alone writes it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class Line:
    """One turn. ``interrupted``: the agent had more to say; ``text`` is what was heard of it, in whole words."""

    who: Literal["user", "agent"]
    text: str
    interrupted: bool = False


class History(Sequence[Line]):
    """The lines so far. Read it as a sequence; lines are added by the turn engine only."""

    def __init__(self) -> None:
        """Nobody has spoken."""
        self._lines: list[Line] = []

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204
        return self._lines[index]

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines)

    def user(self, text: str) -> int:
        """The caller said this. Returns the line's number, for ``amend``."""
        self._lines.append(Line("user", text))
        return len(self._lines) - 1

    def agent(self, text: str, interrupted: bool) -> None:
        """The caller heard this of the agent. Nothing heard is no line."""
        if text:
            self._lines.append(Line("agent", text, interrupted))

    def amend(self, number: int, text: str) -> None:
        """A transcript of that line came late: it reads ``text`` now."""
        self._lines[number] = replace(self._lines[number], text=text)
