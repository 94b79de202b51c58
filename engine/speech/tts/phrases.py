"""A voice in front of a voice: fixed phrases are rendered once and kept on disk, so that a greeting starts at once.

Only what is asked for with ``warm`` goes to disk; replies to callers are not kept.
"""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from gevent.pool import Pool

from engine import paths
from engine.errors import TrunklineError
from engine.speech.errors import SpeechError
from engine.speech.interfaces import Chunk, Voice
from engine.speech.tts.phrase_files import PhraseFiles
from engine.speech.tts.shape import joined

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Phrases rendered at the same time: a voice behind HTTP waits more than it works."""


@runtime_checkable
class Warm(Protocol):
    """A voice that can have a connection ready."""

    def warm(self) -> None:
        """Open a connection ahead of the first clause. Never raises; returns at once."""


class PhraseCache:
    """A ``Voice``. ``render`` of a warmed phrase yields one chunk at once; everything else goes to ``voice``."""

    def __init__(self, voice: Voice, folder: Path | None = None, limit_mb: float = 200) -> None:
        """Keeps files in ``folder``, or below ``$TRUNKLINE_HOME/cache/phrases``: at most ``limit_mb`` megabytes, of all
        voices and processes together. Voices are told apart by their ``name``."""
        self.name = voice.name
        self.voice = voice
        self._files = PhraseFiles(folder or paths.cache() / "phrases", int(limit_mb * 1_000_000))
        self._phrases: dict[str, Chunk] = {}

    def warm(self, phrases: Iterable[str] = ()) -> None:
        """Have these ready: from memory, from disk, else rendered now. A phrase that cannot be rendered or kept is
        logged and left to its call. A phrase takes 10 to 500 ms to render: do it before calls come. A voice that is a
        service opens a connection ahead, too; without phrases that is all, and done at once."""
        missing = []
        for text in dict.fromkeys(phrases):
            if text in self._phrases:
                continue
            chunk = self._files.load(self.name, text)
            if chunk is None:
                missing.append(text)
            else:
                self._phrases[text] = chunk
        if missing:
            Pool(AT_ONCE).map(self._make, missing)
        if isinstance(self.voice, Warm):
            self.voice.warm()

    def _make(self, text: str) -> None:
        try:
            chunks = list(self.voice.render(text))
            if not chunks:
                raise SpeechError("the voice gave no audio for it")
        except TrunklineError as fault:
            log.warning("a fixed phrase cannot be rendered ahead: %s", fault)
            return
        chunk = joined(chunks)
        self._files.save(self.name, text, chunk)
        self._phrases[text] = chunk

    def holds(self, text: str) -> bool:
        """Whether ``render`` of this text needs no rendering."""
        return text in self._phrases

    def render(self, text: str) -> Iterator[Chunk]:
        """Audio of one clause."""
        phrase = self._phrases.get(text)
        if phrase is None:
            yield from self.voice.render(text)
        else:
            yield phrase

    def close(self) -> None:
        """Close the voice behind."""
        self.voice.close()
