"""Vectors of callers' questions are kept, bounded, and computed once for all who ask at the same time."""

import gevent
import numpy as np
import pytest
from gevent.event import Event

from engine.errors import ProviderFault
from engine.knowledge.embedding.questions import Questions
from engine.knowledge.embedding.rest import Rest


class Endpoint:
    """An embedder behind a network that answers when it is let."""

    name, dim = "remote", 2

    def __init__(self):
        self.asked = []
        self.answer = Event()
        self.answer.set()
        self.fault = None

    def encode_now(self, texts):
        self.asked.append(list(texts))
        self.answer.wait(5)
        if self.fault:
            raise self.fault
        return np.array([[len(text), 1] for text in texts], np.float32)



def test_a_question_is_computed_once_whatever_its_blanks():
    embedder = Endpoint()
    questions = Questions(embedder)
    assert questions.known("the fee") is None
    assert questions.vector("the  fee ").tolist() == [7, 1]
    assert questions.vector("the fee") is questions.known("the fee")
    assert embedder.asked == [["the fee"]]


def test_hypotheses_go_in_one_request_and_keep_their_order():
    embedder = Endpoint()
    questions = Questions(embedder)
    questions.vector("bb")
    found = questions.vectors(["a", "bb", "ccc", "a"])
    assert [row[0] for row in found] == [1, 2, 3, 1]
    assert embedder.asked == [["bb"], ["a", "ccc"]]


def test_those_asked_for_longest_ago_are_forgotten():
    embedder = Endpoint()
    questions = Questions(embedder, kept=2)
    for text in ("a", "bb", "a", "ccc"):
        questions.vector(text)
    assert questions.known("a") is not None and questions.known("ccc") is not None and questions.known("bb") is None


def test_two_who_ask_at_once_wait_for_the_same_answer():
    """A speculative search and the final one often come together."""
    embedder = Endpoint()
    embedder.answer.clear()
    questions = Questions(embedder)
    both = [gevent.spawn(questions.vector, "a") for _ in range(2)]
    gevent.sleep(0)
    embedder.answer.set()
    assert [one.get(timeout=5).tolist() for one in both] == [[1, 1], [1, 1]]
    assert embedder.asked == [["a"]]


def test_a_fault_reaches_all_who_wait_and_is_not_kept():
    embedder = Endpoint()
    embedder.answer.clear()
    embedder.fault = ProviderFault("x", "timeout", "late")
    questions = Questions(embedder)
    both = [gevent.spawn(lambda: pytest.raises(ProviderFault, questions.vector, "a")) for _ in range(2)]
    gevent.sleep(0)
    embedder.answer.set()
    gevent.joinall(both, timeout=5)
    assert all(one.successful() for one in both) and embedder.asked == [["a"]]
    embedder.fault = None
    assert questions.vector("a").tolist() == [1, 1]


def test_the_end_of_one_call_does_not_end_another_that_waits_for_the_same():
    embedder = Endpoint()
    embedder.answer.clear()
    questions = Questions(embedder)
    first, second = (gevent.spawn(questions.vector, "a") for _ in range(2))
    gevent.sleep(0)
    first.kill()
    embedder.answer.set()
    assert second.get(timeout=5).tolist() == [1, 1]
    assert embedder.asked == [["a"], ["a"]]


def test_a_local_model_computes_off_the_hub():
    """13 ms in the hub would be heard."""
    hub, found = gevent.get_hub(), []

    class Local:
        name, dim = "local", 2

        def encode(self, texts):
            found.append(gevent.get_hub() is hub)
            return np.array([[len(text), 1] for text in texts], np.float32)

    assert Questions(Local()).vector("abc").tolist() == [3, 1]
    assert found == [False]


def test_rest_grows_up_to_a_limit_and_ends_with_a_good_request():
    rest, now, waits = Rest(10), 0.0, []
    for _ in range(8):
        rest.bad(rest.begin(now, 1), now, "timeout", None, "late")
        waits.append(rest.left(now))
        now += waits[-1]
        assert rest.left(now) == 0
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]
    rest.good(rest.begin(now, 1))
    rest.bad(rest.begin(now, 1), now, "unavailable", 25.0, "busy")
    assert rest.left(now) == 25 and rest.why == "busy"


def test_a_try_that_never_tells_is_forgotten():
    """Otherwise one call that vanished would leave search without vectors for ever."""
    rest = Rest(10)
    rest.bad(rest.begin(0, 1), 0, "timeout", None, "late")
    rest.begin(10, 1.5)
    assert rest.left(10.5) == 1 and rest.left(11.5) == 0
