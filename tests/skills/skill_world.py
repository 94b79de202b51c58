"""What tests of skills and of the model's brain share: a scripted model as strict as a vendor, a call, a caller."""

import json
from datetime import datetime, timezone

import gevent
from gevent.event import Event as Flag

from engine.config import SkillOptions
from engine.dialog.actions import CallContext, Outcome
from engine.dialog.brain import Farewell, Request, Text
from engine.dialog.model import ToolCall, Words
from engine.dialog.model_brain import ModelBrain
from engine.dialog.persona import Persona
from engine.dialog.skills.executor import Executor
from engine.dialog.skills.registry import Registry
from engine.dialog.skills.services import Services
from engine.errors import ProviderFault
from engine.knowledge.answers.answer import Citation
from engine.knowledge.base import Hit
from engine.telemetry.vocabulary import FIELDS

NOW = datetime(2026, 11, 21, 14, 0, tzinfo=timezone.utc)


def check_messages(messages):
    """Refuses what vendors refuse: calls without results, results without calls, ids twice, nothing to answer."""
    ids, waiting = set(), []
    assert messages[0].role == "system", "the first message must be the system's"
    for message in messages[1:]:
        if message.role == "tool":
            assert message.tool_call_id in waiting, f"a result without its call: {message.tool_call_id!r}"
            waiting.remove(message.tool_call_id)
            continue
        assert not waiting, f"calls without results: {waiting}"
        assert message.role in ("user", "assistant"), f"{message.role} in mid-conversation"
        assert message.text or message.tool_calls, f"an empty message of {message.role}"
        assert not (message.role == "user" and message.tool_calls)
        for call in message.tool_calls:
            assert call.id and call.id not in ids, f"the id {call.id!r} twice or empty"
            assert isinstance(json.loads(call.arguments), dict), call.arguments
            ids.add(call.id)
            waiting.append(call.id)
    assert not waiting, f"calls without results: {waiting}"
    assert messages[-1].role in ("user", "tool"), f"nothing to answer after {messages[-1].role}"


class ScriptedModel:
    """Answers with the next script: words, ``ToolCall``s, flags to wait for, exceptions to raise, call-backs."""

    name = "scripted"

    def __init__(self, *scripts):
        self.scripts, self.asked, self.tools, self.options, self.closed = list(scripts), [], [], [], 0

    def stream(self, messages, tools=(), *, temperature=None, max_tokens=None):
        check_messages(messages)
        self.asked.append(list(messages))
        self.tools.append([tool.name for tool in tools])
        self.options.append((temperature, max_tokens))
        script = self.scripts.pop(0)
        return self._parts(script(messages) if callable(script) else script)

    def _parts(self, script):
        try:
            for part in [script] if isinstance(script, str) else script:
                if isinstance(part, Exception):
                    raise part
                if isinstance(part, Flag):
                    assert part.wait(5)
                else:
                    yield Words(part) if isinstance(part, str) else part
        finally:
            self.closed += 1

    def warm(self):
        pass

    def close(self):
        pass


def call(name, arguments="{}", id="a"):
    return ToolCall(id, name, arguments)


FAULT = ProviderFault("scripted", "unavailable", "it is down")


class Actions:
    """The call as skills see it; writes down what it was asked."""

    def __init__(self, outcome=None):
        self.done, self.outcome = [], outcome or Outcome(True)

    def _do(self, *what):
        self.done.append(what)
        return self.outcome

    def transfer(self, target, mode, *, summary="", timeout_s=30.0):
        return self._do("transfer", target, mode, summary)

    def collect_digits(self, **options):
        return self._do("collect_digits", options)

    def set_language(self, language):
        return self._do("set_language", language)

    def mask(self, on):
        return self._do("mask", on)

    def end_call(self, reason="goodbye"):
        return self._do("end_call", reason)


class Knowledge:
    """Two passages; everything is found in them."""

    PASSAGES = {"c1=": "The fee is five euros.", "c2=": "We open at nine."}

    def search(self, query, k=5):
        return [self.passage(name) for name in list(self.PASSAGES)[:k]]

    def passage(self, chunk_id):
        text = self.PASSAGES.get(chunk_id)
        return text and Hit(Citation(chunk_id, "fees.md", "Fees", (), 0.9, text), text)


class World:
    """A brain with a scripted model and one call; its event log is ``lines``."""

    def __init__(self, *scripts, own=(), persona=None, middleware=(), actions=None, home=None, clock=None,
                 language="en", **options):
        options.setdefault("filler_after_ms", 5000)
        self.options = SkillOptions(**options)
        self.lines = []
        self.actions = actions or Actions()
        self.model = ScriptedModel(*scripts)
        services = Services(self.options, Knowledge(), now=lambda: NOW, **({"home": home} if home else {}))
        self.services = services
        extra = {"clock": clock} if clock else {}
        self.executor = Executor(Registry(own).skills, self.options, services, **extra)
        persona = persona or Persona("tester", "You are a test.", skills=("*",))
        self.brain = ModelBrain(persona, self.model, self.executor, middleware=middleware)
        self.context = CallContext("call-1", "tester", language, "+441632960001", "100", self.actions,
                                   write=self.write)

    def write(self, event, /, **fields):
        assert FIELDS[event].issuperset(fields), (event, fields)
        self.lines.append((event, fields))

    def named(self, event):
        return [fields for name, fields in self.lines if name == event]

    def request(self, text="hello", *history, generation=1, decided=None, confidence=-1.0, context=True):
        """``decided``: a flag of the turn; None: it is decided."""
        # A look takes no timer, so that a test knows when all has been done.
        wait = {} if decided is None else {"wait_decided": lambda s: decided.wait(s) if s else decided.is_set()}
        return Request(text, tuple(history), generation, decided is not None, confidence,
                       self.context if context else None, **wait)

    def reply(self, *args, **kwargs):
        """All parts of the reply to ``request(...)``."""
        return list(self.brain.reply(self.request(*args, **kwargs)))

    def start(self, *args, **kwargs):
        """A reply in a greenlet, as calls run it: ``kill`` interrupts it, ``parts`` is what came so far."""
        return Asking(self.brain, self.request(*args, **kwargs))

    def results(self, number=-1):
        """The results in the model's request of that number, as they were sent."""
        return [message.text for message in self.model.asked[number] if message.role == "tool"]

    def close(self):
        self.executor.close(1.0)
        self.services.close()


class Asking:
    """A reply on its way."""

    def __init__(self, brain, request):
        self.parts, self.fault = [], None
        self.greenlet = gevent.spawn(self._run, brain, request)

    def _run(self, brain, request):
        try:
            for part in brain.reply(request):
                self.parts.append(part)
        except Exception as fault:
            self.fault = fault

    def kill(self):
        self.greenlet.kill(block=True, timeout=2)

    def join(self):
        self.greenlet.join(2)
        assert self.greenlet.dead
        if self.fault:
            raise self.fault
        return self.parts

    @property
    def words(self):
        return words(self.parts)


def words(parts):
    """What is said, as the voice gets it."""
    return " ".join("".join(part.text for part in parts if isinstance(part, Text)).split())


def says_farewell(parts):
    return any(isinstance(part, Farewell) for part in parts)


def settle():
    """Let all greenlets go on until they wait."""
    for _ in range(8):
        gevent.sleep(0)
