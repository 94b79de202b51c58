"""What the console asks for: files, a call's report and waveform, agents, configuration."""

import base64
import gzip
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from call_world import folder

from engine.config import Config
from engine.errors import ProviderFault
from engine.routing.facts import Facts
from engine.routing.router import Router
from engine.routing.routesfile import EXAMPLE, load
from engine.web.console_calls import search
from engine.web.console_engine import ProvidersQuery, routes, settings
from engine.web.route import as_json

# ---------------------------------------------------------------- files


def test_the_page_lets_no_other_script_run(world):
    """No inline script or style, and nothing from elsewhere: what a caller says can never be run."""
    status, headers, body = world.get("/console")
    assert status == 200 and headers["Content-Type"].startswith("text/html")
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    assert b"http://" not in body and b"https://" not in body and b"onload" not in body


def test_a_file_is_sent_once(world):
    """The etag that came with it is enough the next time; another one is not."""
    _, headers, body = world.get("/static/shared/dom.js")
    assert headers["Content-Type"].startswith("text/javascript") and b"export function h(" in body
    assert world.get("/static/shared/dom.js", **{"If-None-Match": headers["ETag"]})[::2] == (304, b"")
    assert world.get("/static/shared/dom.js", **{"If-None-Match": '"other"'})[0] == 200


@pytest.mark.parametrize("path", ["../pages.py", "..%2fpages.py", "%2e%2e/pages.py", "shared", "shared/none.js",
                                  "console/../../pages.py", "/etc/passwd", "%00", "x" * 3000, "%ff"])
def test_files_outside_the_folder_are_not_there(world, path):
    assert world.get(f"/static/{path}")[0] == 404


# ---------------------------------------------------------------- one call


def test_a_finished_call(world, call):
    shown = world.json(f"/api/console/calls/{call.uuid}")
    assert (shown["id"], shown["live"], shown["recording"]) == (call.uuid, False, True)
    said = [(line["who"], line["text"]) for line in shown["report"]["transcript"]]
    assert said[:2] == [("agent", "Hello there."), ("caller", "what is the late fee for paying late")]
    assert "six dollars" in said[2][1]
    assert shown["report"] == json.loads((folder(call.uuid) / "report.json").read_text())


def test_a_call_that_goes_on(world):
    """Its report is what there is so far."""
    call = world.call("15550002")
    shown = world.json(f"/api/console/calls/{call.uuid}")
    assert shown["live"] and not shown["report"]["complete"]
    assert [line["text"] for line in shown["report"]["transcript"]] == ["Hello there."]
    assert world.get(f"/api/console/calls/{call.uuid}/waveform")[0] == 200
    call.hangup()
    world.over(call)


def test_long_answers_are_compressed_for_who_takes_that(world, call):
    path = f"/api/console/calls/{call.uuid}"
    _, headers, packed = world.get(path, **{"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == world.get(path)[2]


def test_the_waveform_is_of_both_sides(world, call):
    """Loud where somebody spoke, kept in the folder, the same when it is asked for again."""
    path = f"/api/console/calls/{call.uuid}/waveform"
    wave = world.json(path)
    caller, agent = (np.frombuffer(base64.b64decode(text), np.int8).reshape(-1, 2) for text in wave["channels"])
    assert len(caller) == len(agent) == wave["columns"]
    assert caller.max() > 10 and caller.min() < -10 and agent.max() > 5
    assert (folder(call.uuid) / "peaks.json").exists()
    assert world.json(path) == wave


@pytest.mark.parametrize("name", ["nobody", "..", "*", "a%2Fb", "%2e%2e%2f%2e%2e"])
def test_a_call_that_is_not_there(world, name):
    """Ids are names, not patterns or paths."""
    for path in (f"/api/console/calls/{name}", f"/api/console/calls/{name}/waveform"):
        status, _, body = world.get(path)
        assert status == 404 and json.loads(body)["error"]["code"] == "not_found"


def test_a_part_of_an_id_is_not_that_call(world, call):
    """Folders are called by time and id: the end of an id is no id, and must not show somebody else's call."""
    status, _, _ = world.get(f"/api/console/calls/{call.uuid.rpartition('-')[2]}")
    assert status == 404
    assert search(call.uuid) == folder(call.uuid)
    assert search(call.uuid.rpartition("-")[2]) is None


def test_the_events_of_a_call_that_is_over_end_at_once(world, call):
    _, headers, body = world.get(f"/api/console/calls/{call.uuid}/events")
    assert headers["Content-Type"].startswith("text/event-stream")
    assert b"event: end" in body


# ---------------------------------------------------------------- agents


def test_agents_with_what_is_wrong_with_them(world):
    found = {agent["name"]: agent for agent in world.json("/api/console/agents")["agents"]}
    assert found["desk"]["default"] and not found["desk"]["findings"]
    (finding,) = found["lost"]["findings"]
    assert finding["serious"] and finding["line"] == 4 and "nowhere" in finding["text"]


def test_a_check_reads_the_file_as_it_is_now(world):
    """An operator edits, presses the button, and sees the line; calls go on with what was loaded."""
    shown = world.json("/api/console/agents/lost")
    file = Path(shown["file"])
    text = file.read_text()
    try:
        file.write_text(text.replace("greeting", "greting"))
        _, answer = world.post("/api/console/agents/lost/check")
    finally:
        file.write_text(text)
    assert any(finding["line"] == 3 and "greting" in finding["text"] for finding in answer["findings"]), answer
    assert world.json("/api/console/agents/lost")["speaks"]["en"]["phrases"]["greeting"] == "Hello."


def test_an_agent_is_tried(world):
    """What it would say, and why; and what was said before counts."""
    status, answer = world.post("/api/console/agents/desk/try", {"text": "what is the late fee for paying late"})
    assert status == 200 and answer["decision"] == "answer" and "six dollars" in answer["text"]
    assert answer["citations"][0]["document"] == "late-payment" and "score" in answer["detail"]["why"]
    history = [{"who": "agent", "text": answer["text"]}]
    _, again = world.post("/api/console/agents/desk/try", {"text": "say that again", "history": history})
    assert again["text"] == answer["text"]


@pytest.mark.parametrize(("agent", "body", "status", "param"), [
    ("desk", {"text": ""}, 422, "text"), ("desk", {"text": "hi", "language": "xx"}, 422, "language"),
    ("desk", {"text": "hi", "history": [{"who": "me", "text": "x"}]}, 422, "history.0.who"),
    ("nobody", {"text": "hi"}, 404, "name"), ("lost", {"text": "hi"}, 502, None),
])
def test_what_cannot_be_tried_says_why(world, agent, body, status, param):
    found, answer = world.post(f"/api/console/agents/{agent}/try", body)
    assert (found, answer["error"]["param"]) == (status, param), answer
    assert answer["error"]["message"]


# ---------------------------------------------------------------- the engine


def test_secrets_are_hidden():
    """Neither a key that was given nor the default of one is told; everything else is."""
    config = Config.model_validate({"switch": {"password": "hidden-word"}, "providers": {
        "gpt": {"kind": "openai_chat", "model": "m", "api_key": "sk-hidden-word"}}})
    told = settings(config)
    assert "hidden-word" not in json.dumps(told) and "ClueCon" not in json.dumps(told)
    by_path = {one["path"]: one for one in told}
    assert by_path["switch.password"]["value"] == "***" and by_path["switch.password"]["changed"]
    assert by_path["providers.gpt.model"]["value"] == "m"
    assert by_path["turns.endpoint_min_ms"]["unit"] == "ms" and by_path["turns.endpoint_min_ms"]["reason"]


def test_providers_without_a_routing_file(world):
    told = world.json("/api/console/providers")
    assert (told["decisions"], told["breakers"], told["configured"]) == ([], [], [])


class Everybody:
    """Connectors to every provider of the routing file."""

    def able(self, choice):
        return True


def test_the_order_of_providers_and_an_open_breaker():
    """For a call in Malayalam from Kerala: who is asked, what the score is made of, and who is left alone for now."""
    config = Config.model_validate({"routing": {"breaker_failures": 1}})
    router = Router(load(EXAMPLE), config.routing, Everybody(), clock=lambda: 100.0)
    first = router.decide("stt", Facts(language="ml", region="kerala")).standing[0].choice
    router.told(first, ProviderFault(first.provider, "broken", "it hung up"))
    engine = SimpleNamespace(config=config, casting=SimpleNamespace(router=router, agents=SimpleNamespace(default="")))
    (route,) = [one for one in routes(engine) if one.path == "/api/console/providers"]
    told = json.loads(as_json(route.handle(SimpleNamespace(query=ProvidersQuery(language="ml", region="kerala")))))
    (breaker,) = told["breakers"]
    assert (breaker["provider"], breaker["capability"], breaker["state"]) == (first.provider, "stt", "open")
    assert breaker["ready_in_s"] > 0
    stt = next(one for one in told["decisions"] if one["capability"] == "stt")
    assert [one["provider"] for one in stt["candidates"]].index(first.provider) > 0
    assert stt["by"] and all(one["points"] for one in stt["candidates"])
