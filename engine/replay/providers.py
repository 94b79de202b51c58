"""What a case's brain, voice and tools give for what they are asked."""

from engine.replay.cases import Case
from engine.replay.rows import Answer, Call, Rendering, Speech, Tool

_SECONDS_A_LETTER, _RENDER_S = 0.06, 0.2


class Providers:
    """Which answer, which rendering and which result is for what."""

    def __init__(self, case: Case) -> None:
        """Those of ``case``."""
        self._tools = case.tools
        self._said = {row.text for row in case.rows_of(Speech)}
        self._answers: list[Answer] = case.rows_of(Answer)
        self._renderings: list[Rendering] = case.rows_of(Rendering)
        self._used: dict[int, int] = {}

    def answer(self, text: str, generation: int) -> Answer | None:
        """The one for this input; for an input that the text ends with (a merged turn); else the next one unused."""
        rows = list(enumerate(self._answers))
        same = [number for number, row in rows if row.input == text]
        ending = [number for number, row in rows if row.input and text.endswith(row.input)]
        for numbers in (same, ending):
            if numbers:  # asked again, it gives its next answer to that; the last one as often as need be
                return self._take(next((n for n in numbers if n not in self._used), numbers[-1]), generation)
        number = next((number for number, _ in rows if number not in self._used), None)
        return None if number is None else self._take(number, generation)

    def unasked(self, generation: int) -> None:
        """What this generation was answered was for words that changed: it is still to be had."""
        self._used = {number: by for number, by in self._used.items() if by != generation}

    def _take(self, number: int, generation: int) -> Answer:
        self._used[number] = generation
        return self._answers[number]

    def rendering(self, text: str) -> Rendering:
        """The one for this text; the first that is for no text in particular; else about as long as it would take."""
        for row in self._renderings:
            if row.input == text:
                return row
        for row in self._renderings:
            if row.input is None:
                self._renderings.remove(row)
                return row
        return Rendering(max(0.2, len(text) * _SECONDS_A_LETTER), _RENDER_S, _RENDER_S, text)

    def tool(self, name: str) -> Tool | None:
        """The tool of this name; None: there is none."""
        return self._tools.get(name)

    def result(self, call: Call, tool: Tool | None) -> tuple[str, bool]:
        """What comes of a call, and whether it is an error. The model is told what it did wrong, as a result."""
        if tool is None:
            return f"Unknown tool {call.name}. There are: {', '.join(sorted(self._tools))}.", True
        return (tool.fails, True) if tool.fails else (tool.result or f"{call.name} is done.", False)

    def after(self, results: list[str], generation: int) -> Answer | None:
        """The model's answer to results of tools: the one for such an input, else the next one unused that is not for
        words of the caller."""
        rows = [(number, row) for number, row in enumerate(self._answers) if number not in self._used]
        fits = [number for number, row in rows if row.input in results]
        others = [number for number, row in rows if row.input not in self._said]
        return self._take((fits or others)[0], generation) if fits or others else None
