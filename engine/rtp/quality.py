"""How good a call's audio is, in one number: the E-model of ITU-T G.107 with what RTP knows.

Delay and loss are what differs between calls on a network; the other parameters are the model's defaults. It estimates
what a listener would say, from 1 (bad) to 4.4 (as good as G.711 gets); it does not listen.
"""

from dataclasses import dataclass

BEST_R = 93.2
"""With all defaults and no delay or loss (G.107, table 3)."""

IMPAIRMENT, ROBUSTNESS = 0.0, 25.1
"""Ie and Bpl of G.711 with concealment (ITU-T G.113, appendix I). Wideband codecs are taken for as good: the model's
scale ends there."""


@dataclass(frozen=True, slots=True)
class Quality:
    """``rating`` is R of G.107, 0 to 93.2; ``mos`` what listeners would say, 1 to 4.4."""

    rating: float
    mos: float


def estimate(loss: float, delay_s: float) -> Quality:
    """Of the part of the audio that was lost (0 to 1, at random), and the delay from mouth to ear."""
    percent = 100 * min(max(loss, 0.0), 1.0)
    by_loss = IMPAIRMENT + (95 - IMPAIRMENT) * percent / (percent + ROBUSTNESS)
    rating = min(max(BEST_R - _by_delay(delay_s * 1000) - by_loss, 0.0), 100.0)
    return Quality(round(rating, 1), round(_mos(rating), 2))


def _by_delay(ms: float) -> float:
    """Idd of G.107 in its simplified form: little up to 177 ms, then people begin to talk into each other."""
    return 0.024 * ms + (0.11 * (ms - 177.3) if ms > 177.3 else 0.0)


def _mos(rating: float) -> float:
    if rating <= 0:
        return 1.0
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)


__all__ = ["BEST_R", "Quality", "estimate"]
