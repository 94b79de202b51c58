"""Management and figures over HTTP, of an engine that holds a call."""

import json
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
from call_providers import providers, voice
from call_world import wait

from engine.casting import Casting
from engine.config import Config
from engine.config.routing import RoutingOptions
from engine.errors import ProviderFault
from engine.routing.connections import Connections
from engine.routing.facts import Choice
from engine.routing.router import Router
from engine.routing.routesfile import parse
from engine.senses import Hearing
from engine.speech.ears import Ears
from engine.telemetry.eventlog import EventLog
from engine.timers import Timers
from engine.web import parts


@contextmanager
def web_of(engine):
    web = parts.web(engine)
    web.start()

    def ask(path, method="GET"):
        try:
            with urllib.request.urlopen(urllib.request.Request(web.url + path, method=method), timeout=5) as answer:
                data = answer.read()
                return json.loads(data) if answer.headers.get_content_type() == "application/json" else data.decode()
        except urllib.error.HTTPError as fault:
            return {"status": fault.code} | json.loads(fault.read())["error"]

    try:
        yield ask
    finally:
        web.stop()


def test_figures_of_a_call(world):
    """One spoken turn shows in /admin/stats, /admin/calls, /health and /metrics while it is going on and after."""
    with world(providers(["when do you open"])) as at, web_of(at.engine) as ask:
        call = at.place(caller="+4930123456")
        call.greeted()
        (live,) = ask("/admin/calls")["calls"]
        assert (live["id"], live["seconds"] > 0) == (call.uuid, True)
        call.say(voice(0.6, call.rate))
        call.hears()
        call.hears_silence()
        stats = ask("/admin/stats")
        assert (stats["calls"]["active"], stats["turns"]["count"]) == (1, 1)
        assert stats["parts"]["stt"]["count"] >= 1
        components = ask("/health")["components"]
        assert components["stt"]["status"] == "ok" and components["stt"]["latency_ms"] >= 0
        call.hangup()
        at.over(call)
        wait(lambda: ask("/admin/stats")["calls"]["ended"], "nobody counted the end")
        text = ask("/metrics")
    for line in ("trunkline_calls_total 1.0", "trunkline_calls_active 0.0", "trunkline_turn_latency_seconds_count 1.0",
                 'trunkline_http_requests_total{method="GET",path="/admin/calls",status="200"} 1.0',
                 'trunkline_component_ok{component="event_socket"} 1.0'):
        assert line in text.splitlines(), line
    assert "process_resident_memory_bytes" in text


def test_drain_is_what_sigterm_is(world):
    with world() as at, web_of(at.engine) as ask:
        assert not at.engine.told_to_drain.is_set()
        assert ask("/admin/drain", "POST") == {"calls": 0, "drain_s": 5.0}
        assert at.engine.told_to_drain.is_set()
        assert ask("/admin/drain")["status"] == 405


def test_an_engine_with_given_providers_has_nothing_to_reload_or_reset(world):
    with world() as at, web_of(at.engine) as ask:
        assert ask("/admin/reload", "POST")["code"] == "nothing_to_reload"
        assert ask("/admin/providers/x/reset", "POST")["code"] == "no_such_provider"
        assert ask("/admin/providers") == {"routed": False, "providers": {}}


@pytest.fixture
def casting(home):
    """Of an engine whose agents lie in ``home/agents``; it is put in the place of the one that casts."""
    (home / "agents").mkdir()
    agent(home, "Good morning.")
    given = providers()
    config = Config.model_validate({"agents": {"shipped": False, "folder": "agents"}})
    made = Casting(config, given, Hearing(Ears(given.vad, config.vad, 20)), Timers())
    yield made
    made.close()


def agent(home, greeting):
    (home / "agents" / "shop.yaml").write_text(
        f"default: true\npersona: Sells tea.\nlanguages: {{en: {{greeting: {greeting}}}}}\n")


def test_reload_gives_the_next_call_what_is_in_the_files(world, home, casting):
    """With a fault in a file nothing changes, and the file and line are named."""
    with world() as at, web_of(at.engine) as ask:
        at.engine._casting = casting
        try:
            assert ask("/admin/reload", "POST") == {"agents": []}
            agent(home, "Good evening.")
            assert ask("/admin/reload", "POST") == {"agents": ["shop"]}
            assert casting.agents.pick().phrases().greeting == "Good evening."
            (home / "agents" / "shop.yaml").write_text("default: true\nlanguages: {en: {greetin: x}}\n")
            fault = ask("/admin/reload", "POST")
            assert (fault["status"], fault["code"]) == (409, "not_reloaded")
            assert "shop.yaml:2" in fault["message"]
            assert casting.agents.pick().phrases().greeting == "Good evening."
        finally:
            at.engine._casting = None


def test_a_provider_is_asked_again_after_its_reset(world, casting, home):
    """Its breaker is open after an hour's worth of refused keys; the operator has mended the key."""
    routes = parse(b"priority_providers: [first]\n"
                   b"providers: {first: {models: {m: {capabilities: [stt], cost_per_minute: 0.06}}}}", "routes")
    router = Router(routes, RoutingOptions(), Connections())
    choice = Choice("stt", "first", "m", "en", "", routes.tree.providers["first"].models["m"])
    router.told(choice, ProviderFault("first", "auth", "wrong key"))
    casting._router = router
    with world() as at, web_of(at.engine) as ask:
        at.engine._casting = casting
        try:
            (state,) = ask("/admin/providers")["providers"]["first"]
            assert (state["capability"], state["state"], state["ready_in_s"] > 0) == ("stt", "open", True)
            assert 'trunkline_breaker_open{capability="stt",provider="first"} 1.0' in ask("/metrics")
            assert ask("/admin/providers/first/reset", "POST") == {"provider": "first", "capabilities": ["stt"]}
            assert ask("/admin/providers") == {"routed": True, "providers": {}}
            assert router.health.vitals(choice, router.clock()).ready_in_s == 0
        finally:
            at.engine._casting = None


def test_a_part_that_failed_last_is_degraded(home):
    """Until it works again or a minute has passed: a fault of yesterday is no news."""
    from engine.disk import DiskWriter
    from engine.telemetry.figures import Figures

    now = [0.0]
    figures, disk = Figures(lambda: now[0]), DiskWriter()
    log = EventLog(home / "events.jsonl", disk, lambda: 0.0)
    figures.follow(log)
    log.write("final", text="x", start=0, end=1, ms=120, confidence=0.9)
    log.write("provider_failed", capability="stt", provider="first", kind="timeout", message="", ms=1, begun=False)
    log.close()
    disk.close()
    (part,) = figures.components().values()
    assert (part.status, part.latency_ms, part.detail) == ("degraded", 120, "first: timeout")
    now[0] = 61.0
    assert figures.components()["stt"].status == "ok"
    assert figures.faults == {("stt", "first", "timeout"): 1}
