"""How likely a passage answers, from its features: logistic models, fitted on the tuning halves of the question sets.

``python -m benchmarks.fit_relevance`` prints the numbers below again; ``docs/knowledge.md`` says what they reach on the
other halves. Pure.
"""

import math
from dataclasses import dataclass
from typing import Literal

from engine.knowledge.found import Features

Regime = Literal["known", "latin", "other", "words"]
"""What vectors are worth: the model ``known``s the question's language; it does not, but its letters (``latin``); it
does not (``other``); there are none (``words``)."""


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of the features, and what all of them are added to."""

    meaning: float
    words: float
    bm25: float
    fused: float
    bias: float


MODELS: dict[Regime, Model] = {
    "known": Model(9.0, 2.0, 0.5, 0.5, -5.5),
    "latin": Model(5.0, 4.0, 0.5, 0.5, -5.0),
    "other": Model(2.0, 6.0, 0.5, 0.5, -4.5),
    "words": Model(0.0, 6.0, 0.5, 0.5, -3.5),
}


def relevance(features: Features, regime: Regime) -> float:
    """How likely a passage with these features answers, 0 to 1."""
    model = MODELS[regime]
    total = (model.bias + model.meaning * features.meaning + model.words * features.words + model.bm25 * features.bm25
             + model.fused * features.fused)
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))
