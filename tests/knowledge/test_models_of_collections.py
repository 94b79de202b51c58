"""Which model's vectors a collection has after an upgrade, and the reranker: what an operator and a caller notice."""

import numpy as np
import pytest

from engine.config import KnowledgeOptions
from engine.knowledge.base import KnowledgeBase
from engine.knowledge.embedding.glossed import Glossed
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.filling.ingest import ingest
from engine.knowledge.search.searcher import RERANKED
from tests.knowledge import tiny_models
from tests.knowledge.conftest import WordVectors

FEE, DAY = "# Late fee\n\nThe late fee is six dollars.\n", "# Open day\n\nThe open day is good.\n"


class Endpoint(WordVectors):
    """Of a provider: whatever it embeds costs money."""

    name = "openai_embeddings:words"

    def encode_now(self, texts):
        return self.encode(texts)


@pytest.fixture
def late(desk):
    desk.write("fee.md", FEE)
    desk.write("day.md", DAY)
    return desk


def test_a_new_version_of_our_own_model_is_taken_up_by_the_next_ingest(late):
    """Whoever upgrades and ingests as always must not be stuck with a flag that he has never heard of."""
    late.ingest()
    report = late.ingest(Glossed(late.embedder))
    assert report.embedded == 2 and report.unchanged == 2
    assert "computed again, once: they were of words, the model is now words+gloss" in report.notes[0]
    again = late.ingest(Glossed(late.embedder))
    assert (again.embedded, again.notes) == (0, [])
    base = KnowledgeBase.open("desk", embedder=Glossed(late.embedder))
    assert base.by_meaning
    assert base.answer("how high is the late fee", spoken=False).text == "The late fee is six dollars."


def test_until_then_the_old_vectors_answer_as_they_did(late, caplog):
    """An upgrade alone must not make an agent worse than it was; the log says what to do."""
    late.ingest()
    base = KnowledgeBase.open("desk", embedder=Glossed(late.embedder))
    assert base.by_meaning and base.why_keywords == ""
    assert "trunkline ingest PATH --collection desk" in caplog.text
    assert base.search("late fee")[0].citation.document == "fee"


def test_a_provider_is_never_given_the_collection_again_unasked(late):
    """It takes money for it: switching to one, or away from one, needs the word of the operator."""
    late.ingest()
    paid = Endpoint()
    with pytest.raises(KnowledgeError, match="--reembed"):
        late.ingest(paid)
    assert paid.encoded == []
    ingest([late.folder], "desk", paid, reembed=True, reader=late.reader)
    with pytest.raises(KnowledgeError, match="--reembed"):
        late.ingest(Glossed(late.embedder))
    assert KnowledgeBase.open("desk", embedder=paid).by_meaning


class Judge:
    """A reranker: likes texts with a word of its choice. ``late``: never in time."""

    name = "judge"

    def __init__(self, word, late=False):
        self.word, self.late, self.asked = word, late, []

    def score(self, question, texts):
        self.asked.append((question, list(texts)))
        return None if self.late else np.array([0.9 if self.word in text else 0.2 for text in texts], np.float32)


def opened(desk, judge, **options):
    return KnowledgeBase("desk", KnowledgeOptions(**options), desk.embedder, judge)


def test_the_rerankers_scores_take_the_place_of_the_candidates(late):
    """Order and thresholds go by them: it has read question and passage together."""
    late.ingest()
    judge = Judge("good")
    base = opened(late, judge)
    answer = base.answer("how high is the late fee", spoken=False)
    assert (answer.text, answer.score) == ("The open day is good.", pytest.approx(0.9))
    assert answer.candidates == (("day", pytest.approx(0.9)), ("fee", pytest.approx(0.2)))
    assert "Late fee\nThe late fee is six dollars." in judge.asked[0][1]
    assert [hit.citation.document for hit in base.search("how high is the late fee")] == ["day", "fee"]
    assert opened(late, judge, typed_score=0.95).answer("the late fee", spoken=False).decision == "unknown"


def test_only_the_best_passages_of_the_final_question_are_read(late):
    """A caller waits: what the recogniser may have heard instead, and what was asked a moment ago, is not read."""
    for number in range(3 * RERANKED):
        text = f"# Item {number}\n\nThe late fee of item {'abcdefgh' * 3}{number} is x{number}.\n"
        late.write(f"more{number}.md", text)
    late.ingest()
    judge = Judge("nothing has this")
    base = opened(late, judge)
    asked = {"spoken": True, "alternatives": ["how high is the gate fee", "how high is the late sea"]}
    for _ in range(2):
        answer = base.answer("how high is the late fee", **asked)
    assert [(question, len(texts)) for question, texts in judge.asked] == [("how high is the late fee", RERANKED)]
    found = base.search("how high is the late fee", 20)
    assert len(found) > RERANKED and [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert max(hit.score for hit in found) == pytest.approx(0.2) and answer.decision == "unknown"


def test_a_reranker_that_is_late_changes_nothing(late):
    """Better the order that vectors gave than a silent line; the next question is tried again."""
    late.ingest()
    judge = Judge("good", late=True)
    answer = opened(late, judge).answer("how high is the late fee", spoken=False)
    assert answer == late.open().answer("how high is the late fee", spoken=False)
    assert len(judge.asked) == 1


def test_a_folders_reranker_is_used_by_its_name(late, home):
    """From the configuration to the answer, with a real graph."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tokenizers")
    (home / "models").mkdir(parents=True)
    tiny_models.reranker(home / "models" / "reranker-tiny")
    late.ingest()
    options = KnowledgeOptions(reranker="reranker-tiny", rerank_timeout_ms=60_000)
    assert late.open(options).search("late fee")[0].citation.document == "day"
    assert late.open().search("late fee")[0].citation.document == "fee"
