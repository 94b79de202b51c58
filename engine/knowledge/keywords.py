"""Keyword search: BM25 over an inverted index in numpy. Scores are shares of the best possible, so thresholds can hold.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with the idf that never
goes below zero (as Lucene has it).
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from engine.knowledge.text import terms

K1 = 1.2
B = 0.4
"""How much long texts lose. Passages are of like length, so less than the usual 0.75."""

Floats = npt.NDArray[np.float32]


class KeywordIndex:
    """The words of some texts. Never changes after it is built, so threads may share it."""

    def __init__(self, texts: Iterable[str]) -> None:
        """``texts``: what is found, by its position."""
        postings: dict[str, list[tuple[int, int]]] = {}
        lengths: list[int] = []
        for number, text in enumerate(texts):
            found = Counter(terms(text))
            lengths.append(sum(found.values()))
            for term, count in found.items():
                postings.setdefault(term, []).append((number, count))
        self.size = len(lengths)
        average = max(1.0, sum(lengths) / max(1, self.size))
        norm = K1 * (1 - B + B * np.asarray(lengths, np.float32) / average)
        self._postings: dict[str, tuple[npt.NDArray[np.intp], Floats]] = {}
        for term, entries in postings.items():
            rows = np.array([row for row, _ in entries], np.intp)
            counts = np.array([count for _, count in entries], np.float32)
            worth = self._rarity(len(entries)) * counts * (K1 + 1) / (counts + norm[rows])
            self._postings[term] = (rows, worth.astype(np.float32))

    def scores(self, question: str) -> Floats:
        """For every text how much of the question it holds, 0 to 1, rare words counting more. Words that no text
        has count as the rarest: a question about something else scores low even if "open" and "today" are found."""
        found = np.zeros(self.size, np.float32)
        best = 0.0
        for term in dict.fromkeys(terms(question)):
            entry = self._postings.get(term)
            best += self._rarity(len(entry[0]) if entry else 0) * (K1 + 1)
            if entry:
                found[entry[0]] += entry[1]
        return found / np.float32(best or 1.0)

    def shares(self, question: str) -> dict[str, float]:
        """How much of the question each of its terms is, rare ones more; together 1."""
        wanted = {term: self._rarity(len(self._postings[term][0]) if term in self._postings else 0)
                  for term in terms(question)}
        whole = sum(wanted.values()) or 1.0
        return {term: rarity / whole for term, rarity in wanted.items()}

    def _rarity(self, documents: int) -> float:
        return float(np.log1p((self.size - documents + 0.5) / (documents + 0.5)))
