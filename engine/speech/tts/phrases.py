"""A voice in front of a voice: fixed phrases are rendered once and kept on disk, so that a greeting starts at once.

Only what is asked for with ``warm`` goes to disk; replies to callers are not kept.
"""

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from engine import paths
from engine.speech.errors import SpeechError
from engine.speech.interfaces import Chunk, Voice, WordTime

log = logging.getLogger(__name__)

VERSION = 1  # of what is done to a voice's audio: part of the file names


class PhraseCache:
    """A ``Voice``. ``render`` of a warmed phrase yields one chunk at once; everything else goes to ``voice``."""

    def __init__(self, voice: Voice, folder: Path | None = None) -> None:
        """Keeps files in ``folder``, or below ``$TRUNKLINE_HOME/cache/phrases``."""
        self.name = voice.name
        self.voice = voice
        self._folder = folder or paths.cache() / "phrases"
        self._phrases: dict[str, Chunk] = {}

    def warm(self, phrases: Iterable[str]) -> None:
        """Have these ready: from memory, from disk, else rendered now. A phrase that cannot be rendered or kept is
        logged and left to its call. A phrase takes 10 to 200 ms to render: do it before calls come."""
        for text in phrases:
            if text in self._phrases:
                continue
            file = self._file(text)
            chunk = _load(file)
            if chunk is None:
                try:
                    chunk = _whole(list(self.voice.render(text)))
                except SpeechError as fault:
                    log.warning("a fixed phrase cannot be rendered ahead: %s", fault)
                    continue
                _save(file, chunk)
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

    def _file(self, text: str) -> Path:
        key = hashlib.sha256(repr((VERSION, self.name, text)).encode()).hexdigest()[:32]
        return self._folder / f"{key}.npz"


def _whole(chunks: list[Chunk]) -> Chunk:
    """The chunks of a clause as one."""
    if not chunks:
        raise SpeechError("the voice gave no audio for it")
    return Chunk(np.concatenate([chunk.pcm for chunk in chunks]), chunks[0].rate,
                 tuple(word for chunk in chunks for word in chunk.words))


def _load(file: Path) -> Chunk | None:
    """A kept phrase; None if there is none, or a file that is not one."""
    try:
        with np.load(file, allow_pickle=False) as content:
            words = tuple(WordTime(*(int(value) for value in row)) for row in content["words"])
            return Chunk(content["pcm"].astype(np.int16), int(content["rate"]), words)
    except FileNotFoundError:
        return None
    except Exception as fault:  # noqa: BLE001 -- zipfile, numpy and zlib each have errors of their own for a bad file
        log.warning("%s is damaged and made again: %s", file, fault)
        return None


def _save(file: Path, chunk: Chunk) -> None:
    words = np.array([(w.start_char, w.end_char, w.start_sample, w.end_sample) for w in chunk.words], np.int64)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(dir=file.parent, suffix=".part")
        with os.fdopen(handle, "wb") as out:
            np.savez(out, pcm=chunk.pcm, rate=np.int64(chunk.rate), words=words.reshape(-1, 4))
        Path(scratch).replace(file)
    except OSError as fault:
        log.warning("a fixed phrase is not kept on disk: %s", fault)
