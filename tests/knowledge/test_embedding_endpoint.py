"""The embeddings endpoint against a strict fake on loopback: what is sent, what comes back, and every way to fail."""

import gevent
import numpy as np
import pytest

from engine.config.providers import AzureEmbeddingOptions, OpenAiEmbeddingOptions
from engine.errors import ProviderFault
from engine.knowledge.embedding.endpoint import Endpoint
from engine.knowledge.embedding.interface import PassageText, is_remote
from engine.net.credentials import Key
from engine.offhub import off_hub
from tests.fakes.embedding_server import KEY, FakeEmbeddings, vector


class Clock:
    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def server():
    fake = FakeEmbeddings()
    yield fake
    fake.close()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def connect(server, clock):
    made = []

    def make(kind=OpenAiEmbeddingOptions, sign=lambda: Key("Authorization", f"Bearer {KEY}"), **given):
        fields = {"model": "embed-test", "base_url": f"{server.url}/v1", **given}
        if kind is AzureEmbeddingOptions:
            fields = {"deployment": "embed-test", "base_url": server.url, "api_key": "x", **given}
        made.append(Endpoint("vectors", kind(**fields), sign, clock=clock, sleep=clock.sleep))
        return made[-1]

    yield make
    for endpoint in made:
        endpoint.close()


def right(vectors, texts, dim=32):
    expected = np.stack([vector(text, dim) for text in texts])
    return vectors == pytest.approx(expected / np.linalg.norm(expected, axis=1, keepdims=True), abs=1e-6)


def fault_of(action, *args):
    with pytest.raises(ProviderFault) as caught:
        action(*args)
    return caught.value


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_vectors_are_unit_vectors_in_the_order_of_the_texts(server, connect, encoding, backwards):
    """The answer's order is not promised; a swapped pair would answer one question with another's passage."""
    server.backwards = backwards
    endpoint = connect(encoding=encoding)
    texts = [f"text {number}" for number in range(5)]
    assert right(endpoint.encode(texts), texts)
    assert is_remote(endpoint)
    assert endpoint.dim == 32 and endpoint.name == "openai_embeddings:embed-test"


def test_many_texts_go_in_requests_of_bounded_size(server, connect):
    endpoint = connect(batch_texts=4, batch_chars=1000)
    texts = [f"{number} " + "x" * (600 if number < 3 else 1) for number in range(12)]
    assert right(endpoint.encode(texts), texts)
    assert [len(each) for each in server.inputs] == [1, 1, 4, 4, 2]


def test_texts_that_no_server_takes_are_cut_or_left_out(server, connect):
    """An empty text is refused with the whole request; it has a vector of zeros, near to nothing."""
    endpoint = connect()
    found = endpoint.encode(["a", "", "  \n", "y" * 100_000, "\ud800 half a character"])
    assert not found[1].any() and not found[2].any() and found[0].any() and found[3].any() and found[4].any()
    assert max(len(text) for each in server.inputs for text in each) == 8000
    assert endpoint.encode([]).shape == (0, 32)
    assert endpoint.encode([""]).shape == (1, 32)


def test_passages_are_one_text_each_and_questions_have_their_prefix(server, connect):
    endpoint = connect(question_prefix="query: ", passage_prefix="passage: ")
    passages = [PassageText("Paying", ("The fee is six.", "It is late.")), PassageText("", ("Open.",))]
    found = endpoint.encode_passages(passages)
    endpoint.encode_now(["the fee"])
    assert server.inputs == [["passage: Paying. The fee is six. It is late.", "passage: Open."], ["query: the fee"]]
    assert [each.statements.shape for each in found] == [(0, 32), (0, 32)]
    assert endpoint.name != connect().name  # other prefixes make other vectors


def test_sentences_have_vectors_of_their_own_where_wanted(server, connect):
    found = connect(sentences=True).encode_passages([PassageText("Paying", ("The fee is six.", "It is late.")),
                                                     PassageText("", ("Open.",))])
    assert [each.statements.shape for each in found] == [(2, 32), (1, 32)]
    assert right(found[0].statements, ["Paying. The fee is six.", "Paying. It is late."])
    assert right(found[1].whole[None], ["Open."])


def test_dimensions_are_asked_for_and_part_of_the_name(server, connect):
    endpoint = connect(dimensions=8)
    assert endpoint.encode(["a"]).shape == (1, 8)
    assert endpoint.dim == 8 and endpoint.name.endswith(":8")
    assert server.requests[-1].json["dimensions"] == 8


@pytest.mark.parametrize(("version", "path"), [
    ("", "/openai/v1/embeddings"), ("2024-10-21", "/openai/deployments/embed-test/embeddings")])
def test_azure_by_both_of_its_apis(server, connect, version, path):
    server.azure = True
    endpoint = connect(AzureEmbeddingOptions, sign=lambda: Key("api-key", KEY), api_version=version)
    assert right(endpoint.encode(["a"]), ["a"])
    assert server.requests[-1].path == path


def test_further_fields_and_headers_go_along(server, connect):
    server.extra_fields = {"keep_alive"}
    connect(extra={"keep_alive": -1}, headers={"X-Gateway": "yes"}).encode(["a"])
    assert server.requests[-1].json["keep_alive"] == -1 and server.requests[-1].headers["x-gateway"] == "yes"


def test_it_works_in_pool_threads_beside_the_hub(server, connect):
    """Ingest embeds in pool threads, questions in the hub: a gevent socket must not wander between them."""
    endpoint = connect()
    jobs = [gevent.spawn(off_hub, endpoint.encode, [f"job {number}"]) for number in range(4)]
    own = endpoint.encode_now(["own"])
    assert right(own, ["own"])
    for number, job in enumerate(jobs):
        assert right(job.get(timeout=10), [f"job {number}"])


# ------------------------------------------------------------ faults while ingesting


def test_ingest_waits_as_long_as_the_service_asks(server, connect, clock):
    server.limits, server.retry_after = 2, "7"
    assert right(connect().encode(["a"]), ["a"])
    assert clock.slept == [7, 7]


def test_ingest_waits_longer_each_time_and_gives_up(server, connect, clock):
    server.limits = 99
    fault = fault_of(connect(attempts=4).encode, ["a"])
    assert fault.kind == "rate_limit" and clock.slept == [1, 2, 4]


@pytest.mark.parametrize("spoil", [
    {"key": "another"}, {"model": "another"}, {"knows_base64": False}, {"shortens": False},
])
def test_what_trying_again_cannot_mend_is_not_tried_again(server, connect, clock, spoil):
    for name, value in spoil.items():
        setattr(server, name, value)
    fault = fault_of(connect(encoding="base64", dimensions=8).encode, ["a"])
    assert fault.kind in ("auth", "refused") and not clock.slept and len(server.requests) == 1
    assert KEY not in str(fault)


@pytest.mark.parametrize("change", [
    lambda data: data[:-1],
    lambda data: [{**entry, "index": 0} for entry in data],
    lambda data: [{**entry, "index": None} for entry in data],
    lambda data: [{**entry, "embedding": entry["embedding"][:number + 3]} for number, entry in enumerate(data)],
    lambda data: [{**entry, "embedding": []} for entry in data],
    lambda data: [{**entry, "embedding": [0.0] * 32} for entry in data],
    lambda data: [{**entry, "embedding": [float("nan")] * 32} for entry in data],
    lambda data: [{**entry, "embedding": "not base64!"} for entry in data],
    lambda data: [{**entry, "embedding": "AAAA"} for entry in data],
    lambda data: [{**entry, "embedding": [[1.0], [2.0]]} for entry in data],
    lambda data: [{"index": entry["index"]} for entry in data],
    lambda data: "nothing",
    lambda data: None,
])
def test_an_answer_that_cannot_be_right_is_a_fault(server, connect, change):
    """A vector in the wrong place would stay in the collection until someone looks."""
    server.change = change
    assert fault_of(connect().encode, ["a", "b"]).kind == "broken"


def test_vectors_of_another_length_are_refused(server, connect):
    """Behind the same name there is another model now: its vectors must not be mixed with those that are stored."""
    endpoint = connect()
    endpoint.encode(["a"])
    server.dim = 16
    fault = fault_of(endpoint.encode, ["b"])
    assert fault.kind == "broken" and "16 dimensions, not 32" in str(fault)


# ------------------------------------------------------------ faults while a caller waits


def test_a_dead_endpoint_costs_one_deadline_and_then_nothing_for_a_while(server, connect, clock):
    endpoint = connect(question_timeout_s=0.1, rest_s=15)
    server.latency_s = 30
    assert fault_of(endpoint.encode_now, ["a"]).kind == "timeout"
    asked = len(server.requests)
    for _ in range(5):
        fault = fault_of(endpoint.encode_now, ["a"])
        assert fault.kind == "unavailable" and fault.retry_after_s == pytest.approx(15)
    assert len(server.requests) == asked
    server.latency_s = 0
    clock.now += 15.1
    assert right(endpoint.encode_now(["a"]), ["a"])
    assert right(endpoint.encode_now(["b"]), ["b"])


def test_calls_that_wait_side_by_side_count_as_one_fault(server, connect, clock):
    """Ten calls that met the same silence must not make the rest two to the tenth as long."""
    endpoint = connect(question_timeout_s=0.1, rest_s=15)
    server.latency_s = 30
    calls = [gevent.spawn(fault_of, endpoint.encode_now, ["a"]) for _ in range(10)]
    assert {call.get(timeout=5).kind for call in calls} == {"timeout"}
    assert fault_of(endpoint.encode_now, ["a"]).retry_after_s == pytest.approx(15)


def test_after_its_rest_one_question_tries_and_the_others_do_not_wait(server, connect, clock):
    endpoint = connect(question_timeout_s=0.2, rest_s=15)
    server.latency_s = 30
    fault_of(endpoint.encode_now, ["a"])
    clock.now += 15.1
    trying = gevent.spawn(fault_of, endpoint.encode_now, ["a"])
    gevent.sleep(0.02)
    assert fault_of(endpoint.encode_now, ["b"]).kind == "unavailable"
    assert trying.get(timeout=5).kind == "timeout"
    assert fault_of(endpoint.encode_now, ["c"]).retry_after_s == pytest.approx(30)


def test_a_question_is_tried_once_and_a_rate_limit_is_kept(server, connect, clock):
    server.limits, server.retry_after = 1, "4"
    endpoint = connect()
    assert fault_of(endpoint.encode_now, ["a"]).kind == "rate_limit"
    assert fault_of(endpoint.encode_now, ["a"]).retry_after_s == pytest.approx(4)
    assert len(server.requests) == 1 and not clock.slept
    clock.now += 4.1
    assert right(endpoint.encode_now(["a"]), ["a"])


def test_a_text_that_is_refused_says_nothing_about_the_endpoint(server, connect):
    server.most_chars = 10
    endpoint = connect()
    assert fault_of(endpoint.encode_now, ["far too long for it"]).kind == "refused"
    assert right(endpoint.encode_now(["short"]), ["short"])


def test_a_call_that_ends_while_it_waits_frees_its_connection(server, connect):
    server.latency_s = 30
    endpoint = connect()
    call = gevent.spawn(endpoint.encode_now, ["a"])
    while not server.running:
        gevent.sleep(0.005)
    call.kill()
    assert server.gone.wait(2)
    server.latency_s = 0
    assert right(endpoint.encode_now(["b"]), ["b"])


def test_nobody_listens(connect, clock):
    endpoint = connect(base_url="http://127.0.0.1:1/v1", attempts=2)
    assert fault_of(endpoint.encode_now, ["a"]).kind == "unavailable"
    assert fault_of(endpoint.encode, ["a"]).kind == "unavailable" and clock.slept == [1]


@pytest.mark.parametrize("knob", [{"break_after": 0}, {"stall_after": 0}])
def test_an_answer_that_breaks_off(server, connect, knob):
    for name, value in knob.items():
        setattr(server, name, value)
    assert fault_of(connect(question_timeout_s=0.2).encode_now, ["a"]).kind in ("broken", "timeout")
