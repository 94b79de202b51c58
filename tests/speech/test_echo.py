"""The echo guard: our own speech is not taken for the caller's, and the caller is never unheard for it."""

import numpy as np
import pytest

from engine.config import VadOptions
from engine.speech.ears import Ears
from engine.speech.echo import EchoGuard, levels_db

FRAME = 160


class EnergyVad:
    """Voice is whatever is louder than -50 dB."""

    name = "energy"
    reach_frames = 1

    def tail_ms(self, rate):
        return 0

    def open(self, rate):
        return 0

    def close(self, row):
        pass

    def process(self, rows, frames):
        return levels_db(frames) > -50


class Line:
    """A call on which what we say comes back ``echo_db`` softer and 120 ms later; the caller's speech is added."""

    def __init__(self, echo_db, seed=1, **options):
        self.echo_db, self.rng = echo_db, np.random.default_rng(seed)
        self.ears = Ears(EnergyVad(), VadOptions(**options))
        self.row = self.ears.open(8000, self)
        self.frames, self.said, self.edges = 0, [np.zeros(FRAME)] * 6, []

    def voice_on(self, sample):
        self.edges.append(("on", round(self.frames * 0.02, 2)))

    def voice_off(self, sample):
        self.edges.append(("off", round(self.frames * 0.02, 2)))

    def speech(self, level_db, seconds):
        """Something like speech: syllables of noise of changing loudness, with gaps."""
        frames = round(seconds * 50)
        shape = np.repeat(self.rng.uniform(-12, 0, frames // 8 + 1), 8)[:frames]
        shape[7::16] = -60
        gain = 10 ** ((level_db + shape) / 20) * 32767
        return [self.rng.standard_normal(FRAME) * volume for volume in gain]

    def run(self, seconds, ours_db=None, caller_db=None):
        """Both sides for so long; returns the edges that were heard meanwhile."""
        before, frames = len(self.edges), round(seconds * 50)
        silence = [np.zeros(FRAME)] * frames
        ours = silence if ours_db is None else self.speech(ours_db, seconds)
        theirs = silence if caller_db is None else self.speech(caller_db, seconds)
        for mine, caller in zip(ours, theirs, strict=True):
            self.said.append(mine)
            back = self.said.pop(0) * 10 ** (self.echo_db / 20) + caller + self.rng.standard_normal(FRAME) * 8
            self.row.ours = mine.clip(-32768, 32767).astype("<i2").tobytes() if ours_db is not None else b""
            self.frames += 1
            self.ears.hear([(self.row, back.clip(-32768, 32767).astype("<i2").tobytes(), False)])
        return [kind for kind, _ in self.edges[before:]]


@pytest.mark.parametrize("echo_db", [-15, -20, -25])
def test_our_own_speech_is_not_the_callers(echo_db):
    """On a speakerphone the agent would stop for itself, over and over. Without the guard it is heard as voice."""
    assert Line(echo_db).run(8, ours_db=-20) == []
    assert "on" in Line(echo_db, echo_guard=False).run(8, ours_db=-20)


@pytest.mark.parametrize("echo_db", [-15, -30, -90])
@pytest.mark.parametrize("caller_db", [-20, -14])
def test_a_caller_is_heard_at_once_while_we_speak(echo_db, caller_db):
    """One who is as loud as we are, on lines with and without an echo: within 100 ms, from the first second on."""
    line = Line(echo_db)
    for _ in range(4):
        line.run(1.5, ours_db=-20)
        began = line.frames * 0.02
        assert "on" in line.run(1.0, ours_db=-20, caller_db=caller_db)
        heard = next(at for kind, at in line.edges if kind == "on" and at >= began)
        assert heard - began <= 0.16
        line.run(0.6)


def test_a_soft_caller_is_heard_on_a_line_without_echo():
    """20 dB softer than we are: the guard has learned that nothing comes back."""
    line = Line(-90)
    line.run(3, ours_db=-20)
    assert line.run(1.0, ours_db=-20, caller_db=-40)[:1] == ["on"]


def test_a_soft_caller_is_heard_when_we_are_silent():
    """What we said a second ago is no reason not to listen."""
    line = Line(-15)
    line.run(4, ours_db=-20)
    line.run(0.8)
    assert line.run(1.0, caller_db=-40)[:1] == ["on"]


def test_a_caller_who_speaks_over_us_for_long_does_not_make_us_deaf():
    """They do not teach the guard that their voice is our echo, however long it lasts."""
    line = Line(-30)
    line.run(3, ours_db=-20)
    line.run(20, ours_db=-20, caller_db=-20)
    line.run(0.5, ours_db=-20)
    assert "on" in line.run(1.0, ours_db=-20, caller_db=-20)


def test_a_line_that_becomes_a_speakerphone_is_learned_anew():
    """The caller puts the phone on the table: some stops for ourselves, then none."""
    line = Line(-40)
    line.run(4, ours_db=-20)
    line.echo_db = -14
    for _ in range(12):  # the agent pauses when it hears a voice, and goes on
        line.run(0.4, ours_db=-20)
        line.run(0.6)
    assert line.run(5, ours_db=-20) == []


def test_rows_do_not_learn_from_each_other():
    """And one that is opened again knows nothing of the call before it."""
    guard = EchoGuard(6.0)
    guard.open(0)
    guard.open(40)
    ours = (np.full(FRAME, 8000, "<i2")).tobytes()
    quiet, loud = bytes(320), (np.full(FRAME, 4000, "<i2")).tobytes()
    for _ in range(100):
        guard.judge(np.array([0, 40]), [quiet, loud], [ours, ours], np.zeros(2, np.bool_))
    assert guard.echo_db(0) < -35 < -9 < guard.echo_db(40)
    guard.open(40)
    assert guard.echo_db(40) == -12.0


def test_levels():
    """A full square wave is 0 dB; frames of different rates may come together."""
    full, half = np.full(160, 32767, "<i2").tobytes(), np.full(320, 16384, "<i2").tobytes()
    assert levels_db([full, half, bytes(320)]).tolist() == pytest.approx([0.0, -6.02, -100.0], abs=0.01)
