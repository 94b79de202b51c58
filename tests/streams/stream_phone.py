"""A caller behind a strict carrier, over a real WebSocket in real time."""

import contextlib
from time import monotonic

import gevent
import numpy as np

from engine.media import g711
from engine.net.errors import SocketClosed
from engine.net.websocket import WebSocket
from tests.fakes.exotel_media import ExotelMedia


class StreamPhone:
    """``carrier``: a fake of one side of a stream. What it refuses is raised by ``hang_up`` and ``over``."""

    def __init__(self, url, carrier, headers=None):
        self.carrier = carrier
        self.exotel = isinstance(carrier, ExotelMedia)
        self.rate = carrier.rate if self.exotel else 8000
        self.closed, self.refusal = None, None
        self._at = 0  # samples of what was heard that were looked at
        self._voice = b""  # samples that are still to be said
        self._socket = WebSocket.connect(url, headers=headers)
        with contextlib.suppress(SocketClosed):  # refused already
            for message in carrier.opening():
                self._socket.send(message)
        self._greenlets = [gevent.spawn(self._read), gevent.spawn(self._talk)]

    # ------------------------------------------------------------ what the caller does

    def say(self, seconds=0.6):
        """A tone that ``LoudnessVad`` takes for a voice; returns when it was said."""
        t = np.arange(int(seconds * self.rate)) / self.rate
        self._voice += (6000 * np.sin(2 * np.pi * 220 * t)).astype("<i2").tobytes()
        gevent.sleep(seconds + 0.05)

    def press(self, digits):
        for digit in digits:
            self._socket.send(self.carrier.dtmf(digit))

    def send(self, text):
        self._socket.send(text)

    def hang_up(self):
        """As carriers tell it."""
        with contextlib.suppress(SocketClosed):
            self._socket.send(self.carrier.stop())
        self.over()

    def stop(self):
        """The carrier has something else to do with the call (from another greenlet)."""
        self._socket.send(self.carrier.stop())

    def vanish(self):
        """The connection is gone, without a word."""
        self._socket.abort()
        self._end()

    def over(self, timeout=8):
        """Wait until the engine has closed the stream; the close code."""
        self._greenlets[0].join(timeout)
        assert self.closed is not None, "the stream is still open"
        self._end()
        if self.refusal is not None:
            raise self.refusal
        return self.closed

    def _end(self):
        gevent.killall(self._greenlets)
        self._socket.abort()

    # ------------------------------------------------------------ what the caller hears

    @property
    def heard(self):
        """Samples that the caller has heard since the beginning."""
        data = bytes(self.carrier.buffer.heard)
        return np.frombuffer(data, "<i2") if self.exotel else g711.ulaw_decode(np.frombuffer(data, np.uint8))

    @property
    def voiced_s(self):
        """Seconds of the agent's voice so far."""
        return float(np.sum(self._loud()) * 0.02)

    def hears(self, timeout=8):
        """Wait until the agent speaks."""
        self._wait(lambda: self._find(True, 2), "the agent to speak", timeout)

    def hears_silence(self, seconds=0.2, timeout=10):
        """Wait until the agent has been silent for so long."""
        self._wait(lambda: self._find(False, round(seconds / 0.02)), "silence", timeout)

    def _wait(self, find, what, timeout):
        with gevent.Timeout(timeout, AssertionError(f"waited for {what}; heard {len(self.heard) / self.rate:.2f} s, "
                                                    f"{self.voiced_s:.2f} s of them voice; closed: {self.closed}")):
            while not (end := find()):
                gevent.sleep(0.02)
        self._at = end

    def _loud(self):
        size = self.rate // 50
        pcm = self.heard
        return np.abs(pcm[: len(pcm) // size * size].reshape(-1, size).astype(int)).max(axis=1, initial=0) > 500

    def _find(self, loud, frames):
        run = 0
        for number, flag in enumerate(self._loud().tolist()):
            if number * (self.rate // 50) < self._at:
                continue
            run = run + 1 if flag is loud else 0
            if run == frames:
                return (number + 1) * (self.rate // 50)
        return 0

    # ------------------------------------------------------------ the carrier

    def _read(self):
        try:
            while True:
                message = self._socket.receive()
                for back in self.carrier.take(message, monotonic()):
                    self._socket.send(back)
        except SocketClosed as end:
            self.closed = end.code
        except AssertionError as refusal:
            self.refusal, self.closed = refusal, -1
            self._socket.abort()

    def _talk(self):
        """Twilio sends 20 ms at a time, Exotel 100."""
        step = 0.1 if self.exotel else 0.02
        due = monotonic()
        with contextlib.suppress(SocketClosed):
            while True:
                size = round(step * self.rate) * 2
                pcm, self._voice = self._voice[:size].ljust(size, b"\0"), self._voice[size:]
                audio = pcm if self.exotel else g711.ulaw_encode(np.frombuffer(pcm, np.int16)).tobytes()
                self._socket.send(self.carrier.media(audio))
                for back in self.carrier.step(monotonic()):
                    self._socket.send(back)
                due += step
                while (left := due - monotonic()) > 0:
                    gevent.sleep(min(left, 0.02))
                    for back in self.carrier.step(monotonic()):
                        self._socket.send(back)
