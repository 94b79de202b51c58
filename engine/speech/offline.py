"""Recordings to words off real time, by the same ears and the same recogniser that calls have.

Frames go to the VAD as fast as the recogniser's processes take them.
"""

from collections.abc import Iterator
from dataclasses import replace

import gevent
import numpy as np
from gevent.event import Event

from engine.speech.ears import Ears
from engine.speech.errors import SpeechError
from engine.speech.interfaces import Heard, Pcm, Recogniser

FINAL_WAIT_S = 60.0
"""How long the finals of a recording may take."""

YIELD_FRAMES = 25
"""After so many frames others run: the workers' pipes must be filled."""

PAUSE_S = 0.001
"""After each frame of a recording that is heard beside calls: so at most 20 times as fast as it was spoken, and most of
the hub's time is left to the calls."""

TAIL_MS = 1000
"""Silence after a recording, so that its last words end."""

SLACK_MS = 300
"""A final may end so much before the voice that it is of."""


class Line:
    """One call's audio on its way to words. Recordings of one call are heard one after the other."""

    def __init__(self, ears: Ears, recogniser: Recogniser, rate: int) -> None:
        """Silent so far. ``ears`` should be its own: frames come in bursts here."""
        self._ears = ears
        self._rate = rate
        self._size = rate // 50
        self._row = ears.open(rate, self)
        self._stream = recogniser.open(rate, self._deliver)
        self._fed = 0
        self._finals: list[Heard] = []
        self._owed = 0
        self._none_owed = Event()
        self._silent_from = 0  # where the voice stopped, while that stretch is not recognised
        self._told = Event()

    def listen(self, pcm: Pcm) -> list[Heard]:
        """The finals of a recording, in order; positions are samples of the recording. It should end with half a second
        of silence. Raises ``SpeechError`` when the recogniser does not come to an end."""
        self._finals = []
        began = self._fed
        for number, start in enumerate(range(0, len(pcm) - self._size + 1, self._size)):
            frame = pcm[start:start + self._size].tobytes()
            self._fed += self._size
            self._stream.feed(frame)
            self._ears.hear([(self._row, frame, False)])
            if number % YIELD_FRAMES == 0:
                gevent.sleep(0)
        if self._owed:
            self._none_owed.clear()
            if not self._none_owed.wait(FINAL_WAIT_S):
                raise SpeechError(f"no final transcript of a recording within {FINAL_WAIT_S:g} s")
        return [replace(heard, start=max(0, heard.start - began), end=heard.end - began) for heard in self._finals]

    def finals(self, pcm: Pcm) -> Iterator[Heard]:
        """The finals of a recording one by one, as soon as they are there; otherwise as ``listen``. Audio goes on only
        when the stretch before was recognised, so that no more than one waits in the recogniser. Calls go on
        meanwhile: the hub is free after each frame, for a while."""
        self._finals = []
        began, self._silent_from = self._fed, 0
        pcm = np.concatenate([pcm, np.zeros(self._rate * TAIL_MS // 1000, np.int16)])
        for start in range(0, len(pcm) - self._size + 1, self._size):
            frame = pcm[start:start + self._size].tobytes()
            self._fed += self._size
            self._stream.feed(frame)
            self._ears.hear([(self._row, frame, False)])
            gevent.sleep(PAUSE_S)
            if self._silent_from:
                yield from self._until_heard(began)

    def _until_heard(self, began: int) -> Iterator[Heard]:
        """The finals up to where the voice stopped last."""
        target, self._silent_from = self._silent_from - self._rate * SLACK_MS // 1000, 0
        while not (self._finals and self._finals[-1].end >= target):
            self._told.clear()
            if not self._told.wait(FINAL_WAIT_S):
                raise SpeechError(f"no final transcript of a recording within {FINAL_WAIT_S:g} s")
        finals, self._finals = self._finals, []
        for heard in finals:
            yield replace(heard, start=max(0, heard.start - began), end=heard.end - began)

    def voice_on(self, sample: int) -> None:
        """See ``engine.speech.ears.Listener``."""
        self._owed += 1
        self._stream.voice_on(sample)

    def voice_off(self, sample: int) -> None:
        """See ``engine.speech.ears.Listener``."""
        self._silent_from = sample
        self._stream.voice_off(sample)

    def _deliver(self, heard: Heard) -> None:
        if heard.final:
            self._owed -= 1
            self._finals.append(heard)
            self._told.set()
            if not self._owed:
                self._none_owed.set()

    def close(self) -> None:
        """Hang up."""
        self._ears.close(self._row)
        self._stream.close()
