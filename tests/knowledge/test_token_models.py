"""What all token models share: order, batches, spans of sentences, for any texts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.knowledge.embedding.interface import PassageText
from engine.knowledge.embedding.tokens import Habits, TokenModel, packed, padded


class Letters:
    """A character is a token."""

    before, after = (1,), (2,)

    def pieces(self, text, limit):
        return [ord(char) for char in text][:max(limit, 0)]


class OneHot:
    """A token's vector has a one at its number; remembers how much it was given at once."""

    dim = 128

    def __init__(self):
        self.given = []

    def hidden(self, texts):
        self.given.append(len(texts) * max(map(len, texts)))
        return np.eye(self.dim, dtype=np.float32)[np.concatenate([np.asarray(text) for text in texts])]


def model(**habits):
    encoder = OneHot()
    return TokenModel("letters", Letters(), encoder, Habits(**habits)), encoder


def counts(text):
    found = np.zeros(128, np.float32)
    for number in text:
        found[number] += 1
    return found / np.linalg.norm(found)


TEXT = st.text(st.characters(min_codepoint=97, max_codepoint=122), max_size=60)


@given(st.lists(TEXT, max_size=20), st.integers(8, 200))
def test_every_text_keeps_its_place_whatever_is_computed_together(texts, batch):
    made, encoder = model(batch_tokens=batch, limit=50)
    vectors = made.encode(texts)
    assert vectors.shape == (len(texts), 128)
    for text, vector in zip(texts, vectors, strict=True):
        assert vector == pytest.approx(counts([1, *map(ord, text[:48]), 2]), abs=1e-6)
    assert all(size <= max(batch, 50) for size in encoder.given)


@given(TEXT, st.lists(TEXT, max_size=8), st.integers(8, 120))
def test_a_sentence_is_the_mean_of_what_was_seen_of_it(above, statements, limit):
    """Whatever the lengths: never another sentence's tokens, zeros for what lies beyond the limit."""
    made, encoder = model(limit=limit)
    found = made.encode_passages([PassageText(above, tuple(statements))])[0]
    assert max(encoder.given) <= limit
    room = limit - 2 - len((above + ".")[:(limit - 1) // 2] if above else "")
    for statement, vector in zip(statements, found.statements, strict=True):
        seen = statement[:max(room, 0)]
        room -= len(statement)
        expected = counts(map(ord, seen)) if seen else np.zeros(128)
        assert vector == pytest.approx(expected, abs=1e-6)


@given(st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=9), min_size=1, max_size=9))
def test_filling_and_taking_it_out_again_changes_nothing(texts):
    tokens, lengths = padded(texts)
    back = packed(tokens[..., None].astype(np.float32), lengths)[:, 0]
    assert back.tolist() == [number for text in texts for number in text]


def test_prefixes_stand_in_front_of_questions_and_of_passages():
    made, _ = model(question="q", passage="p", limit=50)
    assert made.encode(["a"])[0] == pytest.approx(counts([1, ord("q"), ord("a"), 2]), abs=1e-6)
    whole = made.encode_passages([PassageText("t", ("a",))])[0].whole
    assert whole == pytest.approx(counts([1, ord("p"), ord("t"), ord("."), ord("a"), 2]), abs=1e-6)
