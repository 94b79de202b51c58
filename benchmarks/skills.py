"""What the brain for language models costs by itself: per token, round of skills, request; the model is instant."""

import time
from collections.abc import Iterator

from benchmarks.figure import Figure
from engine.config import SkillOptions
from engine.dialog.actions import CallContext
from engine.dialog.brain import Request
from engine.dialog.model import ToolCall, Words
from engine.dialog.model_brain import ModelBrain
from engine.dialog.persona import Persona
from engine.dialog.skills.executor import Executor
from engine.dialog.skills.registry import Registry
from engine.dialog.skills.services import Services

COMMAND = "python -m benchmarks skills"

TOKENS = 300
ROUNDS = 50
TURNS = 40


class Instant:
    """A model that answers at once, with what its scripts say."""

    name = "instant"

    def __init__(self) -> None:
        self.scripts: list[list] = []

    def stream(self, messages, tools=(), *, temperature=None, max_tokens=None) -> Iterator:
        return iter(self.scripts.pop(0))


def figures() -> list[Figure]:
    """All figures of the brain and its skills."""
    token_us, round_us, request_us = per_token(), per_round(), per_request()
    return [
        Figure("brain for models, own cost per token", round(token_us, 1), "µs", "≤ 100", token_us <= 100, COMMAND),
        Figure("brain for models, own cost of a round of a skill", round(round_us / 1000, 2), "ms", "≤ 1",
               round_us <= 1000, COMMAND),
        Figure(f"brain for models, a request after {TURNS} turns", round(request_us / 1000, 2), "ms", "≤ 2",
               request_us <= 2000, COMMAND),
    ]


def brain(model: Instant) -> tuple[ModelBrain, Executor]:
    """With all skills that come with Trunkline."""
    options = SkillOptions(breaker_faults=1000)
    executor = Executor(Registry().skills, options, Services(options))
    return ModelBrain(Persona("bench", "You are a benchmark.", skills=("*",), max_steps=ROUNDS + 1), model, executor), \
        executor


def request(call_id: str, *history: tuple[str, str]) -> Request:
    """In a call whose actions are never asked for."""
    context = CallContext(call_id, "bench", "en", "+441632960001", "100", None)  # type: ignore[arg-type]
    return Request("how much is it", history, 1, False, context=context)


def best(scripts: list[list], repeats: int, *history: tuple[str, str]) -> float:
    """Microseconds of CPU of one reply, the best of ``repeats``."""
    model = Instant()
    made, executor = brain(model)
    fastest = float("inf")
    for number in range(repeats):
        model.scripts = [list(script) for script in scripts]
        began = time.thread_time()
        for _ in made.reply(request(f"call-{number}", *history)):
            pass
        fastest = min(fastest, (time.thread_time() - began) * 1e6)
        made.call_ended(f"call-{number}")
    executor.close()
    return fastest


def per_token() -> float:
    """Of a long answer less a short one."""
    return (best([[Words("word ")] * TOKENS], 30) - best([[Words("word ")]], 30)) / (TOKENS - 1)


def per_round() -> float:
    """Of a skill that answers at once: arguments checked, run, result given back."""
    rounds = [[ToolCall(f"c{n}", "check_order_status", f'{{"order_id": "A{n}"}}')] for n in range(ROUNDS)]
    return best([*rounds, [Words("Done.")]], 5) / ROUNDS


def per_request() -> float:
    """Of a request with a long history."""
    history = [(who, f"This is turn {n}, and somebody says something in it that is a sentence long.")
               for n in range(TURNS) for who in ("user", "agent")]
    return best([[Words("Yes.")]], 30, *history)
