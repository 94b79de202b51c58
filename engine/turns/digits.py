"""Numbers that are being dictated: how many digits the words so far are."""

from functools import lru_cache
from typing import NamedTuple

from engine.turns.language import WordLists, word_lists
from engine.turns.words import tokens


class Tail(NamedTuple):
    """The number at the end of a text: its ``digits``, how many ``words`` they are, and the text ``before`` them."""

    digits: int
    words: int
    before: str


class Digits:
    """Counts the digits that a text ends with."""

    def __init__(self, lists: WordLists) -> None:
        """In the words of these lists, and in figures."""
        self._ones = frozenset(word for phrase in lists.digits for word in tokens(phrase))
        self._pairs = frozenset(word for phrase in lists.pairs for word in tokens(phrase))
        self._tens = frozenset(word for phrase in lists.tens for word in tokens(phrase))

    def at_end(self, text: str) -> Tail:
        """The number that ``text`` ends with."""
        words = tokens(text)
        begin = len(words)
        while begin and self._is_number(words[begin - 1]):
            begin -= 1
        count, after_tens = 0, False
        for word in words[begin:]:
            if word.isdigit():
                count += len(word)
            elif word in self._ones:
                count += not after_tens
            else:
                count += 2
            after_tens = word in self._tens
        return Tail(count, len(words) - begin, " ".join(words[:begin]))

    def _is_number(self, word: str) -> bool:
        return word.isdigit() or word in self._ones or word in self._pairs or word in self._tens


@lru_cache(maxsize=16)
def digits_in(language: str) -> Digits:
    """Those of a language (ISO 639-1), made once for all calls."""
    return Digits(word_lists(language))


__all__ = ["Digits", "digits_in"]
