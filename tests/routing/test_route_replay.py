"""What a recogniser that takes over hears again: no word lost, none twice. Pure."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.routing.replay import Replay
from engine.speech.interfaces import Heard

RATE = 8000
FRAME = 160


def frame(number):
    return np.full(FRAME, number % 30000, np.int16).tobytes()


def at(seconds):
    return round(seconds * RATE)


class Line:
    """A call whose frames are numbered."""

    def __init__(self, keep_ms=2000):
        self.replay, self.frames = Replay(RATE, keep_ms), 0

    def until(self, seconds):
        while self.frames * FRAME < at(seconds):
            self.replay.feed(frame(self.frames))
            self.frames += 1
        return self.replay


def frames_of(again):
    return [int(np.frombuffer(item.frame, "<i2")[0]) for item in again.items if item.kind == "frame"]


def edges_of(again):
    return [(item.kind, item.sample / RATE) for item in again.items if item.kind != "frame"]


def test_in_silence_the_last_two_seconds_are_heard_again():
    """A voice that is just about to be noticed is in them."""
    again = Line().until(10.0).again()
    assert (again.offset, frames_of(again)) == (at(8.0), list(range(400, 500)))
    assert (edges_of(again), again.settled) == ([], None)


def test_early_in_the_call_there_is_only_what_there_is():
    """Position 0 is the first sample of the call."""
    again = Line().until(0.5).again()
    assert (again.offset, frames_of(again)) == (0, list(range(25)))
    assert Line().replay.again().items == ()


def test_a_stretch_under_way_is_heard_from_its_pre_roll():
    """With its beginning told at the same audio as before."""
    line = Line()
    line.until(5.06).voice_on(at(5.0))
    again = line.until(6.0).again()
    assert again.offset == at(4.5)
    assert edges_of(again) == [("on", 5.0)]
    assert [item.kind for item in again.items].index("on") == 28, "after the 28 frames from 4.50 to 5.06"


def test_a_stretch_longer_than_the_ring_is_kept_while_nothing_is_known_of_it():
    """Recognisers without partial transcripts tell nothing before the end."""
    line = Line()
    line.until(5.06).voice_on(at(5.0))
    again = line.until(12.0).again()
    assert (again.offset, again.settled) == (at(4.5), None)
    assert frames_of(again) == list(range(225, 600))


def test_what_was_known_of_a_long_stretch_becomes_final_and_the_rest_is_heard():
    """Its beginning is no longer there."""
    line = Line()
    line.until(5.06).voice_on(at(5.0))
    line.until(11.5).heard(Heard("seven hundred and", False, at(5.0), at(11.4)))
    again = line.until(12.0).again()
    assert again.settled == Heard("seven hundred and", True, at(5.0), at(11.4))
    assert again.offset == at(11.4)
    assert edges_of(again) == [("on", 11.4)], "the voice goes on"


def test_a_final_that_is_owed_is_asked_for_again():
    """The caller has finished; the next recogniser must be told so."""
    line = Line()
    line.until(5.06).voice_on(at(5.0))
    line.until(6.2).voice_off(at(6.0))
    again = line.until(6.5).again()
    assert edges_of(again) == [("on", 5.0), ("off", 6.0)]
    assert line.replay.overdue


def test_what_is_final_is_not_heard_again():
    """Else the caller's words would stand there twice."""
    line = Line()
    line.until(5.06).voice_on(at(5.0))
    line.until(6.2).voice_off(at(6.0))
    line.until(6.4).heard(Heard("yes", True, at(5.0), at(6.0)))
    again = line.until(6.5).again()
    assert (again.offset, edges_of(again), line.replay.owed) == (at(6.0), [], ())


def test_after_a_final_within_the_stretch_only_the_rest_is_heard():
    """Some recognisers give finals while the voice goes on."""
    line = Line()
    line.until(5.06).voice_on(at(5.0))
    line.until(7.2).heard(Heard("I would like", True, at(5.0), at(7.0)))
    again = line.until(8.0).again()
    assert again.offset == at(7.0)
    assert edges_of(again) == [("on", 7.0)]


def test_one_final_may_settle_two_stretches_or_one():
    """Recognisers join stretches that follow one another, or do not."""
    for end, owed in ((8.0, 0), (6.0, 1)):
        line = Line()
        line.until(5.06).voice_on(at(5.0))
        line.until(6.2).voice_off(at(6.0))
        line.until(7.06).voice_on(at(7.0))
        line.until(8.2).voice_off(at(8.0))
        line.replay.heard(Heard("yes", True, at(5.0), at(end)))
        assert len(line.replay.owed) == owed


def test_with_nobody_to_hear_each_owed_final_comes_with_what_is_known():
    """The turn engine waits for one."""
    line = Line()
    line.until(5.06).voice_on(at(5.0))
    line.until(5.8).heard(Heard("yes", False, at(5.0), at(5.7)))
    line.until(6.2).voice_off(at(6.0))
    assert line.replay.give_up() == [Heard("yes", True, at(5.0), at(6.0))]
    assert line.replay.give_up() == []


@given(st.lists(st.tuples(st.sampled_from(["on", "off", "partial", "final"]), st.integers(1, 90)), max_size=40))
def test_audio_is_whole_and_memory_bounded(steps):
    """Whatever is heard and said: frames without a gap up to now, edges in order and at audio that is there, and never
    more than 20 s kept."""
    line, talking = Line(), False
    replay = line.replay
    for what, frames in steps:
        now = line.until((line.frames + frames) * FRAME / RATE).position
        if what == "on" and not talking:
            replay.voice_on(max(0, now - 320))
            talking = True
        elif what == "off" and talking:
            replay.voice_off(max(0, now - 160))
            talking = False
        elif what == "partial" and talking:
            replay.heard(Heard("so", False, max(0, now - 4000), max(0, now - 100)))
        elif what == "final":
            replay.heard(Heard("so it is", True, max(0, now - 4000), max(0, now - 200)))
        again = replay.again()
        numbers = frames_of(again)
        assert numbers == list(range(again.offset // FRAME, now // FRAME))
        assert len(numbers) * FRAME <= 20 * RATE + FRAME
        edges = [item for item in again.items if item.kind != "frame"]
        assert all(again.offset <= item.at for item in edges)
        kinds = [item.kind for item in edges]
        assert all(one != other for one, other in zip(kinds, kinds[1:], strict=False))
        assert not kinds or kinds[0] == "on"
        if talking:
            assert kinds[-1] == "on"
