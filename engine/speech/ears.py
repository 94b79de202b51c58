"""When the caller's voice starts and stops, for all calls of the process in one pass a drain."""

import logging
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from engine.config import VadOptions
from engine.speech.echo import EchoGuard
from engine.speech.errors import SpeechError
from engine.speech.interfaces import Adjustable, Vad
from engine.speech.vad.rows import RowTable

log = logging.getLogger(__name__)


class Listener(Protocol):
    """Who is told; positions are samples of the call's audio at its own rate, counted from ``Ears.open``."""

    def voice_on(self, sample: int) -> None:
        """The caller's voice started with this sample: the first of the first voiced frame."""

    def voice_off(self, sample: int) -> None:
        """The caller's voice stopped before this sample: the one after the last voiced frame, less what the detector
        is known to say beyond the voice."""


class Row:
    """One call's place in the pass. Given by ``Ears.open``, handed in with each of its frames."""

    __slots__ = ("began", "frame_bytes", "index", "listener", "ours", "rate", "tail", "vad_row")

    def __init__(self, index: int, vad_row: int, rate: int, frame_bytes: int, tail: int, listener: Listener) -> None:
        self.index = index  # -1 once closed
        self.vad_row = vad_row
        self.rate = rate
        self.frame_bytes = frame_bytes
        self.tail = tail  # samples that the detector calls voice after the voice
        self.began = 0  # first sample of the newest voice
        self.listener = listener
        self.ours = b""  # what we play to this call right now; empty for nothing


class Ears:
    """Hears all calls. Python is run per call only where voice starts or stops.

    ``voice_on`` comes when voice has lasted ``onset_ms``, ``voice_off`` when silence has lasted ``hangover_ms``; both
    are dated back to where it began. Voice that can be no more than the echo of what we play (``Row.ours``) is none
    (``engine.speech.echo``). Frames that are ``silent`` (made up because none came) are silence and do not
    reach the detector. ``bad_frames`` counts frames of a wrong size, taken as silence.
    """

    def __init__(self, vad: Vad, options: VadOptions, frame_ms: int = 20) -> None:
        # Detectors take 10, 20 or 30 ms; a longer frame is heard in parts.
        self._part_ms = frame_ms if frame_ms <= 30 else frame_ms // (-(-frame_ms // 20))
        if self._part_ms not in (10, 20, 30) or frame_ms % self._part_ms:
            raise SpeechError(f"frames of {frame_ms} ms cannot be heard: 10, 20, 30, 40 or 60 ms can (media.frame_ms)")
        self._vad = vad
        self._parts = frame_ms // self._part_ms
        self._onset = max(1, -(-options.onset_ms // self._part_ms))
        self._hangover = max(1, -(-options.hangover_ms // self._part_ms))
        self._rows = RowTable([
            ("frames", np.int64),  # heard so far
            ("since", np.int64),  # frames before the voiced ones that run up to the newest
            ("last", np.int64),  # frames up to and including the last voiced one
            ("talking", np.bool_),
        ])
        self._echo = EchoGuard(options.echo_margin_db) if options.echo_guard else None
        self.bad_frames = 0

    def open(self, rate: int, listener: Listener) -> Row:
        """A row for a call whose audio comes at ``rate``. Raises ``SpeechError`` for rates the detector cannot hear."""
        vad_row = self._vad.open(rate)
        frame_bytes, tail = rate * self._part_ms * self._parts // 1000 * 2, rate * self._vad.tail_ms(rate) // 1000
        row = Row(self._rows.open(), vad_row, rate, frame_bytes, tail, listener)
        if self._echo is not None:
            self._echo.open(row.index)
        return row

    def adjust(self, row: Row, threshold: float) -> None:
        """How sure the detector must be of this row's voice, 0 to 1; 0.5 is as configured. Detectors that cannot be
        adjusted stay as they are."""
        if row.index >= 0 and isinstance(self._vad, Adjustable):
            self._vad.adjust(row.vad_row, threshold)

    def close(self, row: Row) -> None:
        """Free the row; its listener is told nothing any more. Idempotent."""
        if row.index >= 0:
            self._rows.close(row.index)
            self._vad.close(row.vad_row)
            row.index = -1

    def hear(self, batch: Sequence[tuple[Row, bytes, bool]]) -> None:
        """Take ``(row, frame, silent)`` of every frame that came in one drain, each call's in order."""
        later: list[tuple[Row, bytes, bool]] = []
        once: dict[int, tuple[Row, bytes, bool]] = {}
        for item in batch:
            index = item[0].index
            if index in once:
                later.append(item)
            elif index >= 0:
                once[index] = item
        if once:
            self._hear_once(list(once.values()))
        if later:
            self.hear(later)

    def _hear_once(self, batch: list[tuple[Row, bytes, bool]]) -> None:
        """As ``hear``, of a batch with each row once."""
        audible = []
        for i, (row, frame, silent) in enumerate(batch):
            if len(frame) == row.frame_bytes:
                if not silent:
                    audible.append(i)
            else:
                self.bad_frames += 1
        rows = np.array([row.index for row, _, _ in batch])
        vad_rows = np.array([batch[i][0].vad_row for i in audible], np.intp)
        ours = self._echoes(batch, rows, audible)
        for part in range(self._parts):
            voiced = np.zeros(len(batch), np.bool_)
            if audible:
                voiced[audible] = self._vad.process(vad_rows, [self._part(batch[i], part) for i in audible]) & ~ours
            self._follow(batch, rows, voiced)

    def _echoes(self, batch: list[tuple[Row, bytes, bool]], rows: np.ndarray, audible: list[int]) -> np.ndarray:
        """Which of the audible frames can be no more than the echo of what we play."""
        if self._echo is None or not audible:
            return np.zeros(len(audible), np.bool_)
        heard = rows[audible]
        return self._echo.judge(heard, [batch[i][1] for i in audible], [batch[i][0].ours for i in audible],
                                self._rows.data["talking"][heard])

    def _part(self, item: tuple[Row, bytes, bool], part: int) -> bytes:
        frame = item[1]
        if self._parts == 1:
            return frame
        size = len(frame) // self._parts
        return frame[part * size:(part + 1) * size]

    def _follow(self, batch: list[tuple[Row, bytes, bool]], rows: np.ndarray, voiced: np.ndarray) -> None:
        """Count the newest frame of each row and tell the listeners of starts and stops."""
        data = self._rows.data
        frames = data["frames"][rows] + 1
        since, last, talking = data["since"][rows], data["last"][rows], data["talking"][rows]
        # The first verdict of voice speaks also of the frames before it that the detector's window covers.
        began = np.maximum(frames - self._vad.reach_frames, last)
        since = np.where(voiced, np.where(last + 1 == frames, since, began), frames)
        last = np.where(voiced, frames, last)
        starts = voiced & ~talking & (frames - since >= self._onset)
        stops = talking & (frames - last >= self._hangover)
        data["frames"][rows], data["since"][rows], data["last"][rows] = frames, since, last
        data["talking"][rows] = (talking | starts) & ~stops
        for i in (starts | stops).nonzero()[0].tolist():
            row = batch[i][0]
            part_samples = row.frame_bytes // self._parts // 2
            if row.index < 0:  # closed by a listener before it in this pass
                continue
            try:
                if starts[i]:
                    row.began = int(since[i]) * part_samples
                    row.listener.voice_on(row.began)
                else:
                    row.listener.voice_off(max(int(last[i]) * part_samples - row.tail, row.began + part_samples))
            except Exception:
                log.exception("a listener failed; the other calls go on")
