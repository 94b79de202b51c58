"""Train the classifier of romanised text: ``python -m engine.language.train_romanised``. Takes ten seconds.

Reads ``romanised_data``: ``<class>.txt`` sentences and ``<class>.words.txt`` words for training. Writes
``weights.npz``; the same data give the same weights. Then it reports on two sets that are not trained on:
``tuning.txt``, by which it was chosen how to train and what to add, and ``held_out.txt``, which took no part in
anything.

People spell romanised Hindi, Malayalam and Tamil as they like, and recognisers drop accents: each sentence is also
learnt in a few other spellings, in parts, and beside rows of words.
"""

import random
import re
import unicodedata

import numpy as np

from engine.language.romanised import BUCKETS_LOG2, CLASSES, DATA, WEIGHTS, Floats, features

ROUNDS = 14
BATCH = 64
RATE = 0.01
KEEP_SMALL = 2e-6
"""Pull of all weights to zero, a step."""

SPELLINGS = 3
"""Other spellings of each sentence."""

_ROMANISED = ("hi-Latn", "ml-Latn", "ta-Latn")
_HABITS = [(re.compile(find), put) for find, put in (
    ("aa", "a"), ("ee", "i"), ("oo", "u"), ("(?<=[bcdfgklmnpstv])a(?=[bcdfgklmnpstv]a)", "aa"), ("i(?=\\b)", "y"),
    ("th", "t"), ("dh", "d"), ("zh", "l"), ("v", "w"), ("w", "v"), ("sh", "s"), ("kk", "k"), ("ll", "l"), ("nn", "n"),
    ("mm", "m"), ("tt", "t"), ("pp", "p"), ("chch", "ch"), ("ein\\b", "e"), ("hai\\b", "h"), ("nj", "nj"),
    ("u\\b", ""), ("ai\\b", "e"), ("ksh", "x"), ("ph", "f"), ("f", "ph"), ("ou", "au"), ("iy", "y"),
)]  # fmt: skip
_CHANCE = 0.15


def name_of(kind: str) -> str:
    """The file name of a class: ``hi`` for ``hi-Latn``."""
    return kind.partition("-")[0]


def lines(name: str) -> list[str]:
    """The lines of a data file."""
    return (DATA / name).read_text(encoding="utf-8").splitlines()


def held_out(name: str = "held_out.txt") -> list[tuple[str, str]]:
    """(class, sentence) of sentences that are not trained on."""
    pairs = (line.split("\t", 1) for line in lines(name))
    return [(next(kind for kind in CLASSES if name_of(kind) == name), text) for name, text in pairs]


def respelt(text: str, kind: str, dice: random.Random) -> str:
    """The text as somebody else might have written it."""
    text = text.lower()
    if kind in _ROMANISED:
        for find, put in _HABITS:
            text = find.sub(lambda found, put=put: put if dice.random() < _CHANCE else found[0], text)  # type: ignore[misc]
    elif dice.random() < 0.5:
        text = "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    return text


def samples(dice: random.Random) -> list[tuple[str, int]]:
    """(text, class) to train on."""
    made: list[tuple[str, int]] = []
    for index, kind in enumerate(CLASSES):
        sentences = lines(f"{name_of(kind)}.txt")
        words = " ".join(lines(f"{name_of(kind)}.words.txt")).split()
        texts = list(sentences)
        for sentence in sentences:
            texts += [respelt(sentence, kind, dice) for _ in range(SPELLINGS)]
            parts = sentence.split()
            if len(parts) > 3:  # what is left when a recogniser cuts a sentence
                start = dice.randrange(len(parts) - 2)
                texts.append(respelt(" ".join(parts[start : start + dice.randint(2, 4)]), kind, dice))
        for _ in range(2 * len(words)):
            row = words[:] if kind != "other" else _together(words, dice)
            start = dice.randrange(len(row))
            near = row[max(0, start - 20) : start + 20] if kind == "other" else row
            texts.append(respelt(" ".join(dice.choices(near, k=dice.randint(1, 4))), kind, dice))
        made += [(text, index) for text in texts]
    dice.shuffle(made)
    return made


def _together(words: list[str], dice: random.Random) -> list[str]:
    """A stretch of the words of other languages, so that a row of words is of one of them."""
    start = dice.randrange(len(words))
    return words[start : start + 12]


def train(seed: int = 1) -> tuple[Floats, Floats]:
    """Weights (buckets by classes) and biases, by Adam on the cross entropy."""
    made = samples(random.Random(seed))
    rows = [(features(text), index) for text, index in made]
    rows = [(buckets, index) for buckets, index in rows if len(buckets)]
    dice = np.random.default_rng(seed)
    shape = (1 << BUCKETS_LOG2, len(CLASSES))
    weights, bias = np.zeros(shape, np.float32), np.zeros(len(CLASSES), np.float32)
    first, second = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    step = 0
    for turn in range(ROUNDS):
        order = dice.permutation(len(rows))
        for start in range(0, len(order), BATCH):
            step += 1
            gradient, bias_gradient = _gradient([rows[at] for at in order[start : start + BATCH]], weights, bias)
            gradient += KEEP_SMALL * weights
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient * gradient - second)
            rate = RATE * (1 - turn / ROUNDS) * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            weights -= (rate * first / (np.sqrt(second) + 1e-8)).astype(np.float32)
            bias -= RATE * bias_gradient
    return weights, bias


def _gradient(batch: list[tuple[np.ndarray, int]], weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
    gradient, bias_gradient = np.zeros_like(weights), np.zeros_like(bias)
    for buckets, index in batch:
        scale = 1 / np.sqrt(np.float32(len(buckets)))
        scores = weights[buckets].sum(axis=0) * scale + bias
        likely = np.exp(scores - scores.max())
        likely /= likely.sum()
        likely[index] -= 1
        np.add.at(gradient, buckets, (likely * scale / len(batch)).astype(np.float32))
        bias_gradient += likely / len(batch)
    return gradient, bias_gradient


def main() -> None:
    """Train, write, report."""
    weights, bias = train()
    np.savez_compressed(WEIGHTS, weights=weights.astype(np.float16), bias=bias.astype(np.float32))
    print(f"written: {WEIGHTS} ({WEIGHTS.stat().st_size / 1000:.0f} KB)")
    from engine.language.romanised import probabilities  # reads what was just written

    for name in ("tuning.txt", "held_out.txt"):
        wrong, total = 0, 0
        for kind, text in held_out(name):
            likely = probabilities(text)
            best = max(likely, key=likely.__getitem__)
            total += 1
            if best != kind:
                wrong += 1
                print(f"{kind} taken for {best} ({likely[best]:.2f}): {text}")
        print(f"{name}: {100 * (total - wrong) / total:.1f} % of {total} right")


if __name__ == "__main__":
    main()
