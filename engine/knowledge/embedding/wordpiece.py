"""WordPiece: text to the token numbers of an uncased BERT vocabulary, as BERT's own tokenizer does it.

Source of the rules: the BERT paper's reference tokenizer (clean, split CJK, lower-case, drop accents, split at
punctuation, then greedy longest match within each word).
"""

import unicodedata
from pathlib import Path

UNKNOWN, CLS, SEP = "[UNK]", "[CLS]", "[SEP]"
MAX_WORD_CHARS = 100

_CJK = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
        (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))


class WordPiece:
    """A vocabulary and its tokenizer. Stateless apart from a cache of words, so threads may share it."""

    def __init__(self, vocabulary: Path) -> None:
        """``vocabulary``: one token a line, its number is the line's."""
        lines = vocabulary.read_text(encoding="utf-8").rstrip("\n").split("\n")
        self._numbers = {token: number for number, token in enumerate(lines)}
        self._unknown = self._numbers[UNKNOWN]
        self.before = (self._numbers[CLS],)
        self.after = (self._numbers[SEP],)
        self._known: dict[str, tuple[int, ...]] = {}

    def encode(self, text: str, limit: int = 256) -> list[int]:
        """Token numbers with [CLS] in front and [SEP] behind, at most ``limit`` of them."""
        return [*self.before, *self.pieces(text, limit - 2), *self.after]

    def pieces(self, text: str, limit: int) -> list[int]:
        """Token numbers without marks, at most ``limit`` of them."""
        numbers: list[int] = []
        for word in words(text[:limit * MAX_WORD_CHARS]):
            if len(numbers) >= limit:
                break
            numbers.extend(self._pieces(word))
        return numbers[:max(limit, 0)]

    def _pieces(self, word: str) -> tuple[int, ...]:
        found = self._known.get(word)
        if found is None:
            found = self._split(word)
            if len(self._known) < 50_000:
                self._known[word] = found
        return found

    def _split(self, word: str) -> tuple[int, ...]:
        if len(word) > MAX_WORD_CHARS:
            return (self._unknown,)
        pieces: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                number = self._numbers.get(prefix + word[start:end])
                if number is not None:
                    pieces.append(number)
                    start = end
                    break
            else:
                return (self._unknown,)
        return tuple(pieces)


def words(text: str) -> list[str]:
    """Lower-case words without accents; each punctuation mark and each CJK character is a word of its own."""
    if not text.isascii():
        text = "".join(_clean(char) for char in text)
        apart = unicodedata.normalize("NFD", text.lower())
        text = "".join(char for char in apart if unicodedata.category(char) != "Mn")
    else:
        text = "".join(_clean(char) for char in text.lower())
    return "".join(f" {char} " if _is_punctuation(char) else char for char in text).split()


def _clean(char: str) -> str:
    if char in "\t\n\r" or unicodedata.category(char) == "Zs":
        return " "
    if char in "\0\ufffd" or unicodedata.category(char).startswith("C"):
        return ""
    point = ord(char)
    if point >= 0x3400 and any(low <= point <= high for low, high in _CJK):
        return f" {char} "
    return char


def _is_punctuation(char: str) -> bool:
    point = ord(char)
    if point < 128:
        return 33 <= point <= 47 or 58 <= point <= 64 or 91 <= point <= 96 or 123 <= point <= 126
    return unicodedata.category(char).startswith("P")
