"""Whose turn it is: told what happens on a call, says what to do. Pure; the rules are in ``docs/turn-taking.md``.

An event changes the state (``hearing`` what the caller does, ``speaking`` what becomes of replies); then everything
that is due is decided here. What is due is computed from the state (``deadlines``), so that no timer can be forgotten
or left behind.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from engine.config import AgentOptions, TurnOptions
from engine.turns import events as ev
from engine.turns.caller import Turn
from engine.turns.deadlines import Deadlines
from engine.turns.desk import Desk
from engine.turns.endpointing import Score
from engine.turns.errors import TurnError
from engine.turns.hearing import Hearing
from engine.turns.history import History
from engine.turns.language import DEFAULT
from engine.turns.speaking import Speaking
from engine.turns.words import same_words

UNCLEAR_S = 0.4
"""Voice shorter than this without words was no attempt to say something."""

ASK_AGAIN_LIMIT = 2
"""How often in a row the caller is asked to say it again; afterwards only the reminders for an absent one are left."""

CLOCK_S = 1e-6
"""What is due so soon is due: sums of times are not exact."""

MOST_DECISIONS = 64
"""Decisions of one step. More would mean that they bring about each other."""


class TurnEngine:
    """One conversation's turn-taking. ``deadline`` is when it wants a ``Tick`` (call time in s), None for never."""

    def __init__(
        self, options: TurnOptions, agent: AgentOptions | None = None, score: Score | None = None,
        language: str = DEFAULT,
    ) -> None:
        """``agent`` has the fixed phrases; ``score`` says how complete a text is (``engine.turns.endpointing``);
        ``language`` (ISO 639-1) picks the word lists."""
        self._desk = desk = Desk(options, agent or AgentOptions(), score, language)
        self._state = desk.state
        self._speaking = speaking = Speaking(desk)
        hearing = Hearing(desk, speaking)
        self._due = due = Deadlines(desk)
        self.deadline: float | None = due.expire()
        self._handlers: dict[type, Callable[[Any], None]] = {
            ev.VoiceOn: hearing.voice_on,
            ev.VoiceOff: hearing.voice_off,
            ev.Transcript: hearing.transcript,
            ev.Digit: hearing.digit,
            ev.Collect: hearing.collect,
            ev.CollectEnd: hearing.collect_end,
            ev.Language: hearing.language,
            ev.Written: hearing.written,
            ev.Happened: speaking.happened,
            ev.Respond: speaking.respond,
            ev.Commit: hearing.commit,
            ev.Forget: hearing.forget,
            ev.Interrupt: hearing.silence_agent,
            ev.Held: hearing.held,
            ev.Unheld: hearing.unheld,
            ev.HungUp: hearing.hung_up,
            ev.SayRequest: speaking.request,
            ev.ReplyReady: speaking.ready,
            ev.ReplyDone: speaking.done,
            ev.ReplyFailed: speaking.failed,
            ev.ToolCalled: speaking.tool_called,
            ev.ToolReturned: speaking.tool_returned,
            ev.PlayoutStarted: speaking.started,
            ev.PlayoutFinished: speaking.finished,
            ev.PlayoutCut: speaking.was_cut,
        }
        self._timers: tuple[tuple[Callable[[], float], Callable[[], None]], ...] = (
            (due.expire, self._expire),
            (due.pause, self._pause),
            (due.go_on, self._go_on),
            (due.commit, speaking.commit_user),
            (due.cut, self._cut_lost),
            (due.turn, self._decide),
            (due.speculate, self._speculate),
            (due.reply, self._reply_late),
            (due.queue, self._announce),
            (due.away, self._remind),
            (due.close, self._close),
        )

    @property
    def history(self) -> History:
        """Who said what so far, and what else happened (``Line.who``)."""
        return self._desk.history

    @property
    def idle(self) -> bool:
        """Whether nobody has the floor and nothing is owed to anybody: only a reminder would break the silence."""
        return self._due.away() < inf and self._due.turn() == inf and not self._state.voice.talking

    def use(self, agent: AgentOptions) -> None:
        """Say these fixed phrases from now on: the language has changed."""
        self._desk.agent = agent

    def retune(self, options: TurnOptions) -> None:
        """Take turns by ``options`` from now on."""
        self._desk.retune(options)

    def take_over(self, now: float, lines: Sequence[tuple[str, str, bool]], generation: int) -> None:
        """Somebody else has held the conversation up to ``now``: ``(who, text, interrupted)`` with who ``user``,
        ``agent`` or ``note``; ``generation`` is the last that they used. To be told before anything else."""
        history = self._desk.history
        for who, text, interrupted in lines:
            if who == "user":
                history.user(text)
            elif who == "agent":
                history.agent(text, interrupted)
            else:
                history.note(text)
        self._desk.now = self._state.idle_from = now
        self._state.generation = generation

    def step(self, now: float, event: ev.Event) -> list[ev.Action]:
        """Take ``event`` at ``now`` (call time in s, never falling); what is to be done, in this order."""
        desk, state = self._desk, self._state
        desk.now, desk.actions = now, []
        if state.over or (state.hung_up and not isinstance(event, ev.PlayoutCut | ev.PlayoutFinished)):
            if isinstance(event, ev.ToolReturned):
                self._speaking.tool_returned(event)  # it was done, though nobody waits for it
            return []
        if not isinstance(event, ev.Tick):
            self._handlers[type(event)](event)
        for _ in range(MOST_DECISIONS):
            if state.over or state.hung_up:
                self.deadline = None
                return desk.actions
            first, decide = inf, None
            for timer, action in self._timers:
                due = timer()
                if due < first:
                    first, decide = due, action
            if decide is None or first > now + CLOCK_S:
                self.deadline = None if decide is None else first
                return desk.actions
            decide()
        raise TurnError(f"no end of decisions at {now:.3f} s after {event}")

    # ------------------------------------------------------------ decisions

    def _decide(self) -> None:
        """The caller has finished: the turn is to be answered."""
        desk, state, voice = self._desk, self._state, self._state.voice
        turn, state.turn = state.turn, Turn()
        awaited, voice.given_up = voice.awaited, max(voice.given_up, voice.off)
        voice.over_agent = True
        start = turn.start if turn.pieces else voice.on
        desk.act(ev.TurnOver(turn.text, start, max(turn.quiet_from, voice.off, start), turn.ends_partial))
        if not turn.pieces:
            self._ask_again(turn)
            return
        text = turn.text
        if awaited:
            turn.quiet_from = max(turn.quiet_from, voice.off)
        if turn.ends_partial:
            desk.note("promoted_interim", "the final transcript did not come", text=text)
        state.reminders = state.asked_again = 0
        self._speaking.commit_user()
        state.answering = turn
        if not desk.options.answer:
            self._speaking.commit_user()
            if state.reply is not None:
                self._speaking.cancel(state.reply)
            desk.note("turn", "silence; it is not answered unasked", text=text)
            return
        reply = state.reply
        hit = reply is not None and same_words(reply.text, text)
        waited_ms = round((desk.now - turn.quiet_from) * 1000)
        gen = reply.generation if reply is not None and hit else state.generation + 1
        desk.note("turn", self._why_decided(turn, awaited), text=text, waited_ms=waited_ms, gen=gen)
        if reply is not None and hit:
            ahead_ms = round((desk.now - reply.owed_from) * 1000)
            desk.note("speculation_hit", "the words are the same", gen=gen, ahead_ms=ahead_ms)
            reply.decided, reply.owed_from, reply.early = True, desk.now, False
            desk.act(ev.Decided(gen))
            state.unjudged = voice.talking
        else:
            if reply is not None:
                self._speaking.cancel(reply)
                desk.note("speculation_miss", "the words changed", gen=reply.generation, text=reply.text)
            self._speaking.think(turn, decided=True)
        if state.reply is not None:
            state.reply.deaf = voice.talking and not turn.at_once
            if state.reply.empty:
                self._speaking.nothing_to_say(state.reply)

    def _why_decided(self, turn: Turn, awaited: bool) -> str:
        if turn.at_once:
            return "written"
        if self._state.voice.talking:
            return "no more words though the voice goes on"
        return "waited for the final transcript long enough" if awaited else "silence"

    def _ask_again(self, turn: Turn) -> None:
        """There was voice, but no words."""
        state = self._state
        if state.closing is not None or not (turn.cut_in or turn.unclear_s >= UNCLEAR_S):
            return
        if not self._desk.options.answer:
            return
        if state.asked_again < ASK_AGAIN_LIMIT:
            state.asked_again += 1
            self._desk.note("not_heard", "voice without words", voiced_ms=round(turn.unclear_s * 1000))
            self._speaking.say(self._desk.agent.not_heard)

    def _speculate(self) -> None:
        turn = self._state.turn
        turn.thought_early += self._state.voice.talking
        self._speaking.think(turn, decided=False)

    def _pause(self) -> None:
        reply = self._state.reply
        assert reply is not None
        reply.paused_at = self._desk.now
        reply.held = self._state.held_from is not None
        self._desk.act(ev.Pause(reply.generation))

    def _go_on(self) -> None:
        """Let the reply be heard: from its first frame, or from where it was paused."""
        desk, state, reply = self._desk, self._state, self._state.reply
        assert reply is not None
        voice = state.voice
        if not reply.guarded:
            held_from = reply.owed_from if reply.paused_at is None else reply.paused_at
            state.turn.drop_partials(min(held_from, voice.on))
            state.unjudged = False
            reply.deaf = reply.deaf or voice.talking
        if reply.paused_at is None:
            reply.released_at = desk.now
            desk.act(ev.Release(reply.generation))
            return
        paused_ms = round((desk.now - reply.paused_at) * 1000)
        reply.paused_s += desk.now - reply.paused_at
        held_from, reply.paused_at = reply.paused_at, None
        if reply.held:
            reply.held = False
            desk.note("hold_over", "the reply goes on", gen=reply.generation, paused_ms=paused_ms)
            desk.act(ev.Resume(reply.generation))
            return
        backchannel = state.nod is not None and state.nod[1] >= held_from
        why = "backchannel" if backchannel else f"no words in {voice.lasted(desk.now) * 1000:.0f} ms of voice"
        desk.note("false_interruption", why, gen=reply.generation, paused_ms=paused_ms)
        reply.false_interruptions += 1
        if backchannel and state.nod is not None:
            state.nod = (state.nod[0], desk.now)
        desk.act(ev.Resume(reply.generation))

    def _cut_lost(self) -> None:
        reply = self._state.reply
        assert reply is not None
        self._speaking.was_cut(ev.PlayoutCut(reply.generation, self._desk.now, ""))

    def _reply_late(self) -> None:
        reply = self._state.reply
        assert reply is not None
        if reply.started_at is not None:
            self._desk.note("reply_timeout", "nothing more of it comes", gen=reply.generation)
            reply.failed = True
            self._speaking.cut(reply)
            return
        waited_ms = round((self._desk.now - reply.owed_from) * 1000)
        self._desk.note("reply_timeout", "no audio", gen=reply.generation, waited_ms=waited_ms, attempt=reply.attempt)
        self._speaking.again(reply, "timeout")

    def _announce(self) -> None:
        state = self._state
        if state.reply is not None:
            self._speaking.cancel(state.reply)
        if state.expired:
            self._speaking.commit_last_words()
        request, _ = state.queue.popleft()
        reason = "max_call" if state.expired else "goodbye"
        self._say_regardless(request.text, request.interruptible, reason if request.ends_call else "")

    def _remind(self) -> None:
        """The caller may be away: ask, and at last say goodbye."""
        desk, state = self._desk, self._state
        state.reminders += 1
        silent_ms = round((desk.now - state.idle_from) * 1000)
        state.idle_from = desk.now
        desk.note("caller_away", "mutual silence", silent_ms=silent_ms, reminder=state.reminders)
        if state.reminders > desk.options.away_limit:
            self._say_regardless(desk.agent.goodbye, ends_call="away")
        else:
            self._say_regardless(desk.agent.away)

    def _say_regardless(self, text: str, interruptible: bool = True, ends_call: str = "") -> None:
        """Say it even if there is voice right now: it has been waited for long enough."""
        self._speaking.say(text, interruptible, ends_call)
        if self._state.reply is not None:
            self._state.reply.deaf = self._state.voice.talking

    def _expire(self) -> None:
        """The longest call is over: what is said is cut, then goodbye."""
        state = self._state
        if state.expired:
            self._speaking.end_call("max_call", "the farewell did not come to an end")
            return
        state.expired = True
        self._desk.note("max_call", f"longest call, {self._desk.options.max_call_s} s")
        self._speaking.commit_user()
        if state.reply is not None:
            self._speaking.stop(state.reply)
        state.queue.clear()
        self._speaking.request(ev.SayRequest(self._desk.agent.goodbye, interruptible=False, ends_call=True))

    def _close(self) -> None:
        assert self._state.closing is not None
        self._speaking.end_call(self._state.closing[1], "the farewell was played")
