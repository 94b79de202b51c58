"""The leg of a Realtime client on a virtual clock: when its audio was heard, what was sent, what was heard of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.media.clock import FrameClock
from engine.media.messageleg import MessageLegs
from engine.media.tape import LONGEST_PAUSE_FRAMES, Tape
from engine.media.timeline import Timeline
from engine.realtime.formats import RATE, Decoder, Encoder
from engine.realtime.leg import SocketLeg

FRAME = RATE // 50


class Desk:
    """A leg, its clock and all that came of both sides."""

    def __init__(self, lead_ms=200, delta_ms=60):
        self.now = 100.0
        self.clock = FrameClock(20, now=lambda: self.now)
        self.legs = MessageLegs(self.clock, 20)
        self.heard, self.sent = [], []
        self.leg = SocketLeg(self.legs, lead_ms=lead_ms, delta_ms=delta_ms,
                             deliver=lambda generation, pcm: self.sent.append((self.now, generation, len(pcm) // 2)))
        self.leg.attach(lambda frame, silent: self.heard.append((self.now, silent)))

    def pass_time(self, seconds):
        for _ in range(round(seconds / 0.005)):
            self.now += 0.005
            self.clock.step(self.now)

    def take(self, seconds):
        self.leg.take(bytes(round(seconds * RATE) * 2), self.now)

    def say(self, generation, seconds, text="one two three four"):
        self.leg.playout.open(generation)
        self.leg.playout.add(generation, np.full(round(seconds * RATE), 4000, np.int16), text)
        self.leg.playout.done(generation)
        self.leg.follow(generation, self.leg.playout.ledger(generation))
        self.leg.playout.release(generation)


def test_audio_in_time_is_heard_at_once():
    """Chunks of 100 ms are dated where they were spoken: their end is the moment they came."""
    desk = Desk()
    for _ in range(10):
        desk.pass_time(0.1)
        desk.take(0.1)
    desk.pass_time(0.005)
    assert desk.leg.frames_in == 50
    assert desk.leg.timeline.at(RATE) == pytest.approx(desk.now - 0.005, abs=0.02)


def test_a_burst_is_heard_four_times_as_fast():
    """Time never runs backwards in it, and it is over after a quarter of its length."""
    desk = Desk()
    desk.take(0.2)
    desk.pass_time(0.2)
    desk.take(4.0)
    desk.pass_time(0.5)
    assert desk.leg.frames_in < 210
    desk.pass_time(0.7)
    assert desk.leg.frames_in == 210
    times = [desk.leg.timeline.at(sample) for sample in range(0, 210 * FRAME, FRAME)]
    assert times == sorted(times) and times[-1] <= desk.now + 0.1


def test_silence_is_made_up_for_an_open_voice_only():
    """It is heard as silence, and is no audio of the client's."""
    desk = Desk()
    desk.take(0.5)
    desk.pass_time(1.0)
    assert desk.leg.frames_in == 25
    desk.leg.open_voice = lambda: True
    desk.take(0.5)
    desk.pass_time(1.0)
    made_up = [silent for _, silent in desk.heard].count(True)
    assert 30 <= made_up <= 52
    desk.leg.open_voice = bool
    desk.take(0.5)
    desk.pass_time(0.6)
    end = desk.leg.frames_in * FRAME
    assert desk.leg.written_ms(end) == 1500
    assert desk.leg.written_ms(50 * FRAME) == 1000


def test_what_is_marked_comes_after_the_audio_before_it():
    """A commit speaks of what was written before it."""
    desk = Desk()
    reached = []
    desk.take(1.0)
    desk.leg.mark(lambda: reached.append(desk.leg.frames_in))
    desk.take(1.0)
    desk.pass_time(2.0)
    assert reached == [50] and desk.leg.frames_in == 100


def test_speech_goes_out_ahead_of_time_and_in_deltas():
    """The lead at once, then as fast as it is played; nothing more when it is over."""
    desk = Desk()
    desk.say(1, 2.0)
    desk.pass_time(0.02)
    assert desk.sent[0][2] == 10 * FRAME
    desk.pass_time(0.8)
    assert sum(samples for *_, samples in desk.sent) / RATE == pytest.approx(1.0, abs=0.08)
    assert all(samples == 3 * FRAME for *_, samples in desk.sent[1:])
    desk.pass_time(2.0)
    assert sum(samples for *_, samples in desk.sent) == 2 * RATE
    assert desk.clock.stats()["legs"] == 0


def test_what_was_not_played_was_not_heard():
    """At a cut the lead is taken back; the words of any moment can be asked for afterwards."""
    desk = Desk()
    desk.say(1, 2.0)
    desk.pass_time(1.02)
    leg = desk.leg
    assert 9 <= leg.unheard <= 10
    leg.playout.unwrite(leg.unheard)
    heard = leg.playout.cut(1)
    assert heard.samples / RATE == pytest.approx(1.0, abs=0.03)
    assert heard.text == "one two"
    assert leg.heard(1, 2000) == leg.heard(1, 1150) and leg.heard(1, 300) == ""
    assert leg.heard(2, 300) is None


def test_a_word_that_was_said_twice_counts_once():
    """After a pause the word is begun anew: the client has more audio than the reply has."""
    desk = Desk(lead_ms=20)
    desk.say(1, 2.0)
    desk.pass_time(0.7)
    desk.leg.playout.pause()
    desk.pass_time(0.4)
    desk.leg.playout.resume()
    desk.pass_time(2.0)
    sent_ms = sum(samples for *_, samples in desk.sent) * 1000 / RATE
    assert sent_ms > 2050
    assert desk.leg.heard(1, round(sent_ms)) == "one two three four"
    assert desk.leg.heard(1, 810) == "one"


STEPS = st.tuples(st.sampled_from(["gap", "hurry", "steady"]), st.integers(1, 400), st.floats(0, 2))


@given(st.lists(STEPS, max_size=60))
def test_time_never_falls(steps):
    """Whatever the client does: later samples were heard later."""
    line, sample, now = Timeline(RATE), 0, 10.0
    line.gap(0, now)
    for kind, frames, wait in steps:
        now += wait
        if kind == "gap":
            line.gap(sample, now)
        elif kind == "hurry":
            line.hurry(sample, sample + frames * FRAME, now)
        sample += frames * FRAME
    times = [line.at(at) for at in range(0, sample + 1, FRAME * 7)]
    assert all(after >= before - 1e-9 for before, after in zip(times, times[1:], strict=False))


@pytest.mark.parametrize("form", [{"type": "audio/pcm", "rate": 24000}, {"type": "audio/pcm", "rate": 8000},
                                  {"type": "audio/pcmu"}, {"type": "audio/pcma"}])
def test_audio_keeps_its_length_and_its_sound(form):
    """There and back it is the same tone."""
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.int16)
    encoder, decoder = Encoder(form), Decoder(form)
    parts = [encoder.encode(tone[at : at + 960]) for at in range(0, len(tone), 960)] + [encoder.end()]
    assert sum(ms for _, ms in parts) == pytest.approx(1000, abs=3)
    back = np.concatenate([decoder.decode(audio) for audio, _ in parts])
    spectrum = np.abs(np.fft.rfft(back[2000:14000]))
    assert np.argmax(spectrum) * RATE / 12000 == pytest.approx(440, abs=3)


class Recorder:
    masked = False

    def __init__(self):
        self.left, self.right = 0, []

    def caller(self, frame):
        self.left += 1

    def agent(self, frame, slot):
        self.right.append(slot)


def test_the_recording_has_no_holes():
    """A client that sends nothing while the agent speaks; and a long silence is recorded as a shorter one."""
    recorder, clock = Recorder(), [0.0]
    tape = Tape(recorder, 20, 640, lambda: clock[0])
    tape.caller(bytes(640))
    clock[0] = 2.0
    tape.agent(bytes(640), 4)
    assert recorder.right == [104] and recorder.left == 85
    clock[0] = 3600.0
    tape.caller(bytes(640))
    assert recorder.left == 85 + LONGEST_PAUSE_FRAMES + 1
    tape.agent(bytes(640), 0)
    assert recorder.right[-1] - recorder.left in range(0, 20)
