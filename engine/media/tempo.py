"""Speech faster or slower at the same pitch: overlapping pieces, each laid where it continues the one before best.

The method is WSOLA (W. Verhelst and M. Roelands, 1993): pieces of 30 ms overlap by half; each is taken from near the
place that the tempo asks for, where its beginning is most like what would have followed the piece before.
"""

import numpy as np

from engine.media.pcm import Pcm

PIECE_MS, SEARCH_MS = 30, 8

SLOWEST, FASTEST = 0.25, 4.0


def at_tempo(pcm: Pcm, rate: int, tempo: float) -> Pcm:
    """``pcm`` (int16 mono at ``rate`` Hz) ``tempo`` times as fast, so ``1 / tempo`` as long. A second of speech takes
    about 5 ms of CPU: pool threads only. Raises ``ValueError`` for a tempo beyond 0.25 to 4."""
    if not SLOWEST <= tempo <= FASTEST:
        raise ValueError(f"a tempo from {SLOWEST:g} to {FASTEST:g}, not {tempo:g}")
    piece = rate * PIECE_MS // 1000 // 2 * 2
    if tempo == 1.0 or len(pcm) < 2 * piece:
        return pcm.copy()
    hop, reach = piece // 2, rate * SEARCH_MS // 1000
    window = np.hanning(piece + 1)[:piece]
    source = np.concatenate([np.zeros(reach), pcm.astype(np.float64), np.zeros(piece + hop + 2 * reach)])
    count = max(1, int(len(pcm) / tempo) // hop)
    out = np.zeros(count * hop + piece)
    at = reach
    for number in range(count):
        if number:
            wanted = reach + int(number * hop * tempo)
            at = _like(source, at + hop, wanted, hop, reach)
        out[number * hop:number * hop + piece] += source[at:at + piece] * window
    # The first half piece has nothing that it overlaps with.
    out[:hop] += source[reach:reach + hop] * window[hop:]
    length = int(len(pcm) / tempo)
    return np.clip(np.rint(out[:length]), -32768, 32767).astype(np.int16)


def _like(source: np.ndarray, follows: int, wanted: int, size: int, reach: int) -> int:
    """The place within ``reach`` of ``wanted`` whose sound is most like that at ``follows``."""
    wanted = min(max(wanted, reach), len(source) - size - reach - 1)
    follows = min(follows, len(source) - size)
    model = source[follows:follows + size]
    field = source[wanted - reach:wanted + reach + size]
    likeness = np.correlate(field, model, "valid")
    power = np.convolve(field * field, np.ones(size), "valid")
    return wanted - reach + int(np.argmax(likeness / np.sqrt(power + 1.0)))
