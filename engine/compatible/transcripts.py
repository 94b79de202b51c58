"""What was heard in a recording, in the forms that OpenAI's transcription API answers. Pure.

Recognisers tell where stretches of speech begin and end; within a stretch the words share its time by their letters.
So times of segments are measured, times of words are estimated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.dialog.prompt import LANGUAGES


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech; times in seconds from the start. ``confidence`` 0..1, -1 where none is told."""

    text: str
    start: float
    end: float
    confidence: float = -1.0


@dataclass(frozen=True, slots=True)
class Transcript:
    """A whole recording of ``duration`` seconds; ``language`` (ISO 639-1)."""

    segments: tuple[Segment, ...]
    duration: float
    language: str

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(segment.text for segment in self.segments)

    def plain(self) -> dict[str, Any]:
        """``json``."""
        return {"text": self.text, "usage": {"type": "duration", "seconds": round(self.duration)}}

    def verbose(self, words: bool) -> dict[str, Any]:
        """``verbose_json``; ``words``: with the times of words."""
        found = {
            "task": "transcribe", "language": LANGUAGES.get(self.language, self.language).lower(),
            "duration": round(self.duration, 3), "text": self.text,
            "segments": [_segment(number, segment) for number, segment in enumerate(self.segments)],
            "usage": {"type": "duration", "seconds": round(self.duration)},
        }
        if words:
            found["words"] = [word for segment in self.segments for word in words_of(segment)]
        return found

    def srt(self) -> str:
        """SubRip subtitles."""
        return "".join(f"{number}\n{_clock(each.start, ',')} --> {_clock(each.end, ',')}\n{_cue(each)}\n\n"
                       for number, each in enumerate(self.segments, 1))

    def vtt(self) -> str:
        """WebVTT subtitles."""
        return "WEBVTT\n\n" + "".join(f"{_clock(each.start, '.')} --> {_clock(each.end, '.')}\n{_cue(each)}\n\n"
                                      for each in self.segments)


def words_of(segment: Segment) -> list[dict[str, Any]]:
    """The words of a segment with estimated times: rising, within the segment."""
    words = segment.text.split()
    letters = sum(map(len, words)) + len(words)
    at, found = 0, []
    for word in words:
        begin, at = at, at + len(word) + 1
        span = segment.end - segment.start
        found.append({"word": word, "start": round(segment.start + span * begin / letters, 3),
                      "end": round(segment.start + span * at / letters, 3)})
    return found


def _segment(number: int, segment: Segment) -> dict[str, Any]:
    """As OpenAI has it; what a Whisper decoder alone knows is neutral. ``confidence`` is ours."""
    return {"id": number, "seek": 0, "start": round(segment.start, 3), "end": round(segment.end, 3),
            "text": segment.text, "tokens": [], "temperature": 0.0, "avg_logprob": 0.0, "compression_ratio": 1.0,
            "no_speech_prob": 0.0, "confidence": round(segment.confidence, 3) if segment.confidence >= 0 else None}


def _cue(segment: Segment) -> str:
    """Text that cannot be taken for the end of a cue, or for an arrow."""
    return " ".join(segment.text.replace("-->", "->").split())


def _clock(seconds: float, mark: str) -> str:
    ms = max(0, round(seconds * 1000))
    minutes, ms = divmod(ms, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}{mark}{ms % 1000:03}"


def joined(segments: Sequence[Segment], duration: float, language: str) -> Transcript:
    """The transcript of what was heard; stretches without words are left out."""
    return Transcript(tuple(segment for segment in segments if segment.text.strip()), duration, language)
