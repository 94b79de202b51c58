"""The agent's side of the floor: replies from the decision to think to what was heard of them, and the end of the call.

At most one generation lives at a time. What carries another number is stale and changes nothing.
"""

from dataclasses import replace
from math import inf

from engine.turns import events as ev
from engine.turns.caller import Turn
from engine.turns.desk import Desk
from engine.turns.history import ToolUse
from engine.turns.state import Reply

QUESTION_S = 1.5
"""A "yes" over the last words of a question, so near to its end, is the answer to it."""

_QUESTION_MARKS = ("?", "\uff1f", "\u061f", "\u037e")

QUEUE_LIMIT = 16
"""Announcements that may wait for the floor; one more takes the place of the oldest."""


class Speaking:
    """Carries replies through their life."""

    def __init__(self, desk: Desk) -> None:
        """Nothing is said yet."""
        self._desk = desk
        self._state = desk.state

    # ------------------------------------------------------------ begin

    def think(self, turn: Turn, decided: bool, attempt: int = 0) -> None:
        """Have a reply to the words of ``turn`` made."""
        text, now, early = turn.text, self._desk.now, not decided and self._state.voice.talking
        generation = self._state.generation + 1
        self._begin(Reply(generation, "think", text, decided, now, attempt=attempt, early=early))
        self._desk.act(ev.Think(generation, text, not decided, turn.confidence, turn.alternatives, early))

    def respond(self, event: ev.Respond) -> None:
        """Have a reply made to the conversation as it stands."""
        reply = self._state.reply
        if reply is not None and reply.decided:
            self._desk.note("respond_refused", "another reply has the floor", gen=reply.generation)
            return
        if reply is not None:
            self.cancel(reply)
        self._think_as_asked(event.asked)

    def _think_as_asked(self, asked: str, attempt: int = 0) -> None:
        generation = self._state.generation + 1
        self._begin(Reply(generation, "think", "", True, self._desk.now, attempt=attempt, asked=asked))
        self._desk.act(ev.Think(generation, "", False, asked=asked))

    def say(self, text: str, interruptible: bool = True, ends_call: str = "", attempt: int = 0) -> None:
        """Have a fixed text said. ``ends_call``: the reason for the end of the call once it was played."""
        state = self._state
        if not text.strip():
            state.closing = (self._desk.now, ends_call) if ends_call else state.closing
            return
        guarded, now = not interruptible, self._desk.now
        reply = Reply(state.generation + 1, "say", text, True, now, guarded, ends_call, attempt)
        reply.greets = not self._desk.history
        self._begin(reply)
        self._desk.act(ev.Say(state.generation, text, interruptible))

    def _begin(self, reply: Reply) -> None:
        state, voice = self._state, self._state.voice
        state.generation, state.reply = reply.generation, reply
        # Voice that is there already meets this reply as well.
        state.unjudged = reply.decided and not reply.guarded and (voice.talking or voice.awaited)

    def request(self, event: ev.SayRequest) -> None:
        """Queue an announcement; it is said as soon as the floor is free."""
        queue = self._state.queue
        if len(queue) == QUEUE_LIMIT:
            self._desk.note("say_dropped", f"{QUEUE_LIMIT} announcements wait already", text=queue.popleft()[0].text)
        queue.append((event, self._desk.now))

    # ------------------------------------------------------------ told

    def happened(self, event: ev.Happened) -> None:
        """It is history, after all that was said before."""
        self.commit_user()
        self._desk.history.note(event.text)
        self._desk.note("happened", event.text)

    def ready(self, event: ev.ReplyReady) -> None:
        """Its first audio is there, or more of it."""
        reply = self._current(event.generation)
        if reply is not None:
            reply.staged_s = max(reply.staged_s, event.seconds)
            reply.ready_at = self._desk.now if reply.ready_at is None else reply.ready_at

    def done(self, event: ev.ReplyDone) -> None:
        """All of it is there."""
        reply = self._current(event.generation)
        if reply is None:
            return
        reply.done = True
        reply.seconds = event.seconds or inf
        if event.ends_call:
            reply.ends_call = reply.ends_call or "goodbye"
        if event.empty and reply.started_at is None:
            reply.empty = True
            if reply.decided:
                self.nothing_to_say(reply)

    def failed(self, event: ev.ReplyFailed) -> None:
        """No more of it will come."""
        reply = self._current(event.generation)
        if reply is None:
            return
        if reply.started_at is None:
            self.again(reply, event.reason)
        else:
            reply.done = reply.failed = True  # what is staged is played, then comes the apology

    def tool_called(self, event: ev.ToolCalled) -> None:
        """A tool is run for it. What has an effect is not undone by a caller who goes on: their turn is history from
        here on, and the reply is not thought about a second time."""
        reply = self._current(event.generation)
        if reply is None:
            return
        reply.tool_at = self._desk.now
        reply.tools.append((event.words, ToolUse(event.call_id, event.name, event.arguments)))
        if reply.decided:
            reply.attempt = 1
            self.commit_user()

    def tool_returned(self, event: ev.ToolReturned) -> None:
        """It is done; the reply it was for may be over."""
        reply = self._state.reply
        self._desk.history.returned(event.call_id, event.result, event.error)
        for number, (words, use) in enumerate(reply.tools if reply is not None else ()):
            if reply is not None and use.call_id == event.call_id:
                reply.tools[number] = words, replace(use, result=event.result, error=event.error)
                reply.tool_at = reply.owed_from = self._desk.now

    def started(self, event: ev.PlayoutStarted) -> None:
        """Its first frame went out."""
        reply = self._current(event.generation)
        if reply is not None and reply.started_at is None:
            reply.started_at = event.at
            reply.guarded = reply.guarded or not self._desk.options.barge_in

    def finished(self, event: ev.PlayoutFinished) -> None:
        """Its last frame went out."""
        reply = self._current(event.generation)
        if reply is None:
            return
        state = self._state
        self.commit_user()
        self._write(reply, event.heard, interrupted=False)
        self._desk.act(ev.CommitAgent(reply.generation, event.heard, interrupted=False))
        self.leave_floor()
        nod, state.nod = state.nod, None
        if state.hung_up:
            self.leave_call()
        elif reply.failed:
            self._apologise("the reply broke off")
        elif reply.ends_call:
            state.closing = (self._desk.now, reply.ends_call)
        elif nod and not state.turn.pieces and self._asked(event, since=nod[1]):
            state.turn = nod[0]
            self._desk.note("question_answered", "said over the end of a question", text=state.turn.text)

    def was_cut(self, event: ev.PlayoutCut) -> None:
        """It was stopped; ``heard`` is what the caller got of it."""
        reply = self._current(event.generation)
        if reply is None:
            return
        heard = event.heard.strip()
        if heard or reply.kind == "say" or reply.tools:
            self.commit_user()
        else:
            self.rejoin("not a word of the reply was heard")
        if heard:
            self._desk.act(ev.CommitAgent(reply.generation, heard, interrupted=True))
        self._write(reply, heard, interrupted=True)
        self.leave_floor()
        if self._state.hung_up:
            self.leave_call()
        elif reply.failed:
            self._apologise("the reply did not come to an end")

    # ------------------------------------------------------------ end

    def cut(self, reply: Reply) -> None:
        """Stop a reply that is being heard. Announcements that wait are off, too, unless they are protected."""
        state = self._state
        reply.cutting_at = self._desk.now
        self._desk.act(ev.Cut(reply.generation))
        for item in [item for item in state.queue if item[0].interruptible]:
            state.queue.remove(item)

    def cancel(self, reply: Reply) -> None:
        """Drop a reply that was never heard. Tools that were run for a turn that is history are, too."""
        self._desk.act(ev.Cancel(reply.generation))
        self._state.reply = None
        if reply.decided and self._state.answering is None:
            self._write(reply, "", interrupted=True)

    def stop(self, reply: Reply) -> None:
        """End it, heard or not."""
        if reply.cutting_at is not None:
            return
        if reply.started_at is None:
            self.cancel(reply)
            self.leave_floor()
        else:
            self.cut(reply)

    def again(self, reply: Reply, why: str) -> None:
        """A reply that nobody heard came to nothing: once more, then an apology, then the dialplan's next action."""
        self.cancel(reply)
        if not reply.decided:
            self._state.turn.speculated_in_vain = True
            self._desk.note("speculation_miss", why, gen=reply.generation)
        elif reply.attempt == 0 and reply.kind == "say":
            self._desk.note("retry", why, gen=reply.generation)
            self.say(reply.text, not reply.guarded, reply.ends_call, attempt=1)
        elif reply.attempt == 0 and self._state.answering is not None:
            self._desk.note("retry", why, gen=reply.generation)
            self.think(self._state.answering, decided=True, attempt=1)
        elif reply.attempt == 0 and reply.asked:
            self._desk.note("retry", why, gen=reply.generation)
            self._think_as_asked(reply.asked, attempt=1)
        elif reply.kind == "think":
            self._apologise(why)
        else:
            self.end_call(reply.ends_call or "fault", f"the agent cannot speak: {why}")

    def nothing_to_say(self, reply: Reply) -> None:
        """The brain has no words for this turn."""
        self.cancel(reply)
        self._desk.note("empty_reply", "the brain had nothing to say", gen=reply.generation)
        self.commit_user()
        self.leave_floor()
        if reply.ends_call:
            self._state.closing = (self._desk.now, reply.ends_call)

    def rejoin(self, why: str) -> None:
        """The turn that was about to be answered goes on."""
        state = self._state
        if state.answering is None:
            return
        state.answering.join(state.turn)
        state.turn, state.answering = state.answering, None
        self._desk.note("joined", why, text=state.turn.text)

    def leave_floor(self) -> None:
        """The agent is silent."""
        state = self._state
        if state.reply is not None and state.reply.started_at is not None:
            state.spoke = state.reply.started_at, self._desk.now
        state.reply = None
        state.unjudged = False
        state.idle_from = self._desk.now

    def commit_user(self) -> None:
        """The turn that is being answered is history."""
        state, turn = self._state, self._state.answering
        if turn is None:
            return
        state.answering = None
        state.answered = (turn, self._desk.history.user(turn.text))
        self._desk.endpointing.pace.finished(len(turn.text.split()))
        self._desk.act(ev.CommitUser(turn.text, turn.start, turn.quiet_from))

    def commit_last_words(self) -> None:
        """Words that will not be answered any more are history all the same."""
        self.commit_user()
        state = self._state
        state.answering, state.turn = (state.turn if state.turn.pieces else None), Turn()
        self.commit_user()

    def leave_call(self) -> None:
        """The caller is gone, or is let go."""
        reply = self._state.reply
        if reply is not None and reply.decided and reply.tools:
            self.commit_user()
            self._write(reply, "", interrupted=True)
        self.commit_last_words()
        self._state.over = True

    def end_call(self, reason: str, why: str) -> None:
        """Nothing more will be said."""
        self._desk.note("call_ends", why, reason=reason)
        self.leave_call()
        self._desk.act(ev.EndCall(reason))

    def _apologise(self, why: str) -> None:
        self._desk.note("apology", why)
        if self._desk.agent.apology.strip():
            self.say(self._desk.agent.apology)
        else:
            self.end_call("fault", why)

    def _asked(self, event: ev.PlayoutFinished, since: float) -> bool:
        """Whether the reply was a question whose last words came after ``since``."""
        return event.at - since <= QUESTION_S and event.heard.rstrip().endswith(_QUESTION_MARKS)

    def _write(self, reply: Reply, heard: str, interrupted: bool) -> None:
        """What was heard of it becomes history, with the tools between the words where they were run."""
        history, words, begin = self._desk.history, heard.split(), 0
        for end, use in reply.tools:
            last = interrupted and len(words) <= end
            history.agent(" ".join(words[begin:end]), last)
            history.ran(use)
            begin = max(begin, end)
        history.agent(" ".join(words[begin:]) if reply.tools else heard, interrupted)

    def _current(self, generation: int) -> Reply | None:
        reply = self._state.reply
        return reply if reply is not None and reply.generation == generation else None
