"""Rendered phrases on disk: a folder of files, one a phrase, that any number of processes share.

A file is complete or not there (written aside, then renamed), its contents are checked by the CRC of the archive, and
its time is that of its last use: when the folder is larger than its limit, the oldest go.
"""

import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.speech.interfaces import Chunk, WordTime

log = logging.getLogger(__name__)

VERSION = 1  # of what is done to a voice's audio: part of the file names
TRIM_TO = 0.9
"""Part of the limit that is left after removal, so that it is not done for each new file."""

ABANDONED_S = 3600.0
"""Unfinished files older than this are of a process that died."""


class PhraseFiles:
    """``load`` and ``save`` by voice and text. Faults of the disk are logged, never raised: it is a cache."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        """The folder need not exist yet."""
        self.folder = folder
        self._limit = limit_bytes

    def file(self, voice: str, text: str) -> Path:
        """Where the phrase is or would be. ``voice`` names everything that is heard: voice, settings, rate."""
        key = hashlib.sha256(repr((VERSION, voice, text)).encode()).hexdigest()[:32]
        return self.folder / f"{key}.npz"

    def load(self, voice: str, text: str) -> Chunk | None:
        """A kept phrase; None if there is none, or a file that is not one, which is removed."""
        file = self.file(voice, text)
        try:
            with np.load(file, allow_pickle=False) as content:
                words = tuple(WordTime(*(int(value) for value in row)) for row in content["words"])
                pcm, rate = content["pcm"], int(content["rate"])
            if pcm.dtype != np.int16 or pcm.ndim != 1 or not len(pcm) or rate <= 0:
                raise ValueError("not audio")
            os.utime(file)
            return Chunk(pcm, rate, words)
        except FileNotFoundError:
            return None
        except Exception as fault:  # noqa: BLE001 -- zipfile, numpy and zlib each have errors of their own for a bad file
            log.warning("%s is damaged and made again: %s", file, fault)
            _remove(file)
            return None

    def save(self, voice: str, text: str, chunk: Chunk) -> None:
        """Keep a phrase, and the folder within its limit."""
        words = np.array([(w.start_char, w.end_char, w.start_sample, w.end_sample) for w in chunk.words], np.int64)
        scratch = ""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, scratch = tempfile.mkstemp(dir=self.folder, suffix=".part")
            with os.fdopen(handle, "wb") as out:
                np.savez(out, pcm=chunk.pcm, rate=np.int64(chunk.rate), words=words.reshape(-1, 4))
            Path(scratch).replace(self.file(voice, text))
            self._trim()
        except OSError as fault:
            log.warning("a fixed phrase is not kept on disk: %s", fault)
            if scratch:
                _remove(Path(scratch))

    def _trim(self) -> None:
        """Remove what was not used for the longest time, if there is too much."""
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        if total <= self._limit:
            return
        for _, size, file in files[:-1]:  # never the newest: it was just asked for
            _remove(file)
            total -= size
            if total <= self._limit * TRIM_TO:
                break

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """(last use, bytes, file) of each phrase. Other processes may remove files meanwhile."""
        now = time.time()
        with os.scandir(self.folder) as entries:
            for entry in entries:
                try:
                    about = entry.stat()
                except OSError:
                    continue
                if entry.name.endswith(".npz"):
                    yield about.st_mtime, about.st_size, Path(entry.path)
                elif entry.name.endswith(".part") and now - about.st_mtime > ABANDONED_S:
                    _remove(Path(entry.path))


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as fault:
        log.warning("cannot be removed: %s", fault)
