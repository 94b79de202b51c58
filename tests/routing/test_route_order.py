"""Who is asked first, and why: tables over the pure core, on a clock set by hand."""

import json

import pytest
from routing_data import SEED

from engine.config import RoutingOptions
from engine.routing.facts import Facts
from engine.routing.health import Health
from engine.routing.order import order
from engine.routing.plan import plan
from engine.routing.routesfile import load, parse

FILE = """
languages:
  ml:
    priority_providers: [cloud, local]
    dialects:
      malabar: {priority_providers: [local, cloud]}
      cochin: {}
priority_providers: [cloud]
providers:
  local:
    models:
      small: {capabilities: [stt, tts], languages: [ml, en], accuracy_score: 0.7}
      malabar_only: {capabilities: [stt], languages: [ml], dialects: [malabar], accuracy_score: 0.9}
  cloud:
    models:
      big: {capabilities: [stt, llm], accuracy_score: 0.9, cost_per_minute: 0.05}
      cheap: {capabilities: [stt, llm], accuracy_score: 0.6, cost_per_minute: 0.01}
  far:
    models:
      speech: {capabilities: [tts, stt], accuracy_score: 0.5, cost_per_minute: 0.001}
routing_rules:
  night: {condition: "hour >= 22", priority_providers: [far, local]}
  stays_here: {condition: "region == 'eu'", priority_providers: [local, nowhere], only_listed: true}
  good: {condition: "agent == 'doctor'", priority_providers: [far, cloud], min_accuracy: 0.8, min_confidence: 0.9}
  thrift: {condition: "agent == 'survey'", priority_providers: [cloud], max_cost_per_minute: 0.02}
"""
ROUTES = parse(FILE.encode(), "f.yaml")
OPTIONS = RoutingOptions()
MALABAR = {"language": "ml", "dialect": "malabar"}


def decide(capability="stt", health=None, options=OPTIONS, now=0.0, sticky="", avoided=(), connected=None, **facts):
    planned = plan(ROUTES, capability, Facts(**facts), connected)
    return order(planned, health or Health(options), options, now, sticky=sticky, avoided=avoided)


def names(decision):
    return [one.choice.name for one in decision.standing]


def works(health, provider, capability="stt", now=0.0, ms=100.0, times=20, **facts):
    choice = next(one.choice for one in decide(capability, health, now=now, **facts).standing
                  if one.choice.provider == provider)
    for _ in range(times):
        ticket = health.begin(choice, now)
        health.began(choice, now, ms)
        health.good(choice, now, ticket)


def fails(health, provider, capability="stt", now=0.0, kind="unavailable", times=3, after=None, **facts):
    choice = next(one.choice for one in decide(capability, health, now=now, **facts).standing
                  if one.choice.provider == provider)
    for _ in range(times):
        health.bad(choice, now, health.begin(choice, now), kind, after)


@pytest.mark.parametrize(("facts", "by", "first"), [
    ({"language": "ml"}, "language ml", ["cloud/big", "local/malabar_only", "far/speech"]),
    ({"language": "ml-IN"}, "language ml", ["cloud/big", "local/malabar_only", "far/speech"]),
    ({"language": "ml", "dialect": "malabar"}, "dialect ml/malabar", ["local/malabar_only", "cloud/big", "far/speech"]),
    ({"language": "ml", "dialect": "cochin"}, "language ml", ["cloud/big", "local/small", "far/speech"]),
    ({"language": "ml", "dialect": "unheard"}, "language ml", ["cloud/big", "local/small", "far/speech"]),
    ({"language": "ta"}, "priority_providers", ["cloud/big", "far/speech"]),
    ({"language": "ml", "hour": 23}, "rule night", ["far/speech", "local/malabar_only", "cloud/big"]),
    ({"language": "ml", "region": "eu"}, "rule stays_here", ["local/malabar_only"]),
    ({"language": "ml", "region": "eu", "hour": 23}, "rule night", ["far/speech", "local/malabar_only", "cloud/big"]),
    ({"language": "ml", "agent": "doctor"}, "rule good", ["cloud/big", "local/malabar_only"]),
    ({"language": "ml", "agent": "survey"}, "rule thrift", ["cloud/cheap", "local/malabar_only", "far/speech"]),
])
def test_rule_then_dialect_then_language_then_file(facts, by, first):
    """The most special list that there is decides; who is not in it comes after it, one model a provider."""
    decision = decide(**facts)
    assert (decision.plan.by, names(decision)) == (by, first)


def test_every_model_of_the_file_is_a_candidate_or_says_why_not():
    """"Why is it not asked" is the question that operators have."""
    for facts in ({"language": "ml"}, {"language": "ta", "region": "eu"}, {"agent": "doctor"}, {"agent": "survey"}):
        for capability in ("stt", "llm", "tts"):
            decision = decide(capability, **facts)
            told = set(names(decision)) | {f"{gone.provider}/{gone.model}" for gone in decision.excluded}
            whole = {gone.provider for gone in decision.excluded if not gone.model}
            for provider, route in ROUTES.tree.providers.items():
                assert provider in whole or {f"{provider}/{model}" for model in route.models} <= told
            assert all(gone.why for gone in decision.excluded)


def test_the_first_file_sends_kerala_to_its_own_provider():
    """Requirement S1.28, as written there."""
    decision = order(plan(load(SEED), "stt", Facts(language="ml", region="kerala")), Health(OPTIONS), OPTIONS, 0.0)
    assert names(decision) == ["proprietary_ml/malayalam_v1"]
    assert (decision.plan.by, decision.plan.min_confidence) == ("rule kerala_priority", 0.80)


@pytest.mark.parametrize(("options", "first"), [
    ({}, "cloud/big"),
    ({"place_weight": 0.0}, "local/malabar_only"),
    ({"place_weight": 0.0, "accuracy_weight": 0.0}, "local/malabar_only"),
    ({"place_weight": 0.0, "cost_weight": 0.0}, "cloud/big"),
    ({"place_weight": 0.0, "cost_weight": 0.0, "accuracy_weight": 0.0}, "cloud/big"),
])
def test_weights_balance_accuracy_against_price(options, first):
    """Requirement S1.14; ties fall to the name, so that two machines decide alike."""
    assert names(decide(options=RoutingOptions(**options), language="ml"))[0] == first


def test_the_list_is_kept_unless_the_first_is_much_slower():
    """Half a second of delay is no reason to leave the provider that the operator put first; four are."""
    health = Health(OPTIONS)
    works(health, "local", "tts", ms=900.0, **MALABAR)
    works(health, "far", "tts", ms=100.0, **MALABAR)
    assert names(decide("tts", health=health, **MALABAR))[0] == "local/small"
    works(health, "local", "tts", ms=4000.0, times=40, **MALABAR)
    assert names(decide("tts", health=health, **MALABAR))[0] == "far/speech"


def test_slowness_is_forgotten_with_time():
    """A provider that was slow two hours ago gets another chance without anybody's doing."""
    health = Health(OPTIONS)
    works(health, "local", "tts", ms=8000.0, **MALABAR)
    assert names(decide("tts", health=health, **MALABAR))[0] == "far/speech"
    assert names(decide("tts", health=health, now=7200.0, **MALABAR))[0] == "local/small"


def test_a_slow_model_gives_way_to_a_quick_one_of_the_same_provider():
    """Delays are measured by model, breakers by provider."""
    health = Health(OPTIONS)
    works(health, "cloud", ms=4000.0, times=40, language="ml")
    assert names(decide(health=health, language="ml"))[0] == "cloud/cheap"


def test_a_provider_with_an_open_breaker_stands_last_and_says_so():
    """It is asked only when nobody else is left."""
    health = Health(OPTIONS)
    fails(health, "cloud", language="ml")
    decision = decide(health=health, language="ml")
    assert names(decision)[-1] == "cloud/big"
    last = decision.standing[-1]
    assert not last.ready and last.note == "breaker open, tried again in 10.0 s"
    assert names(decide("llm", health=health, language="ml"))[0] == "cloud/big", "each capability has its own breaker"


def test_a_provider_at_its_rate_limit_stands_behind_those_that_are_ready():
    """Its breaker is closed: it is well, only busy."""
    health = Health(OPTIONS)
    fails(health, "cloud", kind="rate_limit", times=1, after=5.0, language="ml")
    decision = decide(health=health, now=1.0, language="ml")
    assert names(decision)[-1] == "cloud/big"
    last = decision.standing[-1]
    assert (last.vitals.state, last.note) == ("closed", "asked for a pause, rests 4.0 s")
    assert names(decide(health=health, now=5.1, language="ml"))[0] == "cloud/big"


def test_sticky_avoided_and_unconnected():
    """The voice of a call stays; who failed in it goes behind; who cannot be reached is no candidate."""
    assert names(decide("tts", language="ml", sticky="far/speech")) == ["far/speech", "local/small"]
    assert names(decide("tts", language="ml", sticky="far/speech", avoided={"far"})) == ["local/small", "far/speech"]
    gone = decide("tts", language="ml", connected=lambda choice: choice.provider == "far")
    assert names(gone) == ["far/speech"]
    assert [one.why for one in gone.excluded if one.model == "small"] == [
        "there is no connection local_tts_ml or local_tts or local for tts"]


def test_the_explanation_is_plain_values():
    """It goes to JSON, and the points add up to the score."""
    for one in json.loads(json.dumps(decide(language="ml").as_dict()))["candidates"]:
        assert one["score"] == pytest.approx(sum(one["points"].values()), abs=1e-3)
