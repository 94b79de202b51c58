"""Passages as one text for a model: numbered, bounded, cut at a word."""

from hypothesis import given
from hypothesis import strategies as st

from engine.knowledge.answers.answer import Citation
from engine.knowledge.answers.rag_context import MAX_TOKENS, rag_context
from engine.knowledge.base import Hit
from engine.language.tokens import tokens


def hit(text, title="Fees", heading=(), page=0):
    return Hit(Citation("id", "fees", title, heading, 0.5, text, page), text)


def test_each_passage_has_its_number_and_place():
    """A model cites by number; the place says what a sentence is about."""
    text = rag_context([hit("Late fees are six dollars.", heading=("Paying", "Late"), page=3), hit("No refunds.")])
    assert text == "[1] Fees > Paying > Late, page 3\nLate fees are six dollars.\n\n[2] Fees\nNo refunds."
    assert rag_context([]) == ""


def test_what_does_not_fit_is_cut_or_left_out():
    """The best passages come first; the last one is cut at a word, and nothing follows it."""
    text = rag_context([hit("word " * 800), hit("other " * 800), hit("last")])
    assert tokens(text) <= MAX_TOKENS
    assert text.endswith("other ...") and "last" not in text and "[3]" not in text


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=4000), max_size=6), st.integers(1, 2000))
def test_it_is_never_longer_than_it_may_be(texts, most):
    """The bound is what callers of /api/rag/search rely on, in every script."""
    found = rag_context([hit(text) for text in texts], most)
    assert not found or tokens(found) <= most
