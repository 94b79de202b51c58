"""Recordings to words off real time, by the same ears and the same recogniser that calls have.

Frames go to the VAD as fast as the recogniser's processes take them.
"""

from dataclasses import replace

import gevent
from gevent.event import Event

from engine.speech.ears import Ears
from engine.speech.errors import SpeechError
from engine.speech.interfaces import Heard, Pcm, Recogniser

FINAL_WAIT_S = 60.0
"""How long the finals of a recording may take."""

YIELD_FRAMES = 25
"""After so many frames others run: the workers' pipes must be filled."""


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

    def voice_on(self, sample: int) -> None:
        """See ``engine.speech.ears.Listener``."""
        self._owed += 1
        self._stream.voice_on(sample)

    def voice_off(self, sample: int) -> None:
        """See ``engine.speech.ears.Listener``."""
        self._stream.voice_off(sample)

    def _deliver(self, heard: Heard) -> None:
        if heard.final:
            self._owed -= 1
            self._finals.append(heard)
            if not self._owed:
                self._none_owed.set()

    def close(self) -> None:
        """Hang up."""
        self._ears.close(self._row)
        self._stream.close()
