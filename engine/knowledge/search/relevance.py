"""How well a passage fits a question, and how likely it answers it. Pure.

The weights were chosen on the tuning halves of the question sets; ``docs/knowledge.md`` says how, and what they reach
on the other halves.
"""

import math
from dataclasses import dataclass
from typing import Literal

from engine.knowledge.search.found import Features

Regime = Literal["known", "heard", "latin", "other", "words"]
"""What the vectors of a question are worth: its language is ``known`` to the model; it is, but the recogniser is not
sure of the words (``heard``); it half understands it, by its letters (``latin``); it sees a gloss only (``other``);
there are none (``words``)."""

STEEPNESS = 7.0
"""How fast the likelihood rises with the fit."""

LENGTH_SHARE, LONG = 0.17, 8
"""A long question, in a caller's own words, is further from every passage than a short one: so much of the fit is made
up for at ``LONG`` words that are not small, less for fewer."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What the fit is made of, beside the meaning, and the fit at which an answer is as likely as not."""

    meaning: float
    words: float
    bm25: float
    fused: float
    even: float


WEIGHTS: dict[Regime, Weights] = {
    "known": Weights(1.0, 0.12, 0.0, 0.0, 0.59),
    "heard": Weights(1.0, 0.5, 0.0, 0.0, 0.88),
    "latin": Weights(1.0, 0.15, 0.0, 0.0, 0.56),
    "other": Weights(1.0, 0.3, 0.05, 0.1, 0.74),
    "words": Weights(0.0, 1.0, 0.1, 0.1, 0.60),
}


def fit(features: Features, regime: Regime) -> float:
    """How well a passage fits; only its difference to that of other passages means anything."""
    weights = WEIGHTS[regime]
    return (weights.meaning * features.meaning + weights.words * features.words + weights.bm25 * features.bm25
            + weights.fused * features.fused)


def even(regime: Regime, words: int) -> float:
    """The fit at which a question of so many words is as likely answered as not."""
    made_up = 0.0 if regime == "words" else LENGTH_SHARE * min(words, LONG) / LONG
    return WEIGHTS[regime].even - made_up


def likelihood(fit: float, even: float) -> float:
    """How likely a passage of this fit answers, 0 to 1."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, STEEPNESS * (fit - even)))))


def fit_of(likelihood: float, even: float) -> float:
    """The fit of a passage that is so likely to answer."""
    inside = max(1e-12, min(1 - 1e-12, likelihood))
    return even + math.log(inside / (1 - inside)) / STEEPNESS
