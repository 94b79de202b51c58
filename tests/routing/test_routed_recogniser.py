"""A recogniser that is lost in a call: the next one goes on, and the caller has said nothing in vain."""

import gevent
import numpy as np
import pytest
from routing_world import Clock, World, fault

from engine.errors import ProviderFault
from engine.routing.recogniser import RoutedRecogniser
from engine.speech.interfaces import Heard

RATE = 8000


class Call:
    """A call of 20 ms frames whose recogniser is routed; ``heard`` is what came of it."""

    def __init__(self, world):
        self.world, self.heard, self.frames = world, [], 0
        self.stream = RoutedRecogniser(world.route).open(RATE, self.heard.append)
        gevent.sleep(0)

    def frames_until(self, seconds):
        while self.frames < round(seconds * 50):
            self.stream.feed(np.full(160, self.frames % 30000, np.int16).tobytes())
            self.frames += 1

    def speaks(self, start, end=None):
        """The caller's voice, told 60 ms after its start and 160 ms after its end, as the ears do."""
        self.frames_until(start + 0.06)
        self.stream.voice_on(round(start * RATE))
        if end is not None:
            self.frames_until(end + 0.16)
            self.stream.voice_off(round(end * RATE))

    def at(self, provider, number=-1, language="ml"):
        """A stream of a provider, the newest."""
        gevent.sleep(0)
        return self.world.recognisers[provider, language].streams[number]


@pytest.fixture
def calling():
    """Makes calls; at the end all streams of all of them must have been closed."""
    made = []

    def make(world=None, **options):
        made.append(Call(world or World(**options)))
        return made[-1]

    yield make
    for one in made:
        one.stream.close()
        gevent.sleep(0)
    for one in made:
        assert all(stream.closed for recogniser in one.world.recognisers.values() for stream in recogniser.streams)


def ready_recognisers(world):
    """Recognisers that exist before the call, so that they can be told to refuse."""
    for standing in world.route.order("stt").standing:
        world.connections.recogniser(standing.choice)
    return world.recognisers


def test_positions_of_the_first_recogniser_are_those_of_the_call(calling):
    """With every frame, from the first one."""
    one = calling()
    one.speaks(1.0, 2.0)
    stream = one.at("a")
    assert stream.frames == list(range(108))
    assert stream.edges == [("on", 8000, 53), ("off", 16000, 108)]
    stream.say("good morning", 8000, 16000, confidence=0.9)
    assert one.heard == [Heard("good morning", True, 8000, 16000, 0.9)]
    assert one.world.lines.names() == ["provider_chosen"]


@pytest.mark.parametrize("when", ["feed", "voice_off"])
def test_a_lost_stream_is_replaced_and_the_next_hears_the_utterance_from_its_beginning(when, calling):
    """The caller does not notice; positions stay those of the call."""
    one = calling()
    one.speaks(5.0)
    one.frames_until(6.0)
    first = one.at("a")
    first.say("good", 40000, 44000, final=False)
    if when == "feed":
        first.broken = fault("broken")
    one.frames_until(6.46)
    first.broken = fault("broken")
    one.stream.voice_off(round(6.3 * RATE))
    second = one.at("b")
    assert second.frames == list(range(225, 323))
    assert [(kind, sample / RATE + 4.5) for kind, sample, _ in second.edges] == [("on", 5.0), ("off", 6.3)]
    second.say("good morning", round(0.5 * RATE), round(1.8 * RATE))
    assert one.heard[-1] == Heard("good morning", True, 40000, 50400)
    assert first.closed
    switched = one.world.lines.of("provider_switched")[0]
    assert (switched["before"], switched["provider"]) == ("a/m", "b")
    assert one.world.lines.of("provider_failed")[0]["begun"] is True


def test_words_of_a_long_utterance_that_was_half_understood_are_kept(calling):
    """Its beginning is beyond what is heard again: what was understood stands, the rest is heard."""
    one = calling()
    one.speaks(5.0)
    one.frames_until(11.5)
    first = one.at("a")
    first.say("seven hundred and", 40000, 91200, final=False)
    one.frames_until(12.0)
    first.broken = fault()
    one.frames_until(12.02)
    second = one.at("b")
    assert one.heard[-1] == Heard("seven hundred and", True, 40000, 91200)
    assert second.frames[0] == 570 and second.edges[0][:2] == ("on", 0)


def test_nothing_that_the_lost_stream_says_afterwards_is_taken(calling):
    """It would be heard twice."""
    one = calling()
    one.speaks(1.0)
    first = one.at("a")
    first.broken = fault()
    one.frames_until(1.2)
    one.at("b")
    first.say("late", 8000, 9000)
    assert one.heard == []


def test_a_fault_that_the_recogniser_tells_belongs_to_the_call_whose_final_follows(calling):
    """Recognisers are shared: the fault of one call must not change the recogniser of another."""
    world = World()
    one, other = calling(world), calling(world)
    for each in (one, other):
        each.speaks(1.0, 2.0)
    mine, others = one.at("a", 0), one.at("a", 1)
    world.recognisers["a", "ml"].on_fault(fault("timeout"))
    mine.say("good mor", 8000, 16000)
    assert one.heard == [], "what the lost one made of it is not the final"
    one.at("b").say("good morning", 4000, 12000)
    assert one.heard == [Heard("good morning", True, 8000, 16000)]
    others.say("hello", 8000, 16000)
    assert other.heard == [Heard("hello", True, 8000, 16000)] and not others.closed


def test_a_fault_long_before_a_final_does_not_spoil_it(calling):
    """The recogniser had a new connection in the meantime, and heard everything again."""
    one = calling()
    one.speaks(1.0, 2.0)
    stream = one.at("a")
    one.world.recognisers["a", "ml"].on_fault(fault())
    gevent.sleep(0.02)
    stream.say("good morning", 8000, 16000)
    assert one.heard == [Heard("good morning", True, 8000, 16000)] and not stream.closed


@pytest.mark.parametrize("edge", ["on", "off", "none"])
def test_a_recogniser_that_cannot_connect_any_more_is_left_at_once(edge, calling):
    """It tells its faults without any final: nobody has to wait until one is overdue."""
    one = calling()
    one.speaks(1.0, 2.0)
    one.at("a").say("yes", 8000, 16000)
    if edge != "on":
        one.speaks(3.0)
    for _ in range(3):
        one.world.recognisers["a", "ml"].on_fault(fault())
    if edge == "on":
        one.speaks(3.0)
    if edge == "none":
        one.frames_until(3.6)
        assert one.at("b").edges[0][0] == "on"
    one.frames_until(4.16)
    one.stream.voice_off(32000)
    second = one.at("b")
    second.say("please", second.edges[0][1], second.edges[1][1])
    assert one.heard[-1] == Heard("please", True, 24000, 32000)
    assert one.world.lines.of("provider_switched")[0]["why"] == "its breaker is open"


def test_a_recogniser_with_an_open_breaker_is_kept_when_there_is_no_other(calling):
    """It may come back, and it connects by itself."""
    one = calling(text="providers: {a: {models: {m: {capabilities: [stt]}}}}")
    stream = one.at("a")
    for _ in range(3):
        one.world.recognisers["a", "ml"].on_fault(fault())
    one.speaks(1.0, 2.0)
    assert one.at("a") is stream and [kind for kind, _, _ in stream.edges] == ["on", "off"]


def test_a_final_that_does_not_come_is_asked_of_the_next(calling):
    """Deaf is worse than late."""
    one = calling(final_ms=100)
    one.speaks(1.0, 2.0)
    one.at("a")
    gevent.sleep(0.13)
    second = one.at("b")
    assert [kind for kind, _, _ in second.edges] == ["on", "off"]
    assert one.world.lines.of("provider_failed")[0]["kind"] == "timeout"


def test_voice_that_goes_on_before_its_final_is_no_overdue_final(calling):
    """Recognisers that hear a stretch as a whole wait for its real end."""
    one = calling(final_ms=100)
    one.speaks(1.0, 2.0)
    one.speaks(2.3)
    stream = one.at("a")
    gevent.sleep(0.13)
    one.frames_until(3.16)
    one.stream.voice_off(24000)
    stream.say("all of it", 8000, 24000)
    gevent.sleep(0.13)
    assert one.heard == [Heard("all of it", True, 8000, 24000)]
    assert one.world.lines.names() == ["provider_chosen"]


def test_a_call_that_ends_while_nobody_can_be_had_leaves_nothing_behind(calling):
    """No greenlet may go on trying for a caller who is gone."""
    world = World()
    for recogniser in ready_recognisers(world).values():
        recogniser.refuse = fault()
    one = calling(world)
    change = one.stream._change
    one.stream.close()
    change.join(1)
    assert change.ready()


def test_with_nobody_else_a_late_final_is_waited_for(calling):
    """To throw away the only recogniser makes nothing better."""
    one = calling(text="providers: {a: {models: {m: {capabilities: [stt]}}}}", final_ms=100)
    one.speaks(1.0, 2.0)
    stream = one.at("a")
    gevent.sleep(0.13)
    stream.say("slow", 8000, 16000)
    assert one.heard == [Heard("slow", True, 8000, 16000)]


def test_who_cannot_open_a_stream_is_passed_over(calling):
    """At the beginning of the call as later; no frame is lost meanwhile."""
    world = World()
    ready_recognisers(world)["a", "ml"].refuse = fault("auth")
    one = calling(world)
    one.frames_until(0.4)
    assert one.at("b").frames == list(range(20))
    assert world.lines.names() == ["provider_failed", "breaker_opened", "provider_chosen"]


def test_when_nobody_can_hear_the_final_still_comes(calling):
    """With what was known; the turn engine must not wait for ever."""
    world = World()
    recognisers = ready_recognisers(world)
    one = calling(world)
    one.speaks(1.0)
    stream = one.at("a")
    stream.say("yes plea", 8000, 12000, final=False)
    for recogniser in recognisers.values():
        recogniser.refuse = fault()
    stream.broken = fault()
    one.frames_until(2.16)
    one.stream.voice_off(16000)
    gevent.sleep(0)
    assert one.heard[-1] == Heard("yes plea", True, 8000, 16000)


def test_without_a_candidate_the_call_is_told_at_once():
    """A configuration that cannot hear a language is a fault of the start, not silence."""
    world = World("providers: {a: {models: {m: {capabilities: [tts]}}}}")
    with pytest.raises(ProviderFault, match="no provider is left for stt.*route explain"):
        RoutedRecogniser(world.route).open(RATE, lambda heard: None)


DOUBT = """
providers:
  a: {models: {m: {capabilities: [stt]}}}
  b: {models: {m: {capabilities: [stt]}}}
routing_rules:
  kerala: {condition: "region == 'kerala'", priority_providers: [a, b], min_confidence: 0.8}
"""


def test_two_transcripts_in_a_row_below_min_confidence_take_the_next_recogniser(calling):
    """Requirement S1.28; once each, so that two weak ones do not take turns."""
    one = calling(text=DOUBT)
    for start, confidence in ((1.0, 0.7), (3.0, 0.9), (5.0, 0.6), (7.0, 0.5)):
        one.speaks(start, start + 1)
        one.at("a").say("maybe", round(start * RATE), round((start + 1) * RATE), confidence=confidence)
    second = one.at("b")
    assert one.at("a").closed
    assert one.world.lines.of("provider_switched")[0]["why"] == "confidence below min_confidence"
    assert not one.world.lines.of("provider_failed")
    for start in (9.0, 11.0, 13.0):
        one.speaks(start, start + 1)
        second.say("maybe", round((start - 8) * RATE), round((start - 7) * RATE), confidence=0.1)
    assert not second.closed and len(one.heard) == 7
    assert [heard.start for heard in one.heard] == [8000 * start for start in (1, 3, 5, 7, 9, 11, 13)]


def test_a_change_of_language_takes_effect_with_the_next_voice(calling):
    """And that voice is heard from its beginning in the new language."""
    one = calling()
    one.speaks(1.0, 2.0)
    one.at("a").say("namaskaram", 8000, 16000)
    one.world.route.set_facts(language="ta")
    one.speaks(3.0, 4.0)
    stream = one.at("a", language="ta")
    assert [kind for kind, _, _ in stream.edges] == ["on", "off"]
    assert one.at("a", 0).closed
    stream.say("vanakkam", stream.edges[0][1], stream.edges[1][1])
    assert one.heard[-1] == Heard("vanakkam", True, 24000, 32000)


def test_seconds_heard_are_paid_for_by_who_heard_them(calling):
    """At the change, and at the end."""
    one = calling()
    one.speaks(1.0)
    one.frames_until(6.0)
    one.at("a").broken = fault()
    one.frames_until(6.02)
    one.at("b")
    one.frames_until(16.0)
    one.stream.close()
    spent = one.world.route.account.by_provider
    assert spent["a"].heard_s == pytest.approx(6.02)
    assert spent["b"].heard_s == pytest.approx(15.5), "with what it heard again"


def test_three_lost_streams_open_the_breaker_for_everybody(calling):
    """The next call begins with a recogniser that works."""
    world = World(clock=Clock(), avoid_s=0)
    for _ in range(3):
        one = calling(world)
        one.at("a").broken = fault()
        one.frames_until(0.1)
        one.stream.close()
    one = calling(world)
    one.frames_until(0.1)
    assert one.at("b").frames == list(range(5))
    assert world.lines.of("breaker_opened") == [{"capability": "stt", "provider": "a", "seconds": 10.0}]
