"""A client, a relay and a strict fake of the upstream, each at its end of a real socket."""

import json
from dataclasses import dataclass, field

import gevent
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from engine.config import Config
from engine.config.skills import SkillOptions
from engine.dialog.persona import Persona
from engine.dialog.skills import skill
from engine.dialog.skills.builtin.grounding import report_grounding, search
from engine.dialog.skills.executor import Executor
from engine.dialog.skills.services import Services
from engine.net.errors import SocketClosed
from engine.net.websocket import WebSocket
from engine.realtime.relay import Relay
from engine.upstream.service import open_upstream
from engine.upstream.terms import Terms
from engine.upstream.tools import Tools
from engine.web.app import Web
from engine.web.route import WebSocketRoute
from tests.fakes.speech_server import KEY, MODEL

SERVER = TypeAdapter(RealtimeServerEvent)
SECRET = "You are the library's secret voice."


@dataclass
class Citation:
    chunk_id: str
    title: str = "Hours"

    def as_dict(self):
        return {"chunk_id": self.chunk_id, "title": self.title, "document": "hours.md"}


@dataclass
class Hit:
    text: str
    citation: Citation


@dataclass
class Shelf:
    """A knowledge base of two passages."""

    passages: dict = field(default_factory=lambda: {"hours_1": "We open at nine.", "hours_2": "Closed on Sunday."})

    def search(self, query, k=5):
        return [Hit(text, Citation(name)) for name, text in self.passages.items()][:k]

    def passage(self, chunk_id):
        return Hit(self.passages[chunk_id], Citation(chunk_id)) if chunk_id in self.passages else None


@skill
def broken() -> str:
    """Always fails."""
    raise RuntimeError("a bug")


@skill(timeout_s=20)
def slow() -> str:
    """Takes its time."""
    gevent.sleep(0.3)
    return "done at last"


SKILLS = {one.name: one for one in (search, report_grounding, broken, slow)}


def skills():
    executor = Executor(lambda: SKILLS, SkillOptions(), Services(SkillOptions(), Shelf()))
    return executor.open(None, Persona("desk", "x", skills=tuple(SKILLS)))


class Client:
    """One WebSocket of a client. ``events`` are all that came, each valid for the SDK unless it is an extension, or the
    client is of the old dialect (``checked``)."""

    def __init__(self, socket, checked=True):
        self._checked = checked
        self.socket, self.events, self.texts, self.ended = socket, [], [], None
        self._reader = gevent.spawn(self._read)

    def _read(self):
        try:
            while True:
                text = self.socket.receive()
                event = json.loads(text)
                if self._checked and not event["type"].startswith("extension."):
                    SERVER.validate_python(event)
                self.texts.append(text)
                self.events.append(event)
        except SocketClosed as closed:
            self.ended = closed

    def send(self, kind, **fields):
        self.socket.send(json.dumps({"type": kind, **fields}))

    def ask(self, words="Hello?"):
        self.send("conversation.item.create", item={"type": "message", "role": "user",
                                                    "content": [{"type": "input_text", "text": words}]})
        self.send("response.create")

    def named(self, *kinds):
        return [event for event in self.events if event["type"] in kinds]

    def wait(self, condition, what="nothing came", timeout=5):
        seen = [event["type"] for event in self.events]
        with gevent.Timeout(timeout, AssertionError(f"{what}, after {seen} {self.ended}")):
            while not condition():
                gevent.sleep(0.005)

    def wait_for(self, kind, count=1):
        self.wait(lambda: len(self.named(kind)) >= count, f"no {kind}")
        return self.named(kind)[count - 1]

    def close(self):
        self.socket.close()
        self._reader.kill()


class World:
    """``options``: of ``upstream``; ``terms``: changes to the session's terms."""

    def __init__(self, server, options=None, take_over=None, extensions=False, **terms):
        provider = {"kind": "openai_speech_to_speech", "base_url": server.url, "model": MODEL, "api_key": KEY}
        config = Config.model_validate({"http": {"port": 0}, "providers": {"up": provider}, "upstream": {
            "provider": "up", "retry_first_ms": 20, "retry_longest_ms": 40, **(options or {})}})
        self.upstream = open_upstream(config, {})
        self.relays = []

        def hold(socket, asked):
            made = skills()
            tools = Tools(made, list, lambda answered: None).described()
            given = Terms(**{"instructions": SECRET, "voice": "marin", "tools": tools, **terms})
            request_id = asked.headers.get("x-ms-client-request-id")
            relay = Relay(socket, self.upstream, given, made, extensions=extensions, take_over=take_over,
                          headers={"x-ms-client-request-id": request_id} if request_id else {})
            self.relays.append(relay)
            relay.run()

        self.web = Web(config.http, [], [WebSocketRoute("/realtime", hold)])
        self.web.start()
        self.clients = []

    def connect(self, **headers):
        client = Client(WebSocket.connect(self.web.url.replace("http", "ws") + "/realtime", headers=headers))
        self.clients.append(client)
        client.wait_for("session.created")
        return client

    def close(self):
        for client in self.clients:
            client.close()
        self.web.stop()
        self.upstream.close()
