"""Subtitles and words: times rise, stay within their segment, and no text can break the format."""

import re

from hypothesis import given
from hypothesis import strategies as st

from engine.compatible.transcripts import Segment, joined, words_of

SEGMENTS = st.builds(lambda text, start, length: Segment(text, start, start + length), st.text(max_size=60),
                     st.floats(0, 7200), st.floats(0, 60))
CLOCK = r"\d\d:[0-5]\d:[0-5]\d"


@given(SEGMENTS)
def test_words_lie_one_after_the_other_within_their_segment(segment):
    words = words_of(segment)
    assert [word["word"] for word in words] == segment.text.split()
    times = [segment.start, *(time for word in words for time in (word["start"], word["end"])), segment.end]
    assert all(early <= late + 0.0011 for early, late in zip(times, times[1:], strict=False))


@given(st.lists(SEGMENTS, max_size=4))
def test_subtitles_have_as_many_cues_as_there_are_segments_with_words(segments):
    transcript = joined(segments, 100.0, "en")
    spoken = [segment for segment in segments if segment.text.strip()]
    assert len(re.findall(rf"^{CLOCK},\d\d\d --> {CLOCK},\d\d\d$", transcript.srt(), re.M)) == len(spoken)
    assert len(re.findall(rf"^{CLOCK}\.\d\d\d --> {CLOCK}\.\d\d\d$", transcript.vtt(), re.M)) == len(spoken)
    assert transcript.srt().count("-->") == len(spoken)


def test_an_hour_is_told_as_one():
    transcript = joined([Segment("Late.", 3661.0015, 3662.9996)], 4000, "en")
    assert transcript.srt() == "1\n01:01:01,002 --> 01:01:03,000\nLate.\n\n"
