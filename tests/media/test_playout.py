"""Playout: staged replies, exact frames, pause and resume at words, and only what was written counts as heard."""

import gevent
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.media.errors import MediaError, PlayoutFull
from engine.media.ledger import Word
from engine.media.playout import Heard, Playout

RATE = 8000
FRAME = 160
BYTES = 320


def ramp(samples, first=1):
    """Samples that all differ, so that any loss, repetition or mix-up shows."""
    return (np.arange(first, first + samples) % 30000 + 1).astype(np.int16)


def timed(*words, samples):
    at = 0
    for index, word in enumerate(words):
        yield Word(at, at + len(word), index * samples, (index + 1) * samples)
        at += len(word) + 1


class Line:
    """A playout and everything that came out of it."""

    def __init__(self, **options):
        self.playout = Playout(RATE, BYTES, **options)
        self.told = []
        self.playout.on_started = lambda gen: self.told.append(("started", gen))
        self.playout.on_finished = lambda gen, heard: self.told.append(("finished", gen, heard))

    def take(self, frames=10_000):
        """Up to so many frames, until there is none."""
        out = []
        while len(out) < frames and (frame := self.playout.next_frame()) is not None:
            assert len(frame) == BYTES
            out.append(np.frombuffer(frame, np.int16))
        return np.concatenate(out) if out else np.zeros(0, np.int16)

    def say(self, gen, pcm, text="words", words=()):
        self.playout.open(gen)
        self.playout.add(gen, pcm, text, words)
        self.playout.done(gen)
        self.playout.release(gen)


def test_a_staged_reply_is_not_heard_before_its_release():
    line = Line()
    line.playout.open(1)
    line.playout.add(1, ramp(320), "hello")
    assert line.playout.next_frame() is None
    line.playout.release(1)
    assert line.take(1).tolist() == ramp(160).tolist()
    assert line.told == [("started", 1)]


def test_all_audio_comes_out_once_and_in_order_and_the_last_frame_is_padded():
    line = Line()
    line.say(1, ramp(500), "all of it")
    out = line.take()
    assert out.tolist() == [*ramp(500).tolist(), *[0] * 140]
    assert line.told == [("started", 1), ("finished", 1, Heard("all of it", 500))]
    assert not line.playout.speaking


def test_finished_is_told_with_the_last_frame_and_not_a_tick_later():
    line = Line()
    line.say(1, ramp(320))
    line.take(2)
    assert line.told[-1][0] == "finished"


def test_finished_is_told_when_done_comes_after_the_last_frame():
    line = Line()
    line.playout.open(1)
    line.playout.add(1, ramp(320), "hello")
    line.playout.release(1)
    assert len(line.take()) == 320
    assert line.told == [("started", 1)]
    line.playout.done(1)
    assert line.playout.next_frame() is None
    assert line.told[-1] == ("finished", 1, Heard("hello", 320))


@settings(max_examples=80, deadline=None)
@given(pieces=st.lists(st.tuples(st.integers(0, 700), st.booleans(), st.integers(0, 4)), min_size=1, max_size=12))
def test_pieces_of_any_size_are_joined_without_a_gap(pieces):
    """Voices stream chunks of any length, sometimes late; a word may not be torn by a padded frame."""
    line = Line()
    line.playout.open(1)
    line.playout.release(1)
    source = ramp(sum(samples for samples, _, _ in pieces))
    out, at = [line.take(0)], 0
    for index, (samples, new_clause, frames) in enumerate(pieces):
        piece = source[at : at + samples]
        at += samples
        if new_clause or index == 0:
            line.playout.add(1, piece, f"clause{index}")
        else:
            line.playout.extend(1, piece)
        out.append(line.take(frames))
    line.playout.done(1)
    out.append(line.take())
    heard = np.concatenate(out)
    assert heard[: len(source)].tolist() == source.tolist()
    assert len(heard) == -(-len(source) // FRAME) * FRAME
    assert line.told[-1][0] == "finished"
    assert line.told[-1][2].samples == len(source)


def test_a_reply_of_an_old_generation_cannot_start():
    line = Line()
    line.playout.open(1)
    line.playout.add(1, ramp(320), "old")
    line.playout.release(1)
    line.playout.cancel(1)
    assert line.playout.add(1, ramp(320), "late") is False
    assert line.playout.extend(1, ramp(320)) is False
    assert line.playout.release(1) is False
    assert line.playout.next_frame() is None
    assert line.told == []


def test_replies_are_heard_one_after_the_other_in_the_order_of_release():
    line = Line()
    for gen in (1, 2, 3):
        line.playout.open(gen)
        line.playout.add(gen, ramp(160, gen * 1000), str(gen))
        line.playout.done(gen)
    for gen in (3, 1):
        line.playout.release(gen)
    assert [int(line.take(1)[0]) for _ in range(2)] == [3001, 1001]
    assert line.playout.next_frame() is None


def test_a_pause_keeps_the_rest_and_resume_begins_the_word_again():
    line = Line(fade_out=False)
    line.say(1, ramp(3200), "one two", tuple(timed("one", "two", samples=1600)))
    line.take(12)
    assert line.playout.pause()
    assert line.take() .tolist() == []
    assert line.playout.paused
    assert line.playout.resume()
    again = line.take()
    assert len(again) == 1600
    assert again[40:].tolist() == ramp(3200)[1640:].tolist()
    assert again[0] == 0, "it fades in"
    assert np.all(np.abs(again[:40]) <= ramp(3200)[1600:1640])
    assert line.told[-1] == ("finished", 1, Heard("one two", 3200))


def test_what_was_heard_stays_heard_when_speech_goes_back():
    line = Line(fade_out=False)
    line.say(1, ramp(6400), "one two", (Word(0, 3, 0, 1600), Word(4, 7, 0, 6400)))
    line.take(20)
    line.playout.pause()
    line.playout.resume()
    assert line.playout.position == 0
    assert line.playout.cut(1) == Heard("one", 3200)


def test_between_words_it_goes_on_where_it_stopped():
    line = Line(fade_out=False)
    line.say(1, ramp(3200), "one two", (Word(0, 3, 0, 1000), Word(4, 7, 2000, 3200)))
    line.take(10)
    line.playout.pause()
    line.playout.resume()
    assert line.playout.position == 1600


def test_many_pauses_in_one_word_do_not_lose_it():
    line = Line(fade_out=False)
    line.say(1, ramp(1600), "word", (Word(0, 4, 0, 1600),))
    for _ in range(5):
        line.take(3)
        line.playout.pause()
        line.playout.resume()
    assert line.take()[40:].tolist() == ramp(1600)[40:].tolist()


def test_a_cut_drops_the_rest_and_says_what_was_heard():
    line = Line(fade_out=False)
    line.say(1, ramp(3200), "one two", tuple(timed("one", "two", samples=1600)))
    line.take(12)
    assert line.playout.cut(1) == Heard("one", 1920)
    assert line.playout.next_frame() is None
    assert not line.playout.speaking
    assert line.told == [("started", 1)], "a cut reply does not finish"


def test_a_cut_ends_the_pause_so_that_the_next_reply_is_heard():
    line = Line(fade_out=False)
    line.say(1, ramp(3200))
    line.take(1)
    line.playout.pause()
    line.playout.cut(1)
    line.say(2, ramp(160, 5000))
    assert line.take()[0] == 5001


def test_a_reply_paused_before_its_first_frame_can_be_cut_or_resumed():
    line = Line()
    line.say(1, ramp(320), "never")
    assert line.playout.pause()
    assert line.playout.next_frame() is None
    assert line.playout.cut(1) == Heard("", 0)
    line.say(2, ramp(320), "heard")
    line.playout.pause()
    line.playout.resume()
    assert len(line.take()) == 320
    assert line.told == [("started", 2), ("finished", 2, Heard("heard", 320))]


def test_a_pause_ends_in_one_frame_that_falls_to_silence():
    """A cut in mid-wave clicks. The ramp takes the place of a frame of silence, and none of it counts as heard."""
    line = Line()
    line.say(1, np.full(3200, 8000, np.int16), "one", (Word(0, 3, 0, 3200),))
    line.take(2)
    line.playout.pause()
    tail = line.take()
    assert len(tail) == FRAME
    assert tail[0] == 8000
    assert np.all(np.diff(tail[:40].astype(int)) < 0)
    assert not tail[40:].any()
    assert line.playout.position == 320
    assert line.playout.cut(1) == Heard("", 320)
    assert line.playout.next_frame() is None, "the cut after a pause adds no second ramp"


def test_pause_and_resume_say_whether_they_did_anything():
    line = Line()
    assert not line.playout.pause()
    assert not line.playout.resume()
    line.say(1, ramp(320))
    assert line.playout.pause()
    assert not line.playout.pause()


def test_an_underrun_is_counted_once_for_each_gap_in_a_reply():
    line = Line()
    line.playout.open(1)
    line.playout.release(1)
    assert line.playout.next_frame() is None
    assert line.playout.underruns == 0, "waiting for the first audio is no gap"
    for _ in range(2):
        line.playout.add(1, ramp(320), "more")
        line.take()
        line.playout.next_frame()
    assert line.playout.underruns == 2
    line.playout.done(1)
    line.playout.next_frame()
    assert line.playout.underruns == 2


def test_the_clock_is_woken_when_there_is_something_new():
    line = Line()
    woken = []
    line.playout.wake = lambda: woken.append(1)
    line.playout.open(1)
    line.playout.add(1, ramp(160), "staged")
    assert not woken
    line.playout.release(1)
    assert len(woken) == 1
    line.take()
    line.playout.extend(1, ramp(320))
    assert len(woken) == 2, "the reply had run dry"
    line.take(1)
    line.playout.pause()
    line.playout.resume()
    assert len(woken) == 3


def test_what_waits_is_bounded_and_the_producer_can_wait_for_room():
    line = Line(max_queued_s=0.1)
    line.playout.open(1)
    line.playout.add(1, ramp(800), "full")
    assert line.playout.room() == 0
    with pytest.raises(PlayoutFull):
        line.playout.add(1, ramp(1), "too much")
    assert not line.playout.wait_room(0.1)
    line.playout.release(1)
    consumer = gevent.spawn_later(0.02, line.take, 2)
    assert line.playout.wait_room(5)
    consumer.join()
    assert line.playout.room() == pytest.approx(0.04)
    assert line.playout.extend(1, ramp(1))


def test_memory_does_not_grow_with_what_was_played():
    """A long answer of many clauses keeps a second and the clause being spoken, not the whole of it."""
    line = Line()
    line.playout.open(1)
    line.playout.release(1)
    for index in range(100):
        line.playout.add(1, ramp(8000), f"clause{index}")
        line.take(50)
    assert len(line.playout._data) < 3 * 16000


def test_frames_that_reached_nobody_are_not_heard_and_are_said_again():
    line = Line()
    line.say(1, ramp(4800), "one two three", tuple(timed("one", "two", "three", samples=1600)))
    line.take(22)
    line.playout.unwrite(5)
    assert line.playout.position == 1600, "the start of the word that was not heard to its end"
    assert line.playout.cut(1).text == "one"


def test_a_call_that_ends_drops_everything():
    line = Line()
    line.say(1, ramp(1600))
    line.playout.open(2)
    line.take(1)
    line.playout.clear()
    assert line.playout.next_frame() is None
    assert line.playout.add(2, ramp(10), "late") is False
    assert line.playout.wait_room(0)


def test_misuse_is_named():
    line = Line()
    line.playout.open(1)
    with pytest.raises(MediaError, match="open already"):
        line.playout.open(1)
    line.playout.done(1)
    with pytest.raises(MediaError, match="is done"):
        line.playout.add(1, ramp(1), "more")


def test_a_callback_may_cut_what_just_started():
    line = Line()
    line.playout.on_started = line.playout.cut
    line.say(1, ramp(1600))
    assert line.take(1).tolist() == ramp(160).tolist()
    assert line.playout.generation is None


STEP = st.one_of(
    st.tuples(st.just("take"), st.integers(1, 12)),
    st.tuples(st.just("pause"), st.none()),
    st.tuples(st.just("resume"), st.none()),
    st.tuples(st.just("extend"), st.integers(1, 900)),
)


@settings(max_examples=120, deadline=None)
@given(steps=st.lists(STEP, max_size=25), fade=st.booleans())
def test_no_word_is_credited_that_was_not_written_and_none_is_lost(steps, fade):
    """Whatever is paused, resumed and extended: history is a prefix that was played, and in the end all was played."""
    line = Line(fade_out=fade)
    text = "one two three four five"
    line.playout.open(1)
    line.playout.add(1, ramp(1000), text, tuple(timed(*text.split(), samples=1000)))
    line.playout.release(1)
    total, furthest = 1000, 0
    for name, value in steps:
        if name == "take":
            line.take(value)
            furthest = max(furthest, line.playout.position)
        elif name == "extend":
            line.playout.extend(1, ramp(value))
            total += value
        else:
            getattr(line.playout, name)()
    line.playout.resume()
    line.playout.done(1)
    left = line.take()
    assert line.told[0] == ("started", 1)
    assert line.told[-1] == ("finished", 1, Heard(text, total))
    assert len(left) >= total - furthest
