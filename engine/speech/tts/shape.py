"""What happens to every voice's audio: silence off its ends, one loudness; and what it is made whole of."""

import unicodedata

import numpy as np

from engine.speech.interfaces import Chunk, Pcm, WordTime

SILENCE = 100  # peak below which a block is silence: -50 dBFS
BLOCK_MS = 5
LEAD_MS = 10  # left before the first sound
TAIL_MS = 120  # left after the last: the pause to the next clause
LOUDNESS_DB = -20.0  # dBFS of the speaking parts


class Trimmer:
    """Cuts silence off both ends of a clause that comes in pieces.

    Silence at the start is 140 to 240 ms with flite, all of it waiting time for the caller.
    """

    def __init__(self, rate: int, gain: float = 1.0) -> None:
        self.cut = 0
        """Samples cut off the start; final once there was audio."""
        self._gain = gain
        self._block = rate * BLOCK_MS // 1000
        self._lead = rate * LEAD_MS // 1000
        self._tail = rate * TAIL_MS // 1000
        self._held: Pcm = np.zeros(0, np.int16)  # before the first sound: the lead; after: silence, may be the end
        self._begun = False

    def feed(self, pcm: Pcm) -> Pcm:
        """What can be said now; silence is held back until sound follows."""
        audio = np.concatenate([self._held, pcm])
        loud = self._loud_blocks(audio)
        if not loud.size:
            self._hold_back(audio)
            return audio[:0]
        if not self._begun:
            self._begun = True
            skip = max(0, int(loud[0]) * self._block - self._lead)
            self.cut += skip
            audio = audio[skip:]
            loud = self._loud_blocks(audio)
        end = min(len(audio), int(loud[-1] + 1) * self._block)
        self._held = audio[end:]
        return self._amplify(audio[:end])

    def finish(self) -> Pcm:
        """The clause is complete: its tail."""
        return self._amplify(self._held[:self._tail] if self._begun else self._held[:0])

    def _hold_back(self, audio: Pcm) -> None:
        if not self._begun and len(audio) > self._lead:
            self.cut += len(audio) - self._lead
            audio = audio[len(audio) - self._lead:]
        self._held = audio

    def _loud_blocks(self, audio: Pcm) -> np.ndarray:
        whole = -(-len(audio) // self._block) * self._block
        padded = np.zeros(whole, np.int32)
        padded[:len(audio)] = audio
        return np.flatnonzero(np.abs(padded).reshape(-1, self._block).max(axis=1) > SILENCE)

    def _amplify(self, audio: Pcm) -> Pcm:
        if self._gain == 1.0:
            return audio
        return np.clip(audio * np.float32(self._gain), -32767, 32767).astype(np.int16)


def ascii_text(text: str) -> tuple[str, list[int]]:
    """``text`` in printable ASCII for voices that know nothing else, and the position in ``text`` of each character.

    Accents are dropped, currency signs spelt out, everything else unknown becomes a space.
    """
    plain: list[str] = []
    origin: list[int] = []
    for at, character in enumerate(text):
        for piece in _ascii(character):
            plain.append(piece)
            origin.append(at)
    return "".join(plain), origin


_SPELT = {"€": " euros ", "£": " pounds ", "’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": " - ", "…": "...",
          "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "°": " degrees ", "×": " times "}


def _ascii(character: str) -> str:
    if " " <= character <= "~":
        return character
    if character.lower() in _SPELT:
        return _SPELT[character.lower()]
    bare = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return "".join(piece for piece in bare if " " <= piece <= "~") or " "


def word_times(plain: str, origin: list[int], spoken: list[tuple[str, float, float]], rate: int,
               cut: int) -> tuple[WordTime, ...]:
    """Word times of a clause from the tokens a voice spoke: (token, start s, end s), in order, of ``plain``.

    ``cut`` samples were trimmed off the start. Tokens that are not found in the text are left out.
    """
    words, at = [], 0
    for token, start, end in spoken:
        found = plain.find(token, at)
        if found < 0 or not token:
            continue
        at = found + len(token)
        words.append(WordTime(origin[found], origin[at - 1] + 1,
                              max(0, round(start * rate) - cut), max(0, round(end * rate) - cut)))
    return tuple(words)


def joined(chunks: list[Chunk]) -> Chunk:
    """The chunks of a clause, at least one, as one."""
    return Chunk(np.concatenate([chunk.pcm for chunk in chunks]), chunks[0].rate,
                 tuple(word for chunk in chunks for word in chunk.words))
