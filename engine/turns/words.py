"""Transcripts compared as words: case, punctuation and drawn-out letters ("mmm") make no difference."""

import re
from collections.abc import Iterable
from functools import lru_cache
from unicodedata import category

_RUN = re.compile(r"(.)\1+")


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[str, ...]:
    """The words of ``text`` in lower case, without punctuation: ``"Uh-huh, I'm"`` -> ``("uh", "huh", "i'm")``."""
    kept = (char if char in "'\u2019" or category(char)[0] in "LMN" else " " for char in text.lower())
    words = (word.strip("'\u2019") for word in "".join(kept).split())
    return tuple(word for word in words if word)


def same_words(one: str, other: str) -> bool:
    """Whether two transcripts say the same."""
    return one == other or tokens(one) == tokens(other)


class Phrases:
    """A set of phrases to be found in transcripts."""

    def __init__(self, phrases: Iterable[str]) -> None:
        """Phrases as a person writes them; "mmm" and "mm" are the same."""
        self._phrases = {_short(tokens(phrase)) for phrase in phrases} - {()}
        self._longest = max(map(len, self._phrases), default=0)

    def within(self, text: str) -> bool:
        """Whether one of the phrases stands anywhere in ``text``."""
        words = _short(tokens(text))
        return any(self._match(words[at:]) for at in range(len(words)))

    def ends(self, text: str) -> bool:
        """Whether ``text`` ends with one of the phrases."""
        words = _short(tokens(text))
        return any(words[-n:] in self._phrases for n in range(1, min(self._longest, len(words)) + 1))

    def others(self, text: str, partial: bool = False) -> int:
        """How many words of ``text`` belong to none of the phrases. ``partial``: more may follow, so that the last
        words may be the beginning of a phrase."""
        rest, count = _short(tokens(text)), 0
        while rest:
            if partial and any(phrase[: len(rest)] == rest for phrase in self._phrases):
                break
            length = self._match(rest)
            count += not length
            rest = rest[length or 1 :]
        return count

    def _match(self, words: tuple[str, ...]) -> int:
        """Length of the longest phrase that ``words`` begins with; 0 for none."""
        return next((n for n in range(min(self._longest, len(words)), 0, -1) if words[:n] in self._phrases), 0)


@lru_cache(maxsize=256)
def phrases(texts: tuple[str, ...]) -> Phrases:
    """The set of these phrases, made once: all calls look for the same ones, and each would take a millisecond."""
    return Phrases(texts)


@lru_cache(maxsize=4096)
def _short(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_RUN.sub(r"\1", word) for word in words)
