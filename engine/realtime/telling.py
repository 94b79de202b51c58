"""What a conversation goes through, told as a Realtime session's protocol wants it. Pure.

The turn engine thinks ahead, thinks again, pauses and goes on; clients are told of what holds: a caller's voice that
counts, turns that are over, replies that are owed. A reply that is thought about anew stays the same response.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.dialog.brain import ClientCall, Grounds, Used
from engine.following import Seen, Settled
from engine.realtime import happenings as happen
from engine.reply import Clause, OfReply
from engine.turns import events as turn

Tell = Callable[[happen.Happening], None]

KEPT_NUMBERS = 32

KEPT = 8
"""Generations whose parts are kept while nobody may hear them."""


@dataclass(slots=True)
class _Reply:
    """A reply that clients know of, under the number of its first generation."""

    number: int
    generation: int
    released: bool = False
    words: bool = False
    """Whether words were told."""

    failed: str = ""
    empty: bool = False
    called: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    incomplete: str = ""


@dataclass(slots=True)
class _Turn:
    """The caller's turn that is under way. Times in ms of the client's audio."""

    from_ms: int | None = None
    """Where its voice began; None: none was there."""

    to_ms: int = 0
    talking: bool = False
    told: bool = False
    partial: list[str] = field(default_factory=list)
    """Words of the newest partial transcript."""

    agreed: int = 0
    """So many of them were told."""


class Telling:
    """One conversation. ``seen`` takes all that ``Conversation.watch`` is told."""

    def __init__(self, tell: Tell, edge_ms: Callable[[], int], heard_ms: Callable[[int], int], *,
                 tools: bool = True) -> None:
        """``edge_ms()``: where the newest edge of the voice lies in the client's audio; ``heard_ms(generation)``: how
        much of a reply was heard. ``tools``: whether skills of the engine are shown."""
        self._tell = tell
        self._edge_ms = edge_ms
        self._heard_ms = heard_ms
        self._tools = tools
        self.reply: _Reply | None = None
        """The reply that is owed, or heard."""
        self.cancelling = False
        """Whether what ends now ends because the client wants it."""
        self._numbers: OrderedDict[int, int] = OrderedDict()
        self._turn = _Turn()
        self._held: dict[int, list[happen.Happening | Clause]] = {}
        self._lost: _Reply | None = None  # its generation was cancelled; another may take its place
        self._unmended = ""  # words of the last turn, while a final transcript may mend them
        self._over = ""  # words of the last turn
        self._joined = ""  # words that were told and belong to the turn that goes on

    @property
    def speaking(self) -> bool:
        """Whether a turn of the caller is under way that clients know of."""
        return self._turn.told

    def new_words(self, text: str) -> str:
        """Of the words of a turn those that clients have not been told as an item yet."""
        return _after(text, self._joined) if self._joined else text

    def seen(self, seen: Seen) -> None:
        """This happened, or was done."""
        handle = _HANDLERS.get(type(seen))
        if handle is not None:
            handle(self, seen)

    # ------------------------------------------------------------ the caller

    def _voice_on(self, seen: turn.VoiceOn) -> None:
        now = self._turn
        now.talking = True
        if now.from_ms is None or not now.told:
            now.from_ms = self._edge_ms()
        if now.told:
            self._tell(happen.SpeechStarted(self._edge_ms()))
        elif self.reply is None:
            self._speech()

    def _voice_off(self, seen: turn.VoiceOff) -> None:
        self._turn.talking = False
        self._turn.to_ms = self._edge_ms()
        if self._turn.told:
            self._tell(happen.SpeechStopped(self._turn.to_ms))

    def _speech(self) -> None:
        """The caller's voice counts."""
        now = self._turn
        if not now.told and now.from_ms is not None:
            now.told = True
            self._tell(happen.SpeechStarted(now.from_ms))
            if not now.talking:
                self._tell(happen.SpeechStopped(now.to_ms))

    def _transcript(self, seen: turn.Transcript) -> None:
        now = self._turn
        if seen.final or not now.told:
            return
        words = seen.text.split()
        same = 0
        for new, old in zip(words, now.partial, strict=False):
            if new != old:
                break
            same += 1
        if same > now.agreed:
            text = " ".join(words[now.agreed:same])
            self._tell(happen.Transcribed(f" {text}" if now.agreed else text, False))
            now.agreed = same
        now.partial = words

    def _turn_over(self, seen: turn.TurnOver) -> None:
        self._mended(self._unmended)
        now, self._turn = self._turn, _Turn(talking=self._turn.talking)
        if now.talking:
            now.to_ms = now.from_ms or 0
        if not seen.text:
            if now.told:
                self._tell(happen.TurnDropped(now.to_ms))
            return
        text = self.new_words(seen.text) or seen.text
        self._joined, self._over = "", seen.text
        if not now.told:
            self._turn, over = now, self._turn
            self._speech()
            self._turn = over
        self._tell(happen.TurnEnded(now.to_ms, now.from_ms or 0, text))
        seconds = max(0.0, seen.end - seen.start)
        if seen.partial:
            self._unmended = text
        else:
            self._tell(happen.Transcribed(text, True, seconds=seconds))

    def _mended(self, text: str) -> None:
        """The words of the last turn, for good."""
        if self._unmended:
            self._unmended = ""
            self._tell(happen.Transcribed(text, True))

    def _note(self, seen: turn.Note) -> None:
        if seen.name == "late_final":
            self._mended(str(dict(seen.fields).get("text", self._unmended)))
        elif seen.name == "joined":
            self._mended(self._unmended)
            self._joined = self._over
        elif seen.name == "empty_reply" and self._lost is not None:
            self._lost.empty = True

    def _commit_user(self, seen: turn.CommitUser) -> None:
        self._mended(self._unmended)

    # ------------------------------------------------------------ the agent

    def _think(self, seen: turn.Think) -> None:
        if not seen.speculative:
            self._owed(seen.generation, "" if seen.asked.startswith("!") else seen.asked)

    def _say(self, seen: turn.Say) -> None:
        if self._lost is not None and not self._lost.failed:
            self._lost.failed = "the reply did not come"
        self._settle()
        self._owed(seen.generation, "")

    def _decided(self, seen: turn.Decided) -> None:
        self._owed(seen.generation, "")

    def _owed(self, generation: int, response_id: str) -> None:
        """Clients wait for this reply from now on."""
        lost, self._lost = self._lost, None
        if lost is not None and not lost.words:
            self.reply = _Reply(lost.number, generation)
        else:
            self.reply = _Reply(generation, generation)
            self._tell(happen.ReplyBegun(generation, response_id))
        self._numbers[generation] = self.reply.number
        while len(self._numbers) > KEPT_NUMBERS:
            self._numbers.popitem(last=False)
        self._flush()

    def _release(self, seen: turn.Release) -> None:
        if self.reply is not None and self.reply.generation == seen.generation:
            self.reply.released = True
            self._flush()

    def _clause(self, seen: Clause) -> None:
        self._hold(seen.generation, seen)

    def _of_reply(self, seen: OfReply) -> None:
        part, generation = seen.part, seen.generation
        if isinstance(part, Used):
            reply = self.reply
            if reply is not None and reply.generation == generation:
                reply.input_tokens += part.input_tokens
                reply.output_tokens += part.output_tokens
                reply.incomplete = part.incomplete
        elif isinstance(part, ClientCall):
            self._hold(generation, happen.ClientToolCalled(generation, part.call_id, part.name, part.arguments))
        elif isinstance(part, Grounds) and part.citations:
            self._hold(generation, happen.ReplyCited(generation, part.citations))

    def _tool_called(self, seen: turn.ToolCalled) -> None:
        self._hold(seen.generation, happen.ServerToolCalled(seen.generation, seen.call_id, seen.name, seen.arguments,
                                                            self._tools))

    def _tool_returned(self, seen: turn.ToolReturned) -> None:
        reply = self.reply
        returned = happen.ServerToolReturned(seen.call_id, seen.result, seen.result if seen.error else "")
        for held in self._held.values():
            if any(isinstance(one, happen.ServerToolCalled) and one.call_id == seen.call_id for one in held):
                held.append(returned)
                return
        if reply is not None:
            self._tell(returned)

    def _hold(self, generation: int, part: "happen.Happening | Clause") -> None:
        """A part of a reply, told once clients know of the reply; words once it may be heard."""
        self._held.setdefault(generation, []).append(part)
        while len(self._held) > KEPT:
            del self._held[next(iter(self._held))]
        if self.reply is not None and self.reply.generation == generation:
            self._flush()

    def _flush(self) -> None:
        reply = self.reply
        if reply is None:
            return
        kept: list[happen.Happening | Clause] = []
        for part in self._held.pop(reply.generation, []):
            if isinstance(part, Clause):
                if reply.released:
                    self._tell(happen.ReplyWords(reply.number, f" {part.text}" if reply.words else part.text))
                    reply.words = True
                else:
                    kept.append(part)
            else:
                reply.called = reply.called or isinstance(part, happen.ClientToolCalled)
                self._tell(_numbered(part, reply.number))
        if kept:
            self._held[reply.generation] = kept

    def number(self, generation: int) -> int | None:
        """Under which number clients know this generation, over or not; None: they do not."""
        return self._numbers.get(generation)

    def generation(self, number: int) -> int | None:
        """The newest generation of the reply that clients know under ``number``."""
        return next((own for own, known in reversed(self._numbers.items()) if known == number), None)

    # ------------------------------------------------------------ the end of a reply

    def _reply_failed(self, seen: turn.ReplyFailed) -> None:
        if self.reply is not None and self.reply.generation == seen.generation:
            self.reply.failed = seen.reason

    def _cancel(self, seen: turn.Cancel) -> None:
        self._held.pop(seen.generation, None) if not self._is(seen.generation) else self._flush()
        if self._is(seen.generation):
            self._lost, self.reply = self.reply, None
            self._held.pop(seen.generation, None)

    def _is(self, generation: int) -> bool:
        return self.reply is not None and self.reply.generation == generation

    def _finished(self, seen: turn.PlayoutFinished) -> None:
        reply = self.reply
        if reply is None or reply.generation != seen.generation:
            return
        self._flush()
        self.reply = None
        if reply.failed:
            self._tell(happen.ReplyFailed(reply.number, _code(reply.failed), reply.failed))
        else:
            self._ended(reply)
        self._voice_of_silence()

    def _was_cut(self, seen: turn.PlayoutCut) -> None:
        reply = self.reply
        if reply is None or reply.generation != seen.generation:
            return
        self.reply = None
        self._held.pop(seen.generation, None)
        self._cut(reply, seen.heard, self._heard_ms(seen.generation))

    def _cut(self, reply: _Reply, heard: str, ms: int) -> None:
        if reply.failed:
            self._tell(happen.ReplyFailed(reply.number, _code(reply.failed), reply.failed))
        elif self.cancelling:
            self._tell(happen.ReplyCut(reply.number, "client_cancelled", heard, ms))
        else:
            self._speech()
            self._tell(happen.ReplyCut(reply.number, "turn_detected", heard, ms))
        self._voice_of_silence()

    def _ended(self, reply: _Reply) -> None:
        self._tell(happen.ReplyEnded(reply.number, reply.input_tokens, reply.output_tokens, reply.incomplete))

    def _voice_of_silence(self) -> None:
        """The agent is silent: a voice that goes on counts."""
        if self._turn.talking:
            self._speech()

    def _settled(self, seen: Settled) -> None:
        self._settle()

    def _settle(self) -> None:
        """No other generation took the place of one that was cancelled."""
        lost, self._lost = self._lost, None
        if lost is None:
            return
        if lost.empty and not lost.failed:
            self._ended(lost)
            self._voice_of_silence()
        else:
            self._cut(lost, "", 0)

    def _end_call(self, seen: turn.EndCall) -> None:
        if self._lost is not None and seen.reason == "fault":
            self._lost.failed = self._lost.failed or "the agent cannot speak"
        self._settle()


def _numbered(part: happen.Happening, number: int) -> happen.Happening:
    """The same under the number that clients know."""
    match part:
        case happen.ClientToolCalled(_, call_id, name, arguments):
            return happen.ClientToolCalled(number, call_id, name, arguments)
        case happen.ServerToolCalled(_, call_id, name, arguments, shown):
            return happen.ServerToolCalled(number, call_id, name, arguments, shown)
        case happen.ReplyCited(_, sources):
            return happen.ReplyCited(number, sources)
    return part


def _after(text: str, beginning: str) -> str:
    """What comes after ``beginning`` in ``text``; all of it where it does not begin so."""
    return text[len(beginning):].strip() if text.startswith(beginning) else text


def _code(reason: str) -> str:
    return "rate_limit_exceeded" if "rate limit" in reason.lower() or "rate_limit" in reason else "server_error"


_HANDLERS: dict[type, Callable[..., None]] = {
    turn.VoiceOn: Telling._voice_on,
    turn.VoiceOff: Telling._voice_off,
    turn.Transcript: Telling._transcript,
    turn.TurnOver: Telling._turn_over,
    turn.Note: Telling._note,
    turn.CommitUser: Telling._commit_user,
    turn.Think: Telling._think,
    turn.Say: Telling._say,
    turn.Decided: Telling._decided,
    turn.Release: Telling._release,
    turn.ToolCalled: Telling._tool_called,
    turn.ToolReturned: Telling._tool_returned,
    turn.ReplyFailed: Telling._reply_failed,
    turn.Cancel: Telling._cancel,
    turn.PlayoutFinished: Telling._finished,
    turn.PlayoutCut: Telling._was_cut,
    turn.EndCall: Telling._end_call,
    Clause: Telling._clause,
    OfReply: Telling._of_reply,
    Settled: Telling._settled,
}

__all__ = ["Telling"]
