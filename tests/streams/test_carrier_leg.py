"""The leg of a carrier's stream on a virtual clock, against strict carriers: what is heard, and what is known of it."""

from itertools import cycle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.carriers.exotel_stream import ExotelStream
from engine.carriers.stream import Audio, Marked
from engine.carriers.twilio_stream import TwilioStream
from engine.config.carrier_streams import ExotelStreamOptions
from engine.media.carrierleg import CarrierLeg, Sending
from engine.media.clock import FrameClock
from engine.media.linecodec import LineCodec
from engine.media.messageleg import MessageLegs
from engine.media.playout import Heard
from engine.media.remotebuffer import GRACE_S
from engine.streams.server import exotel_sending
from tests.fakes.exotel_media import ExotelMedia
from tests.fakes.twilio_media import TwilioMedia

WORDS = "one two three four five six seven eight nine ten"
WORD_S = 0.3


class Line:
    """A leg and a carrier, with a network of ``delay_s`` between them in each direction."""

    def __init__(self, carrier=TwilioMedia, delay_s=0.04, rate=8000, marks=True, jitter=()):
        self.now, self.delay_s, self.marks = 100.0, delay_s, marks
        self.jitter, self.last_there = cycle(jitter or (0.0,)), 0.0
        self.carrier = carrier(self.now) if carrier is TwilioMedia else carrier(self.now, rate=rate)
        self.wire = TwilioStream() if carrier is TwilioMedia else ExotelStream()
        codec = LineCodec("mulaw" if carrier is TwilioMedia else "pcm", rate)
        sending = Sending(200, 100) if carrier is TwilioMedia else exotel_sending(ExotelStreamOptions(), codec, 20)
        self.clock = FrameClock(20, now=lambda: self.now)
        self.there, self.back = [], []
        self.leg = CarrierLeg(MessageLegs(self.clock, 20), codec, self, sending, now=lambda: self.now)
        self.rate = codec.rate
        self.heard, self.taped, self.finished, self.started = [], [], [], []
        self.leg.attach(lambda frame, silent: self.heard.append((frame, silent)))
        self.leg.mouth = lambda frame, ahead: self.taped.append((round((self.now - 100) / 0.02) + ahead, frame))
        self.over = set()
        self.leg.playout.on_finished = self._finished
        self.leg.playout.on_started = lambda generation: self.started.append(self.now)
        for message in self.carrier.opening():
            self.wire.receive(message)

    def _finished(self, generation, heard):
        self.over.add(generation)
        self.finished.append((self.now, heard))

    def play(self, audio):
        self._send(self.wire.audio(audio))

    def mark(self, name):
        self._send(self.wire.mark(name))

    def clear(self):
        self._send(self.wire.clear())

    def _send(self, message):
        """In order, and some later than others."""
        self.last_there = max(self.last_there, self.now + self.delay_s + next(self.jitter))
        self.there.append((self.last_there, message))

    def pass_time(self, seconds):
        for _ in range(round(seconds / 0.005)):
            self.now += 0.005
            while self.there and self.there[0][0] <= self.now:
                self._send_back(self.carrier.take(self.there.pop(0)[1], self.now))
            self._send_back(self.carrier.step(self.now))
            while self.back and self.back[0][0] <= self.now:
                event = self.wire.receive(self.back.pop(0)[1])
                if isinstance(event, Marked) and self.marks:
                    self.leg.marked(event.name)
                elif isinstance(event, Audio):
                    self.leg.take_line(event.data)
            self.clock.step(self.now)

    def _send_back(self, messages):
        self.back += [(self.now + self.delay_s, message) for message in messages]

    def say(self, generation=1, text=WORDS, word_s=WORD_S, done=True):
        """Each word a tone of its own height, so that what was heard of it can be counted."""
        samples = round(word_s * self.rate)
        words = [np.full(samples, 1000 + 500 * n, np.int16) for n in range(len(text.split()))]
        playout = self.leg.playout
        playout.open(generation)
        spans, at = [], 0
        for n, word in enumerate(text.split()):
            spans.append(Span(at, at + len(word), n * samples, (n + 1) * samples))
            at += len(word) + 1
        playout.add(generation, np.concatenate(words), text, spans)
        if done:
            playout.done(generation)
        playout.release(generation)

    @property
    def caller_heard(self):
        return self.words_heard(WORD_S)

    def words_heard(self, word_s):
        """How many words of ``say`` the caller has heard to their end, and samples of sound in all."""
        codec = LineCodec(self.leg._codec.encoding, self.leg._codec.line_rate)
        pcm = np.frombuffer(codec.decode(bytes(self.carrier.buffer.heard)), np.int16)
        loud = pcm[np.abs(pcm) > 500]
        return len(loud) / (word_s * self.rate), loud


def heights(loud, rate):
    """Which word it is, every tenth of a second."""
    return [round((int(height) - 1000) / 500) for height in loud[round(0.05 * rate) :: round(0.1 * rate)]]


class Span:
    def __init__(self, start_char, end_char, start_sample, end_sample):
        self.start_char, self.end_char = start_char, end_char
        self.start_sample, self.end_sample = start_sample, end_sample


CARRIERS = [pytest.param({"carrier": TwilioMedia}, id="twilio"),
            *[pytest.param({"carrier": ExotelMedia, "rate": rate}, id=f"exotel-{rate}")
              for rate in (8000, 16000, 24000)]]


@pytest.mark.parametrize("kind", CARRIERS)
def test_a_reply_is_heard_whole_and_is_over_when_it_was_heard(kind):
    """Rule: nothing is lost, doubled or torn on the way, and a reply is over when the caller has heard it: not when the
    carrier got it, because the call may be ended by then."""
    line = Line(**kind)
    line.say()
    line.pass_time(2.9)
    assert not line.finished
    line.pass_time(0.8)
    words, loud = line.caller_heard
    assert words == pytest.approx(10, abs=0.02)
    assert heights(loud, line.rate) == [n for n in range(10) for _ in range(3)], "in order, without a repeat"
    (at, heard), = line.finished
    assert heard.text == WORDS
    assert at - line.started[0] >= 3.0
    assert at - line.started[0] <= 3.0 + 2 * line.delay_s + 0.25
    assert not line.leg._ticking, "a leg that has nothing to say costs nothing"


@pytest.mark.parametrize("kind", CARRIERS)
@pytest.mark.parametrize("after_s", [0.35, 0.92, 1.77, 2.6])
def test_a_cut_knows_the_words_that_were_heard(kind, after_s):
    """Rule: history has no word that the caller did not hear, and lacks one at most; after the cut the caller hears no
    more than what is on its way back and forth."""
    line = Line(**kind)
    line.say()
    line.pass_time(after_s)
    before, _ = line.caller_heard
    heard = line.leg.playout.cut(1)
    line.pass_time(1.0)
    words, _ = line.caller_heard
    said = len(heard.text.split())
    assert said <= before + 0.01, "over-credited"
    assert before - said < 1 + 2 * line.delay_s / WORD_S + 0.7
    assert words - before <= (line.delay_s + 0.03) / WORD_S
    assert line.carrier.messages[-1]["event"] == "clear"


@pytest.mark.parametrize("kind", CARRIERS)
def test_a_pause_is_silent_and_goes_on_from_the_word(kind):
    """Rule: a pause takes back what the carrier has; the reply goes on from the start of the word that was being heard,
    and every word of it was heard in the end."""
    line = Line(**kind)
    line.say()
    line.pass_time(1.3)
    line.leg.playout.pause()
    line.pass_time(line.delay_s + 0.03)
    at_pause, _ = line.caller_heard
    line.pass_time(0.5)
    assert line.caller_heard[0] == at_pause
    line.leg.playout.resume()
    line.pass_time(3.5)
    words, loud = line.caller_heard
    assert 10 <= words < 11.8, "one word begun anew, none missing"
    assert sorted(set(heights(loud, line.rate))) == list(range(10))
    assert line.finished[0][1].text == WORDS


def test_a_cut_in_the_last_words_is_a_cut():
    """Rule: what lies in the carrier's buffer is not said yet; who speaks over the last word has interrupted."""
    line = Line()
    line.say(text="one two", word_s=WORD_S)
    line.pass_time(0.55)
    assert not line.finished and line.leg.playout.generation == 1
    assert line.leg.playout.cut(1).text == "one"


def test_marks_of_what_was_cleared_prove_nothing():
    """Rule: clear sends every mark back, and nobody has heard the audio before them."""
    line = Line()
    line.say(1)
    line.pass_time(0.03)
    line.leg.playout.cut(1)
    line.say(2, word_s=0.05)
    line.pass_time(0.1)
    assert line.leg.playout.cut(2).text == ""


def test_a_carrier_without_marks_is_believed_to_play_in_time():
    """Rule: marks that never come back must not stop a call for longer than ``GRACE_S``."""
    line = Line(marks=False)
    line.say()
    line.pass_time(3.0 + GRACE_S + 1.0)
    assert line.leg.buffer.blind
    assert line.caller_heard[0] == pytest.approx(10, abs=0.02)
    assert line.finished
    line.say(2)
    line.pass_time(3.5)
    assert len(line.finished) == 2


def test_exotel_gets_its_audio_at_its_pace():
    """Rule: whole pieces of 3,200 bytes, the first at once, and never more ahead than the lead."""
    line = Line(ExotelMedia)
    line.say(text=" ".join(["word"] * 40))
    line.pass_time(13.0)
    media = [message for message in line.carrier.messages if message["event"] == "media"]
    assert len(media) == 60
    assert [message["media"]["chunk"] for message in media] == [str(n + 1) for n in range(60)]
    assert {message["streamSid"] == message["stream_sid"] for message in line.carrier.messages} == {True}
    assert line.carrier.buffer.longest <= 0.42 * 16000


def test_a_voice_that_hesitates_is_not_torn():
    """Rule: a piece that is not full is sent when the caller would wait for it, filled up with silence."""
    line = Line(ExotelMedia)
    line.say(text="one", done=False)
    line.pass_time(1.0)
    assert line.caller_heard[0] == pytest.approx(1, abs=0.01)
    assert not line.finished
    line.leg.playout.done(1)
    line.pass_time(0.2)
    assert line.finished


def test_the_recording_has_what_was_heard():
    """Rule: audio that was cleared is not in the recording, and what is in it has no holes."""
    line = Line()
    line.say()
    line.pass_time(1.0)
    line.leg.playout.cut(1)
    line.pass_time(1.0)
    frames = np.concatenate([np.frombuffer(frame, np.int16) for _, frame in line.taped])
    words, _ = line.caller_heard
    assert len(frames) / (WORD_S * 8000) <= words
    assert len(frames) / (WORD_S * 8000) >= words - 0.5
    slots = [slot for slot, _ in line.taped]
    assert slots == list(range(slots[0], slots[0] + len(slots)))


def test_the_caller_is_heard_in_frames():
    """Rule: whatever the length of the carrier's messages, the ears get frames, and lose nothing."""
    line = Line(ExotelMedia)
    for n in range(10):
        line.back.append((line.now, line.carrier.media(np.full(800, n + 1, "<i2").tobytes())))
        line.pass_time(0.1)
    pcm = np.frombuffer(b"".join(frame for frame, silent in line.heard if not silent), np.int16)
    assert np.array_equal(pcm, np.repeat(np.arange(1, 11), 800))


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(["say", "say", "pause", "resume", "cut"]), st.integers(1, 80)), max_size=14),
       st.sampled_from([0.0, 0.03, 0.15]), st.lists(st.sampled_from([0.0, 0.0, 0.02, 0.3]), max_size=9),
       st.sampled_from([TwilioMedia, ExotelMedia]))
def test_no_word_is_credited_that_was_not_heard(steps, delay_s, jitter, carrier):
    """Rule: whatever happens and however long each message takes, a word in the history was heard."""
    line, word_s = Line(carrier, delay_s, jitter=jitter), 0.05
    generation, playing, credited = 0, False, 0
    for step, ticks in steps:
        playout = line.leg.playout
        playing = playing and playout.generation in (generation, None) and generation not in line.over
        if step == "say" and not playing:
            generation, playing = generation + 1, True
            line.say(generation, " ".join(["word"] * 60), word_s)
        elif step == "pause" and playing:
            playout.pause()
        elif step == "resume":
            playout.resume()
        elif step == "cut" and playing:
            heard = len(playout.cut(generation).text.split())
            assert credited + heard <= line.words_heard(word_s)[0] + 0.4  # a frame
            credited, playing = credited + heard, False
        line.pass_time(ticks * 0.01)
    credited += sum(len(heard.text.split()) for _, heard in line.finished)
    assert credited <= line.words_heard(word_s)[0] + 0.4


def test_nothing_is_over_before_it_was_said():
    """Rule: a reply without audio is over at once; a carrier's buffer delays only what is in it."""
    line = Line()
    line.leg.playout.open(1)
    line.leg.playout.done(1)
    line.leg.playout.release(1)
    line.pass_time(0.05)
    assert [heard for _, heard in line.finished] == [Heard("", 0)]
