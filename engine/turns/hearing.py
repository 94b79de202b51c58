"""The caller's side of the floor: voice, words, keys. What the caller does may hold, interrupt or outdate a reply."""

from engine.turns import events as ev
from engine.turns.caller import COVER_S, Piece, Turn
from engine.turns.desk import Desk
from engine.turns.endpointing import Collecting
from engine.turns.speaking import Speaking
from engine.turns.state import Reply
from engine.turns.words import same_words

LATE_S = 0.5
"""A final transcript that ends no later than this after a turn that was decided, with no voice since, is part of it."""


class Hearing:
    """Takes what the caller does."""

    def __init__(self, desk: Desk, speaking: Speaking) -> None:
        """Nothing was heard yet."""
        self._desk = desk
        self._state = desk.state
        self._speaking = speaking

    def voice_on(self, event: ev.VoiceOn) -> None:
        """A stretch of voice began."""
        state, voice, reply = self._state, self._state.voice, self._state.reply
        before = state.turn if state.turn.pieces else state.answering
        voice.pause = (event.at - voice.off, before.text) if before is not None else None
        voice.talking, voice.on = True, event.at
        voice.over_agent = (reply is not None and reply.decided) or state.held_from is not None
        if reply is not None and reply.decided and not reply.guarded:
            state.unjudged = True

    def voice_off(self, event: ev.VoiceOff) -> None:
        """It ended."""
        state, voice, turn = self._state, self._state.voice, self._state.turn
        voice.talking, voice.off = False, event.at
        if state.reply is not None:
            state.reply.deaf = False
            if state.reply.early:
                state.reply.early = False
                self._desk.act(ev.Render(state.reply.generation))
        if turn.pieces and turn.pieces[-1].end >= voice.on:
            turn.quiet_from = voice.off  # the end of the voice, however far a partial transcript had run on
        if not voice.over_agent and state.key_at < voice.on:
            turn.unclear_s = max(turn.unclear_s, voice.lasted(self._desk.now))
        if not voice.awaited and not turn.pieces:
            state.unjudged = False

    def transcript(self, event: ev.Transcript) -> None:
        """Words came, or the news that there were none."""
        voice = self._state.voice
        piece = Piece(event.text.strip(), event.final, event.start, event.end, event.confidence,
                      event.alternatives)
        if piece.final:
            voice.final_end = max(voice.final_end, piece.end)
        if self._of_a_hold(piece):
            return
        late_for = self._decided_turn_of(piece)
        if late_for is not None:
            self._late(piece, late_for)
        elif piece.text and self._unvoiced(piece):
            if piece.final:
                self._desk.note("unvoiced", "words without a voice over the agent's speech: its echo", text=piece.text)
        elif piece.text:
            self._words(piece)
        elif piece.final:
            self._no_words(piece)

    def written(self, event: ev.Written) -> None:
        """Words that need no recogniser and are complete."""
        text, turn, reply = event.text.strip(), self._state.turn, self._state.reply
        if not text:
            return
        self._still_there(text)
        turn.pieces.append(Piece(text, True, event.at, event.at))
        turn.quiet_from, turn.told_at, turn.at_once = event.at, self._desk.now, True
        if reply is not None and reply.decided and not reply.guarded and reply.cutting_at is None:
            self._interrupt(reply, "written")

    def commit(self, event: ev.Commit) -> None:
        """Nobody waits for more of it than the words that are on their way."""
        voice, turn = self._state.voice, self._state.turn
        if turn.pieces and not voice.awaited:
            turn.at_once = True
        elif voice.talking or voice.awaited:
            turn.ends_with_words = True

    def forget(self, event: ev.Forget) -> None:
        """It was not said. The reply to it, if one was begun ahead, goes as well."""
        state = self._state
        state.turn = Turn()
        state.voice.given_up = max(state.voice.given_up, event.at)
        state.unjudged = False
        if state.reply is not None and not state.reply.decided:
            self._speaking.cancel(state.reply)

    def digit(self, event: ev.Digit) -> None:
        """A key is a sign of life; its tone on the line is not speech."""
        self._state.key_at = event.at
        self._state.idle_from = self._desk.now
        self._state.turn.unclear_s = 0.0
        if self._desk.endpointing.collecting is not None:
            self._key(event, self._desk.endpointing.collecting)

    def collect(self, event: ev.Collect) -> None:
        """A number is asked for."""
        self._desk.endpointing.collecting = Collecting(event.digits, event.ends)

    def collect_end(self, event: ev.CollectEnd) -> None:
        """It is not asked for any more."""
        self._desk.endpointing.collecting = None

    def language(self, event: ev.Language) -> None:
        """Other word lists hold."""
        self._desk.language = event.code
        self._desk.endpointing.speak(event.code)
        self._desk.barge_in.speak(event.code)

    def silence_agent(self, event: ev.Interrupt) -> None:
        """Somebody else wants the agent to be silent."""
        reply = self._state.reply
        self._state.queue.clear()
        if reply is not None and reply.decided and reply.cutting_at is None:
            self._desk.note("interrupted", "asked for", gen=reply.generation)
            self._speaking.commit_user()
            self._speaking.stop(reply)
        if self._state.expired:
            self._state.closing = (self._desk.now, "max_call")

    def held(self, event: ev.Held) -> None:
        """The caller is busy elsewhere. What was being said stays as it is until they come back."""
        if event.why not in self._state.holds:
            self._state.holds[event.why] = event.at
            self._desk.note("held", event.why)

    def unheld(self, event: ev.Unheld) -> None:
        """They are back, unless there is another reason to wait."""
        state, reply, began = self._state, self._state.reply, self._state.held_from
        since = state.holds.pop(event.why, None)
        if since is None or began is None:
            return
        self._desk.note("unheld", event.why, held_ms=round((event.at - since) * 1000))
        if state.holds:
            return
        state.was_held = began, event.at
        state.idle_from = self._desk.now
        if reply is not None:
            # Nobody waited for it, or for its tools, in the meantime.
            reply.tool_at = self._desk.now
            if reply.started_at is None:
                reply.owed_from = self._desk.now

    def hung_up(self, event: ev.HungUp) -> None:
        """What was said and heard becomes history; nothing else happens any more."""
        state = self._state
        state.hung_up = True
        self._speaking.commit_user()
        if state.reply is not None:
            self._speaking.stop(state.reply)
        if state.reply is None:
            self._speaking.leave_call()

    # ------------------------------------------------------------ words

    def _words(self, piece: Piece) -> None:
        state, reply = self._state, self._state.reply
        state.turn.take(piece, state.voice)
        state.turn.told_at = self._desk.now
        state.turn.at_once |= state.turn.ends_with_words and piece.final
        self._still_there(state.turn.text)
        if piece.end > state.voice.on and (reply is None or not reply.decided):
            self._learn_pause()
        if reply is None or reply.guarded or reply.cutting_at is not None:
            return
        if reply.decided:
            self._judge(reply, piece.final)
        else:
            self._outdate(reply)

    def _of_a_hold(self, piece: Piece) -> bool:
        """Whether this was said while the agent was on hold, to somebody else or by the music; however late it comes.
        What goes on after the hold is the caller's who speaks to us again."""
        held_from, (began, ended) = self._state.held_from, self._state.was_held
        if held_from is not None and piece.start >= held_from:
            return True
        return began <= piece.start and piece.end <= ended + COVER_S

    def _unvoiced(self, piece: Piece) -> bool:
        """Whether these words over the agent's speech come from no voice of the caller: recognisers that hear the whole
        call find the agent's own words in its echo, which the ears do not take for a voice."""
        voice, reply = self._state.voice, self._state.reply
        if voice.talking or piece.start < voice.off + COVER_S or not self._desk.options.words_need_voice:
            return False
        began, ended = self._state.spoke
        speaking = reply is not None and reply.started_at is not None and reply.started_at <= piece.start
        return speaking or began <= piece.start < ended

    def _no_words(self, piece: Piece) -> None:
        """The recogniser found none there."""
        state = self._state
        state.turn.drop_partials(piece.start, piece.end)
        if not state.turn.pieces and not state.voice.talking:
            state.unjudged = False
        if state.reply is not None and not state.reply.decided:
            self._outdate(state.reply)

    def _judge(self, reply: Reply, final: bool) -> None:
        """Words met a reply that is being heard or about to be."""
        state, voiced_s = self._state, self._state.voice.lasted(self._desk.now)
        text = state.turn.text
        verdict, why = self._desk.barge_in.verdict(text, final, voiced_s, reply.phase)
        if verdict == "interrupt":
            self._interrupt(reply, why)
        elif verdict == "backchannel":
            self._desk.note("backchannel", why, gen=reply.generation, text=text)
            state.nod = (state.turn, self._desk.now)
            state.turn = Turn()
            state.unjudged = state.unjudged and state.voice.talking

    def _interrupt(self, reply: Reply, why: str) -> None:
        """The caller takes the floor. Before the reply's first frame nothing of it is interrupted: the words belong to
        the turn that it would have answered."""
        state = self._state
        if reply.started_at is None:
            self._speaking.cancel(reply)
            self._learn_pause()
            self._speaking.rejoin(why)
            state.unjudged = False
            return
        voiced_ms = round(state.voice.lasted(self._desk.now) * 1000)
        self._desk.note("barge_in", why, gen=reply.generation, text=state.turn.text, voiced_ms=voiced_ms)
        state.turn.cut_in = True
        self._speaking.cut(reply)

    def _learn_pause(self) -> None:
        """The caller went on after a pause in mid-turn."""
        pause, self._state.voice.pause = self._state.voice.pause, None
        if pause is not None:
            endpointing = self._desk.endpointing
            endpointing.pace.paused(pause[0], endpointing.complete(pause[1]))

    def _key(self, event: ev.Digit, collecting: Collecting) -> None:
        """A key of a number that was asked for; it is a word of the turn, and cuts the question short."""
        turn, reply = self._state.turn, self._state.reply
        if event.digit in collecting.ends:
            turn.at_once = bool(turn.pieces)
            return
        turn.take(Piece(event.digit, True, event.at, event.at), self._state.voice)
        turn.quiet_from, turn.told_at = max(turn.quiet_from, event.at), self._desk.now
        turn.at_once = 0 < collecting.digits <= self._desk.endpointing.collected(turn.text)
        if reply is not None and reply.decided and not reply.guarded and reply.cutting_at is None:
            self._interrupt(reply, "key")

    def _outdate(self, reply: Reply) -> None:
        """Drop a speculative reply to words that have changed."""
        if not same_words(reply.text, self._state.turn.text):
            self._speaking.cancel(reply)
            self._desk.note("speculation_miss", "the words changed", gen=reply.generation, text=reply.text)

    def _still_there(self, text: str) -> None:
        """Words after the farewell keep the call, unless they are a farewell themselves or its time is up."""
        state = self._state
        if state.closing is None or state.expired:
            return
        if self._desk.barge_in.verdict(text, True, 0.0, "farewell")[0] == "interrupt":
            state.closing = None
            self._desk.note("call_goes_on", "the caller spoke after the farewell", text=text)

    # ------------------------------------------------------------ late transcripts

    def _decided_turn_of(self, piece: Piece) -> Turn | None:
        """The turn that was decided already and that this transcript is about."""
        state = self._state
        answered = state.answered[0] if state.answered else None
        for turn in (state.answering, answered):
            if turn is None or piece.start >= turn.quiet_from:
                continue
            since = state.voice.on if state.voice.on > turn.quiet_from else turn.quiet_from + LATE_S
            if piece.end <= since and (piece.end > turn.start or turn is answered or answered is None):
                return turn
        return None

    def _late(self, piece: Piece, turn: Turn) -> None:
        """Merge it into the turn that it belongs to; a reply that nobody heard yet is thought about anew."""
        state, reply = self._state, self._state.reply
        if not piece.final or not piece.text:
            return
        before, quiet_from = turn.text, turn.quiet_from
        turn.take(piece, state.voice)
        turn.quiet_from = quiet_from
        if same_words(before, turn.text):
            return
        self._desk.note("late_final", "the turn was decided without it", text=turn.text, decided_on=before)
        if turn is not state.answering:
            if state.answered is not None:
                self._desk.history.amend(state.answered[1], turn.text)
        elif reply is not None and reply.kind == "think" and reply.started_at is None:
            self._speaking.cancel(reply)
            self._speaking.think(turn, decided=True)
