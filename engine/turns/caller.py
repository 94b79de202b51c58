"""What is known of the caller: the voice (stretches of it, from the VAD) and the words of a turn (from the recogniser).

Both carry times of the audio; which words belong to which stretch is told by those times alone, because transcripts
come late and in any order.
"""

from dataclasses import dataclass, field
from math import inf

from engine.turns.words import tokens

COVER_S = 0.3
"""A final transcript that ends at most so long before the voice did speaks of all of that stretch: recognisers date the
end of the last word, the VAD the end of the last sound."""


@dataclass(slots=True)
class Voice:
    """The newest stretch of the caller's voice. While ``talking``, ``off`` is the end of the stretch before it."""

    talking: bool = False
    on: float = -inf
    off: float = -inf
    final_end: float = -inf
    """Up to here the recogniser has said all it had to say."""

    given_up: float = -inf
    """Stretches up to here are waited for no longer."""

    over_agent: bool = False
    """The agent has, or had, the floor in this stretch: voice without words asks for nothing."""

    pause: tuple[float, str] | None = None
    """The silence before this stretch and the words before it, where the turn may have gone on with it."""

    @property
    def awaited(self) -> bool:
        """The stretch is over and its final transcript is not there."""
        return not self.talking and self.off > max(self.final_end + COVER_S, self.given_up)

    def lasted(self, now: float) -> float:
        """Seconds of the newest stretch so far."""
        return max(0.0, (now if self.talking else self.off) - self.on) if self.on > -inf else 0.0


@dataclass(frozen=True, slots=True)
class Piece:
    """One transcript of a turn."""

    text: str
    final: bool
    start: float
    end: float
    confidence: float = -1.0
    alternatives: tuple[str, ...] = ()


@dataclass(slots=True)
class Turn:
    """What the caller says until it is answered."""

    pieces: list[Piece] = field(default_factory=list)
    quiet_from: float = -inf
    """End of the last voiced frame that words belong to."""

    told_at: float = -inf
    """When the newest transcript was told."""

    unclear_s: float = 0.0
    """Longest stretch of voice in the agent's silence that no words have been found in."""

    cut_in: bool = False
    """The agent was interrupted by it."""

    thought_early: int = 0
    """How often it was thought about while the caller was talking."""

    speculated_in_vain: bool = False
    """Thinking ahead failed: it is thought about when it is decided."""

    at_once: bool = False
    """It is complete, whatever the silence."""

    ends_with_words: bool = False
    """It is complete when its final transcript is there."""

    @property
    def text(self) -> str:
        """All words so far."""
        return " ".join(piece.text for piece in self.pieces)

    @property
    def confidence(self) -> float:
        """That of its worst heard piece; -1: not known of any."""
        return min((piece.confidence for piece in self.pieces if piece.confidence >= 0), default=-1.0)

    @property
    def alternatives(self) -> tuple[str, ...]:
        """What all of it may have been instead: the n-th alternative of each piece, or its text where it has no n-th.
        """
        most = max((len(piece.alternatives) for piece in self.pieces), default=0)
        return tuple(" ".join((*piece.alternatives, *[piece.text] * most)[n] for piece in self.pieces)
                     for n in range(most))

    @property
    def start(self) -> float:
        """Where its words begin."""
        return self.pieces[0].start

    @property
    def ends_partial(self) -> bool:
        """The newest words may still change."""
        return bool(self.pieces) and not self.pieces[-1].final

    def take(self, piece: Piece, voice: Voice) -> None:
        """Add a transcript. It takes the place of what it is a newer account of: partials, and repeated finals."""
        if not piece.final and any(_said_already(piece, old) for old in self.pieces):
            return
        self.pieces = [old for old in self.pieces if not _replaces(piece, old)]
        at = next((i for i, old in enumerate(self.pieces) if old.start > piece.start), len(self.pieces))
        self.pieces.insert(at, piece)
        of_stretch = not voice.talking and piece.end >= voice.on and voice.off > piece.start
        self.quiet_from = max(self.quiet_from, voice.off if of_stretch else piece.end)

    def drop_partials(self, start: float = -inf, end: float = inf) -> None:
        """Forget partials of this audio: there were no words after all."""
        self.pieces = [piece for piece in self.pieces if piece.final or piece.end < start or piece.start > end]

    def join(self, later: "Turn") -> None:
        """The caller went on: ``later`` is the rest of this turn."""
        self.pieces += later.pieces
        self.quiet_from = max(self.quiet_from, later.quiet_from)
        self.told_at = max(self.told_at, later.told_at)
        self.cut_in |= later.cut_in
        self.at_once |= later.at_once
        self.thought_early += later.thought_early


def _said_already(new: Piece, old: Piece) -> bool:
    """Whether the partial ``new`` comes after the final ``old`` of its audio: recognisers repeat themselves."""
    overlap = min(new.end, old.end) - max(new.start, old.start)
    return old.final and overlap > (new.end - new.start) / 2 and new.end <= old.end


def _replaces(new: Piece, old: Piece) -> bool:
    """Whether ``new`` tells of the same audio as ``old``. A partial gives way to all that overlaps it; two finals are
    the same when they overlap by more than half of the shorter one. Either is replaced by what begins with its words
    and goes on."""
    if (new.start, new.end) == (old.start, old.end):
        return new.final or not old.final
    overlap = min(new.end, old.end) - max(new.start, old.start)
    if overlap > (old.end - old.start) / 2 and _begins_with(new.text, old.text):
        return True
    if not old.final:
        return overlap > 0 or new.start <= old.start <= old.end <= new.end
    return new.final and overlap > min(new.end - new.start, old.end - old.start) / 2


def _begins_with(text: str, beginning: str) -> bool:
    words = tokens(beginning)
    return bool(words) and tokens(text)[: len(words)] == words


__all__ = ["COVER_S", "Piece", "Turn", "Voice"]
