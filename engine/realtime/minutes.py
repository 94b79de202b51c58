"""What is said in a session beside its spoken turns, as lines of the call's log: what the client writes, turns that it
ends itself, what its tools returned; and the ids that its items go by, for all lines."""

from collections.abc import Mapping
from typing import Any

from engine.realtime import happenings as happen
from engine.realtime.account import words_of
from engine.realtime.behind import Behind
from engine.realtime.protocol import Protocol
from engine.telemetry.eventlog import EventLog
from engine.turns import events as turn


class Minutes:
    """Of one session. What comes before the call has begun is written at its begin."""

    def __init__(self, state: Protocol) -> None:
        """``state``: the session's."""
        self._state = state
        self._events: EventLog | None = None
        self._waiting: list[tuple[str, dict[str, str]]] = []

    def begin(self, talk: Behind) -> None:
        """The call behind the session has begun."""
        talk.conversation.naming = lambda action: self._name(talk, action)
        self._events = talk.events
        waiting, self._waiting = self._waiting, []
        for event, fields in waiting:
            self._write(event, fields)

    def wrote(self, item: Mapping[str, Any]) -> None:
        """The client has made this item."""
        if item["type"] == "function_call_output":
            self._write("client_result", {"id": str(item["call_id"]), "output": str(item["output"]),
                                          "item": item["id"]})
        elif item["type"] == "message" and item["role"] == "user" and (words := words_of(item)):
            self._write("user_said", {"text": words, "item": item["id"]})

    def heard(self, words: happen.Transcribed) -> None:
        """Words of an item that the client has ended itself. Those of turns are the turn engine's to tell."""
        if words.final and words.item_id and words.text:
            self._write("user_said", {"text": words.text, "item": words.item_id})

    def _write(self, event: str, fields: dict[str, str]) -> None:
        if self._events is None:
            self._waiting.append((event, fields))
        else:
            self._events.write(event, **fields)

    def _name(self, talk: Behind, action: turn.CommitUser | turn.CommitAgent) -> str:
        """The id of the item that says this."""
        if isinstance(action, turn.CommitUser):
            return self._state.item_said(action.text)
        number = talk.telling.number(action.generation)
        return self._state.item_of(number) if number is not None else ""


__all__ = ["Minutes"]
