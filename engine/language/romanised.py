"""Which language is written in Latin letters: English, French, romanised Hindi, Malayalam, Tamil, or another one.

A linear model over hashed groups of one to five letters (word edges count as letters). It is trained by
``python -m engine.language.train_romanised`` from the word lists and sentences in ``romanised_data``, all of them
written for it; what it reaches is measured by ``python -m benchmarks language``. One call takes some 50 µs.
"""

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

CLASSES = ("en", "fr", "hi-Latn", "ml-Latn", "ta-Latn", "other")
DATA = Path(__file__).with_name("romanised_data")
WEIGHTS = DATA / "weights.npz"

BUCKETS_LOG2 = 14
LONGEST_GROUP = 5
MOST_CHARS = 240
"""Later letters of a long text change nothing any more."""

_BETWEEN = re.compile(r"[\W\d_]+")
Floats = npt.NDArray[np.float32]


def features(text: str) -> npt.NDArray[np.intp]:
    """The buckets of all letter groups of the text, one entry each; empty if there are no letters."""
    letters = " ".join(_BETWEEN.sub(" ", text[:MOST_CHARS].lower()).split())
    if not letters:
        return np.zeros(0, np.intp)
    codes = np.frombuffer(f" {letters} ".encode("utf-16-le"), np.uint16).astype(np.uint32)
    groups = codes
    found = []
    for length in range(1, LONGEST_GROUP + 1):
        if length > 1:
            groups = groups[:-1] * np.uint32(0x01000193) ^ codes[length - 1 :]
        mixed = (groups ^ (groups >> np.uint32(13)) ^ np.uint32(length * 0x9E37)) * np.uint32(0x85EBCA6B)
        found.append(mixed >> np.uint32(32 - BUCKETS_LOG2))
        if len(groups) < 2:
            break
    return np.concatenate(found).astype(np.intp)


def probabilities(text: str) -> dict[str, float]:
    """How likely the text is in each of ``CLASSES``; all the same if there are no letters."""
    weights, bias = _model()
    buckets = features(text)
    if not len(buckets):
        return dict.fromkeys(CLASSES, 1 / len(CLASSES))
    scores = weights[buckets].sum(axis=0) / np.sqrt(np.float32(len(buckets))) + bias
    likely = np.exp(scores - scores.max())
    return dict(zip(CLASSES, (likely / likely.sum()).tolist(), strict=True))


@lru_cache(maxsize=1)
def _model() -> tuple[Floats, Floats]:
    with np.load(WEIGHTS, allow_pickle=False) as content:
        return content["weights"].astype(np.float32), content["bias"].astype(np.float32)
