"""The caller's side of a Realtime session: the input buffer, turns found by voice activity, transcripts. Pure.

A turn is told as clients know it: ``speech_started``, ``speech_stopped``, ``committed``, ``item.added``, ``item.done``.
A pause inside a turn is not told: ``speech_stopped`` waits for the turn's end. Times never fall.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.realtime import serverevents as events
from engine.realtime.errors import Refused
from engine.realtime.happenings import SpeechStarted, Transcribed, TranscriptionFailed, TurnEnded
from engine.realtime.inputbuffer import InputBuffer
from engine.realtime.items import LEAST_CHARS, Conversation, Entry
from engine.realtime.serverevents import Event

SHORTEST_COMMIT_MS = 100
"""Less audio is no turn: ``input_audio_buffer_commit_empty``."""

MOST_AWAITED = 16
PREFIX_MS = 300
"""Audio before the voice that belongs to the turn, where turn detection does not say."""


@dataclass(slots=True)
class Speech:
    """A turn of the caller's that is not an item yet. ``told``: clients know that it has begun."""

    item_id: str
    start_ms: int
    told: bool = True
    stop_ms: int | None = None
    worded: bool = False
    final: Transcribed | TranscriptionFailed | None = None


class Hearing:
    """Makes events of what is heard. ``session`` in all methods is the whole configuration."""

    def __init__(self, conversation: Conversation, buffer: InputBuffer, make_id: Callable[[str], str]) -> None:
        """``make_id(prefix)`` gives a new id."""
        self.buffer = buffer
        self._conversation = conversation
        self._make_id = make_id
        self._speech: Speech | None = None
        self._awaited: OrderedDict[str, None] = OrderedDict()
        self._early: Transcribed | None = None
        self._last_ms = 0

    @property
    def item_id(self) -> str | None:
        """Of the turn that is being heard."""
        return self._speech.item_id if self._speech else None

    # ------------------------------------------------------------ what clients ask for

    def commit(self, session: dict[str, Any]) -> tuple[str, list[Event]]:
        """The client ends the turn. The item's id and the events; ``Refused`` where there is next to no audio."""
        waiting = self.buffer.waiting_ms
        if waiting < SHORTEST_COMMIT_MS:
            raise Refused(
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{SHORTEST_COMMIT_MS}ms of audio, but buffer only has {waiting:.2f}ms of audio.",
                code="input_audio_buffer_commit_empty",
            )
        self._conversation.room_for(LEAST_CHARS)
        now_ms = int(self.buffer.ms)
        sends = self._stopped(now_ms) if self._speech and self._speech.told else []
        speech = self._speech or Speech(self._make_id("item"), int(self.buffer.ms - waiting))
        return speech.item_id, sends + self._committed(speech, now_ms, "", session)

    def clear(self) -> list[Event]:
        """What is in the buffer was not meant."""
        self.buffer.clear()
        self._speech = None
        return [events.event("input_audio_buffer.cleared")]

    # ------------------------------------------------------------ what happens

    def speech_started(self, happening: SpeechStarted, session: dict[str, Any]) -> list[Event]:
        """The voice started. Where the client ends turns itself, it is not told."""
        if _client_commits(session):
            return []
        if self._speech:
            self._speech.stop_ms = None
            return []
        prefix = session["audio"]["input"]["turn_detection"].get("prefix_padding_ms")
        return self._started(happening.at_ms - (PREFIX_MS if prefix is None else prefix))

    def speech_stopped(self, at_ms: int) -> None:
        """The voice stopped: the turn may go on."""
        if self._speech:
            self._speech.stop_ms = at_ms

    def dropped(self, at_ms: int) -> list[Event]:
        """What started was no turn."""
        sends = self._stopped(at_ms) if self._speech and self._speech.told else []
        self._speech = None
        return sends

    def turn_ended(self, happening: TurnEnded, session: dict[str, Any]) -> list[Event]:
        """The turn is an item."""
        if _client_commits(session):
            return []
        if happening.idle:
            return self._timed_out(happening, session)
        sends = [] if self._speech and self._speech.told else self._started(happening.from_ms)
        sends += self._stopped(happening.to_ms)
        assert self._speech is not None
        return sends + self._committed(self._speech, happening.to_ms, happening.text, session)

    def transcribed(self, happening: Transcribed, session: dict[str, Any]) -> list[Event]:
        """Words. Those of a turn that was never told of are kept only if they are final and its end comes next."""
        target = self._target(happening)
        told = wanted(session)
        if target is None and session["type"] == "transcription" and _client_commits(session):
            # Live words of a turn that the client will end itself.
            self._speech = Speech(self._make_id("item"), int(self.buffer.ms - self.buffer.waiting_ms), told=False)
            target = self._speech.item_id
        if not happening.final:
            if target is None or not told or not happening.text:
                return []
            if self._speech and target == self._speech.item_id:
                self._speech.worded = True
            return [events.transcription_delta(target, happening.text)]
        if target is None:
            self._early = happening
            return []
        if self._speech and target == self._speech.item_id:
            self._speech.final = happening
            return []
        return self._completed(target, happening, told)

    def transcription_failed(self, happening: TranscriptionFailed, session: dict[str, Any]) -> list[Event]:
        """No words will come for the last item, or the running one."""
        if self._awaited:
            return self._failed(next(reversed(self._awaited)), happening, wanted(session))
        if self._speech:
            self._speech.final = happening
        return []

    # ------------------------------------------------------------ parts of them

    def _started(self, at_ms: int) -> list[Event]:
        start = self._later(at_ms)
        self._speech = Speech(self._make_id("item"), start)
        return [events.event("input_audio_buffer.speech_started", audio_start_ms=start, item_id=self._speech.item_id)]

    def _stopped(self, at_ms: int) -> list[Event]:
        assert self._speech is not None
        stop = at_ms if self._speech.stop_ms is None else self._speech.stop_ms
        item_id = self._speech.item_id
        return [events.event("input_audio_buffer.speech_stopped", audio_end_ms=self._later(stop), item_id=item_id)]

    def _timed_out(self, happening: TurnEnded, session: dict[str, Any]) -> list[Event]:
        start, end = self._later(happening.from_ms), self._later(happening.to_ms)
        speech = Speech(self._make_id("item"), start, final=Transcribed("", True))
        triggered = events.event(
            "input_audio_buffer.timeout_triggered", audio_start_ms=start, audio_end_ms=end, item_id=speech.item_id
        )
        return [triggered, *self._committed(speech, end, "", session)]

    def _committed(self, speech: Speech, to_ms: int, text: str, session: dict[str, Any]) -> list[Event]:
        audio = self.buffer.committed(speech.start_ms, to_ms)
        item = {
            "id": speech.item_id, "object": "realtime.item", "type": "message", "status": "completed", "role": "user",
            "content": [{"type": "input_audio", "transcript": text or None}],
        }
        previous = self._conversation.append(Entry(item, chars=LEAST_CHARS))
        self._conversation.keep_audio(speech.item_id, audio)
        early, self._early, self._speech = self._early, None, None
        sends = [events.committed(speech.item_id, previous), events.item_added(item, previous),
                 events.item_done(item, previous)]
        final = speech.final
        if final is None and early and text and early.text in text:
            final = early
        if isinstance(final, Transcribed):
            return sends + self._completed(speech.item_id, final, wanted(session))
        if final is not None:
            return sends + self._failed(speech.item_id, final, wanted(session))
        self.awaits(speech.item_id)
        return sends

    def _completed(self, item_id: str, words: Transcribed, told: bool) -> list[Event]:
        self._awaited.pop(item_id, None)
        entry = self._conversation.find(item_id)
        if entry is None:
            return []
        content = entry.item["content"]
        entry.item["content"] = [
            {**part, "transcript": words.text} if part["type"] == "input_audio" else part for part in content
        ]
        return [events.transcription_completed(item_id, words.text, words.seconds, words.language)] if told else []

    def _failed(self, item_id: str, failure: TranscriptionFailed, told: bool) -> list[Event]:
        self._awaited.pop(item_id, None)
        known = told and self._conversation.find(item_id) is not None
        return [events.transcription_failed(item_id, failure.message)] if known else []

    def awaits(self, item_id: str) -> None:
        """The words of this item will come."""
        self._awaited[item_id] = None
        if len(self._awaited) > MOST_AWAITED:
            self._awaited.popitem(last=False)

    def forget(self, item_id: str) -> None:
        """The item was deleted: nobody waits for its words."""
        self._awaited.pop(item_id, None)

    def _target(self, words: Transcribed) -> str | None:
        """Which item the words belong to."""
        if words.item_id:
            known = self._conversation.find(words.item_id) or words.item_id == self.item_id
            return words.item_id if known else None
        if self._speech and not (words.final and self._awaited and not self._speech.worded):
            return self._speech.item_id
        return next(reversed(self._awaited), None)

    def _later(self, at_ms: int) -> int:
        """``at_ms``, but never before what was told last."""
        self._last_ms = max(self._last_ms, at_ms)
        return self._last_ms


def _client_commits(session: dict[str, Any]) -> bool:
    return session["audio"]["input"]["turn_detection"] is None


def wanted(session: dict[str, Any]) -> bool:
    """Whether the client asked for transcripts."""
    return session["type"] == "transcription" or session["audio"]["input"]["transcription"] is not None
