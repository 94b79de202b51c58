"""What a case demands (``must``), and whether it came true."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.replay.run import FRAME_S, Frame, Run

Verdict = str
"""Empty: it holds. Otherwise what was found instead."""

EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class Must:
    """One demand: its kind, its value and further values by name."""

    kind: str
    value: Any
    extra: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value must look like."""

    name: str
    fits: Callable[[Any], bool]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _line(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and value[0] in ("user", "assistant", "call", "result")


NUMBER = Shape("a number", _number)
WINDOW = Shape("a window [from, to]", lambda v: isinstance(v, list) and len(v) == 2 and all(map(_number, v)))
TEXT = Shape("a text", lambda v: isinstance(v, str))
TRUE = Shape("true", lambda v: v is True)
COUNTS = Shape("an object of counts", lambda v: isinstance(v, dict) and all(map(_number, v.values())))
HEARD = Shape(
    "an object with of, min_words and max_words",
    lambda v: isinstance(v, dict) and set(v) == {"of", "min_words", "max_words"},
)
LINES = Shape("a list of [who, text]", lambda v: isinstance(v, list) and all(map(_line, v)))


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of demand: the shape of its value, of further values, and how it is judged."""

    shape: Shape
    check: Callable[[Run, Must], Verdict]
    extra: dict[str, Shape]


def judge(run: Run, must: Must) -> Verdict:
    """Whether ``must`` holds; what was found instead, if not."""
    return KINDS[must.kind].check(run, must)


# ---------------------------------------------------------------- audio


def _within(at: float, window: list[float]) -> bool:
    return window[0] - EPSILON <= at <= window[1] + EPSILON


def _written(run: Run, start: float, end: float) -> list[Frame]:
    return [frame for frame in run.frames if start - EPSILON <= frame.at < end - EPSILON]


def _audio(run: Run, must: Must) -> Verdict:
    stretches = run.stretches()
    number = int(must.value)
    if len(stretches) < number:
        return f"there are {len(stretches)} stretches of audio"
    start = stretches[number - 1][0]
    return "" if _within(start, must.extra["between"]) else f"it starts at {start:.2f}"


def _no_audio(run: Run, must: Must) -> Verdict:
    written = _written(run, *must.value)
    return f"audio at {written[0].at:.2f}" if written else ""


def _silent_by(run: Run, must: Must) -> Verdict:
    written = _written(run, must.value, must.extra["until"])
    return f"audio at {written[0].at:.2f}" if written else ""


def _resumed_by(run: Run, must: Must) -> Verdict:
    for entry in run.named("resume"):
        frames = run.of(int(str(entry.fields["gen"])))
        before = [frame for frame in frames if frame.at < entry.at - EPSILON]
        after = [frame for frame in frames if frame.at >= entry.at - EPSILON]
        if not after or after[0].at > must.value + EPSILON:
            continue
        if before and after[0].sample > before[-1].sample + 160:
            return f"it goes on at sample {after[0].sample}, it stopped at {before[-1].sample}"
        return ""
    return "it did not go on by then"


def _longest_gap(run: Run, must: Must) -> Verdict:
    for generation in run.generations():
        frames = run.of(generation)
        gaps = [(later.at - frame.at - FRAME_S, frame.at) for frame, later in zip(frames, frames[1:], strict=False)]
        gap, at = max(gaps, default=(0.0, 0.0))
        if gap > must.value + EPSILON:
            return f"a hole of {gap:.2f} s at {at:.2f}"
    return ""


def _audio_seconds(run: Run, must: Must) -> Verdict:
    seconds = len(run.frames) * FRAME_S
    return "" if seconds >= must.value - EPSILON else f"{seconds:.2f} s were written"


# ---------------------------------------------------------------- history


def _agent_lines(run: Run) -> list[Any]:
    return [line for line in run.history if line.who == "agent"]


def _heard(run: Run, must: Must) -> Verdict:
    cut = next((line for line in _agent_lines(run) if line.interrupted), None)
    if cut is None:
        return "no reply was interrupted"
    words, whole = cut.text.split(), must.value["of"].split()
    if words != whole[: len(words)]:
        return f"{cut.text!r} is no prefix of it"
    if must.value["min_words"] <= len(words) <= must.value["max_words"]:
        return ""
    return f"{len(words)} words: {cut.text!r}"


def _complete(run: Run, number: int) -> Verdict:
    generations = [entry for entry in run.named("agent_said") if entry.fields["text"]]
    if len(generations) < number:
        return f"{len(generations)} replies were heard"
    said = generations[number - 1].fields
    whole = " ".join(str(e.fields["text"]) for e in run.named("staged") if e.fields["gen"] == said["gen"])
    if said["interrupted"] or said["text"] != whole:
        return f"heard {said['text']!r} of {whole!r}"
    return ""


def _complete_first(run: Run, must: Must) -> Verdict:
    return _complete(run, 1)


def _complete_nth(run: Run, must: Must) -> Verdict:
    return _complete(run, int(must.value))


def _history(run: Run, must: Must) -> Verdict:
    found: list[tuple[str, str, bool]] = []
    for line in run.history:
        if line.tool is None:
            found.append(("user" if line.who == "user" else "assistant", line.text, line.interrupted))
            continue
        found.append(("call", line.tool.name, False))
        if line.tool.result is not None:
            found.append(("result", line.tool.result, False))
    fits = len(found) == len(must.value) and all(
        who == wanted and (text in ("*", said) or (text == "<cut>" and interrupted))
        for (who, said, interrupted), (wanted, text) in zip(found, must.value, strict=True)
    )
    return "" if fits else "it is " + "; ".join(f"{who}: {text}{' [cut]' * cut}" for who, text, cut in found)


def _user_lines(run: Run) -> list[str]:
    return [line.text for line in run.history if line.who == "user"]


def _user_turns(run: Run, must: Must) -> Verdict:
    lines = _user_lines(run)
    return "" if len(lines) == must.value else f"{len(lines)}: {lines}"


def _user_said(run: Run, must: Must) -> Verdict:
    return "" if must.value in _user_lines(run) else f"the caller said {_user_lines(run)}"


# ---------------------------------------------------------------- answers


def _turns(run: Run) -> list[tuple[float, str, float | None]]:
    """Decided turns that became history: end of the turn, text, first frame of what was said next."""
    found = []
    for entry in run.named("user_said"):
        end = float(str(entry.fields["end"]))
        first = [run.of(gen)[0].at for gen in run.generations() if run.of(gen)[0].at >= end - EPSILON]
        found.append((end, str(entry.fields["text"]), min(first, default=None)))
    return found


def _answered(run: Run, must: Must) -> Verdict:
    lines = [line.who for line in run.history]
    if "user" not in lines:
        return "the caller said nothing"
    return "" if lines[-1] == "agent" else "the caller has the last word"


def _answered_by(run: Run, must: Must) -> Verdict:
    thinks = {int(str(entry.fields["gen"])) for entry in run.named("think")}
    starts = [run.of(gen)[0].at for gen in run.generations() if gen in thinks]
    if not _user_lines(run) or not starts:
        return "there was no answer"
    return "" if starts[-1] <= must.value + EPSILON else f"the answer starts at {starts[-1]:.2f}"


def _no_new_reply(run: Run, must: Must) -> Verdict:
    heard = run.generations()
    return "" if len(heard) == 1 else f"{len(heard)} replies were heard"


def _longest_wait(run: Run, must: Must) -> Verdict:
    for end, text, first in _turns(run):
        if first is None:
            return f"{text!r} was never answered"
        if first - end > must.value + EPSILON:
            return f"{text!r} waited {first - end:.2f} s"
    return ""


# ---------------------------------------------------------------- events


def _event(run: Run, must: Must) -> Verdict:
    times = [entry.at for entry in run.named(must.value)]
    if any(_within(at, must.extra["between"]) for at in times):
        return ""
    return "it happened at " + ", ".join(f"{at:.2f}" for at in times) if times else "it did not happen"


def _counts(run: Run, must: Must) -> Verdict:
    found = {name: len(run.named(name)) for name in must.value}
    return "" if found == must.value else f"counted {found}"


def _ended(run: Run, must: Must) -> Verdict:
    return "" if run.ended == must.value else f"the end of the call is {run.ended or 'open'!r}"


def _tool_runs(run: Run, must: Must) -> Verdict:
    ran = [entry.fields["tool"] for entry in run.named("tool_called") if entry.fields["ran"]]
    found = {name: ran.count(name) for name in must.value}
    return "" if found == must.value else f"they ran {found}"


def _result_is_error(run: Run, must: Must) -> Verdict:
    results = run.named("tool_returned")
    if not results:
        return "no tool gave a result"
    return "" if results[-1].fields["error"] else f"it is {results[-1].fields['text']!r}"


KINDS: dict[str, Kind] = {
    "audio": Kind(NUMBER, _audio, {"between": WINDOW}),
    "no_audio": Kind(WINDOW, _no_audio, {}),
    "silent_by": Kind(NUMBER, _silent_by, {"until": NUMBER}),
    "resumed_by": Kind(NUMBER, _resumed_by, {}),
    "longest_gap_while_replying": Kind(NUMBER, _longest_gap, {}),
    "audio_seconds_at_least": Kind(NUMBER, _audio_seconds, {}),
    "heard": Kind(HEARD, _heard, {}),
    "assistant_complete": Kind(TRUE, _complete_first, {}),
    "assistant_complete_nth": Kind(NUMBER, _complete_nth, {}),
    "history": Kind(LINES, _history, {}),
    "user_turns": Kind(NUMBER, _user_turns, {}),
    "user_said": Kind(TEXT, _user_said, {}),
    "answered": Kind(TRUE, _answered, {}),
    "answered_by": Kind(NUMBER, _answered_by, {}),
    "no_new_reply": Kind(TRUE, _no_new_reply, {}),
    "longest_wait": Kind(NUMBER, _longest_wait, {}),
    "event": Kind(TEXT, _event, {"between": WINDOW}),
    "counts": Kind(COUNTS, _counts, {}),
    "ended": Kind(TEXT, _ended, {}),
    "tool_runs": Kind(COUNTS, _tool_runs, {}),
    "result_is_error": Kind(TRUE, _result_is_error, {}),
}

__all__ = ["KINDS", "Kind", "Must", "Shape", "judge"]
