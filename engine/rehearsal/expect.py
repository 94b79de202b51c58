"""Whether what was expected of a step came true. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from engine.rehearsal.play import Moment, Played
from engine.rehearsal.script import Expect, SkillCall, found
from engine.replay.run import FRAME_S, Entry

QUESTION_MARKS = ("?", "\uff1f", "\u061f", "\u037e")


@dataclass(frozen=True, slots=True)
class Failure:
    """``step`` counts from 0 in the script; ``key`` is the field of ``expect``."""

    step: int
    key: str
    expected: str
    happened: str


class Seen:
    """What can be seen of one step of a played script."""

    def __init__(self, played: Played, number: int) -> None:
        """``number`` is that of its moment."""
        self.run = played.run
        self.moment: Moment = played.moments[number]
        following = played.moments[number + 1] if number + 1 < len(played.moments) else None
        self._last = following.first if following is not None else 1 << 30

    def own(self, name: str) -> list[Entry]:
        """Lines of this name that belong to its replies."""
        return [entry for entry in self.run.named(name) if self.moment.first <= _gen(entry) < self._last]

    def during(self, name: str) -> list[Entry]:
        """Lines of this name from its beginning to that of the next step."""
        return [entry for entry in self.own_time() if entry.name == name]

    def own_time(self) -> list[Entry]:
        """All lines from its beginning to that of the next step."""
        steps = [entry.at for entry in self.run.named("step") if entry.at > self.moment.began]
        end = steps[0] if steps else float("inf")
        return [entry for entry in self.run.entries if self.moment.began <= entry.at < end]

    @property
    def said(self) -> str:
        """What the caller heard of its replies."""
        return " ".join(str(entry.fields["text"]) for entry in self.own("agent_said")).strip()

    @property
    def skills(self) -> list[tuple[str, Any]]:
        """Skills that ran, and their arguments; not those for a guess at the caller's words that was wrong."""
        heard = {_gen(entry) for entry in self.own("agent_said")}
        return [(str(entry.fields["skill"]), entry.fields["arguments"]) for entry in self.own("skill")
                if _gen(entry) in heard or not entry.fields["guess"]]

    @property
    def decisions(self) -> list[Entry]:
        """Decisions of the knowledge base behind what was heard."""
        heard = {_gen(entry) for entry in self.own("agent_said")}
        return [entry for entry in self.own("grounds") if _gen(entry) in heard]

    @property
    def first_frame(self) -> float | None:
        """When its first reply was to be heard."""
        return min((entry.at for entry in self.own("on_wire")), default=None)

    @property
    def interrupted(self) -> Entry | None:
        """The line of the reply over which it began, if that is history."""
        return next((entry for entry in self.run.named("agent_said") if _gen(entry) == self.moment.over), None)


def judge(played: Played, number: int, step: int) -> list[Failure]:
    """What is not as expected of the step whose moment is ``number``; ``step`` is its number in the script."""
    seen, expect = Seen(played, number), played.moments[number].step.expect
    failures = []
    for key in expect.model_fields_set:
        value = getattr(expect, key)
        if value is None or value == ():
            continue
        verdict = _CHECKS[key](seen, value)
        if verdict:
            failures.append(Failure(step, key, _shown(value), verdict))
    order = list(Expect.model_fields)
    return sorted(failures, key=lambda failure: order.index(failure.key))


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value))
    if isinstance(value, SkillCall):
        return f"{value.name} {value.arguments}" if value.arguments else value.name
    return repr(value) if isinstance(value, str) else str(value)


def _gen(entry: Entry) -> int:
    return int(str(entry.fields.get("gen", -1)))


# ---------------------------------------------------------------- checks: "" or what happened instead


def _contains(text: str, wanted: tuple[str, ...], nothing: str) -> str:
    if all(found(pattern, text) for pattern in wanted):
        return ""
    return repr(text) if text else nothing


def _lacks(text: str, unwanted: tuple[str, ...]) -> str:
    return repr(text) if any(found(pattern, text) for pattern in unwanted) else ""


def _said(seen: Seen, wanted: tuple[str, ...]) -> str:
    return _contains(seen.said, wanted, "the agent said nothing")


def _not_said(seen: Seen, unwanted: tuple[str, ...]) -> str:
    return _lacks(seen.said, unwanted)


_SILENT = "the agent was silent by then"


def _heard(seen: Seen, wanted: tuple[str, ...]) -> str:
    line = seen.interrupted
    if seen.moment.over is None:
        return _SILENT
    return _contains(str(line.fields["text"]) if line else "", wanted, "not a word of it was heard")


def _not_heard(seen: Seen, unwanted: tuple[str, ...]) -> str:
    line = seen.interrupted
    if seen.moment.over is None:
        return _SILENT
    return _lacks(str(line.fields["text"]) if line else "", unwanted)


def _interrupted(seen: Seen, wanted: bool) -> str:
    line = seen.interrupted
    if seen.moment.over is None:
        return _SILENT
    was = line is None or bool(line.fields["interrupted"])
    if was == wanted:
        return ""
    return "it stopped for good" if was else "it went on to its end"


def _within(seen: Seen, limit: int) -> str:
    if seen.first_frame is None:
        return "the agent said nothing"
    waited = round((seen.first_frame - seen.moment.voice[1]) * 1000)
    return "" if waited <= limit else f"{waited} ms"


def _stops_within(seen: Seen, limit: int) -> str:
    over, start = seen.moment.over, seen.moment.voice[0]
    if over is None:
        return _SILENT
    frames = [frame.at + FRAME_S for frame in seen.run.of(over)]
    pauses = [entry.at for entry in seen.run.named("pause") if _gen(entry) == over and entry.at >= start]
    stopped = min([*pauses, max(frames, default=start)])
    took = round((stopped - start) * 1000)
    return "" if took <= limit else f"{took} ms"


def _decision(seen: Seen, wanted: str) -> str:
    decisions = [str(entry.fields["decision"]) for entry in seen.decisions]
    return "" if wanted in decisions else ", ".join(decisions) or "the knowledge base was not asked"


def _cites(seen: Seen, wanted: str) -> str:
    documents = [document for entry in seen.decisions for document in entry.fields["citations"]]  # type: ignore[attr-defined]
    return "" if wanted in documents else ", ".join(documents) or "no document"


def _asked_back(seen: Seen, wanted: bool) -> str:
    decisions = [str(entry.fields["decision"]) for entry in seen.decisions]
    asked = "ask_back" in decisions if decisions else seen.said.endswith(QUESTION_MARKS)
    if asked == wanted:
        return ""
    return f"it asked: {seen.said!r}" if asked else f"it did not ask: {seen.said!r}"


def _skill(seen: Seen, wanted: tuple[SkillCall, ...]) -> str:
    called = seen.skills
    if all(any(name == call.name and _same(arguments, call.arguments) for name, arguments in called)
           for call in wanted):
        return ""
    return ", ".join(f"{name} {arguments}" for name, arguments in called) or "no skill ran"


def _same(arguments: Any, wanted: dict[str, Any]) -> bool:
    def agrees(given: Any, value: Any) -> bool:
        # YAML makes dates of what looks like one; they are compared as they are written.
        return found(str(value), str(given)) if isinstance(value, str | date) else bool(given == value)

    return all(name in arguments and agrees(arguments[name], value) for name, value in wanted.items())


def _no_skill(seen: Seen, unwanted: tuple[str, ...]) -> str:
    wrong = [name for name, _ in seen.skills if name in unwanted or "any" in unwanted]
    return f"ran: {', '.join(wrong)}" if wrong else ""


def _language(seen: Seen, wanted: str) -> str:
    return "" if seen.moment.language == wanted else repr(seen.moment.language)


def _transferred(seen: Seen, wanted: str) -> str:
    targets = [str(entry.fields["target"]) for entry in seen.during("transfer") if entry.fields["ok"]]
    if wanted == "no":
        return f"to {', '.join(targets)}" if targets else ""
    if wanted in targets:
        return ""
    failed = [f"{entry.fields['target']}: {entry.fields['why']}" for entry in seen.during("transfer")]
    return f"to {', '.join(targets)}" if targets else f"to nobody ({', '.join(failed) or 'nobody was tried'})"


def _ended(seen: Seen, wanted: str) -> str:
    ended = seen.moment.ended
    if wanted in ("yes", "no"):
        return "" if bool(ended) == (wanted == "yes") else f"it is over: {ended}" if ended else "it goes on"
    return "" if ended == wanted else f"it is over: {ended}" if ended else "it goes on"


_CHECKS: dict[str, Callable[[Seen, Any], str]] = {
    "said": _said,
    "not_said": _not_said,
    "within_ms": _within,
    "decision": _decision,
    "cites": _cites,
    "asked_back": _asked_back,
    "skill": _skill,
    "no_skill": _no_skill,
    "language": _language,
    "transferred": _transferred,
    "ended": _ended,
    "interrupted": _interrupted,
    "heard": _heard,
    "not_heard": _not_heard,
    "stops_within_ms": _stops_within,
}
