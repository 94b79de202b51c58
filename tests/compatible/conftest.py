"""An engine's HTTP side on loopback: real agents, a real collection, providers that are strict fakes."""

from types import SimpleNamespace

import openai
import pytest

from engine.casting import Casting
from engine.config import Config
from engine.embedded import Providers
from engine.knowledge.filling.ingest import ingest
from engine.knowledge.reading.reader import Reader
from engine.senses import Hearing
from engine.speech.ears import Ears
from engine.timers import Timers
from engine.web import ai, documents, knowledge, openai_audio, openai_chat, openai_models
from engine.web.app import Web
from tests.call.call_providers import LookUp, LoudnessVad, ScriptedRecogniser, ToneVoice
from tests.providers.fake_openai import KEY, FakeOpenAi

DOCUMENTS = {
    "hours.md": "---\ntitle: Opening hours\n---\nThe desk is open from nine to five on weekdays.\n",
    "tea.md": "---\ntitle: Tea\ntags: [menu]\n---\nGreen tea costs two euros a cup.\n",
    "parking.md": "---\ntitle: Parking\n---\nVisitors may park behind the building for free.\n",
}
AGENTS = {
    "desk": "default: true\nlanguages: {en: {greeting: Hello.}}\ncollections: [desk]\n",
    "clerk": """
        persona: You book rooms.
        languages:
          en: {greeting: Hello.}
          fr: {greeting: Bonjour.}
        model: {provider: gpt, name: gpt-test}
        skills: [book_room, look_up, set_language, end_call]
        collections: [desk]
        """,
    "roamer": "persona: Be helpful.\nlanguages: {en: {greeting: Hi.}}\nmodel: {provider: auto, name: auto}\n",
}
SKILLS = '''
"""Skills of the tests."""
import gevent
from engine.dialog.skills.result import done
from engine.dialog.skills.skill import SkillContext, skill

BOOKED = []

@skill(side_effect=True, timeout_s=5)
def book_room(context: SkillContext, day: str):
    """Book a room.

    day: when
    """
    BOOKED.append((context.key, day))
    gevent.sleep(0.02)
    return done({"number": len(BOOKED)})

@skill(timeout_s=5)
def look_up(context: SkillContext, what: str):
    """Look something up.

    what: what
    """
    return done({"found": what})
'''
PARTS = (ai, documents, knowledge, openai_audio, openai_chat, openai_models)
ROUTES = """
priority_providers: [first, second]
providers:
  first: {models: {gpt-test: {capabilities: [llm], connection: gpt, cost_per_million_input_tokens: 1000,
                              cost_per_million_output_tokens: 2000}}}
  second: {models: {gpt-test: {capabilities: [llm], connection: spare}}}
routing_rules:
  at_home: {condition: "region == 'kerala'", priority_providers: [second]}
"""


class Brain(FakeOpenAi):
    """A model whose answer is looked up by the last words it was given; remembers what it was sent."""

    def __init__(self):
        super().__init__()
        self.bodies = []
        self.replies = {}
        self.extra_fields = {"response_format", "seed", "parallel_tool_calls"}

    def _chat(self, body):
        self.bodies.append(body)
        last = body["messages"][-1]
        words = str(last.get("content") or "")
        reply = next((reply for key, reply in self.replies.items() if key in words and last["role"] != "tool"), None)
        if last["role"] == "tool":
            reply = self.replies.get("tool", ["It is done now."])
        if reply is not None:
            self.script = reply if isinstance(reply, list) else [reply]
            self.finish = "tool_calls" if isinstance(reply, dict) else "stop"
        return super()._chat(body)


def calls(name, arguments, call_id="c1"):
    """The model calls a tool."""
    return {"tool_calls": [{"index": 0, "id": call_id, "type": "function",
                            "function": {"name": name, "arguments": arguments}}]}


class World:
    """``client`` is the stock SDK; ``ask`` plain JSON over HTTP."""

    def __init__(self, config, given):
        self.given = given
        ears = Ears(given.vad, config.vad)
        self.casting = Casting(config, given, Hearing(ears), Timers())
        self.engine = SimpleNamespace(config=config, casting=self.casting, closing=[])
        self.web = Web(config.http, [route for part in PARTS for route in part.routes(self.engine)])
        self.web.start()
        self.url = self.web.url
        self.client = openai.OpenAI(base_url=f"{self.url}/v1", api_key="none", max_retries=0, timeout=20)

    def ask(self, method, path, body=None, **more):
        """Status and JSON (or text) of the answer."""
        answer = self.client._client.request(method, self.url + path, json=body, **more)
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.status_code, answer.json() if is_json and answer.content else answer.text

    def say(self, text, **more):
        """One turn of ``/ai/process``; its answer."""
        status, answer = self.ask("POST", "/ai/process", {"user_input": text, **more})
        assert status == 200, answer
        return answer

    def close(self):
        self.client.close()
        for end in self.engine.closing:
            end()
        self.web.stop()
        self.casting.close()


@pytest.fixture(scope="session")
def reader():
    """One for all tests: its processes take half a second to start."""
    with Reader() as made:
        yield made


@pytest.fixture(scope="session")
def desk_home(tmp_path_factory, reader):
    """A home folder with the collection, the agents and the skills."""
    home = tmp_path_factory.mktemp("home")
    patch = pytest.MonkeyPatch()
    patch.setenv("TRUNKLINE_HOME", str(home))
    documents = home / "given"
    for name, text in DOCUMENTS.items():
        (documents / name).parent.mkdir(exist_ok=True)
        (documents / name).write_text(text)
    ingest([documents], "desk", None, reader=reader)
    for folder, files in (("agents", {f"{name}.yaml": text for name, text in AGENTS.items()}),
                          ("skills", {"rooms.py": SKILLS})):
        (home / folder).mkdir()
        for name, text in files.items():
            (home / folder / name).write_text(text)
    (home / "routes.yaml").write_text(ROUTES)
    patch.undo()
    return home


@pytest.fixture
def gpt():
    server = Brain()
    yield server
    server.close()


@pytest.fixture
def spare():
    server = Brain()
    yield server
    server.close()


@pytest.fixture
def world(desk_home, monkeypatch, gpt, spare):
    """``world(routed=False, scripts=(), tone=None, **groups of the configuration)``."""
    monkeypatch.setenv("TRUNKLINE_HOME", str(desk_home))
    made = []

    def make(routed=False, scripts=(), tone=None, **options):
        config = Config.model_validate({
            "http": {"port": 0}, "agents": {"shipped": False}, "writing": {"record": False},
            "knowledge": {"collection": "desk", "embedding": "none", "answer_score": 0.3, "typed_score": 0.3},
            "routing": {"file": str(desk_home / "routes.yaml")} if routed else {},
            "providers": {
                "gpt": {"kind": "openai_chat", "base_url": f"{gpt.url}/v1", "model": "gpt-test", "api_key": KEY},
                "spare": {"kind": "openai_chat", "base_url": f"{spare.url}/v1", "model": "gpt-test", "api_key": KEY},
                **options.pop("providers", {}),
            },
            **options,
        })
        given = Providers(LoudnessVad(), ScriptedRecogniser(*scripts), tone or ToneVoice(), LookUp())
        made.append(World(config, given))
        return made[-1]

    yield make
    for one in made:
        one.close()
