"""The conversation on a leg: what is heard goes to the turn engine, what it decides is carried out.

Knows no switch and no carrier: a phone call, a browser or a stream from a trunk is a leg. Everything runs in the hub's
thread; events that arise while another one is being handled wait their turn, so the turn engine sees one at a time.
"""

import logging
from collections import deque
from collections.abc import Callable
from time import monotonic

from engine.config import AgentOptions, TurnOptions
from engine.dialog.actions import CallContext
from engine.dialog.brain import Request
from engine.following import SETTLED, Account, Seen, account_of
from engine.listening import Listening, Tape
from engine.media.leg import Leg
from engine.media.playout import Heard as Played
from engine.reply import Reply
from engine.senses import Senses
from engine.speech.interfaces import Heard
from engine.talk import Past
from engine.telemetry import logs
from engine.telemetry.eventlog import EventLog
from engine.timers import Timer
from engine.turns import events as turn
from engine.turns.engine import TurnEngine
from engine.turns.history import History

log = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 1.0
"""How long the end of a conversation waits for its replies to stop."""


class Conversation:
    """One conversation. ``end(reason)`` is called once when the agent is done with it (goodbye played, or a fault)."""

    def __init__(
        self,
        senses: Senses,
        leg: Leg,
        events: EventLog,
        began: float,
        end: Callable[[str], None],
        name: str,
        recording: Tape | None = None,
    ) -> None:
        """Listens from now on. ``began``: call time 0, on the monotonic clock; ``name`` stands in its log lines."""
        self._senses = senses
        self._leg = leg
        # The leg's own may be another one while the caller hears hold music.
        self._playout = leg.playout
        self._events = events
        self._end = end
        self._name = name
        self.began = began
        config = senses.config
        self._language = config.speech.language
        self._turns = TurnEngine(config.turns, config.agent, senses.score, self._language)
        self._waiting: deque[turn.Event] = deque()
        self._telling = False
        self._closed = False
        self._failed = False
        self._suspended = ""  # why
        self.keys: Callable[[str], bool] | None = None
        """Gets the caller's keys before the turn engine does; True: it has taken this one."""
        self.spare_keys: Callable[[str], bool] | None = None
        """Gets keys that nobody has asked for, likewise."""
        self.context: CallContext | None = None
        """What brains may know of the call."""
        self.account: Callable[[turn.Think], Account] | None = None
        """Who keeps the account of the conversation instead of the turn engine."""
        self.naming: Callable[[turn.CommitUser | turn.CommitAgent], str] | None = None
        """Who has ids for what was said; empty: none for this."""
        self.watch: Callable[[Seen], None] | None = None
        """Is told everything, as it happens; it must neither wait nor raise."""
        self.cut_samples = 0
        """So much of the reply that was cut last was heard."""
        self._timer: Timer | None = None
        self._replies: dict[int, Reply] = {}
        self.listening = Listening(self, senses, leg, events, recording)
        try:
            senses.hearing.add(leg, self.listening)
        except BaseException:
            self.listening.close()
            raise
        leg.attach(self.listening.ear)
        self._playout.on_started = self._playout_started
        self._playout.on_finished = self._playout_finished

    @property
    def now(self) -> float:
        """Seconds of call time."""
        return monotonic() - self.began

    @property
    def phrases(self) -> AgentOptions:
        """What the agent says word for word, in the language of the moment."""
        return self._senses.config.agent

    @property
    def history(self) -> History:
        """Who said what so far, as the turn engine keeps it."""
        return self._turns.history

    @property
    def audio_began(self) -> float:
        """Call time of the caller's first sample."""
        return self.listening.audio_began

    @property
    def words(self) -> Callable[[str], None] | None:
        """Is told what the caller said (final transcripts), beside the turn engine."""
        return self.listening.words

    @words.setter
    def words(self, told: Callable[[str], None] | None) -> None:
        self.listening.words = told

    @property
    def transcripts(self) -> Callable[[Heard], None] | None:
        """Is told every final transcript with words, before the turn engine: its language may be another."""
        return self.listening.transcripts

    @transcripts.setter
    def transcripts(self, told: Callable[[Heard], None] | None) -> None:
        self.listening.transcripts = told

    def change(self, senses: Senses) -> None:
        """Hear, think and speak with others from the next words on, in the language of their ``config.speech``: its
        backchannels, stop words and numbers hold, and what is written is spoken as in it."""
        self._senses = senses
        self._language = senses.config.speech.language
        self._turns.use(senses.config.agent)
        self.tell(turn.Language(self._language))
        self.listening.change(senses.recogniser)

    def retune(self, options: TurnOptions) -> None:
        """Take turns by ``options`` from now on."""
        self._turns.retune(options)
        self.tell(turn.Tick())

    def start(self) -> None:
        """Greet the caller."""
        agent = self._senses.config.agent
        if agent.greeting:
            self.tell(turn.SayRequest(agent.greeting, agent.greeting_interruptible))

    def take_over(self, past: Past) -> None:
        """Go on with a conversation that somebody else has held so far."""
        lines = past.lines[:-1] if past.owed else past.lines
        self._turns.take_over(self.now, [(line.who, line.text, line.interrupted) for line in lines], past.generation)
        if not past.greeted:
            self.start()
        elif past.owed:
            self.tell(turn.Written(past.owed, self.now))
        elif past.broken:
            self.tell(turn.SayRequest(self.phrases.apology))
        else:
            self.tell(turn.Tick())

    # ------------------------------------------------------------ what comes in

    def ear(self, frame: bytes, silent: bool) -> None:
        """The caller's next frame (called by the leg)."""
        self.listening.ear(frame, silent)

    def digit(self, digit: str, duration_ms: int) -> None:
        """The caller pressed a key."""
        self._events.write("dtmf", digit=digit, at=self.now, duration_ms=duration_ms)
        asked = self.keys or self.spare_keys
        taken = asked is not None and asked(digit)
        if not (taken or self._suspended):
            self.tell(turn.Digit(digit, self.now))

    def collect(self, digits: int = 0, ends: str = "#") -> None:
        """A number of so many digits (0: not known) is asked for: spoken digits and keys are one turn of the caller."""
        self.tell(turn.Collect(digits, ends))

    def collect_end(self) -> None:
        """It is not asked for any more."""
        self.tell(turn.CollectEnd())

    def held(self) -> None:
        """The caller put the agent on hold."""
        self.tell(turn.Held(self.now))

    def unheld(self) -> None:
        """The caller took the agent back."""
        self.tell(turn.Unheld(self.now))

    def hung_up(self) -> None:
        """The caller is gone."""
        self.tell(turn.HungUp(self.now))

    def listen_only(self, on: bool, why: str) -> None:
        """The agent says nothing, and no deadline runs; what the caller says is heard (``words``) and not answered.
        ``why``: the same at the beginning and at the end; the log has it."""
        self.tell(turn.Held(self.now, why) if on else turn.Unheld(self.now, why))

    def suspend(self, why: str) -> None:
        """Somebody else has the caller's ear and mouth: nothing is heard, said, decided or missed until ``go_on``."""
        if not self._suspended:
            self.listening.end_voice()
            self.tell(turn.Held(self.now, why))
            self._suspended = why
            self.listening.suspend(True)
            self._arm()

    def go_on(self, instead: turn.SayRequest | None = None, happened: str = "") -> None:
        """The caller is back. ``instead``: said instead of what was about to be said when they left; empty: nothing.
        ``happened``: what the brain is to know of the time in between."""
        if self._suspended:
            why, self._suspended = self._suspended, ""
            self.listening.suspend(False)
            if instead is not None:
                self.tell(turn.Interrupt(self.now))
            if happened:
                self.tell(turn.Happened(happened))
            if instead is not None and instead.text.strip():
                self.tell(instead)
            self.tell(turn.Unheld(self.now, why))

    def mask(self, on: bool) -> None:
        """Whether recording, recogniser and log get nothing of what is said, heard and pressed."""
        self.listening.mask(on)
        self._events.masked = on

    def still(self) -> bool:
        """Whether the agent has nothing to say at this moment: not a frame waits, not even of a reply in the making."""
        return self._playout.still()

    def tell(self, event: turn.Event) -> None:
        """Tell the turn engine and carry out what it asks for. Never raises: a fault ends this conversation only."""
        if self._closed or self._failed:
            return
        self._show(event)
        self._waiting.append(event)
        if self._telling:
            return
        self._telling = True
        with logs.call(self._name):
            try:
                while self._waiting and not self._closed:
                    now = self.now
                    for action in self._turns.step(now, self._waiting.popleft()):
                        self._carry_out(action)
                        self._show(action)
                    self._show(SETTLED)
                self._arm()
            except Exception as fault:  # noqa: BLE001  a fault ends one conversation
                self.fail("conversation", fault)
            finally:
                self._telling = False

    def close(self) -> None:
        """Stop listening and speaking. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._senses.hearing.remove(self._leg)
        for reply in self._replies.values():
            reply.cancel()
        for reply in self._replies.values():
            reply.join(CLOSE_TIMEOUT_S)
        self._replies.clear()
        self.listening.close()

    def _show(self, seen: Seen) -> None:
        if self.watch is not None:
            self.watch(seen)

    def fail(self, where: str, fault: Exception) -> None:
        """A fault: nothing is heard, thought or said any more; who holds the call lets it go."""
        self._failed = True
        self.listening.stop()
        self._waiting.clear()
        with logs.call(self._name):
            log.error("the conversation ends by a fault of the %s", where, exc_info=fault)
        self._events.write("error", where=where, message=f"{type(fault).__name__}: {fault}")
        playout = self._playout
        if playout.generation is not None:
            gen, heard = playout.generation, playout.cut(playout.generation).text
            self._events.write("cut", gen=gen, at=self.now, heard=heard)
        playout.clear()
        self._end("fault")

    # ------------------------------------------------------------ what is done

    def _carry_out(self, action: turn.Action) -> None:
        playout = self._playout
        match action:
            case turn.Note(name, why, fields):
                self._events.note(name, why=why, **dict(fields))
            case turn.Think():
                self._think(action)
            case turn.Render(generation):
                self._replies[generation].render()
            case turn.Say(generation, text, interruptible):
                self._events.write("say", gen=generation, text=text, interruptible=interruptible)
                self._reply(generation).say(text)
            case turn.Decided(generation):
                self._replies[generation].decide()
            case turn.Release(generation):
                self._events.write("release", gen=generation)
                self._replies[generation].decide()
                playout.release(generation)
            case turn.Cancel(generation):
                self._events.write("cancel", gen=generation)
                self._drop(generation)
                playout.cancel(generation)
            case turn.Pause(generation):
                playout.pause()
                # A hold pauses without a voice.
                voice_from = None if self.listening.voice_to is not None else self.listening.voice_from
                onset = None if voice_from is None else round((self.now - voice_from) * 1000)
                self._events.write("pause", gen=generation, at=self.now, after_onset_ms=onset)
            case turn.Resume(generation):
                playout.resume()
                self._events.write("resume", gen=generation, at=self.now)
            case turn.Cut(generation):
                self._cut(generation)
            case turn.CommitUser(text, start, end):
                self._events.write("user_said", text=text, start=start, end=end, **self._named(action))
            case turn.CommitAgent(generation, text, interrupted):
                self._drop(generation)
                self._events.write("agent_said", gen=generation, text=text, interrupted=interrupted,
                                   **self._named(action))
            case turn.EndCall(reason):
                self._end(reason)

    def _named(self, action: turn.CommitUser | turn.CommitAgent) -> dict[str, str]:
        """``item`` of a line, where it has one."""
        name = self.naming(action) if self.naming is not None else ""
        return {"item": name} if name else {}

    def _cut(self, generation: int) -> None:
        """Stop a reply that is being heard; the turn engine is told next what was heard of it."""
        self._drop(generation)
        if self._leg.unheard:
            self._playout.unwrite(self._leg.unheard)
        played = self._playout.cut(generation)
        heard, self.cut_samples = played.text, played.samples
        self._events.write("cut", gen=generation, at=self.now, heard=heard)
        was_cut = turn.PlayoutCut(generation, self.now, heard)
        self._show(was_cut)
        self._waiting.appendleft(was_cut)

    def _think(self, action: turn.Think) -> None:
        self._events.write("think", gen=action.generation, text=action.text, speculative=action.speculative)
        reply = self._reply(action.generation)
        account = self.account(action) if self.account else account_of(action.text, self._turns.history)
        request = Request(
            account.text, account.history, action.generation, action.speculative, action.confidence,
            context=self.context, alternatives=action.alternatives, wait_decided=reply.wait_decided,
            tool_called=reply.tool_called, tool_returned=reply.tool_returned, tools=account.tools, terms=account.terms,
        )
        reply.think(self._senses.brain, request, early=action.early)

    def _reply(self, generation: int) -> Reply:
        voice, rate = self._senses.voice, self._leg.rate
        reply = Reply(generation, voice, self._playout, rate, self.tell, self._events, self._language,
                      self._show)
        self._replies[generation] = reply
        return reply

    def _drop(self, generation: int) -> None:
        reply = self._replies.pop(generation, None)
        if reply is not None:
            reply.cancel()

    def _arm(self) -> None:
        """Ask the timers for a tick at the turn engine's deadline."""
        deadline = None if self._closed or self._suspended else self._turns.deadline
        when = None if deadline is None else self.began + deadline
        timer = self._timer
        if timer is not None and timer.waiting and timer.when == when:
            return
        if timer is not None:
            timer.cancel()
        self._timer = None if when is None else self._senses.timers.at(when, lambda _: self.tell(turn.Tick()))

    # ------------------------------------------------------------ call-backs

    def _playout_started(self, generation: int) -> None:
        now = self.now
        voice_to = self.listening.voice_to
        waited = None if voice_to is None else round((now - voice_to) * 1000)
        self._events.write("on_wire", gen=generation, at=now, after_voice_ms=waited)
        self.tell(turn.PlayoutStarted(generation, now))

    def _playout_finished(self, generation: int, played: Played) -> None:
        self._events.write("playout_finished", gen=generation, at=self.now)
        self.tell(turn.PlayoutFinished(generation, self.now, played.text))
