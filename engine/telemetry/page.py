"""The call page: one HTML file that shows a whole call and needs nothing else, not even a network.

    html = render(events, folder / "recording.wav")

Everything on it comes from the event log, by way of the report; the audio is embedded while it is small, else linked
beside the page. Texts of callers are escaped, and the page's own policy lets no other script run.
"""

import base64
import hashlib
import json
import logging
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

from engine import __version__
from engine.telemetry.errors import TelemetryError
from engine.telemetry.eventlog import Event
from engine.telemetry.recording import Recording
from engine.telemetry.recording import read as read_recording
from engine.telemetry.report import STAGES, Decision, Interruption, Reply, Report, Turn, build
from engine.telemetry.timeline import OUTCOMES, clock, timeline

EMBED_BYTES = 8 * 1024 * 1024
"""Recordings up to this size stand in the page itself: four minutes at 8 kHz."""

MAX_ROWS = 5000
"""Lines of the log shown in the table."""

MAX_FAULTS = 20
"""Faults shown at the top."""

LABELS = {"endpoint": "wait for the end", "stt": "final transcript", "retrieval": "retrieval",
          "first_text": "first text", "first_audio": "first audio", "on_wire": "on the wire"}
TONES = {"cut": "bad", "resumed": "warn"}

logger = logging.getLogger(__name__)


def render(events: list[Event], recording_path: Path | None, damaged_lines: int = 0) -> str:
    """The page of a call. ``recording_path`` is None, or beside where the page will be; ``damaged_lines`` is what
    ``eventlog.read`` counted. A recording that cannot be read is said on the page."""
    report = build(events, damaged_lines)
    recording, why_not = None, "not recorded"
    if recording_path is not None:
        try:
            recording = read_recording(recording_path)
        except TelemetryError as fault:
            why_not = str(fault)
            logger.warning("the call page has no audio: %s", fault)
    here = Path(__file__).parent
    script = (here / "page.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    sections = [_header(report), _warnings(report), _tiles(report), _player(report, recording, why_not),
                f'<div class="columns">{_transcript(report)}{_turns(report)}</div>', _call(report), _rows(events)]
    page = Template((here / "page.html").read_text("utf-8")).substitute(
        title=escape(f"Call {report.call.get('id', '')}"), version=__version__, script_hash=f"sha256-{digest}",
        css=(here / "page.css").read_text("utf-8"), script=script, body="\n".join(filter(None, sections)))
    return page.encode("utf-8", "replace").decode("utf-8")  # lone surrogates of undecodable headers


# ---------------------------------------------------------------- sections


def _header(report: Report) -> str:
    call = report.call
    ended = f"{call['hangup_cause'] or 'ended'} by {call['hangup_by'] or 'unknown'}"
    started = str(call.get("started") or "").partition(".")[0].replace("T", " ")
    facts = [f"{started} UTC" if started else "", clock(report.seconds),
             ended if report.complete or call["hangup_cause"] else "", call.get("id")]
    return (f"<header><h1>{_text(call.get('caller') or 'unknown caller')} "
            f'<span class="soft">→</span> {_text(call.get("called") or "unknown")}</h1>'
            f"<p>{' · '.join(_text(fact) for fact in facts if fact)}</p></header>")


def _warnings(report: Report) -> str:
    warnings = []
    if not report.complete:
        lost = f" {report.damaged_lines} damaged line(s) were left out." if report.damaged_lines else ""
        warnings.append(("", f"The log ends before the call did: the engine died, or the call goes on.{lost}"))
    elif report.damaged_lines:
        warnings.append(("", f"{report.damaged_lines} damaged line(s) of the log were left out."))
    for fault in report.faults[:MAX_FAULTS]:
        warnings.append((" bad", f"{clock(fault.t)} · {fault.where}: {fault.message}"))
    if len(report.faults) > MAX_FAULTS:
        warnings.append((" bad", f"{len(report.faults) - MAX_FAULTS} more faults; the event log below has them"))
    return "".join(f'<div class="card banner{kind}" role="alert"><p>{_text(text)}</p></div>' for kind, text in warnings)


def _tiles(report: Report) -> str:
    totals = report.totals
    answer, pause = totals["answer_ms"], totals["onset_to_pause_ms"]
    false = totals["false_interruptions"]
    tiles = [
        (_ms(answer and answer["p50"]), "to the answer, median"),
        (_ms(answer and answer["max"]), "to the answer, slowest"),
        (_ms(totals["greeting_ms"]), "to the greeting"),
        (str(totals["turns"]), "turns"),
        (f"{totals['interruptions']}", f"interrupted, {false} false alarm{'' if false == 1 else 's'}"),
        (_ms(pause and pause["max"]), "voice to pause, slowest"),
        (str(totals["faults"]), "faults"),
    ]
    if totals["cost"] is not None:
        tiles.append((f"{totals['cost']:.3f}", f"{_text(totals['currency'] or '')} for providers"))
    cells = "".join(f'<div class="card tile"><b>{value}</b><span>{label}</span></div>' for value, label in tiles)
    return f'<section class="tiles" aria-label="Figures">{cells}</section>'


def _player(report: Report, recording: Recording | None, why_not: str) -> str:
    if recording is None or not recording.seconds:
        why_not = why_not if recording is None else "the recording is empty"
        player = f'<span class="soft">No audio: {_text(why_not)}</span>'
    else:
        small = recording.wav_bytes <= EMBED_BYTES
        source = recording.data_uri() if small else quote(recording.path.name)
        player = (f'<audio controls preload="metadata" src="{escape(source)}"></audio>'
                  '<span class="keys">space plays, ← → seek</span>')
    zoom = ('<span class="zoom"><button data-zoom="0.5" aria-label="zoom out">−</button>'
            '<button data-zoom="fit">fit</button><button data-zoom="2" aria-label="zoom in">+</button></span>')
    legend = "".join(f'<span class="mark-legend"><i style="--tone:var(--{tone})"></i>{text}</span>' for tone, text in (
        ("caller", "caller's voice"), ("agent", "agent's speech"), ("turn", "turn decided"),
        ("bad", "interruption"), ("warn", "false alarm, resumed")))
    return (f'<section class="card"><h2>Call</h2><div class="player">{player}{zoom}</div>'
            f'{timeline(report, recording)}<p class="legend">{legend}</p></section>')


def _transcript(report: Report) -> str:
    rows = []
    for line in report.transcript:
        cut = ' <span class="cutoff">— interrupted</span>' if line.interrupted else ""
        rows.append(f'<li class="{line.who}"><button data-t="{line.start:.3f}"><time>{clock(line.start)}</time>'
                    f"<em>{line.who}</em><q>{_text(line.text)}{cut}</q></button></li>")
    body = f"<ol>{''.join(rows)}</ol>" if rows else '<p class="soft">Nothing was said.</p>'
    return f'<section class="card transcript"><h2>Transcript</h2>{body}</section>'


def _turns(report: Report) -> str:
    edges = [edge for turn in report.turns for stage in turn.stages for edge in (stage.from_ms, stage.to_ms)]
    low, high = min([0.0, *edges]), max([100.0, *edges])
    replies = {reply.gen: reply for reply in report.replies}
    cards = [_turn(turn, [replies[gen] for gen in turn.replies if gen in replies], low, high) for turn in report.turns]
    legend = "".join(f'<span><i class="{name}"></i>{label}</span>' for name, label in LABELS.items())
    text = ("Milliseconds from the caller's last voiced frame to the agent's first frame on the wire. The bar is what "
            "the caller waited for; what is left of the line ran before the caller had finished.")
    legend = f'<p class="soft about">{text}</p><p class="legend">{legend}</p>'
    about = legend if cards else '<p class="about">No turn was decided.</p>'
    head = f'<div class="card"><h2>Turns</h2>{about}</div>'
    return f'<section class="turns" aria-label="Turns">{head}{"".join(cards)}{_besides(report)}</section>'


def _besides(report: Report) -> str:
    """What belongs to no turn: greeting, reminders, dropped speculation, decisions before the first turn."""
    used = {gen for turn in report.turns for gen in turn.replies}
    decided = {id(item) for turn in report.turns for item in turn.decisions}
    rows = []
    for reply in report.replies:
        if reply.gen not in used:
            since = reply.started if reply.started is not None else min(reply.times.values(), default=0.0)
            text = _spoken(reply) if reply.text else f"on “{_text(reply.asked)}”"
            rows.append((since, f"<span>{text} {_chips(reply)}</span>{_skills(reply)}"))
    rows += [(item.t, _why(item)) for item in report.decisions if id(item) not in decided]
    items = "".join(f"<li>{_seek(t)}{text}</li>" for t, text in sorted(rows, key=lambda row: row[0]))
    return f'<article class="card"><h2>Besides the turns</h2><ul class="list">{items}</ul></article>' if items else ""


def _turn(turn: Turn, replies: list[Reply], low: float, high: float) -> str:
    total = f'<span class="total">{_ms(turn.total_ms)}</span>' if turn.total_ms is not None \
        else '<span class="chip warn">no answer</span>'
    time = f'<button class="soft" data-t="{turn.start:.3f}"><time>{clock(turn.start)}</time></button>'
    head = (f'<div class="turn-head"><span class="number">{turn.number}</span>'
            f"<h3>{_text(turn.text or '(no words)')} {time}</h3>{total}</div>")
    answers = "".join(_reply(reply) for reply in replies)
    interruptions = "".join(_interruption(item) for item in turn.interruptions)
    decisions = "".join(_decision(item) for item in turn.decisions)
    return (f'<article class="card">{head}{_stack(turn, high)}{_waterfall(turn, low, high)}{answers}'
            + (f'<h4>Voice over the agent</h4><ul class="list">{interruptions}</ul>' if interruptions else "")
            + (f'<h4>Decided, and why</h4><ul class="list">{decisions}</ul>' if decisions else "") + "</article>")


def _stack(turn: Turn, high: float) -> str:
    """What the caller waited for: the transcript, then the rest of the wait for the end of the turn, and of each later
    step what goes beyond that. Steps that were done by then cost the caller nothing."""
    stages = {stage.name: stage for stage in turn.stages}
    parts, reached = [], 0.0
    for name in ("stt", *STAGES):
        stage = stages.get(name)
        if stage is None:
            continue
        until = min(stage.to_ms, stages["endpoint"].to_ms) if name == "stt" else stage.to_ms
        if until > reached:
            ms, width = f"{until - reached:.0f}", 100 * (until - reached) / high
            parts.append(f'<i class="{name}" style="width:{width:.2f}%" title="{LABELS[name]}: {ms} ms">'
                         f"{ms if width > 6 else ''}</i>")
            reached = until
    return f'<div class="stack" aria-hidden="true">{"".join(parts)}</div>' if parts else ""


def _waterfall(turn: Turn, low: float, high: float) -> str:
    stages = {stage.name: stage for stage in turn.stages}
    scale = 100 / (high - low)
    rows = []
    for name in STAGES:
        stage = stages.get(name)
        if stage is None:
            continue
        place = f"left:{(stage.from_ms - low) * scale:.2f}%;width:{(stage.to_ms - stage.from_ms) * scale:.2f}%"
        rows.append(f'<dt>{LABELS[name]}</dt><dd class="track" style="--zero:{-low * scale:.2f}%">'
                    f'<i class="{name}" style="{place}"></i></dd><dd class="ms">{stage.to_ms - stage.from_ms:.0f} ms '
                    f"<small>at {stage.to_ms:.0f}</small></dd>")
    axis = "".join(f'<span style="left:{(ms - low) * scale:.2f}%">{ms}</span>'
                   for ms in range(0, int(high) + 1, _step(high)))
    rows.append(f'<dt></dt><dd class="axis" aria-hidden="true">{axis}</dd><dd></dd>')
    return f'<dl class="waterfall">{"".join(rows)}</dl>'


def _step(high: float) -> int:
    """Between the numbers on the axis, in ms."""
    return next((step for step in (50, 100, 250, 500, 1000, 2000) if high / step <= 8), 5000)


def _reply(reply: Reply) -> str:
    detail = _detail(reply.detail)
    return (f'<p class="answer">{_spoken(reply)}</p><p class="facts">{_chips(reply)}{detail}</p>'
            f"{_skills(reply)}{_citations(reply.citations)}")


def _skills(reply: Reply) -> str:
    """Each skill that was called: how it went, with what, and what came of it."""
    items = []
    for use in reply.skills:
        tone, how = ("good", "done") if use.success else ("bad", use.error)
        if use.success is None:
            tone, how = "", "no result"
        how = "given again" if use.repeated else how if use.ms is None else f"{how} in {use.ms:.0f} ms"
        items.append(f'<li><b>{_text(use.skill)}</b> <span class="chip {tone}">{_text(how)}</span> '
                     f"{_json(use.arguments)}{'<br>' + _json(use.result) if use.result is not None else ''}</li>")
    return f'<ul class="citations" aria-label="Skills">{"".join(items)}</ul>' if items else ""


def _chips(reply: Reply) -> str:
    chips = []
    if reply.decision:
        chips.append(("good" if reply.decision == "answer" else "warn", reply.decision))
    if reply.score is not None:
        chips.append(("", f"score {reply.score:.2f}"))
    if reply.speculative:
        chips.append(("", "begun on a partial transcript"))
    if reply.cached:
        chips.append(("", "from the phrase cache"))
    if reply.cancelled:
        chips.append(("", "dropped, never heard"))
    if reply.failed is not None:
        chips.append(("bad", f"failed: {reply.failed}"))
    if reply.interrupted:
        chips.append(("bad", "interrupted"))
    return "".join(f'<span class="chip {tone}">{_text(text)}</span>' for tone, text in chips)


def _spoken(reply: Reply) -> str:
    """The reply's text, what the caller did not hear of it in grey."""
    if reply.heard is None or not reply.interrupted:
        return _text(reply.heard or reply.text or "(nothing)")
    rest = reply.text[len(reply.heard):] if reply.text.startswith(reply.heard) else ""
    return f'{_text(reply.heard)}<s title="not heard">{_text(rest)}</s>'


def _detail(detail: Any) -> str:
    """Why the brain decided so: its words as text, the documents that it weighed, whatever else as JSON."""
    if not isinstance(detail, dict):
        return f" {_json(detail)}" if detail else ""
    why = f' <span class="soft">{_text(detail["why"])}</span>' if detail.get("why") else ""
    weighed = detail.get("candidates")
    names = ""
    if isinstance(weighed, list) and all(isinstance(item, list) and len(item) == 2 for item in weighed):
        names = "<br>weighed: " + ", ".join(f"{_text(name)} {_text(_rounded(score))}" for name, score in weighed)
    rest = {name: value for name, value in detail.items() if name != "why" and not (names and name == "candidates")}
    return f'{why}<span class="soft">{names}</span>{" " + _json(rest) if rest else ""}'


def _rounded(score: Any) -> str:
    return f"{score:.2f}" if isinstance(score, int | float) else str(score)


def _citations(citations: list[Any]) -> str:
    items = []
    for citation in citations:
        if not isinstance(citation, dict):
            items.append(f"<li>{_text(citation)}</li>")
            continue
        heading = citation.get("heading")
        place = " › ".join(map(str, heading)) if isinstance(heading, list) else str(heading or "")
        told = ("title", "document", "passage", "snippet", "heading", "score", "chunk_id")
        rest = {name: value for name, value in citation.items() if name not in told}
        where = " · ".join(filter(None, (str(citation.get("document") or ""), place)))
        items.append(f"<li><b>{_text(citation.get('title') or citation.get('document') or 'source')}</b> "
                     f'<span class="soft">{_text(where)}</span><br>'
                     f"{_text(citation.get('passage') or citation.get('snippet') or '')} "
                     f"{_json(rest) if rest else ''}</li>")
    return f'<ul class="citations" aria-label="Sources">{"".join(items)}</ul>' if items else ""


def _interruption(item: Interruption) -> str:
    start = next((t for t in (item.onset, item.paused, item.ended) if t is not None), 0.0)
    text = []
    if item.onset_to_pause_ms is not None:
        text.append(f"paused after {item.onset_to_pause_ms:.0f} ms")
    if item.silent_ms is not None:
        text.append(f"resumed after {item.silent_ms:.0f} ms of silence, "
                    f"{item.voice_end_to_resume_ms:.0f} ms after the voice ended")
    if item.heard is not None:
        text.append(f"heard: “{item.heard}”")
    return (f'<li>{_seek(start)}<span><span class="chip {TONES.get(item.outcome, "")}">'
            f"{OUTCOMES.get(item.outcome, item.outcome)}</span> {_text('; '.join(text))}</span></li>")


def _decision(item: Decision) -> str:
    return f"<li>{_seek(item.t)}{_why(item)}</li>"


def _why(item: Decision) -> str:
    fields = {name: value for name, value in item.fields.items() if name not in ("gen", "text")}
    return (f"<span><b>{_text(item.name.replace('_', ' '))}</b>: {_text(item.why)}"
            + (f" {_json(fields)}" if fields else "") + "</span>")


def _call(report: Report) -> str:
    pairs = "".join(
        f"<dt>{_text(name.replace('_', ' '))}</dt><dd>{_json(value) if isinstance(value, dict) else _text(value)}</dd>"
        for name, value in report.call.items() if value is not None and value != {})
    return f'<details class="card"><summary>Facts of the call</summary><dl class="pairs">{pairs}</dl></details>'


def _rows(events: list[Event]) -> str:
    rows = []
    for event in events[:MAX_ROWS]:
        fields = {name: value for name, value in event.items() if name not in ("t", "event")}
        exact = f"{event['t']:.3f}"
        rows.append(f"<tr><td>{_seek(event['t'], exact)}</td><td>{_text(event['event'])}</td>"
                    f"<td>{_json(fields)}</td></tr>")
    more = f'<p class="soft">The first {MAX_ROWS} of {len(events)} lines.</p>' if len(events) > MAX_ROWS else ""
    return (f'<details class="card"><summary>Event log, {len(events)} lines</summary>{more}<div class="scroll"><table>'
            f"<thead><tr><th>t</th><th>event</th><th>fields</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
            "</div></details>")


# ---------------------------------------------------------------- values


def _text(value: object) -> str:
    return escape(f"{value:g}" if isinstance(value, float) else str(value))


def _json(value: object) -> str:
    return f"<code>{escape(json.dumps(value, ensure_ascii=False, default=str))}</code>"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}<small>ms</small>"


def _seek(t: float, shown: str | None = None) -> str:
    return f'<button data-t="{t:.3f}"><time>{shown or clock(t, 2)}</time></button>'
