"""The stretches of a call: what ears get, and what the turn engine is owed, whatever the order of events."""

import gevent
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ProviderFault
from engine.speech.stt.stretches import MAX_PENDING, Faults, SpeechStream, Terms

RATE, FRAME = 8000, 160


class Ear:
    """Keeps the audio of each stretch as it was told, and does nothing by itself."""

    def __init__(self):
        self.audio, self.ended, self.closed = {}, set(), False

    def begin(self, stretch):
        self.audio[stretch] = bytes(stretch.audio[:len(stretch.audio) - len(stretch.chunk)])
        self.ended.discard(stretch)

    def more(self, stretch, pcm):
        assert pcm
        self.audio[stretch] += pcm

    def end(self, stretch):
        self.ended.add(stretch)

    def cancel(self, stretch):
        self.ended.discard(stretch)

    def close(self):
        self.closed = True


def open_stream(deliver=lambda heard: None, **terms):
    ears = []

    def make(stream):
        ears.append(Ear())
        return ears[-1]

    stream = SpeechStream(RATE, deliver, make, Terms(**{"final_timeout_s": 60.0} | terms), Faults("test"))
    return stream, ears[0]


def feed(stream, frames):
    """Samples that count: whoever gets them can be asked where in the call they were."""
    for _ in range(frames):
        stream.feed((np.arange(FRAME) + stream.position).astype("<u2").tobytes())


VOICE = [st.tuples(st.just("feed"), st.integers(1, 20)), st.tuples(st.just("on"), st.integers(0, 600)),
         st.tuples(st.just("off"), st.integers(0, 2000))]
ANSWERS = [st.tuples(st.just(kind), st.integers(0, 9)) for kind in ("final", "part", "partial", "fault")]
EVENTS = st.lists(st.one_of(*VOICE * 6, *ANSWERS), min_size=10, max_size=60)


@settings(max_examples=200)
@given(EVENTS, st.booleans())
def test_every_stretch_gets_one_final_in_order_and_its_audio_whole(events, joins):
    """For any order of frames, edges of the voice, answers and faults: the ear of a stretch has one unbroken piece of
    the call, bounded; each stretch that ended gets exactly one closing final; finals come in the order of the voice."""
    heard = []
    stream, ear = open_stream(heard.append, joins=joins, longest_ms=4000)
    for event, number in events:
        waiting = [stretch for stretch in stream.pending if stretch in ear.ended]
        if event == "feed":
            feed(stream, number)
        elif event == "on":
            stream.voice_on(max(0, stream.position - number))
        elif event == "off":
            stream.voice_off(max(0, stream.position - number))
        elif event == "partial" and stream.pending:
            stream.partial(stream.pending[number % len(stream.pending)], f"maybe {number}")
        elif waiting and event == "final":
            stream.final(waiting[number % len(waiting)], f"surely {number}")
        elif waiting and event == "part":
            stretch = waiting[0]
            middle = (max(stretch.start, stretch.told_to) + stretch.stop) // 2
            stream.part(stretch, "first part", max(stretch.start, stretch.told_to), middle)
        elif waiting and event == "fault":
            stream.give_up(waiting[0], ProviderFault("test", "broken", "no"))
        assert len(stream.pending) <= MAX_PENDING
    stream.voice_off(stream.position)
    for stretch in stream.pending:
        stream.final(stretch, "at last")
    for stretch, audio in ear.audio.items():
        samples = np.frombuffer(audio, "<u2")
        assert audio == stretch.audio  # all of it was handed on when the voice stopped
        assert np.array_equal(samples, (np.arange(len(samples)) + stretch.audio_from).astype("<u2"))
        assert len(samples) <= RATE * 4 + RATE * 2 + FRAME  # the longest, and what a join brings along
        assert stretch.heard is not None
        assert heard.count(stretch.heard) >= 1
    finals = [one for one in heard if one.final]
    assert all(0 <= one.start <= one.end <= stream.position for one in finals)
    closing = [id(stretch.heard) for stretch in ear.audio]
    assert [id(one) for one in finals if id(one) in set(closing)] == closing
    stream.close()
    assert ear.closed


def test_voice_that_goes_on_brings_the_pause_along():
    """The audio of a joined stretch has no hole where the voice was off."""
    stream, ear = open_stream(joins=True)
    for _ in range(2):
        stream.voice_on(stream.position)
        feed(stream, 30)
        stream.voice_off(stream.position - 800)
        feed(stream, 10)
    (stretch,) = stream.pending
    assert np.array_equal(np.frombuffer(ear.audio[stretch], "<u2"), np.arange(70 * FRAME).astype("<u2"))
    stream.close()


def test_what_is_told_after_close_is_dropped():
    heard = []
    stream, ear = open_stream(heard.append)
    feed(stream, 20)
    stream.voice_on(0)
    stream.voice_off(1000)
    (stretch,) = stream.pending
    stream.close()
    stream.final(stretch, "late")
    stream.partial(stretch, "later")
    assert heard == []


def test_a_listener_that_fails_does_not_end_hearing():
    """A fault of one consumer is logged; the next final still comes."""
    calls = []

    def deliver(heard):
        calls.append(heard)
        raise RuntimeError("no")

    stream, ear = open_stream(deliver)
    for _ in range(2):
        feed(stream, 30)
        stream.voice_on(stream.position - 500)
        stream.voice_off(stream.position)
        stream.final(stream.pending[-1], "x")
    assert len(calls) == 2


def test_too_many_owed_finals_cost_the_oldest():
    """An ear that never answers must not fill memory; what is known of the oldest stretch is told."""
    heard = []
    stream, ear = open_stream(heard.append)
    for number in range(MAX_PENDING + 1):
        feed(stream, 30)
        stream.voice_on(stream.position - 500)
        stream.partial(stream.pending[-1], f"word {number}")
        stream.voice_off(stream.position)
    assert [one.text for one in heard if one.final] == ["word 0"]
    assert stream.faults.last.kind == "timeout"
    stream.close()


def test_a_final_within_the_deadline_stops_the_clock():
    """And one that is overdue is made of the newest partial, once."""
    heard = []
    stream, ear = open_stream(heard.append, final_timeout_s=0.03)
    for answered in (True, False):
        feed(stream, 30)
        stream.voice_on(stream.position - 500)
        stream.partial(stream.pending[-1], "known")
        stream.voice_off(stream.position)
        if answered:
            stream.final(stream.pending[-1], "answered")
    gevent.sleep(0.08)
    assert [one.text for one in heard if one.final] == ["answered", "known"]
    stream.close()
