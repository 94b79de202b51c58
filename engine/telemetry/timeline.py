"""The picture of a call over time: both waveforms, who spoke when, interruptions, turns, keys. HTML and inline SVG.

Everything is placed in percent of the call's length, so that zooming is one width.
"""

from html import escape

import numpy as np
import numpy.typing as npt

from engine.telemetry.recording import Recording
from engine.telemetry.report import Report

COLUMN_S = 0.02
MAX_COLUMNS = 4000
LOUDEST_GAIN = 8.0
TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800)
OUTCOMES = {"cut": "interrupted", "resumed": "false alarm", "finished": "at the end", "hangup": "hung up",
            "open": "open"}


def timeline(report: Report, recording: Recording | None) -> str:
    """The block ``<div class="timeline">`` with its lanes."""
    starts = report.recording_starts
    length = max(report.seconds, starts + (recording.seconds if recording else 0.0), 1.0)
    layers = _lanes(report, recording, length) + _marks(report, length) + _ruler(length)
    return (f'<div class="timeline" data-length="{length:.3f}" data-starts="{starts:.3f}">'
            f'<div class="lanes">{layers}<div class="cursor" hidden></div></div></div>')


def _lanes(report: Report, recording: Recording | None, length: float) -> str:
    spans = {"caller": report.caller_speech, "agent": report.agent_speech}
    waves: dict[str, str] = {}
    if recording is not None and len(recording.samples):
        columns = int(min(MAX_COLUMNS, max(1, recording.seconds / COLUMN_S)))
        peaks = recording.peaks(columns)
        loudest = max(1, int(np.abs(peaks.astype(np.int32)).max()))
        gain = min(LOUDEST_GAIN, 32768 / loudest)
        place = _place(report.recording_starts, report.recording_starts + recording.seconds, length)
        for name, channel in zip(spans if len(peaks) == 2 else ["caller"], peaks, strict=True):
            waves[name] = f'<svg class="wave" {place} viewBox="0 -100 {columns} 200" preserveAspectRatio="none" ' \
                          f'aria-hidden="true"><path d="{_path(channel, gain)}"/></svg>'
    lanes = []
    for name, found in spans.items():
        blocks = "".join(f'<i class="span" {_place(span.start, span.end, length)}></i>' for span in found)
        lanes.append(f'<div class="lane {name}"><b>{name}</b>{blocks}{waves.get(name, "")}</div>')
    return "".join(lanes)


def _path(channel: npt.NDArray[np.int16], gain: float) -> str:
    """An outline along the highest samples and back along the lowest; y is in percent of full scale, downwards."""
    scaled = np.rint(channel.astype(np.float64) * (-100 * gain / 32768)).astype(int)
    upper = [f"{x} {y}" for x, y in enumerate(np.minimum(scaled[:, 1], -1).tolist())]
    lower = [f"{x} {y}" for x, y in enumerate(np.maximum(scaled[:, 0], 1).tolist())]
    return "M" + "L".join(upper + lower[::-1]) + "Z"


def _marks(report: Report, length: float) -> str:
    marks = []
    for item in report.interruptions:
        start = next((t for t in (item.onset, item.paused, item.ended) if t is not None), 0.0)
        label = OUTCOMES.get(item.outcome, item.outcome)
        paused = "" if item.onset_to_pause_ms is None else f", paused after {item.onset_to_pause_ms:.0f} ms"
        marks.append(_mark(item.outcome, start, item.ended, length, label, f"voice over the agent: {label}{paused}"))
    for turn in report.turns:
        marks.append(_mark("turn", turn.decided, None, length, str(turn.number), f"turn {turn.number} decided"))
    for line in report.transcript:
        if line.who == "key":
            marks.append(_mark("key", line.start, None, length, line.text[:2], f"key {line.text} pressed"))
    return f'<div class="marks">{"".join(marks)}</div>'


def _mark(kind: str, start: float, end: float | None, length: float, label: str, title: str) -> str:
    place = _place(start, start if end is None else end, length)
    return (f'<button class="mark {escape(kind)}" {place} data-t="{start:.3f}" title="{escape(title)}">'
            f"<span>{escape(label)}</span></button>")


def _ruler(length: float) -> str:
    step = next((tick for tick in TICKS if length / tick <= 16), TICKS[-1])
    ticks = "".join(f'<span style="left:{100 * t / length:.3f}%">{clock(t)}</span>'
                    for t in range(0, int(length) + 1, step))
    return f'<div class="ruler" aria-hidden="true">{ticks}</div>'


def _place(start: float, end: float, length: float) -> str:
    """A style attribute from ``start`` to ``end``, cut to the picture."""
    left = min(max(start / length, 0.0), 1.0)
    width = min(max(end / length, left), 1.0) - left
    return f'style="left:{100 * left:.3f}%;width:{100 * width:.3f}%"'


def clock(t: float, digits: int = 0) -> str:
    """Seconds as 0:04 (0:04.25 with two digits), or 1:02:03 from an hour on; before the answer as -0:01."""
    unit = 10**digits
    whole, rest = divmod(int(abs(t) * unit + 1e-6), unit)
    minutes, seconds = divmod(whole, 60)
    text = f"{minutes}:{seconds:02d}" if whole < 3600 else f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
    return ("-" if t < 0 and (whole or rest) else "") + text + (f".{rest:0{digits}d}" if digits else "")
