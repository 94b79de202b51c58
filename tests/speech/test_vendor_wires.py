"""Vendors' protocols without a socket: what messages mean, and that no message, however wrong, breaks a call."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.net.errors import SocketClosed
from engine.speech.stt.deepgram import DeepgramWire
from engine.speech.stt.openai_realtime import RealtimeWire
from engine.speech.stt.vendor_wire import Trouble, socket_url

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner,
                                                                                        max_size=3), max_leaves=6)
KEYS = ["type", "start", "duration", "is_final", "from_finalize", "channel", "item_id", "delta", "transcript", "error",
        "logprobs", "languages"]
KINDS = ["Results", "Error", "Metadata", "error", "input_audio_buffer.committed",
         *(f"conversation.item.input_audio_transcription.{kind}" for kind in ("delta", "completed", "failed"))]
TIMES = st.floats() | st.sampled_from([0.0, 0.1, 0.4, -1.0, 1e300, None])
WORD = st.fixed_dictionaries({"word": VALUES, "start": TIMES, "end": TIMES}) | VALUES
BEST = st.fixed_dictionaries({"transcript": VALUES, "confidence": TIMES, "words": st.lists(WORD, max_size=2) | VALUES})
RESULTS = st.fixed_dictionaries({
    "type": st.just("Results"), "start": TIMES, "duration": TIMES, "is_final": VALUES, "from_finalize": VALUES,
    "channel": st.fixed_dictionaries({"alternatives": st.lists(BEST | VALUES, max_size=1)}) | VALUES})
EVENTS = st.builds(lambda kind, rest: {**rest, "type": kind}, st.sampled_from(KINDS),
                   st.dictionaries(st.sampled_from(KEYS), VALUES))
MESSAGES = st.text(max_size=30) | st.binary(max_size=30) | (VALUES | RESULTS | EVENTS).map(json.dumps)


@pytest.mark.parametrize("make", [lambda: DeepgramWire(8000), lambda: RealtimeWire(8000, {})])
@given(st.lists(MESSAGES, max_size=5))
def test_no_message_breaks_a_call(make, messages):
    """What cannot be understood is a fault of kind ``broken``, never an exception: it would end the call's hearing."""
    wire = make()
    wire.begin()
    wire.audio(bytes(3200))
    wire.end()
    for message in messages:
        for told in wire.take(message):
            assert isinstance(told, Trouble) or (isinstance(told.text, str) and isinstance(told.language, str)
                                                 and -1 <= told.confidence <= 1)


def result(words, start=0.0, duration=2.0, **fields):
    best = {"transcript": " ".join(word for word, _, _ in words), "confidence": 0.9,
            "words": [{"word": word, "start": begin, "end": end} for word, begin, end in words]}
    return json.dumps({"type": "Results", "start": start, "duration": duration, "is_final": False,
                       "channel": {"alternatives": [best]}, **fields})


def test_words_of_two_stretches_in_one_result_are_told_apart():
    """Where an answer to Finalize was missing, the next result begins before it: each word goes to its own stretch."""
    wire = DeepgramWire(8000)
    for _ in range(2):
        wire.begin()
        wire.audio(bytes(16000))
        wire.end()
    told = wire.take(result([("one", 0.2, 0.5), ("two", 1.3, 1.6)], is_final=True, from_finalize=True))
    assert [(words.number, words.text, words.last) for words in told] == [(0, "one", True), (1, "two", True)]


def test_positions_are_counted_from_the_beginning_of_the_stretch():
    wire = DeepgramWire(8000)
    wire.begin()
    wire.audio(bytes(16000))
    wire.end()
    wire.take(result([], 0.0, 1.0, is_final=True, from_finalize=True))
    wire.begin()
    wire.audio(bytes(16000))
    (words,) = wire.take(result([("one", 1.25, 1.5)], 1.0, 0.75))
    assert (words.number, words.start, words.end) == (1, 0, 4000)


@pytest.mark.parametrize(("closed", "kind"), [
    (SocketClosed(1008, "DATA-0000"), "refused"), (SocketClosed(1011, "NET-0001"), "unavailable"),
    (SocketClosed(1006, "the connection broke"), "unavailable")])
def test_what_an_end_of_the_connection_means(closed, kind):
    """Audio that cannot be decoded is our fault and will not get better; the rest is worth another try."""
    assert DeepgramWire(8000).lost(closed).kind == kind


def test_addresses_may_be_written_either_way():
    assert socket_url("https://api.deepgram.com/") == "wss://api.deepgram.com"
    assert socket_url("ws://127.0.0.1:8/v1") == "ws://127.0.0.1:8/v1"
