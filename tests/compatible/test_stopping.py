"""Stop texts: none is ever sent, nothing before one is lost, however the words are cut."""

from hypothesis import given
from hypothesis import strategies as st

from engine.compatible.stopping import StopCutter

LETTERS = st.text("ab", max_size=30)


def cut(pieces, stops, most=None):
    cutter = StopCutter(stops, most)
    given = ""
    for piece in pieces:
        given += cutter.feed(piece)
        assert not any(stop in given for stop in stops)
    return given + cutter.flush(), cutter


@given(st.lists(LETTERS, max_size=6), st.lists(st.text("ab", min_size=1, max_size=4), max_size=3))
def test_what_is_given_is_the_text_before_the_first_stop(pieces, stops):
    whole = "".join(pieces)
    places = [at for stop in stops if (at := whole.find(stop)) >= 0]
    got, cutter = cut(pieces, stops)
    if places:
        # Which of several that overlap comes first in time decides; never more than the text before the earliest end.
        assert whole.startswith(got)
        assert not any(stop in got for stop in stops)
        assert len(got) >= min(places)
        assert cutter.over
    else:
        assert got == whole


@given(st.lists(LETTERS, max_size=6), st.integers(0, 40))
def test_a_length_cuts_and_is_told(pieces, most):
    whole = "".join(pieces)
    got, cutter = cut(pieces, (), most)
    assert got == whole[:most]
    assert cutter.cut == (len(whole) > most)
