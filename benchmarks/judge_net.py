"""The net of ``engine/knowledge/search/judge.py`` as it is trained: forwards, backwards, Adam. numpy only."""

import numpy as np
import numpy.typing as npt

from engine.knowledge.search.judge import DIFFERENCE, PRODUCT

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Kept = tuple[Floats, ...]
"""What the way back needs of the way there."""

SIZE, INNER = 48, 24
DROPPED = 0.3
"""Of inputs, hidden while it learns: there are few examples."""

ROUNDS, AT_ONCE, RATE, DECAY = 6, 64, 7e-4, 0.1


class Net:
    """One member. ``parts``: its weights, by the names that ``Judge`` has for them."""

    def __init__(self, dim: int, seed: int) -> None:
        self._chance = np.random.RandomState(seed)
        both = np.linalg.qr(self._normal(dim, SIZE))[0].astype(np.float32)
        self.parts: dict[str, Floats] = {
            "asked": both, "said": both.copy(), "inner": self._normal(2 * SIZE, INNER) / np.float32((2 * SIZE) ** 0.5),
            "shift": np.zeros(INNER, np.float32), "outer": self._normal(INNER) / np.float32(INNER ** 0.5),
            "near": np.array([4, 2], np.float32), "even": np.array(-3, np.float32)}

    def run(self, asked: Floats, said: Floats, whole: Floats, dropped: float = 0.0) -> tuple[Floats, Kept]:
        """The net's word on each row, above 0 for an answer, and what ``back`` needs."""
        parts = self.parts
        asked_in, said_in = asked * self._mask(asked, dropped), said * self._mask(said, dropped)
        question, sentence = asked_in @ parts["asked"], said_in @ parts["said"]
        held = np.concatenate([PRODUCT * question * sentence, DIFFERENCE * (question - sentence)], axis=1)
        mask = self._mask(held, dropped)
        inner = np.tanh((held * mask) @ parts["inner"] + parts["shift"])
        near = np.stack([(asked * said).sum(axis=1), (asked * whole).sum(axis=1)], axis=1)
        told: Floats = inner @ parts["outer"] + near @ parts["near"] + parts["even"]
        return told, (asked_in, said_in, question, sentence, held, mask, inner, near)

    def back(self, error: Floats, kept: Kept) -> dict[str, Floats]:
        """The gradient of each part. ``error``: that of the words."""
        asked_in, said_in, question, sentence, held, mask, inner, near = kept
        slope = np.outer(error, self.parts["outer"]) * (1 - inner * inner)
        into = (slope @ self.parts["inner"].T) * mask
        product, difference = PRODUCT * into[:, :SIZE], DIFFERENCE * into[:, SIZE:]
        return {"asked": asked_in.T @ (product * sentence + difference),
                "said": said_in.T @ (product * question - difference),
                "inner": (held * mask).T @ slope, "shift": slope.sum(axis=0), "outer": inner.T @ error,
                "near": near.T @ error, "even": error.sum()}

    def _normal(self, *shape: int) -> Floats:
        return self._chance.standard_normal(shape).astype(np.float32)

    def _mask(self, rows: Floats, dropped: float) -> Floats:
        if not dropped:
            return np.float32(1)  # type: ignore[return-value]
        kept = self._chance.random_sample(rows.shape) >= dropped
        return kept.astype(np.float32) / np.float32(1 - dropped)


def train(asked: Floats, said: Floats, whole: Floats, right: Flags, counts: Floats, seed: int) -> Net:
    """A net that has seen all rows ``ROUNDS`` times. ``counts``: what a row counts if it is wrong; right ones count as
    much as wrong ones together."""
    net = Net(asked.shape[1], seed)
    weights = np.where(right, counts[~right].sum() / max(1, right.sum()), counts).astype(np.float32)
    first = {name: np.zeros_like(part) for name, part in net.parts.items()}
    second = {name: np.zeros_like(part) for name, part in net.parts.items()}
    step = 0
    for turn in range(ROUNDS):
        order = np.random.RandomState(100 * seed + turn).permutation(len(right))
        for start in range(0, len(order), AT_ONCE):
            rows = order[start:start + AT_ONCE]
            told, kept = net.run(asked[rows], said[rows], whole[rows], DROPPED)
            error = (1 / (1 + np.exp(-told)) - right[rows]) * weights[rows] / len(rows)
            step += 1
            for name, slope in net.back(error.astype(np.float32), kept).items():
                first[name] = 0.9 * first[name] + 0.1 * slope
                second[name] = 0.999 * second[name] + 0.001 * slope**2
                change = first[name] / (1 - 0.9**step) / (np.sqrt(second[name] / (1 - 0.999**step)) + 1e-8)
                net.parts[name] = ((1 - RATE * DECAY) * net.parts[name] - RATE * change).astype(np.float32)
    return net


def logistic(numbers: Floats, yes: Flags, counts: Floats, steps: int = 60) -> Floats:
    """Logistic regression by Newton's method, a weak prior at 0 on what is in units of its spread: the weight of each
    column of ``numbers``, and a constant."""
    middle, spread = numbers.mean(axis=0), numbers.std(axis=0) + 1e-9
    columns = np.column_stack([(numbers - middle) / spread, np.ones(len(numbers))])
    prior = np.append(np.ones(numbers.shape[1]), 0.0)
    found = np.zeros(columns.shape[1])
    for _ in range(steps):
        likely = 1 / (1 + np.exp(-columns @ found))
        bend = (columns * (counts * likely * (1 - likely))[:, np.newaxis]).T @ columns + np.diag(prior + 1e-6)
        found -= np.linalg.solve(bend, columns.T @ (counts * (likely - yes)) + prior * found)
    weights = found[:-1] / spread
    return np.append(weights, found[-1] - weights @ middle)
