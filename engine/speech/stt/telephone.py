"""The recogniser's acoustic model as it sounds through a telephone.

The model was trained on wide audio. Its features are cepstra: a cosine transform over the logarithms of 25 mel bands,
130 to 6800 Hz. A telephone passes 300 to 3400 Hz; what the other bands hold is the line's noise, and the mean of that
is subtracted anyway. So the means of the model go back to mel bands, lose what a telephone loses, and become cepstra
again: one matrix for all of them, which pocketsphinx applies as an MLLR transform. No training data, no particular
voice or line, goes into it.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

BANDS, LOWEST_HZ, HIGHEST_HZ = 25, 130.0, 6800.0  # feat.params of the en-us model, as are the next two
CEPSTRA = 13
LIFTER = 22
STREAMS = 3  # cepstra, their first and their second differences: the same matrix holds for all

PASSED_HZ = (300.0, 3400.0)
SHARE = 0.6
"""How far the means move, 0 to 1. Moved all the way, sounds that differ above 3400 Hz only become one; a line's slope
still tells them apart a little. Chosen on the tuning questions (``docs/speech.md``)."""

Floats = npt.NDArray[np.float64]


def transform() -> Floats:
    """The matrix for cepstra, 13 by 13."""
    mel = np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), BANDS + 2)[1:-1]
    centres = 700 * (10 ** (mel / 2595) - 1)
    passed = ((centres > PASSED_HZ[0]) & (centres < PASSED_HZ[1])).astype(np.float64)
    order = np.arange(CEPSTRA)
    cosines = np.sqrt(2 / BANDS) * np.cos(np.pi * np.outer(order, np.arange(BANDS) + 0.5) / BANDS)
    cosines[0] /= np.sqrt(2)
    lifter = 1 + LIFTER / 2 * np.sin(np.pi * order / LIFTER)
    narrow = lifter[:, None] * (cosines * passed @ cosines.T) / lifter
    moved: Floats = SHARE * narrow + (1 - SHARE) * np.eye(CEPSTRA)
    return moved


def write_mllr(path: Path) -> None:
    """``transform`` in the format of the decoder's option ``mllr``: of each stream the matrix, offsets, and factors of
    the variances."""
    rows = [" ".join(f"{value:.6f}" for value in row) for row in transform()]
    stream = [str(CEPSTRA), *rows, " ".join(["0"] * CEPSTRA), " ".join(["1"] * CEPSTRA)]
    path.write_text("\n".join(["1", str(STREAMS), *stream * STREAMS]) + "\n", encoding="ascii")


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))
