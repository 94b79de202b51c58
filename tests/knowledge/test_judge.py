"""The judge of passages: its arithmetic, its training, what it does to a likelihood, and the data it learns from."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import near_misses
from benchmarks.judge_net import Net, logistic, train
from benchmarks.kb_eval import SETS
from engine.knowledge.embedding import minilm as minilm_module
from engine.knowledge.measure.evaluate import QUESTIONS, load
from engine.knowledge.search.found import Cosines, Found, Passage
from engine.knowledge.search.judge import WEIGHTS, Judge, judge_of
from engine.knowledge.search.lexical import Slot
from engine.knowledge.search.ranking import rank

DIM = 64
NEAR = st.floats(-1, 1, width=32)


def rows(seed, count, dim=DIM):
    found = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def found(name, near, judged, question=0.0):
    passage = Passage(name, name, name, "", (), 0, "en", (), f"About {name}.", (f"About {name}.",))
    return Found(passage, frozenset({name}), frozenset(), Cosines(near, np.array([near], np.float32),
                                                                  np.zeros(0, np.float32), question, 0.0, judged))


def test_the_engine_computes_what_was_trained():
    """Training and engine write the net down twice, a row a pair and a question to many passages: they must agree."""
    nets = [Net(DIM, seed) for seed in range(3)]
    judge = Judge({name: np.stack([net.parts[name] for net in nets]) for name in nets[0].parts})
    asked, said, wholes = rows(1, 1), rows(2, 7), rows(3, 7)
    trained = np.mean([net.run(np.repeat(asked, 7, axis=0), said, wholes)[0] for net in nets], axis=0)
    assert judge.words(asked[0], said, wholes) == pytest.approx(trained, abs=1e-4)


@pytest.mark.parametrize("part", ["asked", "said", "inner", "shift", "outer", "near", "even"])
def test_the_way_back_is_the_slope_of_the_way_there(part):
    """A wrong gradient still learns something; only the slope itself shows that it is wrong."""
    net, given_ = Net(DIM, 4), (rows(5, 6), rows(6, 6), rows(7, 6))
    net.parts = {name: value.astype(np.float64) for name, value in net.parts.items()}
    given_ = tuple(one.astype(np.float64) for one in given_)
    error = np.linspace(-1, 1, 6)
    slope = net.back(error, net.run(*given_)[1])[part]
    way = np.random.default_rng(8).standard_normal(net.parts[part].shape)
    there = net.parts[part]
    sums = []
    for step in (1e-5, -1e-5):
        net.parts[part] = there + step * way
        sums.append(float(error @ net.run(*given_)[0]))
    assert (sums[0] - sums[1]) / 2e-5 == pytest.approx(float((slope * way).sum()), rel=1e-3, abs=1e-6)


def test_it_learns_what_cosines_do_not_tell():
    """Right and wrong sentences are equally near; they differ in one direction. That is what it is for."""
    asked, away = rows(9, 800), rows(10, 800)
    right = np.arange(800) % 2 == 0
    away[:, 0] = np.where(right, 0.6, -0.6)
    away -= (away * asked).sum(axis=1, keepdims=True) * asked
    said = asked * 0.6 + away / np.linalg.norm(away, axis=1, keepdims=True) * 0.8
    net = train(asked, said.astype(np.float32), asked, right, np.ones(800, np.float32), 0)
    told = net.run(asked, said, asked)[0]
    assert ((told > 0) == right).mean() > 0.8


def test_logistic_regression_finds_what_made_the_data():
    chance = np.random.default_rng(11)
    numbers = chance.standard_normal((20_000, 2)) * [1, 5]
    yes = chance.random(20_000) < 1 / (1 + np.exp(-(2 * numbers[:, 0] - 0.3 * numbers[:, 1] + 0.5)))
    assert logistic(numbers, yes, np.ones(20_000)) == pytest.approx([2, -0.3, 0.5], abs=0.1)


def test_shipped_weights_are_small_and_belong_to_the_local_model():
    """Vectors of another model mean other things: judged by these weights they would be nonsense."""
    judge = judge_of(f"{minilm_module.NAME}+gloss3")
    assert judge is not None and judge_of(minilm_module.INT8_NAME) is not None
    assert judge_of("text-embedding-3-small") is None and judge_of("") is None
    assert WEIGHTS.stat().st_size < 2_000_000
    assert np.isfinite(judge.words(rows(12, 1, 384)[0], rows(13, 5, 384), rows(14, 5, 384))).all()


@given(NEAR, st.floats(-8, 8), st.floats(-8, 8))
def test_a_better_word_makes_a_passage_likelier_and_moves_it_nowhere(near, word, other):
    """The judge says whether to answer; which passage is best stays with the fit, so recall is what it was."""
    slots = [Slot("tram", ())]
    none, low, high = (rank([found("tram", near, judged), found("ferry", near / 2 - 0.1, judged)], slots, "known")
                       for judged in (None, *sorted((word, other))))
    for judged in (low, high):
        assert [(one.passage.key, one.fit) for one in judged] == [(one.passage.key, one.fit) for one in none]
    assert low[0].score <= high[0].score


def test_what_somebody_foresaw_needs_no_judge():
    """A question that was written down with a document is answered, though the net has no liking for its sentences."""
    plain, foreseen = (rank([found("tram", 0.4, -1.0, question)], [Slot("tram", ())], "known")[0].score
                       for question in (0.0, 1.0))
    assert plain < 0.5 < foreseen


def test_a_judged_question_of_the_real_model_is_refused(minilm, home_collection):
    """From documents to the decision: parking is described, charging a car there is not."""
    hotel = next(one for one in near_misses.collections() if one.name == "hotel")
    base = home_collection(hotel, minilm)
    assert base.answer("In which street is the way down to the garage?", spoken=False).decision == "answer"
    refused = base.answer("Can I charge an electric car in the car park?", spoken=False)
    assert refused.decision == "unknown" and refused.candidates[0][0] == "parking"


@pytest.fixture
def home_collection(tmp_path, monkeypatch):
    from engine.knowledge.base import KnowledgeBase
    from engine.knowledge.filling.ingest import ingest

    def fill(collection, model):
        monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path / "home"))
        folder = tmp_path / collection.name
        folder.mkdir()
        collection.write(folder)
        ingest([folder], collection.name, model)
        return KnowledgeBase.open(collection.name, embedder=model)

    return fill


# ---------------------------------------------------------------- what it learns from

COLLECTIONS = near_misses.collections()


@pytest.mark.parametrize("collection", COLLECTIONS, ids=lambda one: one.name)
def test_near_misses_have_both_kinds_of_questions_of_each_document(collection):
    """If one kind were rare, the net would learn how often questions are answered, not which."""
    kinds = Counter(bool(question.documents) for question in collection.questions)
    assert 0.8 < kinds[True] / kinds[False] < 1.25
    assert {name for question in collection.questions for name in question.documents} == set(collection.documents)
    texts = [question.text for question in collection.questions]
    assert len(texts) == len(set(texts))


def test_nothing_of_the_evaluation_halves_is_learned():
    """Figures of the evaluation halves mean something only as long as nothing was trained on them."""
    plain = lambda text: re.sub(r"\W+", " ", text.lower()).strip()  # noqa: E731
    learned = {plain(question.text) for one in COLLECTIONS for question in one.questions}
    kept = {plain(question.text) for path in [*SETS.glob("*/evaluation.jsonl"), QUESTIONS] for question in load(path)}
    assert not learned & kept


def test_a_document_without_text_is_named(tmp_path):
    path = tmp_path / "zoo.md"
    path.write_text("## Lions\n? Are there lions?\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"zoo\.md: 'Lions' has no text"):
        near_misses.read(path)


