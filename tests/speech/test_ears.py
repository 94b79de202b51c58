"""Ears: voice edges out of verdicts, dated back, for many calls in one pass."""

import numpy as np
import pytest
from speech_world import frames_of, needs_silero, noise, recording

from engine.config import VadOptions
from engine.speech.ears import Ears
from engine.speech.errors import SpeechError
from engine.speech.vad import make_vad

OPTIONS = VadOptions(onset_ms=60, hangover_ms=160)


class LoudIsVoice:
    """A detector that believes every frame that is not zero."""

    name = "loud"

    def __init__(self, reach_frames=1, tail_ms=0):
        self.reach_frames = reach_frames
        self.tail = tail_ms
        self.rows = 0
        self.seen = 0

    def tail_ms(self, rate):
        return self.tail

    def open(self, rate):
        self.rows += 1
        return self.rows - 1

    def close(self, row):
        self.rows -= 1

    def process(self, rows, frames):
        assert len(set(rows.tolist())) == len(rows) == len(frames)
        self.seen += len(frames)
        return np.array([any(frame) for frame in frames])


class Edges(list):
    """A listener that keeps what it is told."""

    def voice_on(self, sample):
        self.append(("on", sample))

    def voice_off(self, sample):
        self.append(("off", sample))


def frame(voice, rate=8000, ms=20):
    return (b"\x01\x01" if voice else b"\0\0") * (rate * ms // 1000)


def hear(ears, row, pattern, rate=8000):
    """One frame a character: ``v`` voice, ``.`` silence, ``s`` a made-up silent frame."""
    for character in pattern:
        ears.hear([(row, frame(character == "v", rate), character == "s")])


def test_edges_are_dated_back_to_the_first_and_after_the_last_voiced_frame():
    """The turn engine measures from the voice, not from when we were sure of it."""
    ears, edges = Ears(LoudIsVoice(), OPTIONS), Edges()
    row = ears.open(8000, edges)
    hear(ears, row, "....vv")
    assert edges == []
    hear(ears, row, "v")
    assert edges == [("on", 4 * 160)]
    hear(ears, row, "vv" + "." * 7)
    assert edges == [("on", 4 * 160)]
    hear(ears, row, ".")
    assert edges == [("on", 4 * 160), ("off", 9 * 160)]


def test_what_the_detector_says_beyond_the_voice_is_taken_off_its_end():
    """The patience of the turn engine counts from the voice; a stretch never ends before it began."""
    ears, edges = Ears(LoudIsVoice(tail_ms=80), OPTIONS), Edges()
    row = ears.open(8000, edges)
    hear(ears, row, "...." + "v" * 10 + "." * 8)
    assert edges == [("on", 4 * 160), ("off", 10 * 160)]
    edges.clear()
    hear(ears, row, "vvv" + "." * 8)
    assert edges == [("on", 22 * 160), ("off", 23 * 160)]


def test_onset_is_known_60_ms_after_the_voice_began():
    """Aim of the engine: a caller's voice is known within 60 ms of its first voiced frame."""
    for reach in (1, 2):
        ears, edges = Ears(LoudIsVoice(reach), OPTIONS), Edges()
        row = ears.open(8000, edges)
        hear(ears, row, "." * 10)
        voiced = 0
        while not edges:
            hear(ears, row, "v")
            voiced += 1
        assert (voiced + reach - 1) * 20 == 60


def test_a_window_that_reaches_back_does_not_reach_into_voice_before_it():
    """The frames that a first verdict speaks of cannot have been voiced already, or not have existed."""
    ears, edges = Ears(LoudIsVoice(reach_frames=2), OPTIONS), Edges()
    row = ears.open(8000, edges)
    hear(ears, row, "vvv")
    assert edges == [("on", 0)]


def test_short_noises_do_not_start_and_short_gaps_do_not_stop():
    ears, edges = Ears(LoudIsVoice(), OPTIONS), Edges()
    row = ears.open(8000, edges)
    hear(ears, row, "vv..v.vv.")
    assert edges == []
    hear(ears, row, "vvv" + "......." + "v" + "......." + "v")
    assert edges == [("on", 9 * 160)]


def test_silent_frames_are_silence_and_do_not_reach_the_detector():
    """A frame that was made up because none came says nothing about the caller."""
    vad, edges = LoudIsVoice(), Edges()
    ears = Ears(vad, OPTIONS)
    row = ears.open(8000, edges)
    hear(ears, row, "vvvs" + "s" * 7)
    assert vad.seen == 3
    assert edges == [("on", 0), ("off", 3 * 160)]


def test_calls_of_different_rates_and_several_frames_of_one_call_share_a_batch():
    ears, narrow, wide = Ears(LoudIsVoice(), OPTIONS), Edges(), Edges()
    row, other = ears.open(8000, narrow), ears.open(16000, wide)
    ears.hear([(row, frame(False), False), (other, frame(True, 16000), False), (row, frame(True), False),
               (row, frame(True), False), (other, frame(True, 16000), False), (row, frame(True), False),
               (other, frame(True, 16000), False)])
    assert narrow == [("on", 160)]
    assert wide == [("on", 0)]


def test_a_frame_of_a_wrong_size_is_counted_and_taken_as_silence():
    ears, edges = Ears(LoudIsVoice(), OPTIONS), Edges()
    row = ears.open(8000, edges)
    ears.hear([(row, b"\x01\x01", False)])
    hear(ears, row, "vvv")
    assert ears.bad_frames == 1
    assert edges == [("on", 160)]


def test_one_listener_that_fails_does_not_deafen_the_others(caplog):
    """One call's bug must not stop the pass that serves all calls."""
    class Broken(Edges):
        def voice_on(self, sample):
            raise RuntimeError("out of order")

    ears, fine = Ears(LoudIsVoice(), OPTIONS), Edges()
    rows = [ears.open(8000, Broken()), ears.open(8000, fine)]
    for _ in range(3):
        ears.hear([(row, frame(True), False) for row in rows])
    assert fine == [("on", 0)]
    assert "out of order" in caplog.text


def test_a_call_that_ends_inside_its_edge_hears_nothing_more_and_frees_its_row():
    vad = LoudIsVoice()
    ears = Ears(vad, OPTIONS)

    class HangsUp(Edges):
        def voice_on(self, sample):
            super().voice_on(sample)
            ears.close(row)

    edges = HangsUp()
    row = ears.open(8000, edges)
    hear(ears, row, "vvv" + "." * 20)
    assert edges == [("on", 0)]
    assert vad.rows == 0
    ears.close(row)
    fresh = Edges()
    hear(ears, ears.open(8000, fresh), "vv")
    assert fresh == []


@pytest.mark.parametrize("ms", [10, 30, 40, 60])
def test_frames_of_other_lengths_are_heard(ms):
    """Trunks with other packet times exist; detectors take 10, 20 or 30 ms, so longer frames are heard in parts."""
    ears, edges = Ears(LoudIsVoice(), OPTIONS, frame_ms=ms), Edges()
    row = ears.open(8000, edges)
    for voice in [False] * 6 + [True] * 12:
        ears.hear([(row, frame(voice, ms=ms), False)])
    assert edges == [("on", 6 * ms * 8)]


def test_a_frame_length_that_no_detector_takes_is_refused():
    with pytest.raises(SpeechError, match="50 ms"):
        Ears(LoudIsVoice(), OPTIONS, frame_ms=50)


def edges_of(engine, pcm, rate):
    ears, edges = Ears(make_vad(VadOptions(engine=engine)), VadOptions()), Edges()
    row = ears.open(rate, edges)
    for piece in frames_of(pcm, rate):
        ears.hear([(row, piece, False)])
    return edges


@needs_silero
@pytest.mark.parametrize("rate", [8000, 16000])
def test_silero_hears_one_utterance_in_a_recording(rate):
    """The recording speaks from 0.52 to 2.50 s."""
    _, pcm = recording(f"password-{rate // 1000}k")
    (on, start), (off, stop) = edges_of("silero", pcm, rate)
    assert (on, off) == ("on", "off")
    assert start / rate == pytest.approx(0.56, abs=0.1)
    assert stop / rate == pytest.approx(2.5, abs=0.12)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_webrtcvad_hears_one_utterance_in_a_recording(rate):
    _, pcm = recording(f"password-{rate // 1000}k")
    edges = edges_of("webrtc", pcm, rate)
    assert [kind for kind, _ in edges] == ["on", "off"]
    assert edges[0][1] / rate == pytest.approx(0.54, abs=0.1)
    assert edges[1][1] / rate == pytest.approx(2.5, abs=0.15)


@pytest.mark.parametrize("engine", ["webrtc", pytest.param("silero", marks=needs_silero)])
@pytest.mark.parametrize("level", [0, 30, 600])
def test_steady_noise_is_no_voice(engine, level):
    assert edges_of(engine, noise(8000, 4, level), 8000) == []
