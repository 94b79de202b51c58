"""Engines with their whole web side: calls of the stand-in, clients of the Realtime server, texts."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "call"), str(TESTS / "sessions")]

from call_providers import providers  # noqa: E402
from call_world import QUICK, World, merged, wait  # noqa: E402
from session_client import Client  # noqa: E402

from engine import embedded, paths  # noqa: E402
from engine.config import Config  # noqa: E402
from engine.knowledge.filling.ingest import ingest  # noqa: E402
from engine.service import Engine  # noqa: E402
from engine.standin.standin import StandIn  # noqa: E402
from engine.web import parts  # noqa: E402
from tests.compatible.conftest import Brain  # noqa: E402
from tests.providers.fake_openai import KEY  # noqa: E402

DOCUMENTS = {"tea.md": "---\ntitle: Tea\n---\nGreen tea costs two euros a cup.\n",
             "hours.md": "---\ntitle: Opening hours\n---\nThe desk is open from nine to five on weekdays.\n"}
AGENTS = {
    "desk": "default: true\nlanguages: {en: {greeting: Hello there.}}\ncollections: [desk]\n",
    "clerk": """
        persona: You help.
        languages: {en: {greeting: Hello.}, fr: {greeting: Bonjour.}}
        model: {provider: gpt, name: gpt-test}
        skills: [look_up, hide, end_call]
        """,
    "lost": "persona: You help.\nlanguages: {en: {greeting: Hello.}}\nmodel: {provider: auto, name: auto}\n",
}
SKILLS = '''
"""Skills of the tests."""
from engine.dialog.skills.result import done
from engine.dialog.skills.skill import SkillContext, skill

@skill
def look_up(context: SkillContext, what: str):
    """Look something up.

    what: what
    """
    return done({"found": what})

@skill
def hide(context: SkillContext):
    """Hide what comes."""
    context.call.actions.mask(True)
    return done({})
'''


class Everything(World):
    """An engine, a switch, and the web side."""

    def __init__(self, engine, switch, web, given):
        super().__init__(engine, switch)
        self.web, self.given = web, given

    def http(self, method, path, body=None, **headers):
        """Status and JSON of an answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.web.url + path, data, {"Content-Type": "application/json", **headers},
                                         method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                read = answer.read()
                return answer.status, json.loads(read) if read else None
        except urllib.error.HTTPError as fault:
            return fault.code, json.loads(fault.read())

    def get(self, path):
        """JSON of a GET that goes well."""
        status, body = self.http("GET", path)
        assert status == 200, body
        return body

    def say(self, text, **more):
        """One turn in writing; its answer."""
        status, answer = self.http("POST", "/ai/process", {"user_input": text, **more})
        assert status == 200, answer
        return answer

    def client(self, *says, path="/v1/realtime?model=local"):
        """A client of the Realtime server whose caller will say these texts."""
        self.given.recogniser.scripts.append(list(says))
        return Client(self.web.url.replace("http", "ws", 1) + path)

    def filed(self, session_id):
        """The session as the store has it, once that is all of it."""
        wait(lambda: self.http("GET", f"/sessions/{session_id}")[1].get("filed"), "it is not filed")
        return self.get(f"/sessions/{session_id}")

    def log(self, session_id):
        """The lines of its event log, once the disk has them."""
        wait(lambda: self.http("GET", f"/sessions/{session_id}/events")[0] == 200, "no log")
        assert self.engine._disk.flush()
        return self.get(f"/sessions/{session_id}/events?limit=2000")["data"]


@pytest.fixture(scope="session")
def gpt():
    """The model of the agents that have one."""
    server = Brain()
    yield server
    server.close()


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """Agents, skills and documents."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUNKLINE_HOME", str(folder))
        for name, files in (("given", DOCUMENTS), ("agents", {f"{n}.yaml": text for n, text in AGENTS.items()}),
                            ("skills", {"tools.py": SKILLS})):
            (folder / name).mkdir()
            for file, text in files.items():
                (folder / name / file).write_text(text)
        ingest([folder / "given"], "desk", None)
    return folder


def opened(home, gpt, changes, *scripts):
    """A generator of one engine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUNKLINE_HOME", str(home))
        given = providers(*scripts)
        patch.setattr(embedded, "providers", lambda config: given)
        options = merged(QUICK, {
            "agents": {"shipped": False}, "store": {"write_every_ms": 20}, "record": {"page": False},
            "knowledge": {"collection": "desk", "embedding": "none", "answer_score": 0.3, "typed_score": 0.3},
            "providers": {"gpt": {"kind": "openai_chat", "base_url": f"{gpt.url}/v1", "model": "gpt-test",
                                  "api_key": KEY}}})
        engine = Engine(Config.model_validate(merged(options, changes)))
        web = parts.web(engine)
        web.start()
        engine.start()
        try:
            with StandIn() as switch:
                yield Everything(engine, switch, web, given)
        finally:
            engine.stop()
            web.stop()


@pytest.fixture(scope="module")
def shared(home, gpt):
    """One engine for the tests of a module that do not change it."""
    yield from opened(home, gpt, {})


@pytest.fixture
def at(shared, home, gpt, monkeypatch):
    """The shared engine."""
    monkeypatch.setenv("TRUNKLINE_HOME", str(home))
    yield shared
    gpt.replies.clear()


@pytest.fixture
def world(home, gpt, monkeypatch):
    """``world(**changes)``: an engine of the test's own, with options of its own."""
    monkeypatch.setenv("TRUNKLINE_HOME", str(home))
    running = []

    def make(**changes):
        running.append(opened(home, gpt, changes))
        return next(running[-1])

    yield make
    for one in running:
        one.close()


__all__ = ["paths"]
