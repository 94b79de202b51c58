"""Who said what, in order: the caller's words as recognised, the agent's as heard, and the tools that were run between
them. The turn engine alone writes it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool that was run. ``result`` is None while it runs; ``error``: the result says what went wrong."""

    call_id: str
    name: str
    arguments: str = ""
    result: str | None = None
    error: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One turn, or one tool (``text`` is its name), or a note of what nobody said to the agent. ``interrupted``: the
    agent had more to say; ``text`` is what was heard of it, in whole words."""

    who: Literal["user", "agent", "tool", "note"]
    text: str
    interrupted: bool = False
    tool: ToolUse | None = None


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

    def note(self, text: str) -> None:
        """This happened, and nobody said it."""
        self._lines.append(Line("note", text))

    def ran(self, use: ToolUse) -> None:
        """This tool was run."""
        self._lines.append(Line("tool", use.name, tool=use))

    def returned(self, call_id: str, result: str, error: bool) -> None:
        """It is done; its line says so, wherever the conversation has got to."""
        for number, line in enumerate(self._lines):
            if line.tool is not None and line.tool.call_id == call_id:
                self._lines[number] = replace(line, tool=replace(line.tool, result=result, error=error))

    def amend(self, number: int, text: str) -> None:
        """A transcript of that line came late: it reads ``text`` now."""
        self._lines[number] = replace(self._lines[number], text=text)
