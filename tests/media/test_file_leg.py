"""The leg of a streamed channel on a virtual clock, against a FreeSWITCH that plays files and tells of it."""

from dataclasses import dataclass

import numpy as np
import pytest

from engine.media.carrierleg import MOST_UNHEARD_MS
from engine.media.clock import FrameClock
from engine.media.fileleg import PIECE_MS, FileLeg
from engine.media.messageleg import MessageLegs

WORDS = "one two three four five six seven eight nine ten"
WORD_S = 0.3
RATE = 8000
FRAME = RATE // 50 * 2
WAY_S = 0.01
"""From the engine to FreeSWITCH, and back."""


@dataclass
class Span:
    start_char: int
    end_char: int
    start_sample: int
    end_sample: int


class Files:
    """A leg, and a FreeSWITCH that is told what to play ``WAY_S`` later, plays one file after the other in frames of
    20 ms, and tells of their beginnings and ends, unless it is ``mute``. Times come in milliseconds."""

    def __init__(self, mute=False):
        self.ms, self.mute = 100_000, mute
        self.clock = FrameClock(20, now=lambda: self.now)
        self.leg = FileLeg(MessageLegs(self.clock, 20), RATE, self, now=lambda: self.now)
        self.heard, self.taped, self.finished, self.pieces = [], [], [], []
        self.leg.attach(lambda frame, silent: self.heard.append((frame, silent)))
        self.leg.mouth = lambda frame, slot: self.taped.append(slot)
        self.leg.playout.on_finished = lambda generation, heard: self.finished.append((self.now, heard))
        self.played, self.queue, self.events = b"", [], []
        self.audio = b""

    @property
    def now(self):
        return self.ms / 1000

    # what the leg says

    def play(self, audio):
        assert len(audio) % FRAME == 0, "the last frame of a file would be filled up with noise"
        self.audio = audio

    def mark(self, name):
        self.pieces.append((self.now, len(self.audio) // FRAME))
        self.later(2 * WAY_S, lambda audio=self.audio: self.told_to_play(name, audio))

    def told_to_play(self, name, audio):
        if self.leg.files.current(name):
            self.queue.append([name, audio, False])

    def clear(self):
        self.later(WAY_S, self.queue.clear)

    def later(self, seconds, what):
        self.events.append((self.now + seconds, what))

    # what FreeSWITCH does

    def tell(self, what):
        if not self.mute:
            self.later(WAY_S, what)

    def play_frame(self):
        if not self.queue:
            return
        piece = self.queue[0]
        name, audio, begun = piece
        if not begun:
            piece[2] = True
            self.tell(lambda: self.leg.files.started(name, self.now))
        self.played += audio[:FRAME]
        piece[1] = audio[FRAME:]
        if not piece[1]:
            self.queue.pop(0)
            self.tell(lambda: self.leg.marked(name))

    def pass_time(self, seconds, streamed=True):
        for _ in range(round(seconds * 1000 / 5)):
            self.ms += 5
            due = [what for at, what in self.events if at <= self.now]
            self.events = [(at, what) for at, what in self.events if at > self.now]
            for what in due:
                what()
            if self.ms % 20 == 0:
                self.play_frame()
                if streamed:
                    self.leg.take_line(b"\1\0" * (FRAME // 2))
            self.clock.step(self.now)

    def say(self, words=WORDS, done=True):
        samples = round(WORD_S * RATE)
        spans, at = [], 0
        for number, word in enumerate(words.split()):
            spans.append(Span(at, at + len(word), number * samples, (number + 1) * samples))
            at += len(word) + 1
        pcm = np.concatenate([np.full(samples, 1000 + 500 * number, np.int16) for number in range(len(words.split()))])
        playout = self.leg.playout
        playout.open(1)
        playout.add(1, pcm, words, spans)
        if done:
            playout.done(1)
        playout.release(1)

    @property
    def words(self):
        """How many words the caller has heard, in all."""
        return len(self.samples) / RATE / WORD_S

    @property
    def samples(self):
        pcm = np.frombuffer(self.played, np.int16)
        return pcm[np.abs(pcm) > 500]


@pytest.fixture
def line():
    made = Files()
    made.leg.come()
    made.pass_time(0.1)
    return made


def test_a_reply_is_played_whole_and_over_when_it_was_heard(line):
    """In order, without a hole or a repeat, and in pieces that are long enough; at its end nothing is left to do."""
    line.say()
    line.pass_time(3.4)
    assert line.words == pytest.approx(10, abs=0.02)
    assert (np.diff(line.samples) >= 0).all(), "torn"
    (at, heard), = line.finished
    assert heard.text == WORDS
    assert at - line.pieces[0][0] >= 3.0
    assert all(frames == PIECE_MS // 20 for _, frames in line.pieces[:-1])
    assert not line.leg._ticking, "a leg that has nothing to say costs nothing"


def test_no_more_is_sent_than_can_be_taken_back(line):
    """Playout keeps a second: FreeSWITCH never has more, whatever waits here."""
    line.say()
    for _ in range(300):
        line.pass_time(0.01)
        assert line.leg.waiting() * 20 <= MOST_UNHEARD_MS


def test_the_first_words_do_not_wait_for_a_whole_piece(line):
    """A voice that renders as it goes: its first tenth of a second is sent at once, and what follows before FreeSWITCH
    runs dry."""
    playout = line.leg.playout
    playout.open(1)
    playout.add(1, np.full(RATE // 10, 5000, np.int16), "slow")
    playout.release(1)
    line.pass_time(0.02)
    assert [frames for _, frames in line.pieces] == [5]
    for _ in range(10):
        line.pass_time(0.08)
        playout.extend(1, np.full(RATE // 10, 5000, np.int16))
    line.pass_time(0.3)
    pcm = np.abs(np.frombuffer(line.played, np.int16))
    assert len(pcm) / RATE >= 1.1, "it was not played to the end"
    playout.done(1)
    line.pass_time(1.5)
    assert line.finished


@pytest.mark.parametrize("after_s", [0.35, 0.92, 1.77, 2.6])
def test_a_cut_knows_the_words_that_were_heard(line, after_s):
    """In the middle of a piece as well: to a frame and the way of the news. What is queued is dropped."""
    line.say()
    line.pass_time(after_s)
    before = line.words
    heard = line.leg.playout.cut(1)
    line.pass_time(1.0)
    said = len(heard.text.split())
    assert said <= before + 0.01, "over-credited"
    assert before - said < 1 + (2 * WAY_S + 0.02) / WORD_S
    assert line.words - before <= (WAY_S + 0.02) / WORD_S + 0.01


def test_a_pause_goes_on_from_the_word(line):
    """What FreeSWITCH has is dropped, and said again from the start of the word that was being heard."""
    line.say()
    line.pass_time(1.33)
    line.leg.playout.pause()
    line.pass_time(0.5)
    paused = line.words
    line.leg.playout.resume()
    line.pass_time(3.5)
    (_, heard), = line.finished
    assert heard.text == WORDS
    assert 10 <= line.words <= 11.2, "a word at most is heard twice"
    assert paused < 5


def test_a_stream_that_is_lost_and_comes_again(line):
    """What was sent and not heard is said again; nothing is sent into the void."""
    line.say()
    line.pass_time(0.9)
    line.leg.lose()
    sent = len(line.pieces)
    line.pass_time(0.5, streamed=False)
    assert len(line.pieces) == sent
    assert not line.leg.first_frame.is_set()
    line.leg.come()
    line.pass_time(3.5)
    (_, heard), = line.finished
    assert heard.text == WORDS
    assert 10 <= line.words <= 11.3


def test_a_switch_that_tells_nothing():
    """A reply ends all the same, so that the agent's turn does."""
    line = Files(mute=True)
    line.leg.come()
    line.say("one two three")
    line.pass_time(4.0)
    assert line.words == pytest.approx(3, abs=0.02)
    (_, heard), = line.finished
    assert heard.text == "one two three"


def test_the_callers_clock_goes_on_without_audio(line):
    """FreeSWITCH sends nothing while the caller holds: silence is made up, so that turns end and timers run."""
    heard = len(line.heard)
    line.pass_time(2.0, streamed=False)
    made_up = line.heard[heard:]
    assert 85 <= len(made_up) <= 101
    assert all(silent for _, silent in made_up[2:])


def test_the_recording_has_the_agent_where_the_caller_heard_it(line):
    """Slots are frames of the caller, each used once, in order."""
    before = line.leg.frames_in
    line.say("one two")
    line.pass_time(1.5)
    assert len(line.taped) == 30
    assert line.taped == sorted(set(line.taped))
    assert before <= line.taped[0] <= before + 8


def test_a_closed_leg_is_silent(line):
    """Nothing is heard and nothing sent any more."""
    line.say()
    line.pass_time(0.3)
    line.leg.close()
    heard, sent = len(line.heard), len(line.pieces)
    line.pass_time(0.5)
    assert (len(line.heard), len(line.pieces)) == (heard, sent)
