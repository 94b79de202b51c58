"""Providers whose every word is in the test: what is recognised is scripted, what is answered is looked up."""

from collections import deque

import gevent
import numpy as np

from engine.dialog.brain import Farewell, Grounds, Text
from engine.dialog.errors import DialogError
from engine.embedded import Providers
from engine.speech.errors import SpeechError
from engine.speech.interfaces import Chunk, Heard

CHAR_S = 0.04
"""How long a letter of the agent's is."""

PARTIAL_AFTER_S = 0.24
FOREVER_S = 3600


def voice(seconds, rate=8000, amplitude=6000):
    """What ``LoudnessVad`` takes for speech."""
    t = np.arange(int(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * 220 * t)).astype(np.int16)


class LoudnessVad:
    """Loud is voice."""

    name = "loudness"
    reach_frames = 1

    def __init__(self):
        self.open_rows = set()
        self._next = 0

    def tail_ms(self, rate):
        return 0

    def open(self, rate):
        if rate not in (8000, 16000):
            raise SpeechError(f"not {rate}")
        self._next += 1
        self.open_rows.add(self._next)
        return self._next

    def close(self, row):
        self.open_rows.remove(row)

    def process(self, rows, frames):
        return np.array([np.abs(np.frombuffer(frame, np.int16)).max() > 1000 for frame in frames], np.bool_)


class ScriptedStream:
    def __init__(self, recogniser, rate, deliver, script):
        self._recogniser, self._rate, self._deliver, self._script = recogniser, rate, deliver, deque(script)
        self._position = self._start = 0
        self._text = None
        self._told = False

    def feed(self, frame):
        if self._recogniser.feed_fault:
            raise self._recogniser.feed_fault
        self._position += len(frame) // 2
        due = self._start + PARTIAL_AFTER_S * self._rate
        if self._text and not self._told and self._position >= due:
            self._told = True
            self._deliver(Heard(self._text, False, self._start, self._position))

    def voice_on(self, sample):
        self._start, self._told = sample, False
        self._text = self._script.popleft() if self._script else ""

    def voice_off(self, sample):
        text, self._text = self._text, None
        self._deliver(Heard(text or "", True, self._start, sample))

    def close(self):
        self._recogniser.streams.discard(self)


class ScriptedRecogniser:
    """What the caller says, utterance by utterance; "" is noise. ``scripts``: of the next calls, in their order."""

    def __init__(self, *scripts):
        self.scripts = deque(scripts)
        self.streams = set()
        self.feed_fault = None

    def open(self, rate, deliver):
        stream = ScriptedStream(self, rate, deliver, self.scripts.popleft() if self.scripts else ())
        self.streams.add(stream)
        return stream

    def close(self):
        self.closed = True


ANSWER = "We open at nine. On Sundays we are closed all day."


class LookUp:
    """``answers``: what comes of a text: words, an exception, or a function of the number of tries that gives one."""

    def __init__(self, **answers):
        self.answers = answers
        self.requests = []

    def reply(self, request):
        self.requests.append(request)
        answer = self.answers.get(request.text.split()[0], ANSWER)
        if callable(answer):
            answer = answer(sum(other.text == request.text for other in self.requests))
        if isinstance(answer, BaseException):
            raise answer
        yield Grounds("answer", 1.0, ({"document": "hours"},))
        if answer == "stall":
            gevent.sleep(FOREVER_S)
        for word in answer.split():
            if word == "FAREWELL":
                yield Farewell()
            else:
                yield Text(word + " ")


class ToneVoice:
    """``CHAR_S`` of tone a letter, at ``rate``. Texts with a word of ``faults`` raise it, after a while."""

    name = "tone"

    def __init__(self, rate=16000, **faults):
        self.rate = rate
        self.faults = faults
        self.rendered = []

    def render(self, text):
        self.rendered.append(text)
        for word in text.lower().replace(".", "").split():
            if word in self.faults:
                gevent.sleep(0.2)
                raise self.faults[word]
        yield Chunk(voice(len(text) * CHAR_S, self.rate, 3000), self.rate)

    def close(self):
        self.closed = True


def providers(*scripts, brain=None, tone=None):
    """A set of them."""
    return Providers(LoudnessVad(), ScriptedRecogniser(*scripts), tone or ToneVoice(), brain or LookUp())


__all__ = ["ANSWER", "CHAR_S", "DialogError", "LookUp", "SpeechError", "ToneVoice", "providers", "voice"]
