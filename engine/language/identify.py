"""Which language a text is in: by script first, then by the classifier of romanised text.

Pure, but for the weights of the classifier, which are read once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.language.romanised import probabilities
from engine.language.scripts import LATIN, histogram, native_language

_EVERYWHERE = frozenset("""
hello hallo halo hi hey ok okay okey yes yeah no bye thanks thank you please sorry hmm hm mm uh um aha oh sir madam alo
allo
""".split())  # noqa: SIM905
"""Words that callers of all languages say: they tell nothing."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a text is in. ``language`` is a code such as ``ml``, "" where nothing can be told; ``script`` the strongest
    one (``Latn`` ...); ``mixed`` the share of letters in other scripts, 0 to 1; ``likely`` the probability of each
    language that was weighed. Romanised text has the code of its language, and ``Latn`` as script."""

    language: str
    probability: float
    script: str
    mixed: float
    letters: int
    likely: Mapping[str, float] = field(default_factory=dict)


def identify(text: str) -> Guess:
    """The language of a text by itself."""
    counts = histogram(text)
    letters = counts.total()
    if not letters:
        return Guess("", 0.0, "", 0.0, 0)
    language, share = native_language(text, counts)
    script = max(counts, key=lambda name: counts[name])
    if language:
        return Guess(language, 1.0, script, round(1 - share, 3), letters, {language: 1.0})
    mixed = round(1 - counts[LATIN] / letters, 3)
    words = "".join(char if char.isalpha() or char == "'" else " " for char in text.lower()).split()
    if script != LATIN or all(word in _EVERYWHERE for word in words):
        return Guess("", 0.0, script, mixed, letters)
    likely = {kind.partition("-")[0]: value for kind, value in probabilities(text).items()}
    best = max(likely, key=likely.__getitem__)
    return Guess(best if best != "other" else "", likely[best], script, mixed, letters, likely)
