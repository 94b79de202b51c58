"""What a call was, computed from its event log alone: facts, turns with their latency, interruptions, transcript.

    report = build(read(folder / "events.jsonl").events)
    report.to_dict()        # report.json; the call page shows the same figures

Pure. Times are seconds of call time unless a name ends in ``_ms``; what the log does not tell is None. A log may be cut
off anywhere and its values may be anything: nothing here raises for that.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from engine.telemetry.eventlog import Event
from engine.telemetry.records import (
    STAGES,
    Decision,
    Fault,
    Interruption,
    Line,
    Reply,
    Report,
    SkillUse,
    Span,
    Stage,
    Turn,
)
from engine.telemetry.vocabulary import FIELDS


def build(events: Iterable[Event], damaged_lines: int = 0) -> Report:
    """The report of a log. ``damaged_lines`` is what ``eventlog.read`` counted."""
    log = _Log(events)
    seconds = _number(log.last("call_ended"), "seconds") or max((event["t"] for event in log.events), default=0.0)
    caller = _spans(log.all("voice_on", "voice_off"), "voice_on", seconds)
    replies = [_reply(log, gen) for gen in sorted(log.replies)]
    interruptions = _interruptions(log)
    decisions = _decisions(log)
    turns = _turns(log, replies, decisions, interruptions)
    agent = _spans(log.all("on_wire", "resume", "pause", "cut", "playout_finished"), "on_wire resume", seconds)
    faults = _faults(log)
    report = Report(_facts(log), max(seconds, 0.0), log.last("call_ended") is not None, damaged_lines,
                    _number(log.first("recording"), "at") or 0.0, turns, replies, interruptions,
                    _transcript(log, replies), caller, agent, decisions, faults)
    report.totals.update(_totals(report, log))
    return report


# ---------------------------------------------------------------- reading the log


class _Log:
    """The events by name and by reply."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = sorted(events, key=lambda event: event["t"])
        self._named: dict[str, list[Event]] = defaultdict(list)
        self._ordered: dict[tuple[str, ...], list[Event]] = {}
        self.replies: dict[int, dict[str, Event]] = defaultdict(dict)
        self.clauses: dict[int, list[str]] = defaultdict(list)
        for event in self.events:
            self._named[event["event"]].append(event)
            gen = _gen(event)
            if event["event"] in FIELDS and gen >= 0:
                self.replies[gen].setdefault(event["event"], event)
                if event["event"] == "clause":
                    self.clauses[gen].append(_text(event, "text"))

    def all(self, *names: str) -> list[Event]:
        """The events of these names, in the order in which they happened in the audio."""
        if names not in self._ordered:
            found = [event for name in names for event in self._named.get(name, ())]
            self._ordered[names] = sorted(found, key=_when)
        return self._ordered[names]

    def first(self, name: str) -> Event | None:
        return next(iter(self._named.get(name, ())), None)

    def last(self, name: str) -> Event | None:
        return next(reversed(self._named.get(name, [])), None)


def _number(event: Event | None, name: str) -> float | None:
    """A field as a finite number, or None."""
    value = event.get(name) if event else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _text(event: Event | None, name: str) -> str:
    """A field as text; empty where there is none."""
    value = event.get(name) if event else None
    return "" if value is None else str(value)


def _gen(event: Event) -> int:
    """The reply that the event is about; -1 for none."""
    return int(gen) if (gen := _number(event, "gen")) is not None else -1


def _when(event: Event) -> float:
    """When it happened in the audio, else when the line was written."""
    at = _number(event, "at")
    return event["t"] if at is None else at


# ---------------------------------------------------------------- parts of the report


def _facts(log: _Log) -> dict[str, Any]:
    """What is known of the call as a whole."""
    facts = {name: value for name, value in (log.first("call_started") or {}).items() if name not in ("t", "event")}
    hangup, media = log.first("hangup"), log.first("media_attached")
    facts |= {"answer_ms": _number(log.first("answered"), "ms"), "hangup_cause": _text(hangup, "cause") or None,
              "hangup_by": _text(hangup, "by") or None, "media": _text(media, "backend") or None,
              "rate_hz": _number(media, "rate"), "media_attach_ms": _number(media, "ms")}
    for name in ("caller_frames", "agent_frames", "underruns", "refused_datagrams", "bad_frames", "dropped_bytes"):
        facts[name] = _number(log.last("call_ended"), name)
    facts["options"] = (log.last("config") or {}).get("options")
    facts["providers"] = (log.last("cost") or {}).get("providers")
    return facts


def _spans(edges: list[Event], starts: str, seconds: float) -> list[Span]:
    """Stretches between an event named in ``starts`` and the next other one; an open one ends with the call."""
    spans: list[Span] = []
    begun: float | None = None
    for event in edges:
        at = _when(event)
        if event["event"] in starts.split():
            begun = at if begun is None else begun
        elif begun is not None:
            spans.append(Span(begun, max(at, begun)))
            begun = None
    if begun is not None:
        spans.append(Span(begun, max(seconds, begun)))
    return spans


def _reply(log: _Log, gen: int) -> Reply:
    of = log.replies[gen]
    said, grounds = of.get("agent_said"), of.get("grounds")
    less = of.get("agent_heard")
    ends = [_when(of[name]) for name in ("playout_finished", "cut") if name in of]
    citations = (grounds or {}).get("citations")
    heard = _text(less or said, "text") if less or said else (_text(of["cut"], "heard") if "cut" in of else None)
    return Reply(
        gen=gen,
        kind="say" if "say" in of else "think",
        asked=_text(of.get("think"), "text"),
        speculative=bool((of.get("think") or {}).get("speculative")),
        text=" ".join(log.clauses[gen]) or _text(of.get("say"), "text"),
        heard=heard,
        interrupted=bool((said or {}).get("interrupted")) or less is not None or ("cut" in of and said is None),
        cancelled="cancel" in of,
        failed=_text(of["reply_failed"], "reason") if "reply_failed" in of else None,
        cached=bool((of.get("first_audio") or {}).get("cached")),
        started=_when(of["on_wire"]) if "on_wire" in of else None,
        ended=min(ends) if ends else None,
        decision=_text(grounds, "decision") or None,
        score=_number(grounds, "score"),
        citations=list(citations) if isinstance(citations, list | tuple) else [],
        detail=(grounds or {}).get("detail"),
        times={name: of[name]["t"] for name in
                ("think", "say", "grounds", "first_text", "first_audio", "release", "on_wire") if name in of},
        skills=_skills(log, gen),
    )


def _skills(log: _Log, gen: int) -> list[SkillUse]:
    """What the model of a reply called, in its order; results may have come when the reply was long over."""
    results = {_text(event, "id"): event for event in log.all("tool_result") if _gen(event) == gen}
    found = []
    for event in log.all("tool_call"):
        if _gen(event) == gen:
            result = results.get(_text(event, "id"))
            found.append(SkillUse(
                _text(event, "skill"), event["t"], event.get("arguments"), bool(event.get("repeated")),
                bool(result.get("success")) if result else None, _text(result, "error"), _number(result, "ms"),
                (result or {}).get("result")))
    return found


def _interruptions(log: _Log) -> list[Interruption]:
    """Every pause and cut with what came of it. A cut after the caller hung up is no interruption."""
    found: list[Interruption] = []
    open_pauses: dict[int, Event] = {}
    hangup = log.first("hangup")
    outcomes = {"cut": "cut", "resume": "resumed", "playout_finished": "finished"}
    for event in log.all("pause", "resume", "cut", "playout_finished"):
        gen, name = _gen(event), event["event"]
        if name == "pause":
            open_pauses.setdefault(gen, event)
            continue
        gone = hangup is not None and event["t"] >= hangup["t"]
        pause = open_pauses.pop(gen, None)
        if pause is not None or (name == "cut" and not gone):
            found.append(_interruption(log, gen, pause, event, "hangup" if gone else outcomes[name]))
    for gen, pause in open_pauses.items():
        found.append(_interruption(log, gen, pause, hangup, "hangup" if hangup else "open"))
    return sorted(found, key=lambda item: item.ended or 0.0 if item.paused is None else item.paused)


def _interruption(log: _Log, gen: int, pause: Event | None, end: Event | None, outcome: str) -> Interruption:
    paused = _when(pause) if pause else None
    ended = _when(end) if end else None
    after = _number(pause, "after_onset_ms")
    onset = None if paused is None or after is None else paused - after / 1000
    silent = waited = None
    if outcome == "resumed" and paused is not None and ended is not None:
        silent = (ended - paused) * 1000
        waited = (ended - _last_voice(log, ended)) * 1000
    heard = _text(end, "heard") if outcome == "cut" else None
    return Interruption(gen, onset, paused, after, outcome, ended, silent, waited, heard)


def _decisions(log: _Log) -> list[Decision]:
    """Every line that says why."""
    hidden = ("t", "event", "why")
    return [Decision(event["t"], event["event"], _text(event, "why"),
                     {name: value for name, value in event.items() if name not in hidden})
            for event in log.events if "why" in event]


def _turns(log: _Log, replies: list[Reply], decisions: list[Decision],
           interruptions: list[Interruption]) -> list[Turn]:
    decided = log.all("turn")
    own = {_gen(event) for event in decided}
    turns: list[Turn] = []
    for number, event in enumerate(decided, 1):
        begin, end = event["t"], decided[number]["t"] if number < len(decided) else math.inf
        gen = _gen(event)
        waited = _number(event, "waited_ms")
        voice_end = begin - waited / 1000 if waited is not None else _last_voice(log, begin)
        said = next((line for line in log.all("user_said") if begin - 0.001 <= line["t"] < end), None)
        carried = _carried(gen, [reply for reply in replies if reply.gen == gen or (
            reply.gen not in own and not reply.cancelled and begin <= min(reply.times.values(), default=-1.0) < end)])
        first = next((reply for reply in carried if reply.started is not None), carried[0] if carried else None)
        gens = [reply.gen for reply in carried]
        start = _number(said, "start")
        turns.append(Turn(
            number, gen, _text(event, "text"), voice_end if start is None else start, voice_end, begin, waited,
            _text(event, "why"), _total(log, first, voice_end), _stages(log, event, first, voice_end), gens, [],
            [item for item in interruptions if item.gen in gens],
        ))
    for item in decisions:
        turn = _owner(item, turns)
        if turn:
            turn.decisions.append(item)
    return turns


def _carried(gen: int, replies: list[Reply]) -> list[Reply]:
    """The turn's own reply and, while none is heard, those that follow it: another try, an apology."""
    found: list[Reply] = []
    for reply in sorted(replies, key=lambda reply: reply.gen != gen):
        if any(earlier.started is not None for earlier in found):
            break
        found.append(reply)
    return found


def _owner(item: Decision, turns: list[Turn]) -> Turn | None:
    """The turn of a decision: that of its reply, else the one that it led to, else the one that it followed."""
    gen = item.fields.get("gen")
    of_reply = [turn for turn in turns if gen == turn.gen or gen in turn.replies]
    led_to = [turn for turn in turns if turn.start <= item.t <= turn.decided]
    followed = [turn for turn in reversed(turns) if turn.decided < item.t]
    return next(iter((of_reply if gen is not None else []) + led_to + followed), None)


def _last_voice(log: _Log, before: float) -> float:
    return max((_when(event) for event in log.all("voice_off") if event["t"] <= before), default=before)


def _total(log: _Log, reply: Reply | None, voice_end: float) -> float | None:
    if reply is None or reply.started is None:
        return None
    told = _number(log.replies[reply.gen].get("on_wire"), "after_voice_ms")
    return told if told is not None else (reply.started - voice_end) * 1000


def _stages(log: _Log, turn: Event, reply: Reply | None, voice_end: float) -> list[Stage]:
    """The waterfall of a turn. Steps that the log does not hold are left out."""
    def after(t: float) -> float:
        return (t - voice_end) * 1000

    at = dict(reply.times) if reply else {}
    begun = at.get("think", at.get("say"))
    ready = at.get("first_audio")
    finals = [event["t"] for event in log.all("final") if voice_end <= event["t"] <= at.get("on_wire", math.inf)]
    free = at["release"] if "release" in at else float(turn["t"])
    steps: list[tuple[str, float | None, float | None]] = [
        ("endpoint", voice_end, turn["t"]),
        ("stt", voice_end, finals[0] if finals else None),
        ("retrieval", begun, at.get("grounds")),
        ("first_text", at.get("grounds", begun), at.get("first_text")),
        ("first_audio", at.get("first_text", begun), ready),
        ("on_wire", free if ready is None else max(free, ready), reply.started if reply else None),
    ]
    return [Stage(name, after(start), max(after(start), after(end))) for name, start, end in steps
            if start is not None and end is not None]


def _transcript(log: _Log, replies: list[Reply]) -> list[Line]:
    lines = [Line("caller", start if (start := _number(event, "start")) is not None else event["t"],
                  _number(event, "end"), _text(event, "text")) for event in log.all("user_said")]
    for reply in replies:
        if reply.started is not None and (reply.heard or reply.heard is None):
            lines.append(Line("agent", reply.started, reply.ended, reply.text if reply.heard is None else reply.heard,
                              reply.interrupted))
    lines += [Line("key", _when(event), None, _text(event, "digit")) for event in log.all("dtmf")]
    return sorted(lines, key=lambda line: line.start)


def _faults(log: _Log) -> list[Fault]:
    faults = [Fault(event["t"], _text(event, "where"), _text(event, "message")) for event in log.all("error")]
    faults += [Fault(event["t"], f"reply {event.get('gen')}", _text(event, "reason"))
               for event in log.all("reply_failed")]
    faults += [Fault(event["t"], "media", f"lost: {_text(event, 'why')}") for event in log.all("media_lost")]
    faults += [Fault(event["t"], f"provider for {_text(event, 'capability')}", _text(event, "message"))
               for event in log.all("provider_failed")]
    return sorted(faults, key=lambda fault: fault.t)


def _totals(report: Report, log: _Log) -> dict[str, Any]:
    greeting = next((reply for reply in report.replies if reply.kind == "say" and reply.started is not None), None)
    outcomes = [item.outcome for item in report.interruptions]
    stages: dict[str, list[float]] = {name: [] for name in STAGES}
    for turn in report.turns:
        for stage in turn.stages:
            stages[stage.name].append(stage.to_ms - stage.from_ms)
    speculative = [reply for reply in report.replies if reply.speculative]
    return {
        "turns": len(report.turns),
        "replies": sum(reply.started is not None for reply in report.replies),
        "greeting_ms": greeting.started * 1000 if greeting and greeting.started is not None else None,
        "answer_ms": _summary([turn.total_ms for turn in report.turns if turn.total_ms is not None]),
        "stages_ms": {name: _summary(values) for name, values in stages.items()},
        "interruptions": outcomes.count("cut"),
        "false_interruptions": outcomes.count("resumed"),
        "onset_to_pause_ms": _summary([item.onset_to_pause_ms for item in report.interruptions
                                       if item.onset_to_pause_ms is not None]),
        "voice_end_to_resume_ms": _summary([item.voice_end_to_resume_ms for item in report.interruptions
                                            if item.voice_end_to_resume_ms is not None]),
        "caller_speech_s": sum(span.end - span.start for span in report.caller_speech),
        "agent_speech_s": sum(span.end - span.start for span in report.agent_speech),
        "speculative_replies": len(speculative),
        "speculative_used": sum(reply.started is not None for reply in speculative),
        "faults": len(report.faults),
        "cost": _number(log.last("cost"), "total"),
        "currency": _text(log.last("cost"), "currency") or None,
        "log_lines": len(log.events),
    }


def _summary(values: list[float]) -> dict[str, float] | None:
    """Count, median, 95th percentile (nearest rank) and largest; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    rank = {share: ordered[max(0, math.ceil(share * len(ordered)) - 1)] for share in (0.5, 0.95)}
    return {"count": len(ordered), "p50": rank[0.5], "p95": rank[0.95], "max": ordered[-1]}


__all__ = ["STAGES", "Report", "build"]
