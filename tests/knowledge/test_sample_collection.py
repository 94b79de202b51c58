"""The built-in sample: sound by itself, and answered well by the real model."""

import re
from pathlib import Path

import pocketsphinx
import pytest

from engine.config import KnowledgeOptions
from engine.knowledge.base import KnowledgeBase
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.filling.ingest import SAMPLE, ingest
from engine.knowledge.measure.evaluate import QUESTIONS, TUNING, HeardQuestion, evaluate, judge, load
from engine.knowledge.reading import onefile

SETS = [load(QUESTIONS), load(TUNING)]


def plain(text):
    return " ".join(re.findall(r"[a-z']+", text.lower()))


@pytest.fixture(scope="module")
def sample():
    return {document.id: document for document in (
        onefile.read(path, SAMPLE) for path in sorted(SAMPLE.rglob("*.md")))}


def test_questions_have_their_documents(sample):
    """A fact must stand in its document, or the question can never be answered."""
    for question in [question for questions in SETS for question in questions if question.documents]:
        document = sample[question.documents[0]]
        text = " ".join([document.say, *(passage.text for passage in document.passages)])
        assert question.fact.search(text), question.text


def test_no_question_is_an_utterance(sample):
    """The figures are about questions that callers put in their own words, so none may be given away."""
    utterances = [plain(text) for document in sample.values() for text in document.utterances]
    assert len(utterances) == len(set(utterances))
    asked = [plain(question.text) for questions in SETS for question in questions]
    assert len(asked) == len(set(asked))
    assert not set(asked) & set(utterances)


def test_every_word_is_in_the_recognisers_dictionary(sample):
    """The sample is asked aloud: a word without a pronunciation could never be heard."""
    lines = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict")).read_text().splitlines()
    known = {line.split()[0] for line in lines}
    texts = [question.text for questions in SETS for question in questions]
    for document in sample.values():
        texts += [document.title, document.say, *document.utterances, *(passage.text for passage in document.passages)]
    assert not {word for text in texts for word in plain(text).split()} - known


def test_the_sample_is_answered_by_meaning(minilm):
    """The demo stands on these answers. ``make bench ARGS=knowledge`` prints the exact rates; this is the alarm."""
    ingest([SAMPLE], "sample", minilm)
    base = KnowledgeBase.open("sample", embedder=minilm)
    for spoken in (False, True):
        rates = evaluate(base, load(), spoken=spoken).summary()
        assert rates["right"] >= 0.9
        assert rates["wrong"] <= 0.075
        assert rates["off_topic_answered"] <= 0.1
    heard = [HeardQuestion("" if question.documents else "how do i restart my router") for question in load()]
    heard_rates = evaluate(base, load(), spoken=True, heard=heard).summary()
    assert (heard_rates["refused"], heard_rates["off_topic_answered"]) == (1.0, 1.0)


def test_the_sample_is_answered_by_keywords():
    """Without the model the answers are fewer, but not made up."""
    ingest([SAMPLE], "sample", None)
    rates = evaluate(KnowledgeBase.open("sample", KnowledgeOptions(embedding="none")), load(), spoken=False).summary()
    assert rates["right"] >= 0.7
    assert rates["wrong"] <= 0.15
    assert rates["off_topic_answered"] <= 0.2


@pytest.mark.parametrize("line", ["not json", "[]", '{"document": null}', '{"question": " ", "document": null}',
                                  '{"question": "a"}', '{"question": "a", "document": []}',
                                  '{"question": "a", "document": "b", "fact": "("}'])
def test_a_bad_question_is_named(tmp_path, line):
    path = tmp_path / "questions.jsonl"
    path.write_text('{"question": "fine", "document": null}\n\n' + line + "\n")
    with pytest.raises(KnowledgeError, match=r"questions\.jsonl:3: not a question"):
        load(path)


def test_question_sets_must_have_questions(tmp_path):
    (tmp_path / "none.jsonl").write_text("\n")
    with pytest.raises(KnowledgeError, match="there is no question in it"):
        load(tmp_path / "none.jsonl")
    with pytest.raises(KnowledgeError, match="cannot be read"):
        load(tmp_path / "missing.jsonl")


def test_heard_texts_must_match_the_questions(desk):
    desk.write("a.md", "Text.")
    desk.ingest()
    with pytest.raises(KnowledgeError, match="1 texts were heard of 50 questions"):
        evaluate(desk.open(), load(), spoken=True, heard=[HeardQuestion("one")])


def test_right_needs_document_and_fact(desk):
    """The right fact from the wrong document is luck, and the right document with the wrong sentence is no answer."""
    desk.write("support/late-payment.md", "# Late fee\n\nThe late fee is six dollars.\n")
    desk.ingest()
    answer = desk.open(KnowledgeOptions(typed_score=0.1)).answer("late fee", spoken=False)
    late = next(question for question in load() if "support/late-payment" in question.documents)
    paper = next(question for question in load() if "support/paper-bill" in question.documents)
    assert (judge(late, answer), judge(paper, answer)) == ("right", "wrong")
    off_topic = next(question for question in load() if not question.documents)
    assert judge(off_topic, answer) == "wrong"


def test_a_document_may_be_named_by_its_file(desk, tmp_path):
    """Whoever writes questions sees files, not ids."""
    desk.write("support/late-payment.md", "# Late fee\n\nThe late fee is six dollars.\n")
    desk.ingest()
    path = tmp_path / "questions.jsonl"
    path.write_text('{"question": "late fee", "document": "support/late-payment.md", "fact": "six"}\n')
    found = evaluate(desk.open(KnowledgeOptions(typed_score=0.1)), load(path), spoken=False)
    assert found.outcomes[0].rank == 1 and found.outcomes[0].outcome == "right"
