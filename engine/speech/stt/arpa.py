"""A trigram model in ARPA format, smoothed after Witten and Bell.

After a history h that was followed c(h) times by T(h) different words, a word that followed it has the probability
(c(h w) + T(h) p(w | shorter h)) / (c(h) + T(h)); every other word has the shorter history's, weighted T(h) / (c(h) +
T(h)). Single words fall back to an even share of the vocabulary.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TextIO

START, END = "<s>", "</s>"
_NEVER = -99.0  # log10 of the probability of <s>, which is only ever a history

Gram = tuple[str, ...]


class Trigrams:
    """Weighted counts of words, pairs and triples."""

    def __init__(self) -> None:
        self._counts: tuple[Counter[Gram], Counter[Gram], Counter[Gram]] = (Counter(), Counter(), Counter())

    def add(self, sentence: Iterable[str], weight: float = 1.0) -> None:
        """Count one sentence of words."""
        padded = (START, *sentence, END)
        for at in range(1, len(padded)):
            for order, counts in enumerate(self._counts):
                if at >= order:
                    counts[padded[at - order:at + 1]] += weight  # type: ignore[assignment]

    @property
    def vocabulary(self) -> set[str]:
        """Every word counted."""
        return {gram[0] for gram in self._counts[0]} - {END}

    def write(self, out: TextIO) -> None:
        """The smoothed model as ARPA text, sorted."""
        probabilities: list[dict[Gram, float]] = []
        backoffs: list[dict[Gram, float]] = []
        for order, counts in enumerate(self._counts):
            total: defaultdict[Gram, float] = defaultdict(float)
            kinds: Counter[Gram] = Counter()
            for gram, count in counts.items():
                total[gram[:-1]] += count
                kinds[gram[:-1]] += 1
            even = 1 / len(counts) if order == 0 else 0.0
            probabilities.append({
                gram: (count + kinds[gram[:-1]] * (probabilities[order - 1][gram[1:]] if order else even))
                / (total[gram[:-1]] + kinds[gram[:-1]])
                for gram, count in counts.items()
            })
            backoffs.append({history: kinds[history] / (total[history] + kinds[history]) for history in total})
        _write(out, probabilities, backoffs)


def _write(out: TextIO, probabilities: list[dict[Gram, float]], backoffs: list[dict[Gram, float]]) -> None:
    out.write("\\data\\\n")
    for order, grams in enumerate(probabilities, 1):
        out.write(f"ngram {order}={len(grams) + (order == 1)}\n")
    for order, grams in enumerate(probabilities, 1):
        weights = backoffs[order] if order < len(backoffs) else {}
        out.write(f"\n\\{order}-grams:\n")
        if order == 1:
            out.write(f"{_NEVER:.4f}\t{START}\t{math.log10(weights[(START,)]) if weights else 0:.4f}\n")
        for gram in sorted(grams):
            line = f"{math.log10(grams[gram]):.4f}\t{' '.join(gram)}"
            if order < len(probabilities):
                line += f"\t{math.log10(weights[gram]) if gram in weights else 0:.4f}"
            out.write(line + "\n")
    out.write("\n\\end\\\n")
