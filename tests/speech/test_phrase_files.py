"""The phrase cache on disk: bounded, shared, and never the cause of a fault."""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from engine.errors import ProviderFault
from engine.speech.interfaces import Chunk, WordTime
from engine.speech.tts.phrase_files import ABANDONED_S, PhraseFiles
from engine.speech.tts.phrases import PhraseCache

ROOT = Path(__file__).parents[2]
PHRASE = Chunk(np.arange(5000, dtype=np.int16), 16000, (WordTime(0, 5, 0, 900),))
"""Takes 10,000 bytes and a little."""


@pytest.fixture
def files(tmp_path):
    return PhraseFiles(tmp_path / "phrases", limit_bytes=55_000)


def kept(files) -> int:
    return len(list(files.folder.glob("*.npz")))


def use(files, text: str, ago_s: float) -> None:
    then = time.time() - ago_s
    os.utime(files.file("voice", text), (then, then))


def test_a_phrase_comes_back_as_it_was(files):
    files.save("voice", "Hello.", PHRASE)
    found = files.load("voice", "Hello.")
    assert np.array_equal(found.pcm, PHRASE.pcm) and (found.rate, found.words) == (16000, PHRASE.words)


@pytest.mark.parametrize(("voice", "text"), [("other", "Hello."), ("voice", "Hello"), ("voice", "hello.")])
def test_another_voice_or_text_is_another_phrase(files, voice, text):
    files.save("voice", "Hello.", PHRASE)
    assert files.load(voice, text) is None


def test_what_was_not_used_for_the_longest_time_goes_first(files):
    for number in range(5):
        files.save("voice", str(number), PHRASE)
        use(files, str(number), 100 - number)
    assert files.load("voice", "0") is not None, "used now"
    files.save("voice", "new", PHRASE)
    assert [files.load("voice", text) is not None for text in ("0", "1", "2", "3", "4", "new")] == [
        True, False, False, True, True, True]
    assert sum(file.stat().st_size for file in files.folder.iterdir()) <= 55_000


def test_a_phrase_larger_than_the_limit_is_kept_until_the_next(tmp_path):
    """Otherwise the greeting of a tiny cache would be rendered at each start."""
    files = PhraseFiles(tmp_path, 100)
    files.save("voice", "one", PHRASE)
    assert files.load("voice", "one") is not None
    use(files, "one", 5)
    files.save("voice", "two", PHRASE)
    assert kept(files) == 1 and files.load("voice", "two") is not None


@pytest.mark.parametrize("damage", [
    lambda data: b"", lambda data: data[:2000], lambda data: b"PK\3\4" + data[4:600],
    lambda data: data[:3000] + bytes([data[3000] ^ 1]) + data[3001:], lambda data: b"x" * 5000,
])
def test_a_damaged_file_is_dropped(files, damage, caplog):
    """A power cut, a full disk, a flipped bit: the phrase is rendered again, and no caller hears the damage."""
    files.save("voice", "Hello.", PHRASE)
    file = files.file("voice", "Hello.")
    file.write_bytes(damage(file.read_bytes()))
    assert files.load("voice", "Hello.") is None
    assert "damaged" in caplog.text and not file.exists()


def test_a_file_of_something_else_is_dropped(files):
    files.save("voice", "Hello.", PHRASE)
    np.savez(files.file("voice", "Hello."), pcm=np.zeros((2, 2), np.float64), rate=8000, words=np.zeros((0, 4)))
    assert files.load("voice", "Hello.") is None and kept(files) == 0


def test_what_a_dead_process_left_half_written_is_cleared(files):
    files.save("voice", "Hello.", PHRASE)
    old, new = files.folder / "old.part", files.folder / "new.part"
    old.touch()
    new.touch()
    then = time.time() - ABANDONED_S - 1
    os.utime(old, (then, then))
    files.save("voice", "Goodbye.", PHRASE)
    assert not old.exists() and new.exists()


def test_a_disk_that_cannot_be_written_is_only_logged(tmp_path, caplog):
    (tmp_path / "file").touch()
    PhraseFiles(tmp_path / "file", 1000).save("voice", "Hello.", PHRASE)
    assert "not kept on disk" in caplog.text


def churn(folder: str, seed: int) -> int:
    """Save and load phrases that others save, load and remove at the same time; how many were not what was saved."""
    logging.disable(logging.CRITICAL)
    files, wrong = PhraseFiles(Path(folder), 35_000), 0
    for number in range(60):
        text = str((number * seed) % 7)
        found = files.load("voice", text)
        if found is None:
            files.save("voice", text, Chunk(PHRASE.pcm + int(text), 16000))
        elif not np.array_equal(found.pcm, PHRASE.pcm + int(text)):
            wrong += 1
    return wrong


def test_processes_share_the_folder(tmp_path):
    """Workers of one host start together and warm the same phrases."""
    code = "from sys import *; from tests.speech.test_phrase_files import churn; exit(churn(argv[1], int(argv[2])))"
    jobs = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), seed], cwd=ROOT) for seed in ("1", "2")]
    assert [job.wait(30) for job in jobs] == [0, 0]
    assert list(tmp_path.glob("*.npz")) and not list(tmp_path.glob("*.part"))


def test_a_voice_that_is_a_service_and_fails_leaves_the_phrase_to_its_call(tmp_path, caplog):
    """A provider that is down must not keep the engine from starting."""

    class Down:
        name = "down"

        def render(self, text):
            raise ProviderFault("down", "unavailable", "no connection")
            yield

        def close(self):
            pass

    cache = PhraseCache(Down(), tmp_path)
    cache.warm(["Hello."])
    assert not cache.holds("Hello.") and "no connection" in caplog.text


def test_a_voice_that_is_a_service_is_warmed_with_the_phrases(tmp_path):
    """The first clause that is not a fixed phrase must not wait for a handshake."""

    class Service:
        name, warmed, asked = "service", 0, 0

        def warm(self):
            self.warmed += 1

        def render(self, text):
            self.asked += 1
            yield PHRASE

    service = Service()
    cache = PhraseCache(service, tmp_path)
    cache.warm(["Hello."])
    cache.warm()
    assert (service.warmed, service.asked) == (2, 1)
