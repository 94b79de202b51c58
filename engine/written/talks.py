"""The conversations in writing that are remembered: so many, so long, each known to who began it."""

import hashlib
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from time import monotonic

from gevent.lock import BoundedSemaphore

from engine.agents.agent import Agent
from engine.agents.errors import NoSuchAgent
from engine.agents.load import Agents
from engine.casting import Casting
from engine.config import WritingOptions
from engine.written.errors import WritingError
from engine.written.talk import Talk, Turn

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")

KEPT_ANSWERS = 16
"""Answers of one conversation that are given again to a request that comes again."""


class Talks:
    """By owner (the API key's name) and id: nobody gets at the conversation of another key."""

    def __init__(self, options: WritingOptions, turn_s: float, clock: Callable[[], float] = monotonic) -> None:
        """``turn_s``: longest turn. ``clock`` in seconds."""
        self._options = options
        self._turn_s = turn_s
        self._clock = clock
        self._talks: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._making = BoundedSemaphore(1)

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._talks)

    def turn(
        self, casting: Casting, owner: str, text: str, *, session_id: str = "", agent: str = "", language: str = "",
        dialect: str = "", region: str = "", again: str = "",
    ) -> Turn:
        """The next turn of the conversation ``session_id``, which begins where it is not known. "" begins one under a
        new id. ``agent``: who answers; "" the agent of the conversation, for a new one the default, or the first one
        that speaks ``language``. ``again``: an id of the request; where it was asked before, the turn of then, which
        gives the same answer. Raises ``WritingError``, ``TrunklineError`` where the agent cannot be had."""
        if not session_id and again:
            session_id = hashlib.sha256(again.encode()).hexdigest()[:32]
        if session_id and not _ID.fullmatch(session_id):
            raise WritingError("session_id", "a session_id has 1 to 128 letters, digits and . _ : @ -, beginning with "
                                             "a letter or digit")
        key = (owner, session_id or secrets.token_hex(16))
        with self._making:  # of two requests that begin the same conversation, the second one finds it
            self._forget(0)
            kept = self._talks.get(key)
            if kept is None:
                found = pick(casting.agents, agent, language)
                talk = Talk(casting, found, key[1], language or found.language, dialect=dialect, region=region,
                            turn_s=self._turn_s, clock=self._clock)
                self._forget(1)
                kept = self._talks[key] = _Kept(talk, self._clock())
            return self._next(key, kept, text, agent, language, {"dialect": dialect, "region": region}, again)

    def _next(self, key: tuple[str, str], kept: "_Kept", text: str, agent: str, language: str,
              facts: Mapping[str, str], again: str) -> Turn:
        """The next turn of a conversation that is known; no other greenlet runs meanwhile."""
        if agent and agent != kept.talk.agent.name:
            raise WritingError("agent", f"session {key[1]} is with {kept.talk.agent.name}; begin another session")
        before = kept.answers.get(again) if again else None
        if before is not None and not before.failed:
            return before
        if kept.asked >= self._options.turns:
            raise WritingError("session_id", f"session {key[1]} has had its {self._options.turns} turns "
                                             "(writing.turns); begin another one")
        turn = kept.talk.turn(text, language=language, **facts)
        kept.asked += 1
        kept.at = self._clock()
        self._talks.move_to_end(key)
        if again:
            kept.promise(again, turn)
        return turn

    def end(self, owner: str, session_id: str) -> bool:
        """Forget a conversation; whether there was one."""
        kept = self._talks.pop((owner, session_id), None)
        if kept is not None:
            kept.talk.close()
        return kept is not None

    def close(self) -> None:
        """Forget all."""
        for kept in self._talks.values():
            kept.talk.close()
        self._talks.clear()

    def _forget(self, places: int) -> None:
        """Those that were quiet too long, and the quietest until there are so many free ``places``; none that is
        answering."""
        old = self._clock() - self._options.idle_s
        spare = len(self._talks) + places - self._options.talks
        for key, kept in list(self._talks.items()):
            if kept.at >= old and spare <= 0:
                return
            if not kept.talk.busy.locked():
                del self._talks[key]
                kept.talk.close()
                spare -= 1


class _Kept:
    """A conversation, when it was last asked, and answers that may be asked for again."""

    def __init__(self, talk: Talk, at: float) -> None:
        self.talk = talk
        self.at = at
        self.asked = 0
        self.answers: OrderedDict[str, Turn] = OrderedDict()

    def promise(self, again: str, turn: Turn) -> None:
        self.answers[again] = turn
        while len(self.answers) > KEPT_ANSWERS:
            self.answers.popitem(last=False)


def pick(agents: Agents, name: str, language: str = "") -> Agent:
    """The agent of this name; "": the default, or the first by name that speaks ``language`` where that one does not.
    Raises ``WritingError``."""
    if name:
        try:
            found = agents.get(name)
        except NoSuchAgent as fault:
            raise WritingError("agent", str(fault)) from fault
        if language and language not in found.languages:
            raise WritingError("language", f"{name} speaks {', '.join(found.languages)}, not {language}")
        return found
    if not language and not agents.default:
        raise WritingError("agent", f"no agent is the default; name one of {', '.join(each.name for each in agents)}")
    default_first = sorted(agents, key=lambda each: each.name != agents.default)
    speaks = next((each for each in default_first if not language or language in each.languages), None)
    if speaks is None:
        spoken = sorted({code for each in agents for code in each.languages})
        raise WritingError("language", f"no agent speaks {language}; there are {', '.join(spoken)}")
    return speaks
