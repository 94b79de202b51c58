"""The ledger says what was heard: whole words, never one too many, all of them in the end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.media.ledger import Ledger, Word, words_at_rate

RATE = 8000


def voice(samples):
    """Something that sounds."""
    return np.where(np.arange(samples) % 20 < 10, 8000, -8000).astype(np.int16)


def silence(samples):
    return np.zeros(samples, dtype=np.int16)


def timed(text, samples_a_word):
    """Words of equal length, in order."""
    words, at = [], 0
    for index, word in enumerate(text.split()):
        first = text.index(word, at)
        at = first + len(word)
        words.append(Word(first, at, index * samples_a_word, (index + 1) * samples_a_word))
    return tuple(words)


def test_a_word_counts_when_its_last_sample_was_written():
    ledger = Ledger(RATE)
    text = "We open at nine."
    ledger.add(text, voice(4000), timed(text, 1000))
    assert ledger.heard(0) == ""
    assert ledger.heard(999) == ""
    assert ledger.heard(1000) == "We"
    assert ledger.heard(3999) == "We open at"
    assert ledger.heard(4000) == "We open at nine."


def test_without_times_letters_share_the_voiced_samples():
    """Voices pad clauses with silence; words must not be spread over it."""
    ledger = Ledger(RATE)
    ledger.add("aaaa bbbb", np.concatenate((silence(4000), voice(8000), silence(4000))))
    ledger.clause_done()
    assert ledger.heard(4000 + 3900) == ""
    assert ledger.heard(4000 + 4100) == "aaaa"
    assert ledger.heard(4000 + 7900) == "aaaa"
    assert ledger.heard(4000 + 8000) == "aaaa bbbb"


def test_a_pause_inside_belongs_to_no_word():
    ledger = Ledger(RATE)
    ledger.add("aaaa, bbbb", np.concatenate((voice(4000), silence(4000), voice(4000))))
    ledger.clause_done()
    assert ledger.heard(4000) == "aaaa,"
    assert ledger.word_start(6000) == 6000, "in the pause: go on where it stopped"
    assert ledger.word_start(8100) == 8000, "in the second word: from its start, after the pause"


def test_figures_take_longer_to_say_than_letters():
    ledger = Ledger(RATE)
    ledger.add("only 42", voice(12000))
    ledger.clause_done()
    assert ledger.heard(5000) == "only"
    assert ledger.word_start(11900) == 4000


def test_a_growing_clause_is_credited_as_if_spoken_slowly():
    """Its length is unknown while the voice streams: half of what came may be a tenth of the clause."""
    ledger = Ledger(RATE)
    ledger.add("aaaa bbbb cccc", voice(4000))
    assert ledger.heard(3000) == ""
    assert ledger.heard(4000) == "aaaa"
    ledger.clause_done()
    assert ledger.heard(4000) == "aaaa bbbb cccc"


def test_the_last_word_of_a_growing_clause_is_never_credited():
    ledger = Ledger(RATE)
    ledger.add("hi", voice(40000))
    assert ledger.heard(40000) == ""
    ledger.extend(voice(100))
    assert ledger.heard(40100) == ""
    ledger.clause_done()
    assert ledger.heard(40100) == "hi"


def test_word_times_may_come_with_later_chunks():
    ledger = Ledger(RATE)
    text = "We open at nine."
    words = timed(text, 1000)
    ledger.add(text, voice(2000), words[:2])
    assert ledger.heard(2000) == "We open"
    ledger.extend(voice(2000), words[2:])
    assert ledger.heard(3000) == "We open at"
    ledger.add("Good bye.", voice(1000))
    assert ledger.heard(4000) == text


def test_words_that_the_voice_gave_no_time_wait_for_their_neighbours():
    """A voice may report "two" "fifty" for "250" and nothing for a dash; nothing may be credited early for that."""
    ledger = Ledger(RATE)
    text = "“ It costs – about 250 euros"
    euros = text.index("euros")
    figure = text.index("250")
    times = (
        Word(2, 4, 0, 1000),
        Word(5, 10, 1000, 2000),
        Word(figure, figure + 3, 3000, 3500),
        Word(figure, figure + 3, 3500, 4000),
        Word(euros, euros + 5, 4000, 5000),
    )
    ledger.add(text, voice(5000), times)
    ledger.clause_done()
    assert ledger.heard(999) == ""
    assert ledger.heard(1000) == "“ It"
    assert ledger.heard(2000) == "“ It costs –"
    assert ledger.heard(2999) == "“ It costs –"
    assert ledger.heard(3500) == "“ It costs – about"
    assert ledger.heard(4000) == "“ It costs – about 250"
    assert ledger.heard(5000) == text


def test_impossible_word_times_still_give_all_text_in_the_end():
    ledger = Ledger(RATE)
    ledger.add("one two three", voice(3000), (Word(0, 3, 0, 90000), Word(4, 7, 500, 100), Word(8, 13, -5, 200)))
    ledger.clause_done()
    assert ledger.heard(2999) == ""
    assert ledger.heard(3000) == "one two three"


def test_text_that_got_no_sound_is_never_heard():
    """A voice that fails on a clause gives nothing; history may not claim that it was said."""
    ledger = Ledger(RATE)
    ledger.add("Hello.", voice(1000))
    ledger.add("Lost.", silence(0))
    ledger.add("Good bye.", voice(1000))
    ledger.clause_done()
    assert ledger.text == "Hello. Good bye."
    assert ledger.heard(2000) == "Hello. Good bye."


def test_sound_without_text_is_only_time():
    ledger = Ledger(RATE)
    ledger.add("Please hold.", voice(1000))
    ledger.add("", voice(9000))
    ledger.add("Thank you.", voice(1000))
    ledger.clause_done()
    assert ledger.heard(9999) == "Please hold."
    assert ledger.heard(11000) == "Please hold. Thank you."


def test_words_of_resampled_audio_are_not_heard_early():
    assert words_at_rate([Word(0, 3, 101, 301)], 16000, 8000) == (Word(0, 3, 50, 151),)


def test_marks_that_belong_to_letters_count_as_letters():
    """Vowel signs of Indian scripts are marks in Unicode; without them such words would seem half as long."""
    ledger = Ledger(RATE)
    ledger.add("கிகீ aaaa", voice(8000))
    ledger.clause_done()
    assert ledger.heard(3990) == ""
    assert ledger.heard(4000) == "கிகீ"


WORD = st.text(alphabet="ab.,-5é%ம", min_size=1, max_size=8)
CLAUSE = st.tuples(
    st.lists(WORD, max_size=6).map(" ".join),
    st.lists(st.tuples(st.booleans(), st.integers(0, 3000)), min_size=1, max_size=4),
    st.booleans(),
)


def fill(clauses, draw_words):
    ledger = Ledger(RATE)
    for text, chunks, has_words in clauses:
        for index, (sounds, samples) in enumerate(chunks):
            pcm = voice(samples) if sounds else silence(samples)
            words = timed(text, draw_words) if has_words and index == 0 else ()
            if index == 0:
                ledger.add(text, pcm, words)
            else:
                ledger.extend(pcm)
    return ledger


@settings(max_examples=150, deadline=None)
@given(clauses=st.lists(CLAUSE, max_size=5), length=st.integers(0, 2000), complete=st.booleans())
def test_heard_is_a_growing_prefix_of_whole_words(clauses, length, complete):
    ledger = fill(clauses, length)
    if complete:
        ledger.clause_done()
    before = ""
    for position in [*range(0, ledger.samples, max(1, ledger.samples // 50)), ledger.samples]:
        heard = ledger.heard(position)
        assert ledger.text.startswith(heard)
        assert heard == heard.rstrip()
        assert not heard or ledger.text[len(heard) :][:1] in ("", " "), "no word is cut"
        assert len(heard) >= len(before), "more samples never mean fewer words"
        before = heard
    if complete:
        assert before == ledger.text


@settings(max_examples=150, deadline=None)
@given(clauses=st.lists(CLAUSE, max_size=5), length=st.integers(0, 2000), part=st.floats(0, 1))
def test_going_on_starts_within_the_clause_and_never_later(clauses, length, part):
    """Resuming later than where it stopped would lose words; earlier than the clause would repeat too much."""
    ledger = fill(clauses, length)
    position = int(ledger.samples * part)
    start = ledger.word_start(position)
    assert ledger.clause_start(position) <= start <= position
    assert ledger.heard(start) == ledger.heard(position), "the word gone back to had not been heard"


@settings(max_examples=100, deadline=None)
@given(
    words=st.lists(WORD, min_size=1, max_size=6),
    chunks=st.lists(st.integers(1, 4000), min_size=1, max_size=6),
)
def test_while_a_clause_grows_no_word_is_credited_that_the_whole_clause_denies(words, chunks):
    """Steady speech no slower than the slowest: what was credited early stays credited when the clause is complete."""
    text = " ".join(words)
    letters = sum(4 if char in "5%" else char in "abéம" for char in text)
    most = letters * 120 * 8
    ledger = Ledger(RATE)
    early = []
    for index, samples in enumerate(chunks):
        samples = min(samples, max(0, most - ledger.samples))
        (ledger.extend if index else lambda pcm: ledger.add(text, pcm))(voice(samples))
        early.append((ledger.samples, ledger.heard(ledger.samples)))
    if ledger.samples:
        ledger.clause_done()
        for position, heard in early:
            assert ledger.heard(position).startswith(heard)


@pytest.mark.parametrize("position", [0, 1, 5000])
def test_an_empty_ledger_has_nothing_to_say(position):
    assert Ledger(RATE).heard(position) == ""
    assert Ledger(RATE).word_start(position) == position


class InWords:
    """"$5 now" as a voice says it."""

    text = "five dollars now"

    def written_end(self, chars):
        return 0 if chars < len("five dollars") else 2 if chars < len(self.text) else 6


@pytest.mark.parametrize("timed_by_voice", [True, False])
def test_heard_words_are_written_ones_where_the_voice_says_others(timed_by_voice):
    """The history keeps "$5", credited when its last spoken word was heard; the word it stopped in is a spoken one."""
    ledger = Ledger(RATE)
    ledger.add("aaaa bbbb", voice(2000))
    words = timed(InWords.text, 4000) if timed_by_voice else ()
    ledger.add("$5 now", voice(12000), words, InWords())
    ledger.clause_done()
    assert ledger.text == "aaaa bbbb $5 now"
    starts = [ledger.word_start(2000 + at) - 2000 for at in (100, 11900)]
    heard = [ledger.heard(at) for at in (2000, 2000 + 4100, 2000 + starts[1], 13999, 14000)]
    assert heard == ["aaaa bbbb", "aaaa bbbb", "aaaa bbbb $5", "aaaa bbbb $5", "aaaa bbbb $5 now"]
    assert starts[0] == 0 and starts[1] >= 7000
