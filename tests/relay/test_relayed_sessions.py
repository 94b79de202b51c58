"""Relayed sessions as an engine serves them: paths, logs, the old dialect, and the engine's own providers at last."""

import json
from pathlib import Path

import gevent
import pytest
from relay_world import SECRET, Client

from engine.config import Config
from engine.config.skills import SkillOptions
from engine.dialog.brain import Text
from engine.dialog.persona import Persona
from engine.dialog.skills.executor import Executor
from engine.dialog.skills.services import Services
from engine.embedded import Providers
from engine.net.websocket import WebSocket
from engine.service import Engine
from engine.speech.interfaces import Chunk, Heard
from engine.telemetry.aftercall import AfterCall
from engine.upstream.model import SpeechModel
from engine.upstream.service import open_upstream
from engine.web import parts, realtime
from engine.web.app import Web
from tests.fakes.speech_server import KEY, MODEL, calls
from tests.providers.fake_http import FakeHttp, error


class Nothing:
    """A detector and a recogniser for conversations in writing."""

    name, reach_frames = "nothing", 1

    def tail_ms(self, rate):
        return 0

    def open(self, rate, deliver=None):
        return self if deliver else 0

    def close(self, row=None):
        pass

    def process(self, rows, frames):
        return [False] * len(frames)

    def feed(self, frame):
        pass

    def voice_on(self, sample):
        pass

    def voice_off(self, sample):
        self.deliver(Heard("", True, sample, sample))


class Brain:
    requests = []

    def reply(self, request):
        self.requests.append(request)
        yield Text("The local brain speaks. ")


class Voice:
    name = "tone"

    def render(self, text):
        import numpy as np
        yield Chunk((3000 * np.sin(np.arange(len(text) * 400) / 6)).astype(np.int16), 16000)

    def close(self):
        pass


class Running:
    def __init__(self, server, home, secrets=None, **options):
        provider = {"kind": "openai_speech_to_speech", "base_url": secrets.url + "/v1" if secrets else server.url,
                    "model": MODEL, "api_key": KEY}
        config = Config.model_validate({
            "event_socket": {"port": 0}, "http": {"port": 0}, "realtime": options.pop("realtime", {}),
            "providers": {"up": provider}, "upstream": {"provider": "up", "voice": "marin", "retry_first_ms": 20,
                                                        "tries": 1, "retry_longest_ms": 20, **options}})
        nothing = Nothing()
        self.engine = Engine(config, Providers(nothing, nothing, Voice(), Brain()))
        executor = Executor(lambda: {}, SkillOptions(), Services(SkillOptions()))
        self.upstream = open_upstream(config, {})
        self.engine.speech = SpeechModel(self.upstream, lambda context: SECRET,
                                         lambda context: executor.open(context, Persona("desk", "x", skills=())))
        self.engine.start()
        self.web = Web(config.http, realtime.routes(self.engine), realtime.sockets(self.engine))
        self.web.start()
        self.clients, self.home = [], home

    def connect(self, path="/realtime", **headers):
        url = self.web.url.replace("http", "ws") + path
        client = Client(WebSocket.connect(url, headers=headers))
        self.clients.append(client)
        client.wait_for("session.created")
        return client

    def log(self):
        gevent.sleep(0.1)
        assert self.engine._disk.flush()
        (log,) = Path(self.home).glob("calls/*/*/events.jsonl")
        return [json.loads(line) for line in log.read_text().splitlines()]

    def close(self):
        for client in self.clients:
            client.close()
        self.web.stop()
        self.engine.stop()
        self.upstream.close()


@pytest.fixture
def running(server, started, tmp_path, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    monkeypatch.setattr(AfterCall, "submit", lambda self, folder: None)
    Brain.requests = []
    return lambda **options: started(Running(server, tmp_path, **options))


def test_the_features_are_served():
    """The path of the origin is among the routes of the engine."""
    assert "/realtime" in realtime.PATHS and parts.sockets is not None


@pytest.mark.parametrize(("path", "options", "relayed"), [
    ("/realtime", {}, True), ("/v1/realtime?mode=relay", {}, True), ("/v1/realtime", {}, False),
    ("/v1/realtime", {"realtime": {"mode": "relay"}}, True), ("/realtime?mode=local", {}, False)])  # fmt: skip
def test_who_is_relayed(server, running, path, options, relayed):
    """The origin's path, whoever asks for it, or everybody."""
    client = running(**options).connect(path)
    assert (client.named("session.created")[0]["session"]["model"] == MODEL) is relayed
    assert bool(server.sessions) is relayed


def test_the_origins_path_has_extensions_and_a_log(server, running):
    """What was said in a relayed session stands where a call's words stand."""
    server.hears.append("When do you open?")
    server.answers.append("At nine.")
    at = running()
    client = at.connect()
    assert client.wait_for("extension.connection")["state"] == "connected"
    client.ask("When do you open?")
    client.wait_for("response.done")
    assert len(at.engine.sessions) == 1
    client.close()
    client.wait(lambda: not at.engine.sessions)
    log = at.log()
    assert [line["event"] for line in log if line["event"] in ("call_started", "agent_said", "call_ended")] == [
        "call_started", "agent_said", "call_ended"]
    assert next(line for line in log if line["event"] == "agent_said")["text"] == "At nine."
    assert KEY not in json.dumps(log)


def test_when_the_upstream_is_gone_the_engine_itself_goes_on(server, running):
    """In the same session, with what was said; the client sees one session and no error."""
    server.answers.append("At nine.")
    at = running()
    client = at.connect("/v1/realtime?mode=relay")
    client.ask("When do you open?")
    client.wait_for("response.done")
    known = client.named("session.created")[0]["session"]["id"]
    server.refuse = 503, {}, "down"
    server.sessions[0].peer.drop()
    updated = client.wait_for("session.updated")["session"]
    assert updated["id"] == known
    client.ask("And on Sunday?")
    client.wait_for("response.done", 2)
    said = "".join(event["delta"] for event in client.named("response.output_audio_transcript.delta"))
    assert said == "At nine.The local brain speaks."
    assert len(client.named("session.created")) == 1 and not client.named("error")
    request = Brain.requests[-1]
    assert [*request.history, ("user", request.text)] == [
        ("user", "When do you open?"), ("agent", "At nine."), ("user", "And on Sunday?")]


def test_who_waits_for_an_answer_then_gets_it_from_the_engine(server, running):
    """Without asking again."""
    at = running()
    client = at.connect("/v1/realtime?mode=relay")
    server.refuse = 503, {}, "down"
    server.hold = True
    client.ask("When do you open?")
    client.wait_for("response.created")
    server.sessions[0].peer.drop()
    client.wait_for("response.done", 2)
    assert client.named("response.done")[1]["response"]["status"] == "completed"


def test_the_origins_client_speaks_the_old_dialect(server, running):
    """Its ``session.update`` says so; it gets the names that it knows."""
    server.answers.append("At nine.")
    at = running()
    client = Client(WebSocket.connect(at.web.url.replace("http", "ws") + "/realtime"), checked=False)
    at.clients.append(client)
    client.send("session.update", session={"instructions": "You are an IVR assistant...", "temperature": 0.7,
                                           "max_response_output_tokens": 100, "disable_audio": False,
                                           "turn_detection": {"type": "server_vad"}})
    client.wait_for("session.updated")
    client.send("conversation.item.create", item={"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": "Hours?"}]})
    client.send("response.create", response={"modalities": ["text", "audio"]})
    client.wait_for("response.done")
    assert client.named("response.audio.delta") and client.named("response.audio_transcript.done")
    assert not client.named("error", "response.output_audio.delta")
    assert server.sessions[0].config["instructions"] == SECRET


class Secrets(FakeHttp):
    def answer(self, request):
        return error(200, {"value": "ek_upstream", "expires_at": 1800000000, "session": {"id": "sess_up"}})


def get(at, path):
    import httpx2
    return httpx2.get(at.web.url + path)


def test_a_page_gets_a_secret_of_the_service_itself(started, running):
    """In the shape of seed 004, with the server's instructions bound to it and no functions."""
    secrets = started(Secrets())
    at = running(secrets=secrets)
    answer = get(at, "/api/session")
    assert answer.json() == {"id": "sess_up", "client_secret": {"value": "ek_upstream", "expires_at": 1800000000}}
    asked = secrets.requests[0].json["session"]
    assert asked["instructions"] == SECRET and asked["audio"]["output"]["voice"] == "marin" and "tools" not in asked
    assert get(at, "/api/session?target=local").json()["client_secret"]["value"].startswith("ek_")
    assert len(secrets.requests) == 1
    secrets.fail_with = error(500, {"error": {"message": "down"}})
    failed = get(at, "/api/session?target=upstream")
    assert failed.status_code == 502 and failed.json()["error"]["code"] == "upstream_failed"


def test_calls_are_of_no_use_without_functions():
    """The fake's helper stays honest."""
    assert calls("x", a=1) == {"name": "x", "arguments": '{"a": 1}', "call_id": None}
