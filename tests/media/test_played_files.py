"""What FreeSWITCH has of the agent's audio as files, told by its events or by nobody."""

from hypothesis import given
from hypothesis import strategies as st

from engine.media.playedfiles import GRACE_S, PlayedFiles

FRAME_S = 0.02


def sent(files, *frames, now=10.0):
    """Names of pieces of so many frames."""
    names = []
    for count in frames:
        files.sent(count, now)
        names.append(files.mark())
    return names


def test_a_piece_is_heard_while_it_plays():
    """In real time from its beginning: the caller may interrupt in the middle of one."""
    files = PlayedFiles(FRAME_S)
    first, second = sent(files, 20, 20)
    assert files.unheard(10.3) == 40, "it has not begun: nobody heard it"
    files.started(first, 10.4)
    assert files.unheard(10.4) == 40
    assert files.unheard(10.5) == 35
    assert files.unheard(10.9) == 20, "the next one has not begun, however late it is"
    assert files.returned(first)
    files.started(second, 11.0)
    assert files.unheard(11.1) == 15
    assert files.returned(second)
    assert files.unheard(11.1) == 0, "its end is told: no more is waited for"


def test_what_was_cleared_says_nothing_any_more():
    """Its events may still be on the way when new pieces are sent."""
    files = PlayedFiles(FRAME_S)
    old, = sent(files, 20)
    files.started(old, 10.0)
    files.clear(10.1)
    assert files.unheard(10.1) == 0
    new, = sent(files, 10, now=10.2)
    assert new != old and files.current(new) and not files.current(old)
    assert not files.returned(old)
    files.started(old, 10.3)
    assert files.unheard(10.5) == 10


def test_the_beginning_of_a_piece_is_the_end_of_those_before():
    """They are played in order, so a lost event does no harm."""
    files = PlayedFiles(FRAME_S)
    first, second = sent(files, 20, 20)
    files.started(second, 10.4)
    assert not files.current(first)
    assert files.unheard(10.4) == 20


def test_pieces_of_which_nobody_tells_are_over_some_day():
    """A reply must end, else the agent would wait for its own last word for ever."""
    files = PlayedFiles(FRAME_S)
    sent(files, 20, 20)
    assert files.unheard(10.8 + GRACE_S - 0.01) == 20, "the first should have ended at 10.4"
    assert files.unheard(10.8 + GRACE_S) == 0


def test_time_alone_where_events_do_not_come():
    """A human who is briefed: FreeSWITCH was told to play, and does so one after the other."""
    files = PlayedFiles(FRAME_S)
    first, second = sent(files, 20, 20)
    files.queued(first, 10.1)
    files.queued(second, 10.2)
    assert files.unheard(10.3) == 30
    assert files.unheard(10.7) == 10
    assert files.unheard(10.9) == 0


STEPS = st.lists(st.tuples(st.sampled_from(["sent", "started", "queued", "returned", "clear", "wait"]),
                           st.integers(0, 12)), max_size=60)


@given(STEPS)
def test_no_more_is_unheard_than_was_sent_and_it_falls_by_itself(steps):
    """Whatever comes in whatever order: bounded, never negative, never growing but by what is sent."""
    files, now, total, names = PlayedFiles(FRAME_S), 1.0, 0, ["0:9", ""]
    for what, number in steps:
        before = files.unheard(now)
        if what == "sent":
            files.sent(number, now)
            names.append(files.mark())
            total += number
            assert files.unheard(now) <= before + number
            continue
        if what == "wait":
            now += number / 10
        elif what == "clear":
            files.clear(now)
        elif what == "returned":
            files.returned(names[number % len(names)])
        else:
            getattr(files, what)(names[number % len(names)], now)
        assert 0 <= files.unheard(now) <= before
    assert files.unheard(now + total * FRAME_S + 61 * GRACE_S) == 0
