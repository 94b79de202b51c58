"""Trains ``engine/knowledge/search/judge.npz``: whether a passage answers a question, or is only about the same.

    python -m benchmarks.train_judge                      train, say how well it does on collections that it did not see
    python -m benchmarks.train_judge --write              the same, and write the weights
    ... --without desk                                    leave a collection out, to measure on it (with --write --out)

Data: the tuning halves of the question sets, the sample's tuning questions, and ``data/near_misses``, which were
written for this: never an evaluation half. Each question is put to its collection; of what is found, passages of a
right document are right, all others wrong. What would be found if the right document were not there counts as a
question without an answer, too: so nothing is learned from how such questions are put that does not hold for others.

Takes two minutes. With the same data and numpy it gives the same weights, but for rounding.
"""

from gevent import monkey

monkey.patch_all()

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import near_misses
from benchmarks.judge_net import Floats, Net, logistic, train
from benchmarks.kb_eval import SETS, sets
from benchmarks.knowledge import temporary_home
from engine.config import KnowledgeOptions
from engine.knowledge.answers.answering import SURE
from engine.knowledge.base import KnowledgeBase
from engine.knowledge.embedding import choose
from engine.knowledge.embedding.interface import Embedder
from engine.knowledge.filling.ingest import SAMPLE, ingest
from engine.knowledge.measure.evaluate import TUNING, Question, load
from engine.knowledge.search import judge
from engine.knowledge.search.ranking import Candidate
from engine.knowledge.search.relevance import LENGTH_SHARE, LONG, WEIGHTS, Regime
from engine.knowledge.store.view import View

Rows = npt.NDArray[np.bool_] | npt.NDArray[np.intp]
"""Of ``Examples``: flags or numbers."""

MEMBERS = 3
"""Nets that are trained, from different beginnings; their mean is steadier than one."""

NEAREST = 4
"""Passages of a question that are learned from."""

OF_TOP, OF_LEFT_OUT, OF_OTHERS = 1.0, 0.5, 0.3
"""What wrong passages count: the first one of a question without an answer, the first wrong one of another, others."""

LEFT_OUT = 0.3
"""What a question whose document is left out counts beside others, where the log-odds are fitted."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and a passage that was found for it, ``place`` from 0. ``answerable``: the collection answers it;
    ``left_out``: it would be the first one if the right document were not there."""

    collection: str
    question: str
    group: str
    answerable: bool
    place: int
    right: bool
    left_out: bool
    asked: Floats
    said: Floats
    whole: Floats
    above_even: float
    written: float

    @property
    def counts(self) -> float:
        """As an example of what does not answer."""
        if self.place == 0 and not self.answerable:
            return OF_TOP
        return OF_LEFT_OUT if self.answerable and (self.left_out or self.place == 0) else OF_OTHERS


def pairs_of_all(model: Embedder, options: KnowledgeOptions) -> list[Pair]:
    """Of all collections, in a temporary home."""
    found: list[Pair] = []
    with tempfile.TemporaryDirectory(prefix="trunkline-judge-") as folder:
        for name in sets():
            found += pairs(name, SETS / name / "documents", load(SETS / name / "tuning.jsonl"), model, options)
        found += pairs("sample", SAMPLE, load(TUNING), model, options)
        for one in near_misses.collections():
            place = Path(folder) / one.name
            place.mkdir()
            one.write(place)
            found += pairs(one.name, place, one.questions, model, options)
    return found


def pairs(name: str, folder: Path, questions: Sequence[Question], model: Embedder, options: KnowledgeOptions
          ) -> Iterator[Pair]:
    """Of one collection, which is ingested."""
    ingest([folder], name, model, options=options)
    base = KnowledgeBase.open(name, options, model)
    known = base.known_documents()
    for question in questions:
        documents = {one if one in known else one.rpartition(".")[0] for one in question.documents}
        sure = question.confidence < 0 or question.confidence >= SURE
        ranked = base.rank([question.text], sure=sure)[0]
        asked = model.encode([question.text])[0]
        wrong = 0
        for place, candidate in enumerate(ranked.candidates[:12]):
            right = candidate.passage.document in documents
            wrong += not right
            left_out = bool(documents) and not right and wrong == 1
            if place < NEAREST or left_out:
                with base._store.view() as view:
                    vectors = _vectors(view, candidate, asked, model.name)
                near = candidate.found.cosines
                if vectors is not None and near is not None:
                    yield Pair(name, question.text, question.group, bool(documents), place, right, left_out, asked,
                               *vectors, candidate.fit - _even(base, question.text, sure, len(ranked.slots)),
                               max(near.question, near.utterance))


def _vectors(view: View, candidate: Candidate, asked: Floats, model: str) -> tuple[Floats, Floats] | None:
    """Of the passage's best sentence, and of the passage, as ``source`` takes them."""
    chunk = view.chunk(candidate.passage.key)
    whole = view.passage_vectors(model, [chunk.row]).get(chunk.row) if chunk else None
    if chunk is None or whole is None:
        return None
    parts = [view.statement_vectors(model, [chunk.row]).get(chunk.row),
             view.chunk_say_vectors(model, [chunk.row]).get(chunk.row),
             view.say_vectors(model, [chunk.document]).get(chunk.document)]
    there = [part for part in parts if part is not None and len(part)]
    said = np.concatenate(there) if there else whole[np.newaxis]
    return said[int((said @ asked).argmax())], whole


def _even(base: KnowledgeBase, text: str, sure: bool, words: int) -> float:
    """The fit at which the question is as likely answered as not, without a judge."""
    searcher = base._searcher
    regime: Regime = searcher._regime(searcher._prepare([text])[0], sure)
    return WEIGHTS[regime].even - LENGTH_SHARE * min(words, LONG) / LONG


class Examples:
    """Pairs as arrays."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.pairs = pairs
        self.collection = np.array([one.collection for one in pairs])
        self.vectors = tuple(np.stack([getattr(one, name) for one in pairs]) for name in ("asked", "said", "whole"))
        self.right = np.array([one.right for one in pairs])
        self.counts = np.array([one.counts for one in pairs], np.float32)
        top = np.array([one.place == 0 for one in pairs])
        answerable = np.array([one.answerable for one in pairs])
        self.answered, self.unanswered = top & answerable, top & ~answerable
        self.left_out = np.array([one.left_out for one in pairs]) & ~top
        self.numbers = np.array([[one.above_even, 0.0, one.written] for one in pairs])

    def nets(self, rows: Rows) -> list[Net]:
        """Trained on these rows."""
        asked, said, whole = (vectors[rows] for vectors in self.vectors)
        return [train(asked, said, whole, self.right[rows], self.counts[rows], seed) for seed in range(MEMBERS)]

    def words(self, nets: Sequence[Net], rows: Rows) -> Floats:
        """What the nets say of these rows."""
        asked, said, whole = (vectors[rows] for vectors in self.vectors)
        return np.mean([net.run(asked, said, whole)[0] for net in nets], axis=0)


def folds(names: Sequence[str]) -> list[list[str]]:
    """Collections that are left out together: question sets alone, near misses by fours."""
    alone = [name for name in names if name in (*sets(), "sample")]
    others = [name for name in names if name not in alone]
    return [*([name] for name in alone), *(others[first::4] for first in range(4))]


def cross_validated(examples: Examples) -> Floats:
    """What is said of each pair by nets that saw nothing of its collection."""
    told = np.zeros(len(examples.pairs), np.float32)
    for names in folds(sorted(set(examples.collection))):
        rows = np.isin(examples.collection, names)
        told[rows] = examples.words(examples.nets(np.flatnonzero(~rows)), np.flatnonzero(rows))
    return told


def odds(examples: Examples, told: Floats, rows: Rows) -> Floats:
    """The weights of ``relevance.JUDGED``, by logistic regression on these rows."""
    numbers = examples.numbers.copy()
    numbers[:, 1] = told
    against = np.where(examples.unanswered, 1.0, np.where(examples.left_out, LEFT_OUT, 0.0))
    weights = np.where(examples.answered, against[rows].sum() / examples.answered[rows].sum(), against)
    return logistic(numbers[rows], examples.answered[rows], weights[rows])


def report(examples: Examples, told: Floats) -> None:
    """Refusals at even odds, each collection judged by what was learned from the others."""
    score = np.zeros(len(told))
    for name in set(examples.collection):
        own = examples.collection == name
        weights = odds(examples, told, ~own)
        numbers = examples.numbers[own].copy()
        numbers[:, 1] = told[own]
        score[own] = numbers @ weights[:3] + weights[3]
    print(f"{'':14}{'questions':>12}{'refused: none':>16}{'answerable':>12}{'before: none':>16}{'answerable':>12}")
    whole = ["near misses", *sets(), "sample"]
    for name in whole:
        own = ~np.isin(examples.collection, whole) if name == "near misses" else examples.collection == name
        yes, no = own & examples.answered, own & examples.unanswered
        rates = [float((values[rows] < 0).mean()) for values in (score, examples.numbers[:, 0]) for rows in (no, yes)]
        print(f"{name:14}{yes.sum():>6}/{no.sum():<5}" + "".join(
            f"{rate:>{width}.2f}" for rate, width in zip(rates, (16, 12, 16, 12), strict=True)))
    print("relevance.JUDGED:", " ".join(f"{value:.2f}" for value in odds(examples, told, np.ones(len(told), bool))))


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train_judge", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the weights")
    parser.add_argument("--out", type=Path, default=judge.WEIGHTS)
    parser.add_argument("--without", action="append", default=[], help="a collection that is not learned from")
    args = parser.parse_args()
    options = KnowledgeOptions()
    model = choose.embedder(options)
    if model is None:
        parser.error("the embedding model is not installed: trunkline models install minilm")
    with temporary_home():
        examples = Examples([one for one in pairs_of_all(model, options) if one.collection not in args.without])
    report(examples, cross_validated(examples))
    if args.write:
        nets = examples.nets(np.arange(len(examples.pairs)))
        parts = {name: np.stack([net.parts[name] for net in nets]).astype(np.float16) for name in nets[0].parts}
        np.savez(args.out, model=np.array(model.name.partition("+")[0]), **parts)
        print(f"written: {args.out}, {args.out.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
