"""The brain that asks a language model, gives it skills and the knowledge base, and speaks what it answers.

    executor = Executor(Registry.open(config.skills).skills, config.skills, Services(config.skills, knowledge))
    brain = ModelBrain(persona, model, executor)
    for part in brain.reply(request): ...
    brain.call_ended(call_id)

What a call's skills did is kept from turn to turn under ``request.context.call_id`` until ``call_ended``.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

from engine.dialog.brain import ReplyPart, Request
from engine.dialog.middleware import Chain, Middleware
from engine.dialog.model import Model
from engine.dialog.model_reply import ModelReply
from engine.dialog.persona import Persona
from engine.dialog.skills.executor import CallSkills, Executor

MAX_CALLS = 4000
"""Calls that are kept at most, should nobody tell that they ended: the one that was quiet longest goes."""


class ModelBrain:
    """Implements ``engine.dialog.brain.Brain``. One an agent, shared by its calls."""

    def __init__(
        self, persona: Persona, model: Model, skills: Executor, *, middleware: Iterable[Middleware] = (),
        choose: Callable[[Request], Model] | None = None,
    ) -> None:
        """``choose`` may name another model for a request (by language, say); ``model`` otherwise."""
        self.persona = persona
        self.chain = Chain(middleware)
        self._choose = choose or (lambda request: model)
        self._skills = skills
        self._calls: OrderedDict[str, CallSkills] = OrderedDict()

    def reply(self, request: Request) -> Iterator[ReplyPart]:
        """The reply to what the caller said; see ``engine.dialog.brain.Brain``. Raises ``ProviderFault`` or
        ``DialogError`` when there is nothing to say; once words were said, it ends with what there is."""
        return ModelReply(self.persona, self._choose(request), self._call(request), self.chain, request).parts()

    def call_ended(self, call_id: str) -> None:
        """The call is over: skills that only read are ended; those that change something still finish."""
        call = self._calls.pop(call_id, None)
        if call is not None:
            call.close()

    def _call(self, request: Request) -> CallSkills:
        """What the request's call has done so far. Outside a call every request stands alone."""
        if request.context is None:
            return self._skills.open(None, self.persona)
        call_id = request.context.call_id
        call = self._calls.get(call_id)
        if call is None:
            call = self._calls[call_id] = self._skills.open(request.context, self.persona)
            if len(self._calls) > MAX_CALLS:
                self._calls.popitem(last=False)[1].close()
        self._calls.move_to_end(call_id)
        return call
