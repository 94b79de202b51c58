"""What whoever follows a conversation is told, and what whoever keeps its account tells a brain. Pure data."""

from dataclasses import dataclass

from engine.dialog.brain import PastTool, Terms
from engine.reply import Shown
from engine.turns import events as turn
from engine.turns.history import History


@dataclass(frozen=True, slots=True)
class Account:
    """What a brain is told of the conversation so far: ``history`` and ``tools`` as in ``Request``, and the ``text``
    that it is to answer. ``terms``: what whoever keeps the account wants of the reply."""

    text: str
    history: tuple[tuple[str, str], ...]
    tools: tuple[PastTool, ...] = ()
    terms: Terms | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What was told last is dealt with; nothing more is done about it."""


Seen = turn.Event | turn.Action | Shown | Settled
"""What ``Conversation.watch`` is told: what happened, what was done about it, and what a reply is made of."""


SETTLED = Settled()


def account_of(text: str, lines: History) -> Account:
    """The history as brains are told it: what was said, and the tools between."""
    said: list[tuple[str, str]] = []
    tools: list[PastTool] = []
    for line in lines:
        if line.tool is None:
            said.append((line.who, line.text))
        else:
            use = line.tool
            tools.append(PastTool(len(said), use.call_id, use.name, use.arguments, use.result, use.error))
    return Account(text, tuple(said), tuple(tools))
