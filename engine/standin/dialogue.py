"""A caller who takes turns with an agent: speaks when it has finished, or interrupts it, and times its answers."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.standin.call import Call
from engine.standin.channel import FRAME_S
from engine.standin.prompts import read_wav

Pcm = NDArray[np.int16]

VOICED_RMS = 100.0
"""Root mean square from which a frame counts as voice (-50 dBFS). Agents write digital silence between words."""


@dataclass(slots=True)
class Turn:
    """One WAV of the caller and the answer to it. Seconds since the call was placed; None: it did not happen."""

    wav: str
    started_s: float
    first_voiced_s: float
    last_voiced_s: float
    interrupts: bool = False
    silenced_s: float | None = None
    """An interruption: when the agent's last voiced frame before the pause ended."""

    answered_s: float | None = None
    """The agent's first voiced frame after the question."""

    answer_ended_s: float | None = None

    @property
    def onset_to_silence_ms(self) -> float | None:
        """From the caller's first voiced frame to the agent's silence."""
        return None if self.silenced_s is None else round((self.silenced_s - self.first_voiced_s) * 1000, 1)

    @property
    def answer_ms(self) -> float | None:
        """From the caller's last voiced frame to the agent's first."""
        return None if self.answered_s is None else round((self.answered_s - self.last_voiced_s) * 1000, 1)


@dataclass(slots=True)
class Report:
    """One call."""

    uuid: str
    answered_s: float | None = None
    greeting_s: float | None = None
    greeting_ended_s: float | None = None
    turns: list[Turn] = field(default_factory=list)
    seconds: float = 0.0
    action: str = ""
    cause: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def greeting_ms(self) -> float | None:
        """From the answer to the agent's first voiced frame."""
        if self.greeting_s is None or self.answered_s is None:
            return None
        return round((self.greeting_s - self.answered_s) * 1000, 1)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        turns = [asdict(turn) | {"answer_ms": turn.answer_ms, "onset_to_silence_ms": turn.onset_to_silence_ms}
                 for turn in self.turns]  # fmt: skip
        return asdict(self) | {"greeting_ms": self.greeting_ms, "turns": turns}


@dataclass(frozen=True, slots=True)
class Manner:
    """How the caller behaves. ``quiet_s``: silence after which the agent counts as done; ``patience_s``: longest wait
    for it to speak; ``barge_in_s``: start the next WAV this long after the agent began, instead of waiting."""

    quiet_s: float = 1.0
    patience_s: float = 12.0
    greeting_s: float = 5.0
    answer_s: float = 10.0
    barge_in_s: float | None = None
    dtmf: str = ""


class AgentEar:
    """Which of the frames that the caller heard are voiced, kept up as the call goes on."""

    def __init__(self, call: Call) -> None:
        """Nothing heard."""
        self._call, self._size = call, call.rate // 50
        self._voiced: list[bool] = []

    def update(self) -> list[bool]:
        """One flag a frame."""
        heard = self._call.heard
        count, known = len(heard) // self._size, len(self._voiced)
        if count > known:
            self._voiced += voiced_frames(heard[known * self._size : count * self._size], self._size)
        return self._voiced

    def first_after(self, seconds: float) -> float | None:
        """Start of the first voiced frame that begins at or after ``seconds``."""
        flags = self.update()
        frame = round(seconds / FRAME_S)
        return next((at * FRAME_S for at in range(frame, len(flags)) if flags[at]), None)

    def last_end(self) -> float:
        """End of the last voiced frame; 0 when there was none."""
        flags = self.update()
        return next((at * FRAME_S for at in range(len(flags), 0, -1) if flags[at - 1]), 0.0)

    def pause_after(self, seconds: float, pause_s: float = 0.2) -> float | None:
        """When the voice that goes on at ``seconds`` ends: the start of the first ``pause_s`` without any."""
        flags, need = self.update(), round(pause_s / FRAME_S)
        run = 0
        for at in range(round(seconds / FRAME_S), len(flags)):
            run = 0 if flags[at] else run + 1
            if run == need:
                return (at + 1 - need) * FRAME_S
        return None


def voiced_frames(pcm: Pcm, size: int) -> list[bool]:
    """For each whole frame of ``size`` samples, whether it is voiced."""
    frames = pcm[: len(pcm) // size * size].reshape(-1, size).astype(np.float32)
    loud: list[bool] = (np.sqrt(np.mean(frames**2, axis=1)) >= VOICED_RMS).tolist()
    return loud


def converse(call: Call, wavs: list[Path], manner: Manner, say: Callable[[str], None] = lambda text: None) -> Report:
    """Hold a conversation: greeting, keys, then each WAV in turn, then hang up. ``say`` is told what happens.

    The WAVs are read before anything is said, so that one that cannot be read raises ``StandInError`` at once.
    """
    speeches = [(path, read_wav(path, call.rate)) for path in wavs]
    report, ear = Report(call.uuid), AgentEar(call)
    if call.wait(lambda call: call.answered is not None or not call.up, manner.answer_s) and call.up:
        report.answered_s = call.answered
        say("answered")
        _greeting(call, ear, manner, report, say)
        if manner.dtmf:
            call.dtmf(manner.dtmf)
            say(f"keys {manner.dtmf}")
            call.wait(lambda call: not call.up, len(manner.dtmf) * 0.2)
        for number, (path, pcm) in enumerate(speeches):
            if not call.up:
                break
            interrupts = manner.barge_in_s is not None and number > 0
            _turn(call, ear, manner, report, (path, pcm), interrupts, number + 1 == len(speeches), say)
    report.seconds = call.seconds
    if call.up:
        call.hangup()
    report.action, report.cause, report.notes = call.outcome.action, call.outcome.cause, call.notes
    return report


def _greeting(call: Call, ear: AgentEar, manner: Manner, report: Report, say: Callable[[str], None]) -> None:
    began = call.seconds
    call.wait(lambda call: ear.first_after(began) is not None or not call.up, manner.greeting_s)
    report.greeting_s = ear.first_after(began)
    if report.greeting_s is not None:
        _until_quiet(call, ear, manner)
        report.greeting_ended_s = ear.last_end()
        say(f"greeting {report.greeting_ms:.0f} ms after the answer")


def _turn(
    call: Call,
    ear: AgentEar,
    manner: Manner,
    report: Report,
    speech: tuple[Path, Pcm],
    interrupts: bool,
    last: bool,
    say: Callable[[str], None],
) -> None:
    path, pcm = speech
    flags = voiced_frames(pcm, call.rate // 50)
    first = flags.index(True) if True in flags else 0
    final = len(flags) - flags[::-1].index(True) if True in flags else len(flags)
    started = call.seconds + FRAME_S
    call.say(pcm, at=started)
    turn = Turn(str(path), started, started + first * FRAME_S, started + final * FRAME_S, interrupts)
    report.turns.append(turn)
    say(f"caller: {path.name}" + (" (interrupting)" if interrupts else ""))
    call.wait(lambda call: call.seconds >= turn.last_voiced_s or not call.up, len(pcm) / call.rate + 1)
    if interrupts:
        turn.silenced_s = ear.pause_after(turn.first_voiced_s)
    call.wait(lambda call: ear.first_after(turn.last_voiced_s) is not None or not call.up, manner.patience_s)
    turn.answered_s = ear.first_after(turn.last_voiced_s)
    if turn.answered_s is None:
        say("no answer")
        return
    say(f"answer after {turn.answer_ms:.0f} ms")
    if manner.barge_in_s is not None and not last:
        due = turn.answered_s + manner.barge_in_s
        call.wait(lambda call: call.seconds >= due or not call.up, manner.barge_in_s + 1)
        return
    _until_quiet(call, ear, manner)
    turn.answer_ended_s = ear.last_end()


def _until_quiet(call: Call, ear: AgentEar, manner: Manner) -> None:
    call.wait(lambda call: call.seconds - ear.last_end() >= manner.quiet_s or not call.up, 60.0)
