"""The conversations in writing that are remembered: so many, so long, each known to who began it."""

import hashlib
import logging
import re
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from time import monotonic

import gevent
from gevent.event import Event as Flag
from gevent.lock import BoundedSemaphore

from engine.agents.agent import Agent
from engine.agents.errors import NoSuchAgent
from engine.agents.load import Agents
from engine.casting import Casting
from engine.config import WritingOptions
from engine.written.errors import WritingError
from engine.written.record import Record
from engine.written.talk import Talk, Turn

log = logging.getLogger(__name__)

Recorder = Callable[[str, str, Callable[[str], None]], Record]
"""Begins the record of a conversation: its id, whence it comes, and what has it forgotten (see ``Record``)."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")

END_S = 5.0
"""How long the end of the engine waits for the ends of conversations."""

KEPT_ANSWERS = 16
"""Answers of one conversation that are given again to a request that comes again."""


SHORTEST_REST_S = 1.0
"""Conversations that were quiet too long are looked for so often at most."""


class Talks:
    """By owner (the API key's name) and id: nobody gets at the conversation of another key. ``close`` it: a greenlet
    ends what is over, so that no request waits for that."""

    def __init__(self, options: WritingOptions, turn_s: float, clock: Callable[[], float] = monotonic,
                 recorder: Recorder | None = None) -> None:
        """``turn_s``: longest turn. ``clock`` in seconds. ``recorder``: None leaves no records."""
        self._options = options
        self._turn_s = turn_s
        self._clock = clock
        self._recorder = recorder
        self._talks: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._making = BoundedSemaphore(1)
        self._over: deque[tuple[_Kept, str, str]] = deque()  # with cause, and by whom
        self._wake = Flag()
        self._keeper: gevent.Greenlet | None = None
        self._closed = False

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._talks)

    def turn(
        self, casting: Casting, owner: str, text: str, *, session_id: str = "", agent: str = "", language: str = "",
        dialect: str = "", region: str = "", again: str = "", caller: str = "",
    ) -> Turn:
        """The next turn of the conversation ``session_id``, which begins where it is not known. "" begins one under a
        new id. ``agent``: who answers; "" the agent of the conversation, for a new one the default, or the first one
        that speaks ``language``. ``again``: an id of the request; where it was asked before, the turn of then, which
        gives the same answer. ``caller``: whence it comes, for the record. Raises ``WritingError``, ``TrunklineError``
        where the agent cannot be had."""
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
                kept = self._begin(casting, key, found, language or found.language, dialect, region, caller)
            return self._next(key, kept, text, agent, language, {"dialect": dialect, "region": region}, again)

    def _begin(self, casting: Casting, key: tuple[str, str], agent: Agent, language: str, dialect: str, region: str,
               caller: str) -> "_Kept":
        """A conversation that is remembered from now on."""
        if self._closed:
            raise WritingError("cast", "the engine stops")
        if self._keeper is None:
            self._keeper = gevent.spawn(self._keep)

        def told_to_end(why: str) -> None:
            self._forget_one(key, why, "agent")

        record = self._recorder(key[1], caller, told_to_end) if self._recorder is not None else None
        try:
            talk = Talk(casting, agent, key[1], language, dialect=dialect, region=region, turn_s=self._turn_s,
                        clock=self._clock, record=record)
        except Exception as fault:
            if record is not None:
                record.failed(str(fault))
                self._over.append((_Kept(None, 0.0, record), "fault", "engine"))
                self._wake.set()
            raise
        self._forget(1)
        kept = self._talks[key] = _Kept(talk, self._clock(), record)
        self._wake.set()
        return kept

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
        turn = kept.last = kept.talk.turn(text, language=language, **facts)
        kept.asked += 1
        kept.at = self._clock()
        self._talks.move_to_end(key)
        if again:
            kept.promise(again, turn)
        return turn

    def end(self, owner: str, session_id: str) -> bool:
        """Forget a conversation; whether there was one."""
        return self._forget_one((owner, session_id), "forgotten", "caller")

    def close(self) -> None:
        """Forget all; there will be no others. Their records are complete then."""
        self._closed = True
        for key in list(self._talks):
            self._forget_one(key, "the engine stops", "engine")
        if self._keeper is not None:
            self._wake.set()
            self._keeper.join(END_S)
            self._keeper.kill()

    # ------------------------------------------------------------ forgetting

    def _forget_one(self, key: tuple[str, str], cause: str, by: str) -> bool:
        """Nobody gets at it from now on; it is ended soon. Whether there was one."""
        kept = self._talks.pop(key, None)
        if kept is None:
            return False
        self._over.append((kept, cause, by))
        self._wake.set()
        return True

    def _forget(self, places: int) -> None:
        """Those that were quiet too long, and the quietest until there are so many free ``places``; none that is
        answering."""
        old = self._clock() - self._options.idle_s
        spare = len(self._talks) + places - self._options.talks
        for key, kept in list(self._talks.items()):
            if kept.at >= old and spare <= 0:
                return
            if not kept.busy:
                quiet = kept.at < old
                self._forget_one(key, f"quiet for {self._options.idle_s:g} s (writing.idle_s)" if quiet else
                                 "another one needed its place (writing.talks)", "caller" if quiet else "engine")
                spare -= 1

    def _keep(self) -> None:
        """End what is over, until all is."""
        while self._over or not self._closed:
            self._wake.wait(self._rest_s())
            self._wake.clear()
            self._forget(0)
            while self._over:
                kept, cause, by = self._over.popleft()
                try:
                    kept.close(cause, by)
                except Exception:
                    log.exception("the end of a conversation in writing failed")

    def _rest_s(self) -> float | None:
        """How long none can have been quiet for too long."""
        if self._over or not self._talks:
            return 0.0 if self._over else None
        quietest = next(iter(self._talks.values()))
        return max(SHORTEST_REST_S, quietest.at + self._options.idle_s - self._clock())


class _Kept:
    """A conversation, when it was last asked, its record, and answers that may be asked for again."""

    def __init__(self, talk: Talk | None, at: float, record: Record | None) -> None:
        """``talk`` None: nobody could take it."""
        self._talk = talk
        self.at = at
        self.asked = 0
        self.last: Turn | None = None
        self.answers: OrderedDict[str, Turn] = OrderedDict()
        self._record = record

    @property
    def talk(self) -> Talk:
        assert self._talk is not None
        return self._talk

    @property
    def busy(self) -> bool:
        """Whether it is answering."""
        return self.talk.busy.locked()

    def close(self, cause: str, by: str) -> None:
        """It is over."""
        if self._talk is not None:
            self._talk.close()
        if self._record is not None:
            if self.last is not None and self.last.reply.ended:
                cause, by = "goodbye", "agent"
            self._record.close(cause, by)

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
