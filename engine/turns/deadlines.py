"""When what is due: pure functions of the state. ``inf`` is never, ``AT_ONCE`` is now."""

from math import inf

from engine.turns.bargein import FINISH_S
from engine.turns.desk import Desk

AT_ONCE = -inf

JOIN_S = 0.3
"""Nothing of a reply has been understood so soon after its first frame: a caller who goes on by then is still in the
same turn, which becomes history only after it."""

STABLE_S = 0.15
"""A partial transcript that has not changed for so long after the voice is worth thinking about."""

SETTLE_S = 0.3
"""From the last frame of a farewell to the end of the call: what was written is still on its way to the ear."""

ENDLESS_S = 120.0
"""A reply whose end is not in sight so long after its first frame is cut: where it is not told how much audio is
rendered, this alone ends the silence of a brain that hangs in mid-reply."""

TOOL_S = 30.0
"""Longest wait for a tool. Tools have deadlines of their own; this one holds where they have none."""

CUT_TIMEOUT_S = 1.0
"""``PlayoutCut`` comes at once; after this the cut counts as done with nothing heard."""

EXPIRED_GRACE_S = 30.0
"""From the longest call on: time for the farewell. Then the call ends in any case."""


class Deadlines:
    """Reads the desk; changes nothing."""

    def __init__(self, desk: Desk) -> None:
        """Of this call."""
        self._desk = desk
        self._state = desk.state
        self._timeout = desk.reply_timeout_s

    def expire(self) -> float:
        """The longest call is over."""
        return self._desk.options.max_call_s + (EXPIRED_GRACE_S if self._state.expired else 0.0)

    def pause(self) -> float:
        """The caller's voice has lasted long enough to pause the reply, or it cannot be heard: the caller holds."""
        voice, reply = self._state.voice, self._state.reply
        if reply is None or reply.released_at is None or reply.paused_at is not None or reply.cutting_at is not None:
            return inf
        if self._state.held_from is not None:
            return AT_ONCE
        if not voice.talking or reply.guarded or reply.deaf or reply.rest_s(voice.on) <= FINISH_S:
            return inf
        if self._state.turn.pieces and self._desk.barge_in.nods(self._state.turn.text):
            return inf
        return voice.on + self._desk.barge_in.bar_s(reply.false_interruptions, reply.phase)

    def go_on(self) -> float:
        """A reply may be heard, for the first time or again: the turn is decided, the caller silent or only noise."""
        state, voice, reply = self._state, self._state.voice, self._state.reply
        if reply is None or reply.cutting_at is not None or state.held_from is not None:
            return inf
        if reply.held:
            return AT_ONCE
        if reply.paused_at is not None:
            held_from = reply.paused_at
        elif reply.released_at is not None or not reply.decided or reply.ready_at is None:
            return inf
        elif reply.guarded or reply.deaf or not (voice.talking or state.unjudged):
            return AT_ONCE
        else:
            held_from = max(reply.ready_at, reply.owed_from)
        if voice.talking:
            return held_from + self._timeout
        silence_s = self._desk.barge_in.go_on_s(voice.lasted(voice.off), state.unjudged)
        return min(voice.off + silence_s, held_from + self._timeout)

    def commit(self) -> float:
        """The turn that is being answered becomes history."""
        state, reply = self._state, self._state.reply
        if state.answering is None or reply is None or reply.started_at is None:
            return inf
        if reply.paused_at is not None or reply.cutting_at is not None:
            return inf
        return reply.started_at + JOIN_S

    def cut(self) -> float:
        """A cut was never confirmed."""
        reply = self._state.reply
        return inf if reply is None or reply.cutting_at is None else reply.cutting_at + CUT_TIMEOUT_S

    def turn(self) -> float:
        """The caller has finished."""
        state, voice, turn = self._state, self._state.voice, self._state.turn
        if (state.reply is not None and state.reply.decided) or state.expired or state.closing:
            return inf
        if turn.at_once:
            return AT_ONCE
        wait_s = self._desk.endpointing.wait_s
        if voice.talking and not turn.pieces:
            return inf
        if voice.talking:
            # Voice with no more words: a noisy line, or a recogniser that has stopped. When it has called words of this
            # very stretch final, it did not hear them go on.
            final = turn.pieces[-1].final and turn.pieces[-1].end > voice.on
            return max(turn.told_at, voice.on) + wait_s("", True) * (1 if final else 2)
        if voice.awaited:
            return voice.off + wait_s(turn.text, True)
        if turn.pieces:
            return turn.quiet_from + wait_s(turn.text, False)
        return voice.off + wait_s("", False) if turn.unclear_s or turn.cut_in else inf

    def speculate(self) -> float:
        """The words so far are worth thinking about."""
        state, voice, turn = self._state, self._state.voice, self._state.turn
        if state.reply is not None or not turn.pieces or turn.speculated_in_vain:
            return inf
        options = self._desk.options
        if not (options.speculate and options.answer) or self._desk.endpointing.collecting:
            return inf
        if state.expired or state.closing:
            return inf
        if voice.talking:
            may = turn.thought_early < self._desk.options.speculate_early and turn.told_at > voice.on
            return AT_ONCE if may and self._desk.endpointing.whole(turn.text) else inf
        if turn.ends_partial:
            return turn.told_at + STABLE_S
        return inf if voice.awaited else AT_ONCE

    def reply(self) -> float:
        """The caller has waited too long for the reply."""
        voice, reply = self._state.voice, self._state.reply
        if reply is None or not reply.decided or reply.cutting_at is not None or self._state.held_from is not None:
            return inf
        if reply.waits_for_tool and not reply.done:
            return reply.tool_at + TOOL_S
        if reply.started_at is not None:
            if reply.done or reply.paused_at is not None:
                return inf
            dry_from = max(reply.dry_from(), reply.tool_at) + self._timeout
            return min(dry_from, max(reply.started_at + reply.paused_s, reply.tool_at) + ENDLESS_S)
        wait = self._timeout if reply.attempt == 0 else self._timeout / 2
        if reply.released_at is not None:
            return inf if reply.paused_at is not None else reply.released_at + wait
        if reply.ready_at is not None:
            return inf
        # A caller who makes sounds is not left in silence, but is not left for good either.
        heard = voice.on + self._timeout if voice.talking else voice.off
        return min(max(reply.owed_from, heard), reply.owed_from + 2 * self._timeout) + wait

    def queue(self) -> float:
        """An announcement may be made."""
        state = self._state
        if not state.queue or state.held_from is not None:
            return inf
        request, since = state.queue[0]
        if state.reply is not None:
            return inf if state.reply.decided or request.interruptible else AT_ONCE
        if not request.interruptible:
            return AT_ONCE
        if state.turn.pieces or state.closing:
            return inf
        return since + self._timeout if state.voice.talking or state.voice.awaited else AT_ONCE

    def away(self) -> float:
        """Nobody has said anything for long."""
        state, voice = self._state, self._state.voice
        if state.reply is not None or state.queue or state.turn.pieces or voice.awaited:
            return inf
        if state.closing or state.expired or state.held_from is not None:
            return inf
        return max(state.idle_from, voice.on if voice.talking else -inf) + self._desk.options.away_ms / 1000

    def close(self) -> float:
        """The farewell was heard."""
        state, voice = self._state, self._state.voice
        if state.closing is None or state.reply is not None:
            return inf
        return state.closing[0] + (self._timeout if voice.talking or voice.awaited else SETTLE_S)
