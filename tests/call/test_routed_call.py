"""Whole calls whose providers are chosen by the router and fail: what the caller hears, and what the log tells."""

import pytest
from call_providers import ANSWER, LookUp, LoudnessVad, ScriptedRecogniser, SpeechError, ToneVoice, voice
from call_world import named, wait

from engine.config import RoutingOptions
from engine.embedded import Providers
from engine.errors import ProviderFault
from engine.routing.connections import Connections
from engine.routing.facts import Facts
from engine.routing.recogniser import RoutedRecogniser
from engine.routing.routed import RoutedVoice
from engine.routing.router import Router
from engine.routing.routesfile import parse

ROUTES = """
priority_providers: [first, second]
providers:
  first: {models: {m: {capabilities: [stt, tts], cost_per_minute: 0.06}}}
  second: {models: {m: {capabilities: [stt, tts], cost_per_minute: 0.06}}}
"""


class Lines:
    """What the router writes."""

    def __init__(self):
        self.all = []

    def write(self, event, /, **fields):
        self.all.append((event, fields))

    def names(self, capability):
        return [event for event, fields in self.all if fields.get("capability") == capability]


class Routed:
    """Two recognisers and two voices behind the router, for one call."""

    def __init__(self, script, tone):
        self.recogniser, other = ScriptedRecogniser(script), ScriptedRecogniser(script)
        self.connections, self.lines = Connections(), Lines()
        self.connections.add_recogniser("first", lambda choice, on_fault: self.recogniser)
        self.connections.add_recogniser("second", lambda choice, on_fault: other)
        self.connections.add_voice("first", lambda choice: tone)
        self.connections.add_voice("second", lambda choice: ToneVoice())
        router = Router(parse(ROUTES.encode(), "routes"), RoutingOptions(), self.connections)
        self.route = router.for_call(Facts(), self.lines)
        self.given = Providers(LoudnessVad(), RoutedRecogniser(self.route), RoutedVoice(self.route), LookUp())


def ask(call, seconds=0.9):
    call.greeted()
    call.say(voice(seconds, call.rate))


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_recogniser_lost_in_mid_question_costs_no_word(world, rate):
    """The next one hears the question from its beginning; the caller is answered as ever, and it stands in the log
    where it was said."""
    routed = Routed(["when do you open"], ToneVoice())
    with world(routed.given) as at:
        call = at.place(rate=rate)
        ask(call)
        wait(lambda: named(at.events(call), "partial"), "nothing heard")
        routed.recogniser.feed_fault = ProviderFault("first", "unavailable", "the socket is gone")
        call.hears()
        call.hears_silence()
        call.hangup()
        at.over(call)
        events = at.events(call)
    (final,) = named(events, "final")
    (said,) = named(events, "user_said")
    assert (final["text"], said["text"]) == ("when do you open", "when do you open")
    began, stopped = (named(events, name)[0]["at"] for name in ("voice_on", "voice_off"))
    assert (final["start"], final["end"]) == (pytest.approx(began, abs=0.001), pytest.approx(stopped, abs=0.001))
    assert [event["text"] for event in named(events, "agent_said")] == ["Hello there.", ANSWER]
    assert routed.lines.names("stt") == ["provider_chosen", "provider_failed", "provider_switched"]
    assert routed.route.account.by_provider.keys() == {"first", "second"}
    assert not routed.recogniser.streams


def test_a_voice_that_fails_is_replaced_before_the_caller_notices(world):
    """The whole answer comes, without an apology."""
    routed = Routed(["when do you open"], ToneVoice(nine=SpeechError("out of breath")))
    with world(routed.given) as at:
        call = at.place()
        ask(call, 0.6)
        call.hears()
        call.hears_silence()
        call.hangup()
        at.over(call)
        events = at.events(call)
    assert [event["text"] for event in named(events, "agent_said")] == ["Hello there.", ANSWER]
    assert not named(events, "reply_failed")
    assert routed.lines.names("tts") == ["provider_chosen", "provider_failed", "provider_switched"]
