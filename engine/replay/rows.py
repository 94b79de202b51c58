"""The rows of a case: what the caller, the recogniser, the brain and the voice do. Times are seconds of call time."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.replay.errors import CaseError


@dataclass(frozen=True, slots=True)
class Speech:
    """The caller's voice from ``start`` to ``end``; ``text`` empty: noise. ``final`` false: no final ever comes."""

    start: float
    end: float
    text: str
    delay: float
    final: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """The model asks for a tool; ``arguments`` as it writes them."""

    name: str
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of the case: it takes ``seconds``. ``reads``: it has no effect and may run ahead of the decision;
    ``fails``: the error that comes of it; ``result`` empty: that it is done."""

    seconds: float = 0.0
    result: str = ""
    fails: str = ""
    reads: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The brain's answer to ``input``, or its next one where that is None. First token after ``first`` s, all of it
    after ``done`` s, with the ``tools`` that it asks for. ``fails``: then it breaks off; ``hangs``: it never ends;
    ``ends_call``: it is a farewell."""

    text: str
    first: float
    done: float
    input: str | None
    tools: tuple[Call, ...] = ()
    fails: bool = False
    hangs: bool = False
    ends_call: bool = False


@dataclass(frozen=True, slots=True)
class Rendering:
    """The voice's rendering of ``input``, or its next one: ``audio`` s, the first of it after ``first`` s, all after
    ``done`` s. ``fails``: there is no audio, but an error after ``first`` s."""

    audio: float
    first: float
    done: float
    input: str | None
    fails: bool = False


@dataclass(frozen=True, slots=True)
class Happening:
    """Something at ``at``: ``kind`` is that of its row."""

    kind: str
    at: float
    values: tuple[Any, ...] = ()


Row = Speech | Answer | Rendering | Happening


def read(rows: list[Any]) -> list[Row]:
    """Rows of ``in``. An answer without ``input`` is for the words before it, a rendering for the answer before it."""
    found: list[Row] = []
    said: str | None = None
    answer: str | None = None
    for number, raw in enumerate(rows):
        where = f"in[{number}]"
        if not isinstance(raw, list) or not raw or not isinstance(raw[0], str):
            raise CaseError(f"{where}: a row is a list that begins with its kind, this is {json.dumps(raw)[:80]}")
        reader = ROWS.get(raw[0])
        if reader is None:
            raise CaseError(f'{where}: unknown kind of row "{raw[0]}"; known are {", ".join(sorted(ROWS))}')
        cells = _Cells(where, raw)
        row = reader(cells, answer if raw[0].startswith("tts") else said)
        cells.end()
        if isinstance(row, Speech) and row.text:
            said = row.text
        elif isinstance(row, Answer):
            answer = row.text
            said = None if row.tools else said  # what comes next answers the result
        found.append(row)
    return found


class _Cells:
    """The cells of a row, taken one by one, each checked."""

    def __init__(self, where: str, raw: list[Any]) -> None:
        self._where = where
        self._raw = raw
        self._at = 1

    def fail(self, name: str, expected: str, value: object) -> CaseError:
        text = json.dumps(value, ensure_ascii=False)[:60]
        return CaseError(f"{self._where} ({self._raw[0]}): {name} must be {expected}, this is {text}")

    def more(self) -> bool:
        return self._at < len(self._raw)

    def take(self, name: str) -> Any:
        if not self.more():
            raise CaseError(f"{self._where} ({self._raw[0]}): {name} is missing")
        self._at += 1
        return self._raw[self._at - 1]

    def number(self, name: str) -> float:
        value = self.take(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
            raise self.fail(name, "a number of seconds, not negative", value)
        return float(value)

    def text(self, name: str) -> str:
        value = self.take(name)
        if not isinstance(value, str):
            raise self.fail(name, "a text", value)
        return value

    def optional(self, reader: Callable[[str], Any], name: str, default: Any) -> Any:
        return reader(name) if self.more() else default

    def flag(self, name: str) -> bool:
        value = self.take(name)
        if not isinstance(value, bool):
            raise self.fail(name, "true or false", value)
        return value

    def calls(self, name: str) -> tuple[Call, ...]:
        value = self.take(name)
        if not isinstance(value, list):
            raise self.fail(name, "a list of tools", value)
        for item in value:
            if not isinstance(item, list) or len(item) not in (1, 2) or not all(isinstance(cell, str) for cell in item):
                raise self.fail(name, "a list of [tool, arguments], both texts", value)
        return tuple(Call(*item) for item in value)

    def end(self) -> None:
        if self.more():
            raise self.fail(f"cell {self._at}", "left out: the row is complete before it", self._raw[self._at])


def _user(cells: _Cells, _: str | None) -> Row:
    start, end = cells.number("from"), cells.number("to")
    if end <= start:
        raise cells.fail("to", f"later than from ({start})", end)
    text, delay = cells.text("text"), cells.number("stt_delay")
    return Speech(start, end, text, delay, cells.optional(cells.flag, "final", True))


def _input(cells: _Cells, said: str | None) -> str | None:
    """What an answer is for: what the row says, else the words before it."""
    given: str | None = cells.optional(cells.text, "input", said)
    return given


def _llm(cells: _Cells, said: str | None) -> Row:
    text, first, done = cells.text("text"), cells.number("ttft"), cells.number("duration")
    tools = cells.optional(cells.calls, "tools", ())
    return Answer(text, first, max(first, done), _input(cells, said), tools)


def _llm_fails(cells: _Cells, said: str | None) -> Row:
    text, after = cells.text("text"), cells.number("after")
    return Answer(text, 0.0, after, _input(cells, said), fails=True)


def _llm_hangs(cells: _Cells, said: str | None) -> Row:
    text = cells.text("text")
    return Answer(text, 0.0, 0.0, _input(cells, said), hangs=True)


def _farewell(cells: _Cells, said: str | None) -> Row:
    text, first, done = cells.text("text"), cells.number("ttft"), cells.number("duration")
    return Answer(text, first, max(first, done), _input(cells, said), ends_call=True)


def _tts(cells: _Cells, answer: str | None) -> Row:
    audio, first, done = cells.number("audio_s"), cells.number("ttfb"), cells.number("duration")
    return Rendering(audio, first, max(first, done), cells.optional(cells.text, "input", answer))


def _tts_fails(cells: _Cells, answer: str | None) -> Row:
    after = cells.number("after")
    return Rendering(0.0, after, after, cells.optional(cells.text, "input", answer), fails=True)


def _transcript(cells: _Cells, _: str | None) -> Row:
    at, text, final = cells.number("at"), cells.text("text"), cells.flag("final")
    return Happening("transcript", at, (text, final, cells.number("start"), cells.number("end")))


def _say(cells: _Cells, _: str | None) -> Row:
    at, text = cells.number("at"), cells.text("text")
    interruptible = cells.optional(cells.flag, "interruptible", True)
    return Happening("say", at, (text, interruptible, cells.optional(cells.flag, "ends_call", False)))


ROWS: dict[str, Callable[[_Cells, str | None], Row]] = {
    "user": _user,
    "llm": _llm,
    "llm_fails": _llm_fails,
    "llm_hangs": _llm_hangs,
    "farewell": _farewell,
    "tts": _tts,
    "tts_fails": _tts_fails,
    "transcript": _transcript,
    "say": _say,
    "write": lambda cells, _: Happening("write", cells.number("at"), (cells.text("text"),)),
    "digit": lambda cells, _: Happening("digit", cells.number("at"), (cells.text("digit"),)),
    "collect": lambda cells, _: Happening("collect", cells.number("at"), (int(cells.number("digits")),)),
    "collect_end": lambda cells, _: Happening("collect_end", cells.number("at")),
    "language": lambda cells, _: Happening("language", cells.number("at"), (cells.text("code"),)),
    "interrupt": lambda cells, _: Happening("interrupt", cells.number("at")),
    "hold": lambda cells, _: Happening("hold", cells.number("at")),
    "unhold": lambda cells, _: Happening("unhold", cells.number("at")),
    "hangup": lambda cells, _: Happening("hangup", cells.number("at")),
}


def command(number: int, raw: Any) -> Row:
    """``[at, "interrupt"]``, ``[at, "reply:TEXT"]`` or ``[at, "say:TEXT"]``."""
    cells = _Cells(f"options: cmds[{number}]", ["command", *raw] if isinstance(raw, list) else ["command"])
    at, command = cells.number("at"), cells.text("command")
    name, _, text = command.partition(":")
    if name == "interrupt":
        return Happening("interrupt", at)
    if name == "reply" and text:
        return Happening("write", at, (text,))
    if name == "say" and text:
        return Happening("say", at, (text, True, False))
    raise cells.fail("command", '"interrupt", "reply:TEXT" or "say:TEXT"', command)


def stretches(rows: list[Speech], onset: float, hangover: float) -> list[tuple[float, float]]:
    """What the VAD reports: gaps shorter than the hangover are closed, voice shorter than the onset is not seen."""
    found: list[tuple[float, float]] = []
    for row in sorted(rows, key=lambda row: row.start):
        if found and row.start < found[-1][1] + hangover:
            found[-1] = (found[-1][0], max(found[-1][1], row.end))
        else:
            found.append((row.start, row.end))
    return [(start, end) for start, end in found if end - start >= onset]


__all__ = ["ROWS", "Answer", "Call", "Happening", "Rendering", "Row", "Speech", "Tool", "command", "read",
           "stretches"]
