"""A caller before any recogniser: speaks number speech into a stream and keeps what is heard."""

import gevent
from gevent.event import Event
from speech_world import frames_of

from tests.fakes.number_speech import say

TOLD_LATE_MS, HANGOVER_MS = 60, 160


class Caller:
    """Feeds frames at once, or at their pace; tells the edges of the voice as late as the ears do."""

    def __init__(self, recogniser, rate=8000, pace_s=0.0):
        self.rate = rate
        self.pace_s = pace_s
        self.heard = []
        self.changed = Event()
        self.fed = 0
        self.stream = recogniser.open(rate, self._deliver)

    def _deliver(self, heard):
        self.heard.append(heard)
        self.changed.set()
        self.changed.clear()

    def feed(self, pcm):
        for frame in frames_of(pcm, self.rate):
            self.stream.feed(frame)
            self.fed += len(frame) // 2
            gevent.sleep(self.pace_s)

    def quiet(self, ms):
        self.feed(bytes(self.rate * ms // 1000 * 2))

    def on(self, words):
        """The words begin and the voice is told; it goes on. (start, end) of them in samples."""
        pcm, began = say(words, self.rate), self.fed
        late = self.rate * TOLD_LATE_MS // 1000 * 2
        self.feed(pcm[:late])
        self.stream.voice_on(began)
        self.feed(pcm[late:])
        return began, self.fed

    def speak(self, words):
        """Words, and the silence after which the voice is known to have stopped."""
        began, stopped = self.on(words)
        self.quiet(HANGOVER_MS)
        self.stream.voice_off(stopped)
        return began, stopped

    @property
    def finals(self):
        return [heard for heard in self.heard if heard.final]

    @property
    def text(self):
        return " ".join(heard.text for heard in self.finals if heard.text)

    def wait_finals(self, count, timeout_s=3.0):
        """All finals, once there are so many."""
        with gevent.Timeout(timeout_s, AssertionError(f"{count} finals wanted, heard {self.heard}")):
            while len(self.finals) < count:
                self.changed.wait(0.05)
        return self.finals

    def wait_partial(self, text, timeout_s=3.0):
        with gevent.Timeout(timeout_s, AssertionError(f"no partial '{text}', heard {self.heard}")):
            while not any(heard.text == text and not heard.final for heard in self.heard):
                self.changed.wait(0.05)
