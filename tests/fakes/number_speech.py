"""Speech that a fake recogniser can hear: word n is a level of n + 1 steps held for a while, gaps are near silence.

Levels survive resampling, WAV headers and base64, so fakes hear what really arrived: lost, doubled and cut words show.
"""

import numpy as np

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
         "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
STEP = 1000
WORD_MS, GAP_MS, SHORTEST_MS = 200, 60, 100


def say(words, rate, before_ms=0, after_ms=0, gap_ms=GAP_MS):
    """int16 samples as bytes: silence, the words with gaps between them, silence."""
    parts = [np.zeros(rate * before_ms // 1000)]
    for n, word in enumerate(words.split()):
        if n:
            parts.append(np.zeros(rate * gap_ms // 1000))
        parts.append(np.full(rate * WORD_MS // 1000, (WORDS.index(word) + 1) * STEP))
    parts.append(np.zeros(rate * after_ms // 1000))
    return np.concatenate(parts).astype("<i2").tobytes()


def hear(pcm, rate):
    """(word, start in seconds, end in seconds) of every word that is whole enough."""
    samples = np.frombuffer(bytes(pcm[:len(pcm) // 2 * 2]), "<i2").astype(np.int32)
    levels = np.where(np.abs(samples - np.rint(samples / STEP) * STEP) < STEP // 10, np.rint(samples / STEP), -1)
    edges = np.flatnonzero(np.diff(levels)) + 1
    found = []
    for start, end in zip(np.concatenate([[0], edges]), np.concatenate([edges, [len(levels)]]), strict=True):
        if end - start >= rate * SHORTEST_MS // 1000 and 1 <= levels[start] <= len(WORDS):
            found.append((WORDS[int(levels[start]) - 1], start / rate, end / rate))
    return found


def words_of(pcm, rate):
    return " ".join(word for word, _, _ in hear(pcm, rate))
