"""What a carrier does with the audio it is sent: plays it in real time, gives marks back in order, clears."""


class Refusal(AssertionError):
    """What the carrier would not take."""


class CarrierBuffer:
    """``bytes_a_second`` of audio are played from ``now`` on; silence where there is none. ``heard``: what the caller
    heard so far, as one stretch of audio since the beginning."""

    def __init__(self, bytes_a_second, silence, now):
        self.rate, self.silence = bytes_a_second, silence
        self.heard = bytearray()
        self.began, self.played = now, 0
        self.items = []  # audio (bytearray) and marks (str), in order
        self.gaps = 0  # times it ran dry between two pieces of audio
        self.longest = 0  # bytes that waited at once

    def step(self, now):
        """Play until ``now``; the marks that come back."""
        unit = len(self.silence)  # of a sample
        due = int((now - self.began) * self.rate / unit + 1e-6) * unit - self.played
        marks = self._marks()
        while due > 0:
            if not self.items:
                self.heard += self.silence * (due // unit)
                self.played += due
                break
            piece = self.items[0]
            taken = bytes(piece[:due])
            del piece[:due]
            self.heard += taken
            self.played += len(taken)
            due -= len(taken)
            if not piece:
                self.items.pop(0)
            marks += self._marks()
        return marks

    def add(self, audio):
        self.items.append(bytearray(audio))
        self.longest = max(self.longest, self.waiting)

    def mark(self, name):
        """The marks that come back at once."""
        self.items.append(name)
        return self._marks()

    def clear(self):
        """Every mark that is out."""
        marks = [item for item in self.items if isinstance(item, str)]
        self.items = []
        return marks

    @property
    def waiting(self):
        return sum(len(item) for item in self.items if not isinstance(item, str))

    def _marks(self):
        marks = []
        while self.items and isinstance(self.items[0], str):
            marks.append(self.items.pop(0))
        return marks
