"""What ``POST /ai/process`` takes by itself, record included: the model is instant, the question was embedded before.

The client is another process with one kept connection, one request after the other; conversations have 20 turns.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from benchmarks.figure import Figure
from engine.casting import Casting
from engine.config import Config
from engine.dialog.model import Usage, Words
from engine.disk import DiskWriter
from engine.embedded import Providers
from engine.knowledge.filling.ingest import ingest
from engine.senses import Hearing
from engine.speech.ears import Ears
from engine.speech.vad import make_vad
from engine.telemetry.figures import Figures
from engine.timers import Timers
from engine.web import ai
from engine.web.app import Web

COMMAND = "python -m benchmarks ai_process"

TURNS = 200

AGENTS = {
    "desk": "default: true\nlanguages: {en: {greeting: Hello.}}\ncollections: [desk]\n",
    "clerk": "persona: You help.\nlanguages: {en: {greeting: Hello.}, fr: {greeting: Bonjour.}}\n"
             "model: {provider: instant, name: instant}\nskills: [search, set_language]\ncollections: [desk]\n",
}

CLIENT = """
import http.client, json, sys, time
host, port, agent, turns = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
line = http.client.HTTPConnection(host, port, timeout=30)
took, session = [], None
for turn in range(turns + 5):
    body = {"user_input": "how much is green tea", "agent": agent}
    if turn % 20:
        body["session_id"] = session
    data = json.dumps(body).encode()
    began = time.perf_counter()
    line.request("POST", "/ai/process", data, {"Content-Type": "application/json"})
    answer = line.getresponse()
    read = answer.read()
    took.append((time.perf_counter() - began) * 1000)
    assert answer.status == 200, read
    session = json.loads(read)["session_id"]
print(json.dumps(took[5:]))
"""


class Instant:
    """A model that answers at once."""

    name = "instant"

    def stream(self, messages, tools=(), *, temperature=None, max_tokens=None):
        yield from (Words("A cup of green tea "), Words("costs two euros."), Usage(100, 8))

    def warm(self):
        pass

    def close(self):
        pass


def figures() -> list[Figure]:
    """Of an agent with a model and of one that answers from documents."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        web, casting, engine = _served(Path(folder))
        try:
            for agent, what in (("clerk", "an agent with a model"), ("desk", "an agent that answers from documents")):
                before = time.process_time()
                p95 = float(np.percentile(_took(web, agent), 95))
                cpu = (time.process_time() - before) / TURNS * 1000
                found.append(Figure(f"/ai/process, own time (p95), {what}", round(p95, 1), "ms", "≤ 10", p95 <= 10,
                                    COMMAND))
                found.append(Figure(f"/ai/process, CPU of the engine a request, {what}", round(cpu, 1), "ms", "≤ 5",
                                    cpu <= 5, COMMAND))
        finally:
            for close in engine.closing:
                close()
            web.stop()
            casting.close()
            engine.surroundings.disk.close()
    return found


def _served(home: Path) -> tuple[Web, Casting, SimpleNamespace]:
    os.environ["TRUNKLINE_HOME"] = str(home)
    (home / "agents").mkdir()
    for name, text in AGENTS.items():
        (home / "agents" / f"{name}.yaml").write_text(text)
    (home / "given").mkdir()
    (home / "given" / "tea.md").write_text("---\ntitle: Tea\n---\nGreen tea costs two euros a cup.\n")
    ingest([home / "given"], "desk", None)
    config = Config.model_validate({
        "http": {"port": 0}, "agents": {"shipped": False},
        "knowledge": {"collection": "desk", "embedding": "none", "typed_score": 0.3},
        "providers": {"instant": {"kind": "openai_chat", "base_url": "http://127.0.0.1:9/v1", "model": "instant",
                                  "api_key": "none"}},
    })
    vad = make_vad(config.vad)
    casting = Casting(config, Providers(vad, _Closed(), _Closed(), _Closed()), Hearing(Ears(vad, config.vad)),  # type: ignore[arg-type]
                      Timers())
    casting.model = lambda name, model="": Instant()  # type: ignore[method-assign, assignment]
    figures = Figures()
    around = SimpleNamespace(config=config, node="bench", disk=DiskWriter(), folder=lambda uuid: home / "calls" / uuid,
                             began=lambda live: figures.follow(live.events), over=lambda live: None)
    engine = SimpleNamespace(config=config, casting=casting, closing=[], live={}, surroundings=around)
    web = Web(config.http, ai.routes(engine))  # type: ignore[arg-type]
    web.start()
    return web, casting, engine


def _took(web: Web, agent: str) -> list[float]:
    """Milliseconds of each request."""
    host, port = web.address
    command = [sys.executable, "-c", CLIENT, host, str(port), agent, str(TURNS)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=120, check=True)
    return json.loads(done.stdout)


class _Closed:
    """Nobody hears, speaks or thinks."""

    def close(self):
        pass
