"""Transcripts below ``min_confidence``: another recogniser is asked, and the surer one counts (requirement S1.28)."""

import gevent
import numpy as np
import pytest
from routing_world import World, fault

from engine.routing.recogniser import RoutedRecogniser
from engine.speech.interfaces import Heard

RATE = 8000
DOUBT = """
providers:
  a: {models: {m: {capabilities: [stt], cost_per_minute: 0.06}}}
  b: {models: {m: {capabilities: [stt], cost_per_minute: 0.06}}}
routing_rules:
  kerala: {condition: "region == 'kerala'", priority_providers: [a, b], min_confidence: 0.8}
"""


class Call:
    """The caller has spoken from 1 to 2 s; recogniser a is not sure of what."""

    def __init__(self, **options):
        self.world, self.heard = World(DOUBT, **options), []
        for standing in self.world.route.order("stt").standing:
            self.world.connections.recogniser(standing.choice)
        self.stream = RoutedRecogniser(self.world.route).open(RATE, self.heard.append)
        gevent.sleep(0)
        self.frames(0, 53)
        self.stream.voice_on(8000)
        self.frames(53, 108)
        self.stream.voice_off(16000)

    def frames(self, first, end):
        for number in range(first, end):
            self.stream.feed(np.full(160, number, np.int16).tobytes())

    def of(self, provider):
        return self.world.recognisers[provider, "ml"]

    def doubts(self, confidence=0.5):
        self.of("a").streams[-1].say("maybe", 8000, 16000, confidence=confidence)
        gevent.sleep(0)

    def other(self):
        return self.of("b").streams[-1]


@pytest.fixture
def call():
    made = []

    def make(**options):
        made.append(Call(**options))
        return made[-1]

    yield make
    for one in made:
        one.stream.close()
        gevent.sleep(0)
        assert all(stream.closed for provider in "ab" for stream in one.of(provider).streams)


def test_the_surer_of_the_two_counts_where_the_voice_was(call):
    """The other one hears the same audio with the same edges, and its words take the place of the doubted ones."""
    one = call()
    one.doubts()
    assert one.heard == []
    other = one.other()
    assert other.frames == list(range(25, 108)) and [kind for kind, _, _ in other.edges] == ["on", "off"]
    other.say("Kollam", other.edges[0][1], other.edges[1][1], confidence=0.93)
    gevent.sleep(0)
    assert one.heard == [Heard("Kollam", True, 8000, 16000, 0.93)]
    (line,) = one.world.lines.of("second_opinion")
    assert (line["provider"], line["before"], line["after"], line["taken"]) == ("b", 0.5, 0.93, True)
    assert one.world.route.account.by_provider["b"].heard_s == pytest.approx(83 * 0.02)


@pytest.mark.parametrize(("text", "confidence"), [("colon", 0.4), ("colon", -1.0), ("", 0.9)])
def test_who_is_no_surer_changes_nothing(text, confidence, call):
    """Nor one that does not tell how sure it is, nor one that hears nothing."""
    one = call()
    one.doubts()
    other = one.other()
    other.say(text, other.edges[0][1], other.edges[1][1], confidence=confidence)
    gevent.sleep(0)
    assert one.heard == [Heard("maybe", True, 8000, 16000, 0.5)]
    assert one.world.lines.of("second_opinion")[0]["taken"] is False


def test_finals_in_parts_are_put_together_and_are_as_sure_as_the_least(call):
    """Some recognisers tell a stretch in pieces."""
    one = call()
    one.doubts()
    other, start = one.other(), one.other().edges[0][1]
    other.say("to", start, start + 3000, confidence=0.9)
    gevent.sleep(0)
    assert one.heard == []
    other.say("Kollam", start + 3000, start + 8000, confidence=0.85)
    gevent.sleep(0)
    assert one.heard == [Heard("to Kollam", True, 8000, 16000, 0.85)]


def test_a_sure_transcript_waits_for_nobody(call):
    """As most are."""
    one = call()
    one.doubts(confidence=0.8)
    assert [heard.text for heard in one.heard] == ["maybe"] and not one.of("b").streams


def test_time_is_short(call):
    """The caller waits for an answer; half a word of the other one does not count."""
    one = call(second_opinion_ms=50)
    one.doubts()
    other = one.other()
    other.say("to", other.edges[0][1], other.edges[0][1] + 2000, confidence=0.99)
    gevent.sleep(0.08)
    assert one.heard == [Heard("maybe", True, 8000, 16000, 0.5)]
    assert not one.world.lines.of("provider_failed"), "to be slow here is no failure"


def test_who_cannot_be_asked_costs_no_time(call):
    """Its failure is counted, the doubted words go on."""
    one = call()
    one.of("b").refuse = fault(provider="b")
    one.doubts()
    gevent.sleep(0)
    assert [heard.text for heard in one.heard] == ["maybe"]
    assert one.world.lines.of("provider_failed")[0]["provider"] == "b"


def test_a_fault_in_the_middle_is_no_opinion(call):
    """What the other one knew when it failed is less than what we have."""
    one = call()
    one.doubts()
    other = one.other()
    one.of("b").on_fault(fault(provider="b"))
    other.say("Kol", other.edges[0][1], other.edges[1][1], confidence=0.99)
    gevent.sleep(0)
    assert [heard.text for heard in one.heard] == ["maybe"]


def test_the_next_words_do_not_overtake_the_doubted_ones(call):
    """The order of what was said is kept, whatever is waited for."""
    one = call()
    one.doubts()
    one.of("a").streams[-1].say("and then", 17000, 19000, final=False)
    assert [heard.text for heard in one.heard] == ["maybe", "and then"]
    gevent.sleep(0)
    assert one.other().closed


def test_a_call_that_ends_meanwhile_hears_nothing_more(call):
    """And leaves no stream behind."""
    one = call()
    one.doubts()
    one.stream.close()
    gevent.sleep(0)
    assert one.heard == [] and one.other().closed


def test_it_can_be_switched_off(call):
    """It costs the audio twice."""
    one = call(second_opinion_ms=0)
    one.doubts()
    assert [heard.text for heard in one.heard] == ["maybe"] and not one.of("b").streams
