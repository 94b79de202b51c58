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
OUTCOMES = {"cut": "interrupted", "resumed": "false alarm", "finished": "at the end", "hangup": "hung up", "open": "open"}


def timeline(report: Report, recording: Recording | None) -> str:
    """The block ``<div class="timeline">`` with its lanes."""
    starts = report.recording_starts
    length = max(report.seconds, starts + (recording.seconds if recording else 0.0), 1.0)
    lanes = _lanes(report, recording, length)
    return (
        f'<div class="timeline" data-length="{length:.3f}" data-starts="{starts:.3f}">'
        f'<div class="lanes">{lanes}{_marks(report, length)}{_ruler(length)}<div class="cursor" hidden></div></div></div>'
    )


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
        end = item.ended if item.ended is not None else start
        title = f"voice over the agent: {OUTCOMES.get(item.outcome, item.outcome)}"
        if item.onset_to_pause_ms is not None:
            title += f", paused after {item.onset_to_pause_ms:.0f} ms"
        marks.append(f'<button class="mark {escape(item.outcome)}" {_place(start, max(start, end), length)} '
                     f'data-t="{start:.3f}" title="{escape(title)}"><span>{escape(OUTCOMES.get(item.outcome, "?"))}</span>'
                     "</button>")
    for turn in report.turns:
        marks.append(f'<button class="mark turn" {_place(turn.decided, turn.decided, length)} data-t="{turn.decided:.3f}" '
                     f'title="turn {turn.number} decided"><span>{turn.number}</span></button>')
    for line in report.transcript:
        if line.who == "key":
            marks.append(f'<button class="mark key" {_place(line.start, line.start, length)} data-t="{line.start:.3f}" '
                         f'title="key pressed"><span>{escape(line.text[:2])}</span></button>')
    return f'<div class="marks">{"".join(marks)}</div>'


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


def clock(t: float) -> str:
    """Seconds as 0:04, or 1:02:03 from an hour on."""
    whole = int(max(t, 0.0))
    minutes, seconds = divmod(whole, 60)
    return f"{minutes}:{seconds:02d}" if whole < 3600 else f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
