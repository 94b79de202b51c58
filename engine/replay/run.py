"""What happened in a replayed case: frames that were written, lines of the log, the history."""

from dataclasses import dataclass, field

from engine.turns.history import Line

FRAME_S = 0.02


@dataclass(frozen=True, slots=True)
class Frame:
    """An agent frame written at ``at``. ``sample``: its first sample in its reply; ``part``: how many tools came before
    it there. ``fade``: the last 5 ms of a reply that was paused or cut."""

    at: float
    generation: int
    sample: int
    fade: bool
    part: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the timeline: an event, an action or a note, with its fields."""

    at: float
    name: str
    fields: dict[str, object]


@dataclass
class Run:
    """The whole of it. ``ended``: the reason of ``EndCall``, empty if the call did not end that way."""

    entries: list[Entry] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    history: list[Line] = field(default_factory=list)
    ended: str = ""
    until: float = 0.0

    def named(self, name: str) -> list[Entry]:
        """Entries of this name, in order."""
        return [entry for entry in self.entries if entry.name == name]

    def stretches(self) -> list[tuple[float, float]]:
        """Stretches of agent audio without a hole, nor a tool between: start of the first frame, end of the last."""
        found: list[tuple[float, float]] = []
        before: Frame | None = None
        for frame in self.frames:
            goes_on = before is not None and (frame.part == before.part or frame.generation != before.generation)
            if goes_on and frame.at - found[-1][1] < FRAME_S / 2:
                found[-1] = (found[-1][0], frame.at + FRAME_S)
            else:
                found.append((frame.at, frame.at + FRAME_S))
            before = frame
        return found

    def generations(self) -> list[int]:
        """Replies that were heard, in order."""
        return list(dict.fromkeys(frame.generation for frame in self.frames if not frame.fade))

    def of(self, generation: int) -> list[Frame]:
        """The frames of one reply, fades left out."""
        return [frame for frame in self.frames if frame.generation == generation and not frame.fade]
