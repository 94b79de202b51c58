"""Whether a passage answers a question, or is only about the same: a small net over their vectors.

Near vectors say that both are about parking. The net has seen 1,300 questions with passages that answer them and with
passages that nearly do, and tells by the direction in which question and best sentence differ. It costs nothing to
speak of: the vectors are there already. ``python -m benchmarks.train_judge`` makes ``judge.npz``, its weights; they
belong to one embedding model.

Of question q, best sentence s and whole passage w (unit vectors), each member of the net takes a = A q and b = B s and
gives v tanh(W [20 a b, 3 (a - b)] + c) + l [q s, q w] + d; the net's word is the mean over its members.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np

from engine.knowledge.search.found import Floats

WEIGHTS = Path(__file__).parent / "judge.npz"

PRODUCT, DIFFERENCE = np.float32(20), np.float32(3)
"""What brings products and differences of unit vectors' parts to about 1."""


class Judge:
    """Weights that were trained. Never changes; threads may share it."""

    def __init__(self, weights: dict[str, Floats]) -> None:
        """``asked`` and ``said``: (members, dim, k); ``inner``: (members, 2 k, h), ``shift``: (members, h), ``outer``:
        (members, h), ``near``: (members, 2), ``even``: (members,)."""
        parts = {name: np.asarray(array, np.float32) for name, array in weights.items()}
        members, dim, size = parts["asked"].shape
        self._shape = members, size
        self._asked, self._said = (np.ascontiguousarray(parts[name].transpose(1, 0, 2)).reshape(dim, members * size)
                                   for name in ("asked", "said"))
        self._inner, self._shift, self._outer = parts["inner"], parts["shift"][:, None], parts["outer"][:, :, None]
        self._near, self._even = parts["near"].mean(axis=0), parts["even"].mean()

    def words(self, asked: Floats, said: Floats, wholes: Floats) -> Floats:
        """For each passage above 0 if it is likelier to answer than not. ``asked``: the question, shape (dim,);
        ``said``: the passages' best sentences, ``wholes``: the passages, both shape (passages, dim)."""
        members, size = self._shape
        question = (asked @ self._asked).reshape(members, 1, size)
        sentences = (said @ self._said).reshape(len(said), members, size).transpose(1, 0, 2)
        held = np.concatenate([PRODUCT * question * sentences, DIFFERENCE * (question - sentences)], axis=2)
        inner = np.tanh(held @ self._inner + self._shift)
        told = (inner @ self._outer)[:, :, 0].mean(axis=0)
        result: Floats = told + self._near[0] * (said @ asked) + self._near[1] * (wholes @ asked) + self._even
        return result


@lru_cache(maxsize=4)
def judge_of(model: str) -> Judge | None:
    """The judge of an embedding model's vectors, ``None`` where none was trained. ``model``: its name, whatever was
    added to it."""
    with np.load(WEIGHTS) as file:
        weights = dict(file)
    return Judge(weights) if model.startswith(str(weights.pop("model"))) else None
