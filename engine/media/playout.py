"""What goes to the caller: replies staged as generations, one frame at a time, and the account of what was heard.

Replies are heard in the order of their release, one at a time. Audio waits here and not in FreeSWITCH, because what is
written there cannot be taken back. All of it happens in the hub's thread; ``next_frame`` is the hot path (once a call
and tick) and does no more than move an index.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from gevent import sleep

from engine.media.errors import MediaError, PlayoutFull
from engine.media.ledger import Ledger, SpokenForm, TimedWord
from engine.media.pcm import SAMPLE_BYTES, Pcm

FADE_MS = 5
"""Length of the ramp at a pause, a cut and a resume, so that they do not click."""

KEEP_MS = 1000
"""Written audio that stays at hand, for ``unwrite``; the clause being spoken always does, for ``resume``."""

_ROOM_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of a reply: whole words of its text, and samples of its audio."""

    text: str
    samples: int


class Beyond(Protocol):
    """Where written frames wait until they are heard, and can be taken back: the buffer of a carrier."""

    @property
    def unheard(self) -> int:
        """Frames that were written and that nobody has heard yet. It falls to 0 by itself, whatever happens there."""

    def take_back(self) -> int:
        """Have them dropped; how many there were."""


class _Reply:
    """One generation: audio not yet taken (``waiting``, ``held`` bytes), and its ledger."""

    __slots__ = ("done", "generation", "held", "ledger", "started", "waiting")

    def __init__(self, generation: int, rate: int) -> None:
        self.generation = generation
        self.ledger = Ledger(rate)
        self.waiting: list[bytes] = []
        self.held = 0
        self.done = False
        self.started = False


class Playout:
    """What goes to the caller of one call.

    ``on_started(gen)`` is called when the first frame of a reply is taken, ``on_finished(gen, heard)`` when its last
    one is; both from the frame clock, so they must not wait. ``wake()`` is called when there is something to write
    that was not there before. ``underruns`` counts the times a reply ran dry in the middle.
    """

    __slots__ = (
        "_at", "_base", "_current", "_data", "_fade_out", "_furthest", "_max_queued", "_paused", "_released",
        "_replies", "_size", "_starved", "_tail", "beyond", "frame_bytes", "newest", "on_finished", "on_started",
        "rate", "underruns", "wake",
    )  # fmt: skip

    def __init__(self, rate: int, frame_bytes: int, *, max_queued_s: float = 30.0, fade_out: bool = True) -> None:
        """``rate`` in Hz of all audio given. ``max_queued_s`` bounds what waits (480 KB at 8 kHz).

        ``fade_out``: end a pause or cut with a frame that falls to silence in ``FADE_MS``. It takes the place of a
        frame of silence, so only where those are written.
        """
        self.rate = rate
        self.frame_bytes = frame_bytes
        self.underruns = 0
        self.newest: int | None = None
        """The reply that began to be heard last, also when it is over."""
        self.on_started: Callable[[int], None] | None = None
        self.on_finished: Callable[[int, Heard], None] | None = None
        self.wake: Callable[[], None] | None = None
        self.beyond: Beyond | None = None
        """Where one is named, a reply is over when all of it was heard, and a pause or a cut takes back what was not.
        """
        self._max_queued = int(max_queued_s * rate)
        self._fade_out = fade_out
        self._replies: dict[int, _Reply] = {}
        self._released: deque[_Reply] = deque()
        self._current: _Reply | None = None
        self._paused = False
        self._starved = False
        self._tail: bytes | None = None
        # The current reply's audio at hand: bytes _at.._size of _data are next, _data[0] is sample _base of the reply.
        # _size is 0 whenever next_frame must look closer, and _data is kept apart from it.
        self._data = b""
        self._at = 0
        self._size = 0
        self._base = 0
        self._furthest = 0

    # ------------------------------------------------------------------ staging

    def open(self, generation: int) -> None:
        """A reply is staged: audio may be added, nothing is heard. Raises ``MediaError`` if the number is in use."""
        if generation in self._replies:
            raise MediaError(f"generation {generation} is open already")
        self._replies[generation] = _Reply(generation, self.rate)

    def add(
        self,
        generation: int,
        pcm: Pcm,
        text: str,
        words: Sequence[TimedWord] = (),
        spoken: SpokenForm | None = None,
    ) -> bool:
        """A clause: int16 samples at ``rate`` (may be empty, to be extended), its text, its word times if known
        (samples from the start of the clause, at ``rate``). It ends the clause before it. ``spoken``: what the voice
        says for ``text``, where these are other words; then ``words`` are those of ``spoken.text``.

        False: this generation is gone (cut, cancelled, never opened) and its producer should stop. Raises
        ``PlayoutFull`` while more than ``max_queued_s`` waits; what is accepted may exceed it by one clause.
        """
        reply = self._writable(generation)
        if reply is None:
            return False
        reply.ledger.add(text, pcm, words, spoken)
        self._append(reply, pcm)
        return True

    def extend(self, generation: int, pcm: Pcm, words: Sequence[TimedWord] = ()) -> bool:
        """More audio, and more words, of the clause added last. Like ``add`` otherwise."""
        reply = self._writable(generation)
        if reply is None:
            return False
        reply.ledger.extend(pcm, words)
        self._append(reply, pcm)
        return True

    def say_more(self, generation: int, text: str) -> None:
        """More words of the clause added last, whose audio they are in with the words before them."""
        reply = self._replies.get(generation)
        if reply is not None and not reply.done:
            reply.ledger.say_more(text)

    def clause_done(self, generation: int) -> None:
        """The clause added last has all its audio: its words can be credited exactly. ``add`` and ``done`` imply it."""
        reply = self._replies.get(generation)
        if reply is not None:
            reply.ledger.clause_done()

    def done(self, generation: int) -> None:
        """No more audio will come. A released reply with nothing left to write is finished with the next frame."""
        reply = self._replies.get(generation)
        if reply is None or reply.done:
            return
        reply.ledger.clause_done()
        reply.done = True
        if reply is self._current or reply in self._released:
            self._wake()

    def release(self, generation: int) -> bool:
        """May be heard from the next tick on, after what was released before. False: this generation is gone."""
        reply = self._replies.get(generation)
        if reply is None:
            return False
        if reply is not self._current and reply not in self._released:
            self._released.append(reply)
            self._wake()
        return True

    def ledger(self, generation: int) -> Ledger | None:
        """The account of a reply that is staged or heard; it outlives the reply. None: this generation is gone."""
        reply = self._replies.get(generation)
        return None if reply is None else reply.ledger

    def room(self) -> float:
        """Seconds of audio that may still be added."""
        return max(0, self._max_queued - self._queued()) / self.rate

    def wait_room(self, timeout_s: float) -> bool:
        """Wait, cooperatively, until something may be added. False: not within ``timeout_s``."""
        waited = 0.0
        while self._queued() >= self._max_queued:
            if waited >= timeout_s:
                return False
            sleep(_ROOM_POLL_S)
            waited += _ROOM_POLL_S
        return True

    # ------------------------------------------------------------------ control

    @property
    def generation(self) -> int | None:
        """The reply that is being heard, paused or not."""
        return self._current.generation if self._current else None

    @property
    def speaking(self) -> bool:
        """A released reply is being written, or would be at the next tick."""
        return not self._paused and (self._current is not None or bool(self._released))

    @property
    def paused(self) -> bool:
        """Whether ``pause`` holds the current reply."""
        return self._paused

    @property
    def position(self) -> int:
        """Samples of the current reply written so far; smaller again after ``resume``."""
        return self._base + self._at // SAMPLE_BYTES if self._current else 0

    def still(self) -> bool:
        """Whether there is nothing to write at this moment: no released reply, or one that has run dry."""
        if self._paused or self._tail is not None:
            return self._tail is None
        if self._current is None:
            return not self._released
        return self._starved and not self._current.waiting

    @property
    def written(self) -> bytes:
        """The frame of speech that was written last, while speech is being written; empty when none is."""
        return self._data[max(0, self._at - self.frame_bytes) : self._at] if self._size else b""

    def pause(self) -> bool:
        """Stop writing, keep the rest. False: there is nothing to pause."""
        if self._paused:
            return False
        if self._current is None:
            if not self._released:
                return False
            self._enter(self._released.popleft())
        self._paused = True
        self._take_back()
        self._fade()
        self._size = 0
        return True

    def resume(self) -> bool:
        """Go on from the start of the word in which it stopped. False: it was not paused."""
        if not self._paused:
            return False
        self._paused = False
        self._rewind(self.position)
        self._wake()
        return True

    def cut(self, generation: int) -> Heard:
        """Drop what was not written; what was heard, in whole words. A reply that never started: nothing was."""
        reply = self._replies.pop(generation, None)
        if reply is None:
            return Heard("", 0)
        if reply is not self._current:
            if reply in self._released:
                self._released.remove(reply)
            return Heard("", 0)
        self._take_back()
        heard = self._heard(reply)
        if not self._paused:
            self._fade()
        self._leave()
        return heard

    def cancel(self, generation: int) -> None:
        """Drop a reply that was never heard."""
        self.cut(generation)

    def clear(self) -> None:
        """Drop everything; the call is over."""
        for generation in list(self._replies):
            self.cut(generation)
        self._tail = None

    def unwrite(self, frames: int) -> None:
        """The last ``frames`` frames reached nobody (the channel was lost): write them again, from a word's start."""
        if self._current:
            reached = max(self._base, self.position - frames * self.frame_bytes // SAMPLE_BYTES)
            self._rewind(reached)
            self._furthest = reached

    # ------------------------------------------------------------------ the clock's side

    def next_frame(self) -> bytes | None:
        """The next frame, always ``frame_bytes`` long; None: nothing to say now."""
        at = self._at
        end = at + self.frame_bytes
        if end < self._size:
            self._at = end
            return self._data[at:end]
        return self._look_closer()

    def _look_closer(self) -> bytes | None:
        """The next frame where it is the first, the last, one across two pieces of audio, or none at all."""
        if self._tail is not None:
            tail, self._tail = self._tail, None
            return tail
        if self._paused:
            return None
        reply = self._current
        if reply is None:
            if not self._released:
                return None
            reply = self._enter(self._released.popleft())
        if reply.waiting:
            self._collect(reply)
        at, size = self._at, len(self._data)
        end = at + self.frame_bytes
        if end <= size:
            frame = self._data[at:end]
            self._at = end
        elif reply.done:
            frame = self._data[at:]
            self._at = size
        else:
            self._size = 0
            self._underrun(reply)
            return None
        self._starved = False
        last = reply.done and self._at == size
        self._size = 0 if last else size
        if frame and not reply.started:
            reply.started = True
            if self.on_started:
                self.on_started(reply.generation)
        if last and reply is self._current:
            if self.beyond is not None and (frame or self.beyond.unheard):
                return frame.ljust(self.frame_bytes, b"\0") if frame else None
            self._finish(reply)
        if not frame:
            return self._look_closer()
        return frame if len(frame) == self.frame_bytes else frame.ljust(self.frame_bytes, b"\0")

    # ------------------------------------------------------------------ inside

    def _writable(self, generation: int) -> _Reply | None:
        reply = self._replies.get(generation)
        if reply is None:
            return None
        if reply.done:
            raise MediaError(f"generation {generation} is done; no audio can be added")
        if self._queued() >= self._max_queued:
            raise PlayoutFull(f"{self._max_queued / self.rate:.0f} s of speech are waiting to be heard")
        return reply

    def _append(self, reply: _Reply, pcm: Pcm) -> None:
        if len(pcm):
            reply.waiting.append(pcm.astype(np.int16, copy=False).tobytes())
            reply.held += len(pcm) * SAMPLE_BYTES
            if self._starved and reply is self._current:
                self._wake()

    def _queued(self) -> int:
        """Samples that wait, of all replies."""
        held = sum(reply.held for reply in self._replies.values())
        return (held + len(self._data) - self._at) // SAMPLE_BYTES

    def _enter(self, reply: _Reply) -> _Reply:
        self._current = reply
        self.newest = reply.generation
        self._starved = False
        return reply

    def _leave(self) -> None:
        """There is no current reply any more; a pause ends with the reply that it was for."""
        self._current = None
        self._data = b""
        self._at = self._size = self._base = self._furthest = 0
        self._paused = False
        if self._released:
            self._wake()

    def _collect(self, reply: _Reply) -> None:
        """Join what waits to what is at hand, and let go what can not be gone back to."""
        position = self.position
        keep = min(reply.ledger.clause_start(position), position - self.rate * KEEP_MS // 1000)
        drop = max(0, keep - self._base) * SAMPLE_BYTES
        self._data = b"".join((self._data[drop:], *reply.waiting))
        reply.waiting.clear()
        reply.held = 0
        self._base += drop // SAMPLE_BYTES
        self._at -= drop

    def _take_back(self) -> None:
        frames = self.beyond.take_back() if self.beyond is not None else 0
        if frames:
            self.unwrite(frames)

    def _rewind(self, position: int) -> None:
        """Go back to the start of the word at ``position`` and fade in there. What was heard stays heard."""
        if self._current is None:
            return
        self._furthest = max(self._furthest, self.position)
        back = max(0, self._current.ledger.word_start(position) - self._base) * SAMPLE_BYTES
        rest = np.frombuffer(self._data[back:], dtype=np.int16).copy()
        ramp = min(self.rate * FADE_MS // 1000, len(rest))
        rest[:ramp] = rest[:ramp] * np.linspace(0, 1, ramp, endpoint=False)
        self._data = self._data[:back] + rest.tobytes()
        self._at = back
        self._size = 0

    def _fade(self) -> None:
        """The next frame falls to silence, if speech was being written."""
        if not (self._fade_out and self._current and self._at):
            return
        piece = np.frombuffer(self._data[self._at : self._at + self.rate * FADE_MS // 1000 * SAMPLE_BYTES], np.int16)
        if len(piece):
            faded = (piece * np.linspace(1, 0, len(piece))).astype(np.int16).tobytes()
            self._tail = faded.ljust(self.frame_bytes, b"\0")

    def _heard(self, reply: _Reply) -> Heard:
        position = max(self._furthest, self.position)
        return Heard(reply.ledger.heard(position), position)

    def _finish(self, reply: _Reply) -> None:
        heard = self._heard(reply)
        self._replies.pop(reply.generation, None)
        self._leave()
        if self.on_finished:
            self.on_finished(reply.generation, heard)

    def _underrun(self, reply: _Reply) -> None:
        if not self._starved:
            self._starved = True
            self.underruns += reply.started

    def _wake(self) -> None:
        if self.wake:
            self.wake()


__all__ = ["FADE_MS", "Beyond", "Heard", "Playout"]
