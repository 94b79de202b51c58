"""Models and embeddings by the stock SDK."""

import base64

import numpy as np
import openai
import pytest

from tests.fakes.embedding_server import KEY, FakeEmbeddings, vector


@pytest.fixture
def vectors():
    server = FakeEmbeddings()
    yield server
    server.close()


@pytest.fixture
def embedding(world, vectors):
    """A world whose knowledge base gets its vectors from the fake."""
    return world(knowledge={"collection": "desk", "embedding": "embedder"}, providers={"embedder": {
        "kind": "openai_embeddings", "base_url": f"{vectors.url}/v1", "model": "embed-test", "api_key": KEY}})


def test_every_name_that_can_be_asked_is_listed(world):
    at = world(routed=True, compatible={"models": {"gpt-4o": "gpt"}})
    listed = {model.id: model for model in at.client.models.list()}
    assert {"auto", "desk", "clerk", "gpt", "first/gpt-test", "second/gpt-test", "gpt-4o", "whisper-1"} <= set(listed)
    assert listed["desk"].owned_by == "agent"
    assert at.client.models.retrieve("first/gpt-test").capabilities == ["llm"]
    with pytest.raises(openai.NotFoundError, match="no model 'nobody'"):
        at.client.models.retrieve("nobody")


def test_vectors_as_numbers_and_as_bytes_are_the_same(embedding, vectors):
    """The SDK asks for base64 unless told otherwise; the order is that of the texts."""
    texts = ["one", "two", "three"]
    told = embedding.client.embeddings.create(model="auto", input=texts)
    plain = embedding.client.embeddings.create(model="embedder", input=texts, encoding_format="float")
    assert [each.index for each in told.data] == [0, 1, 2]
    assert np.allclose([each.embedding for each in told.data], [each.embedding for each in plain.data])
    wanted = np.stack([vector(text, vectors.dim) for text in texts])
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    assert np.allclose([each.embedding for each in plain.data], wanted, atol=1e-6)
    status, raw = embedding.ask("POST", "/v1/embeddings", {"input": "one", "encoding_format": "base64"})
    assert status == 200
    assert np.allclose(np.frombuffer(base64.b64decode(raw["data"][0]["embedding"]), "<f4"), wanted[0], atol=1e-6)
    assert told.usage.prompt_tokens > 0


@pytest.mark.parametrize(("change", "status", "param"), [
    ({"dimensions": 16}, 400, "dimensions"), ({"model": "ada"}, 404, "model"), ({"input": [1, 2, 3]}, 400, "input"),
    ({"input": []}, 400, "input"), ({"input": ["a", " "]}, 400, "input[1]"), ({"input": 7}, 422, None),
])
def test_what_gives_no_vector_is_refused_by_name(embedding, change, status, param):
    got, answer = embedding.ask("POST", "/v1/embeddings", {"model": "auto", "input": "one", **change})
    assert got == status, answer
    if param:
        assert answer["error"]["param"] == param


def test_the_length_that_the_model_gives_may_be_asked_for(embedding, vectors):
    told = embedding.client.embeddings.create(model="auto", input="one", dimensions=vectors.dim)
    assert len(told.data[0].embedding) == vectors.dim


def test_without_a_model_it_is_said_how_to_get_one(world):
    with pytest.raises(openai.NotFoundError, match="knowledge.embedding"):
        world().client.embeddings.create(model="auto", input="one")
