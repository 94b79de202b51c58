"""Providers that do as they are told, a clock that is set by hand, and a log that is kept: for tests of routing."""

from collections import defaultdict
from dataclasses import dataclass, field

import gevent
import numpy as np
from gevent.event import Event

from engine.config import RoutingOptions
from engine.dialog.model import Message, Usage, Words
from engine.errors import ProviderFault
from engine.routing.connections import Connections
from engine.routing.facts import Facts
from engine.routing.router import Router
from engine.routing.routesfile import parse
from engine.speech.interfaces import Chunk, Heard

QUESTION = [Message("user", "how late are you open")]
KERALA = Facts(language="ml", region="kerala")

THREE = """
languages:
  ml: {priority_providers: [a, b, c]}
priority_providers: [a, b, c]
providers:
  a: {models: {m: {capabilities: [stt, llm, tts], cost_per_minute: 0.06, expected_latency_ms: 400}}}
  b: {models: {m: {capabilities: [stt, llm, tts], cost_per_minute: 0.03, expected_latency_ms: 400}}}
  c: {models: {m: {capabilities: [stt, llm, tts], expected_latency_ms: 400}}}
"""
"""Three providers that can do all, asked in the order a, b, c."""


class Clock:
    """Time that only passes when told."""

    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


class Lines:
    """The log of a call: (event, fields)."""

    def __init__(self):
        self.all = []

    def write(self, event, /, **fields):
        from engine.telemetry.vocabulary import FIELDS

        assert fields.keys() <= FIELDS[event], f"{event} has no such fields: {fields.keys() - FIELDS[event]}"
        self.all.append((event, fields))

    def names(self):
        return [event for event, _ in self.all]

    def of(self, event):
        return [fields for name, fields in self.all if name == event]


@dataclass
class Script:
    """What a provider does with each request, in turn; the last step is repeated. A step is a list of parts, in which
    an exception is raised, ``STALL`` waits for ever and a float waits so many seconds."""

    steps: list = field(default_factory=lambda: [["ok"]])
    asked: int = 0
    cancelled: int = 0
    under_way: int = 0

    def run(self, convert):
        step = self.steps[min(self.asked, len(self.steps) - 1)]
        self.asked += 1
        self.under_way += 1
        whole = False
        try:
            for part in step:
                if isinstance(part, BaseException):
                    whole = True
                    raise part.with_traceback(None)
                if part is STALL:
                    Event().wait()
                elif isinstance(part, float):
                    gevent.sleep(part)
                else:
                    yield convert(part)
            whole = True
        finally:
            self.under_way -= 1
            self.cancelled += not whole


STALL = object()


def fault(kind="unavailable", retry_after_s=None, provider="a"):
    return ProviderFault(provider, kind, "as told", retry_after_s)


class FakeModel:
    def __init__(self, script):
        self.name, self.script, self.warmed = "fake", script, 0

    def stream(self, messages, tools=(), *, temperature=None, max_tokens=None):
        return self.script.run(lambda part: part if isinstance(part, Usage) else Words(part))

    def warm(self):
        self.warmed += 1

    def close(self):
        pass


class FakeVoice:
    """Each part is a number of samples at 8000 Hz."""

    def __init__(self, script):
        self.name, self.script = "fake", script

    def render(self, text):
        return self.script.run(lambda samples: Chunk(np.full(samples, 7, np.int16), 8000))

    def close(self):
        pass


class FakeStream:
    """Hears numbers: each frame's first sample. What it is asked is kept; what it says is up to the test."""

    def __init__(self, recogniser, rate, deliver):
        self.recogniser, self.rate, self.deliver = recogniser, rate, deliver
        self.frames, self.edges, self.closed = [], [], False
        self.broken = None

    def _check(self):
        assert not self.closed, "used after close"
        if self.broken:
            raise self.broken

    def feed(self, frame):
        self._check()
        self.frames.append(int(np.frombuffer(frame, "<i2")[0]))

    def voice_on(self, sample):
        self._check()
        self.edges.append(("on", sample, len(self.frames)))

    def voice_off(self, sample):
        self._check()
        self.edges.append(("off", sample, len(self.frames)))

    def say(self, text, start, end, final=True, confidence=-1.0):
        self.deliver(Heard(text, final, start, end, confidence))

    def close(self):
        self.closed = True


class FakeRecogniser:
    """``refuse``: raised instead of opening a stream."""

    def __init__(self, choice, on_fault):
        self.choice, self.on_fault, self.refuse, self.streams = choice, on_fault, None, []

    def open(self, rate, deliver):
        if self.refuse:
            raise self.refuse
        self.streams.append(FakeStream(self, rate, deliver))
        return self.streams[-1]

    def close(self):
        pass


class World:
    """A router over providers a, b and c. ``clock`` None: the real one."""

    def __init__(self, text=THREE, clock=None, **options):
        self.options = RoutingOptions(**options)
        self.scripts = defaultdict(Script)
        self.recognisers = {}
        self.made = []
        self.connections = Connections()
        self.routes = parse(text.encode(), "test.yaml")
        for provider in self.routes.tree.providers:
            self.connections.add_model(provider, lambda choice: FakeModel(self._script(choice)))
            self.connections.add_voice(provider, lambda choice: FakeVoice(self._script(choice)))
            self.connections.add_recogniser(provider, self._recogniser)
        self.router = Router(self.routes, self.options, self.connections, *([clock] if clock else []))
        self.lines = Lines()
        self.route = self.router.for_call(KERALA, self.lines)

    def _script(self, choice):
        self.made.append(choice)
        return self.scripts[choice.provider]

    def _recogniser(self, choice, on_fault):
        recogniser = FakeRecogniser(choice, on_fault)
        self.recognisers[choice.provider, choice.language] = recogniser
        return recogniser

    def does(self, **steps):
        """``does(a=[[fault()]], b=[["hello"]])``."""
        for provider, of in steps.items():
            self.scripts[provider].steps = of

    def asked(self):
        return {provider: script.asked for provider, script in sorted(self.scripts.items()) if script.asked}

    def idle(self):
        """Let cancelled requests end; nothing may be left under way."""
        for _ in range(5):
            gevent.sleep(0)
        return all(not script.under_way for script in self.scripts.values())
