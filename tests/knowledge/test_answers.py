"""Deciding: answer, ask back, unknown; what is cited; what short replies refer to."""

import json

import pytest

from engine.config import KnowledgeOptions
from engine.knowledge.answers.followup import FollowUp, follow_up
from engine.knowledge.answers.phrases import ENGLISH
from engine.speech.spoken import speakable

ADULTS = "---\ntitle: Tickets for adults\n---\n\nAn adult ticket costs nine dollars.\n"
CHILDREN = "---\ntitle: Tickets for children\n---\n\nA child ticket costs four dollars.\n"
LIBRARY = ("---\ntitle: The library\nutterances: [how long is the library open]\nsay: Until midnight, see "
           "https://books.example.org.\n---\n\nThe library is open until midnight. Students borrow thirty books.\n")
POOL = "# The pool\n\nThe pool opens at nine in the morning. In the pool children swim with an adult at nine.\n"
OPTIONS = KnowledgeOptions(answer_score=0.3, typed_score=0.3, ask_back_margin=0.2, typed_margin=0.0)


@pytest.fixture
def base(desk):
    for name, text in (("adults.md", ADULTS), ("children.md", CHILDREN), ("library.md", LIBRARY), ("pool.md", POOL)):
        desk.write(name, text)
    desk.ingest()
    return desk.open(OPTIONS)


def test_an_answer_cites_its_passage(base):
    answer = base.answer("what does a child ticket cost", spoken=False)
    assert (answer.decision, answer.text) == ("answer", "A child ticket costs four dollars.")
    citation = answer.citations[0].as_dict()
    assert citation["document"] == "children"
    assert citation["title"] == "Tickets for children"
    assert citation["snippet"] == "A child ticket costs four dollars."
    assert citation["score"] == round(answer.score, 3) >= OPTIONS.typed_score
    assert set(citation["chunk_id"]) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-=")
    assert answer.candidates[0] == ("children", answer.score)
    json.dumps(answer.as_dict())


def test_below_the_threshold_it_does_not_know(base):
    answer = base.answer("who painted the ceiling", spoken=True)
    assert (answer.decision, answer.text, answer.citations) == ("unknown", ENGLISH.unknown, ())
    assert "below 0.30" in answer.why


def test_the_threshold_decides(base):
    """The same question is answered or not by the threshold for spoken ones alone."""
    score = base.answer("what does a child ticket cost", spoken=True).score
    base.options = KnowledgeOptions(answer_score=score + 0.01, typed_score=0.1)
    assert base.answer("what does a child ticket cost", spoken=True).decision == "unknown"
    assert base.answer("what does a child ticket cost", spoken=False).decision == "answer"


def test_two_documents_equally_near_are_asked_back(base):
    answer = base.answer("what does a ticket cost", spoken=True)
    assert answer.decision == "ask_back"
    assert answer.text.startswith("Do you mean")
    assert {citation.document for citation in answer.citations} == {"adults", "children"}
    assert "tickets for adults" in answer.text
    assert "tickets for children" in answer.text


@pytest.mark.parametrize(("reply", "expected"), [
    ("the children", "children"),
    ("for adults please", "adults"),
    ("the first one", "first"),
    ("I mean the second", "second"),
])
def test_the_reply_to_a_question_back_is_understood(base, reply, expected):
    asked = base.answer("what does a ticket cost", spoken=True)
    wanted = {"first": asked.citations[0].document, "second": asked.citations[1].document}.get(expected, expected)
    context = (("user", "what does a ticket cost"), ("agent", asked.text))
    answer = base.answer(reply, spoken=True, context=context)
    assert (answer.decision, answer.citations[0].document) == ("answer", wanted)


def test_neither_is_an_answer_too(base):
    asked = base.answer("what does a ticket cost", spoken=True)
    context = (("user", "what does a ticket cost"), ("agent", asked.text))
    assert base.answer("neither", spoken=True, context=context).decision == "unknown"


def test_after_a_question_back_another_question_may_come(base):
    asked = base.answer("what does a ticket cost", spoken=True)
    context = (("user", "what does a ticket cost"), ("agent", asked.text))
    answer = base.answer("how long is the library open", spoken=True, context=context)
    assert answer.citations[0].document == "library"


def test_say_is_kept_as_written_and_spoken_in_words(base):
    """History and log keep the address that a reader can use; the voice gets what a listener can note down."""
    for spoken in (True, False):
        answer = base.answer("how long is the library open", spoken=spoken)
        assert answer.text == "Until midnight, see https://books.example.org."
    assert speakable(answer.text).text == "Until midnight, see books dot example dot org."


def test_a_sentence_that_answers_better_than_say_is_taken(base):
    assert base.answer("how many thirty books borrow students", spoken=False).text == "Students borrow thirty books."


def test_a_second_sentence_is_offered_and_told(base):
    asked = "pool nine children"
    answer = base.answer(asked, spoken=True)
    assert answer.text.endswith(ENGLISH.offer)
    assert answer.more
    context = (("user", asked), ("agent", answer.text))
    assert base.answer("yes please", spoken=True, context=context).text == answer.more
    assert base.answer("no thank you", spoken=True, context=context).text == ENGLISH.declined
    assert base.answer("how long is the library open", spoken=True, context=context).citations[0].document == "library"
    base.options = KnowledgeOptions(**{**OPTIONS.model_dump(), "offer_more": False})
    assert not base.answer(asked, spoken=True).text.endswith(ENGLISH.offer)


def test_an_offer_that_was_not_heard_was_not_made(base):
    """The history holds what was heard: interrupted before the offer, "yes" refers to nothing."""
    assert follow_up("yes", (("user", "pool"), ("agent", "The pool opens at"))) is None


@pytest.mark.parametrize(("reply", "kind"), [
    ("yes", "more"), ("Yes, please!", "more"), ("tell me more", "more"), ("go on", "more"), ("sure", "more"),
    ("no", "no_more"), ("no thanks", "no_more"), ("no that is enough", "no_more"), ("thanks", None),
    ("how long is the library open", None), ("", None),
])
def test_replies_to_an_offer(reply, kind):
    found = follow_up(reply, (("user", "q"), ("agent", f"A. {ENGLISH.offer}"), ("user", reply)))
    assert found == (FollowUp(kind, "q") if kind else None)


@pytest.mark.parametrize("question", ["", "   ", "?!", "\U0001f600" * 50, "x" * 20_000, "'; DROP TABLE documents; --",
                                      'NEAR("a" OR *) AND -"', "\x00\x1b[2J", "\ud800"])
def test_hostile_questions_are_answered_calmly(base, question):
    for spoken in (True, False):
        assert base.answer(question, spoken=spoken).decision == "unknown"
    base.search(question)
    assert base.size == (4, 4)


def test_search_gives_the_best_passage_of_each_document(base):
    hits = base.search("ticket", 2)
    assert {hit.citation.document for hit in hits} == {"adults", "children"}
    assert hits[0].score >= hits[1].score
    assert hits[0].text.endswith("dollars.")


def test_what_was_badly_heard_needs_a_better_fit(base):
    """A recogniser makes words of the collection out of anything; what it is unsure of must fit better."""
    question = "zebra quartz library gnu"
    sure, unsure = (base.answer(question, spoken=True, confidence=confidence).score for confidence in (0.9, 0.5))
    assert sure > unsure
    assert base.answer(question, spoken=True).score == sure, "a recogniser that gives no confidence is trusted"
    base.options = KnowledgeOptions(answer_score=(sure + unsure) / 2, ask_back_margin=0)
    decisions = [base.answer(question, spoken=True, confidence=confidence).decision for confidence in (0.9, 0.5)]
    assert decisions == ["answer", "unknown"]


def test_what_only_one_hypothesis_leads_to_is_not_trusted(base):
    """Five of the recogniser's hypotheses that lead elsewhere, or nowhere, outweigh the one that fits by accident."""
    question = "when does the library open"
    alone = base.answer(question, spoken=True)
    agreed = base.answer(question, spoken=True, alternatives=["when does a library open", "when do the library open"])
    doubted = base.answer(question, spoken=True, alternatives=["zebra", "men to zoo", "quartz", "wench", "gnu"])
    assert agreed.citations[0].document == alone.citations[0].document
    assert agreed.score > doubted.score
    assert doubted.score < alone.score
