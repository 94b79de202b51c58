"""What of an answer's words goes with which audio: the account that a truncation is settled by. Pure.

Words and audio of an answer arrive in turns. Words that came while so much audio had been sent belong to the audio that
comes after them; inside such a stretch they share its time by their letters. Only whole words count as heard.
"""

from bisect import bisect_right


class Spoken:
    """One answer. ``text`` is all its words, ``ms`` all its audio."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.text = ""
        self.ms = 0.0
        # Where a stretch begins: milliseconds, characters. Both rise.
        self._at_ms: list[float] = []
        self._at_char: list[int] = []

    def words(self, text: str) -> None:
        """The next words."""
        if not self._at_ms or self.ms > self._at_ms[-1]:
            self._at_ms.append(self.ms)
            self._at_char.append(len(self.text))
        self.text += text

    def audio(self, ms: float) -> None:
        """More audio."""
        self.ms += ms

    def heard(self, ms: float) -> str:
        """Whole words within the first ``ms`` of the audio; all of them where that is all of it."""
        if ms >= self.ms:
            return self.text
        index = bisect_right(self._at_ms, ms) - 1
        if index < 0 or ms <= 0:
            return ""
        last = index + 1 == len(self._at_ms)
        end_ms = self.ms if last else self._at_ms[index + 1]
        end_char = len(self.text) if last else self._at_char[index + 1]
        start_ms, start_char = self._at_ms[index], self._at_char[index]
        part = (ms - start_ms) / (end_ms - start_ms)
        return whole_words(self.text, start_char + int(part * (end_char - start_char)))


def whole_words(text: str, chars: int) -> str:
    """The words of ``text`` that end within its first ``chars``."""
    if chars < len(text) and not text[chars].isspace():
        while chars and not text[chars - 1].isspace():
            chars -= 1
    return text[:chars].rstrip()
