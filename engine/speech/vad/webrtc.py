"""webrtcvad behind an energy gate: the VAD that is always there.

webrtcvad alone starts falsely on clicks and sticks in steady noise even in mode 3; a frame must also stand out of the
line's noise floor. Music and babble still fool it: that is what Silero is for.
"""

import numpy as np
import numpy.typing as npt
import webrtcvad

from engine.speech.errors import SpeechError
from engine.speech.interfaces import Rows, Verdicts
from engine.speech.vad.rows import RowTable

RATES = (8000, 16000, 32000)
START_DB = 6.0  # above the floor, for a row that is not in voice
STAY_DB = 3.0  # above the floor, for a row that is
QUIETEST_DB = -65.0  # dBFS; below it nothing is voice, whatever the floor
HIGHEST_FIRST_FLOOR_DB = -30.0  # dBFS; the first frame sets the floor, unless it is that loud: then somebody speaks
ADJUST_DB = 12.0  # how much nearer to the floor, or further above it, the ends of a client's threshold are
FALL = 0.3  # share of the way per frame by which the floor follows a quieter frame
FULL_SCALE_DB = 90.3  # of a square wave of 16 bits
RISE_DB = 0.02  # per frame by which it follows a louder one: 1 dB a second, so speech does not lift it


class WebRtcVad:
    """Rows of calls at 8, 16 or 32 kHz."""

    name = "webrtc"
    reach_frames = 1

    def __init__(self, aggressiveness: int = 3) -> None:
        self._aggressiveness = aggressiveness
        self._detectors: dict[int, webrtcvad.Vad] = {}
        self._rows = RowTable([("rate", np.int32), ("floor", np.float32), ("more", np.float32), ("voice", np.bool_)])

    def open(self, rate: int) -> int:
        """A row for a new call at this rate; its state is fresh."""
        if rate not in RATES:
            raise SpeechError(f"webrtcvad hears 8000, 16000 or 32000 Hz, not {rate}")
        row = self._rows.open()
        self._detectors[row] = webrtcvad.Vad(self._aggressiveness)
        self._rows.data["rate"][row] = rate
        self._rows.data["floor"][row] = np.nan
        return row

    def close(self, row: int) -> None:
        """Free the row."""
        del self._detectors[row]
        self._rows.close(row)

    def adjust(self, row: int, threshold: float) -> None:
        """See ``Adjustable``: voice must stand further above the line's noise, or less far; at 0 not at all."""
        self._rows.data["more"][row] = (2 * threshold - 1) * ADJUST_DB

    def tail_ms(self, rate: int) -> int:
        """How long verdicts of voice surely go on after the voice itself."""
        return 0

    def process(self, rows: Rows, frames: list[bytes]) -> Verdicts:
        """Whether each row's newest frame is voice. ``rows`` has no row twice."""
        data = self._rows.data
        levels = levels_db(frames)
        floor = data["floor"][rows]
        floor = np.where(np.isnan(floor), np.minimum(levels, HIGHEST_FIRST_FLOOR_DB), floor)
        louder = levels >= floor + np.where(data["voice"][rows], STAY_DB, START_DB) + data["more"][rows]
        change = levels - floor
        data["floor"][rows] = floor + np.where(change < 0, FALL * change, np.minimum(change, RISE_DB))
        # The detector gets every frame, also those that the gate refuses: it learns the line's noise from them.
        detectors = self._detectors
        heard = [detectors[row].is_speech(frame, rate) for row, frame, rate
                 in zip(rows.tolist(), frames, data["rate"][rows].tolist(), strict=True)]
        verdicts = louder & (levels >= QUIETEST_DB) & np.array(heard, np.bool_)
        data["voice"][rows] = verdicts
        return verdicts


def levels_db(frames: list[bytes]) -> npt.NDArray[np.float32]:
    """Level of each frame in dB below full scale (a full-scale square wave is 0), -90 for digital silence."""
    levels = np.empty(len(frames), np.float32)
    for length in {len(frame) for frame in frames}:
        which = [i for i, frame in enumerate(frames) if len(frame) == length]
        pcm = np.frombuffer(b"".join(frames[i] for i in which), "<i2").reshape(len(which), -1).astype(np.float32)
        power = np.einsum("ij,ij->i", pcm, pcm) / np.float32(length // 2)
        levels[which] = 10 * np.log10(np.maximum(power, 1)) - FULL_SCALE_DB
    return levels
