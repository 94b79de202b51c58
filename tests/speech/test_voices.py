"""Voices: clauses to audio, streaming, trimmed, with word times; and what happens when they fail."""

import os
import signal
import sys
from contextlib import closing, suppress
from pathlib import Path

import gevent
import numpy as np
import pytest
from speech_world import alive, needs_espeak, needs_flite

from engine.config import SpeechOptions
from engine.speech.errors import SpeechError, VoiceUnavailable
from engine.speech.interfaces import Chunk, WordTime
from engine.speech.tts.phrases import PhraseCache
from engine.speech.tts.program import ProgramVoice, wav_header
from engine.speech.tts.shape import LEAD_MS, TAIL_MS, Trimmer, ascii_text, word_times
from engine.speech.voices import make_voice, open_voice

CLAUSE = "To reset your password, open the account page and choose “forgot password”."


@pytest.fixture(scope="module")
def slt():
    """No process of the voice is left."""
    voice = open_voice("flite:slt")
    yield voice
    pids = [place.pid for place in voice.workers]
    voice.close()
    assert not any(alive(pid) for pid in pids if pid)


def samples(chunks):
    return np.concatenate([chunk.pcm for chunk in chunks])


def loud_ms(pcm, rate):
    """(ms before the first sound, ms after the last)."""
    loud = np.flatnonzero(np.abs(pcm.astype(int)) > 60)
    return loud[0] * 1000 / rate, (len(pcm) - loud[-1]) * 1000 / rate


@needs_flite
def test_flite_streams_a_clause_without_silence_at_its_ends(slt):
    """flite puts 140 to 240 ms of silence before each clause, all of it waiting time for the caller."""
    chunks = list(slt.render(CLAUSE))
    assert len(chunks) > 3
    assert all(chunk.pcm.dtype == np.int16 and chunk.rate == 16000 for chunk in chunks)
    pcm = samples(chunks)
    before, after = loud_ms(pcm, 16000)
    assert before <= LEAD_MS + 5
    assert after <= TAIL_MS + 30
    assert 3 < len(pcm) / 16000 < 7


@needs_flite
def test_the_first_chunk_tells_when_each_word_is_spoken(slt):
    """What the caller has heard of an interrupted reply is counted in these."""
    chunks = list(slt.render(CLAUSE))
    words = chunks[0].words
    assert [CLAUSE[word.start_char:word.end_char] for word in words] == [
        "To", "reset", "your", "password", "open", "the", "account", "page", "and", "choose", "forgot", "password"]
    starts = [word.start_sample for word in words]
    assert starts == sorted(starts)
    assert all(word.start_sample < word.end_sample for word in words)
    assert words[0].start_sample < 800
    assert abs(words[-1].end_sample - len(samples(chunks))) < 16000 // 4
    assert all(chunk.words == () for chunk in chunks[1:])


@needs_flite
@pytest.mark.parametrize("voice", ["rms", "awb", "kal", "kal16"])
def test_voices_are_equally_loud_and_do_not_clip(voice):
    with closing(open_voice(f"flite:{voice}")) as speaker:
        pcm = samples(list(speaker.render(CLAUSE))).astype(float)
    blocks = np.sqrt((pcm[:len(pcm) // 320 * 320].reshape(-1, 320) ** 2).mean(axis=1))
    level = 20 * np.log10(np.sqrt((blocks[blocks > blocks.max() / 10] ** 2).mean()) / 32768)
    assert level == pytest.approx(-20, abs=2)
    assert (np.abs(pcm) >= 32767).sum() < 5


@needs_flite
def test_closing_the_iterator_cancels_and_the_next_clause_is_its_own(slt):
    """Barge-in drops a clause in the middle; nothing of it may come out in the next."""
    short = len(samples(list(slt.render("Yes."))))
    for _ in range(3):
        clauses = slt.render(CLAUSE * 5)
        next(clauses)
        clauses.close()
    assert len(samples(list(slt.render("Yes.")))) == pytest.approx(short, abs=400)


@needs_flite
def test_clauses_asked_for_at_once_all_come(slt):
    jobs = [gevent.spawn(lambda text=text: samples(list(slt.render(text)))) for text in ["One.", CLAUSE, "Three."]]
    gevent.joinall(jobs, timeout=20, raise_error=True)
    assert len(jobs[1].value) > 3 * len(jobs[0].value) > 0


@needs_flite
def test_a_voice_that_dies_fails_that_clause_only(slt):
    """flite ends its process on errors of its own; the engine must not notice more than one failed clause."""
    clauses = slt.render(CLAUSE * 20)
    next(clauses)
    behind = gevent.spawn(lambda: samples(list(slt.render("Hello again."))))
    gevent.sleep(0)
    (place,) = slt.workers
    os.kill(place.pid, signal.SIGKILL)
    with pytest.raises(SpeechError, match="died"):
        list(clauses)
    assert len(behind.get(timeout=20)) > 8000


@needs_flite
@pytest.mark.parametrize("text", ["", " ", "...", "—", "?!", "\n"])
def test_a_clause_without_a_word_is_no_audio(slt, text):
    assert list(slt.render(text)) == []


@needs_flite
@pytest.mark.parametrize("text", ["Zürich – café “naïve” costs €5 or £3…", "emoji 😀 and\ttab\0nul",
                                  "% & @ # $ ^ * ~ ` a", "<speak>no markup</speak>", "నమస్తే hello", "1234567890123",
                                  "-- a -- b", "it's 'so'"])
def test_any_text_can_be_spoken(slt, text):
    chunks = list(slt.render(text))
    assert len(samples(chunks)) > 1000
    for word in chunks[0].words:
        assert 0 <= word.start_char < word.end_char <= len(text)


@needs_flite
def test_an_endless_clause_is_refused(slt):
    with pytest.raises(SpeechError, match="2000"):
        list(slt.render("word " * 1000))


@needs_espeak
def test_espeak_speaks_other_languages_as_a_separate_program():
    with closing(open_voice("espeak-ng:hi")) as voice:
        chunks = list(voice.render("नमस्ते, आप कैसे हैं?"))
    assert chunks[0].rate == 22050
    before, after = loud_ms(samples(chunks), 22050)
    assert before <= LEAD_MS + 6
    assert after <= TAIL_MS + 30
    assert "espeak" not in sys.modules


@needs_espeak
def test_a_closed_program_is_ended():
    voice = open_voice("espeak-ng:en-us")
    clauses = voice.render(CLAUSE * 20)
    next(clauses)
    assert children_named("espeak-ng")
    clauses.close()
    assert children_named("espeak-ng") == []


def children_named(name):
    """Processes of this name that this process started and that are not zombies."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            begin, rest = stat.read_text().rsplit(")", 1)
            if begin.endswith(f"({name}") and int(rest.split()[1]) == os.getpid():
                found.append(begin)
    return found


@needs_espeak
def test_a_missing_voice_falls_back_with_a_warning(caplog):
    with closing(make_voice(SpeechOptions(voice="flite:none", fallback_voice="espeak-ng:en-us"))) as voice:
        assert voice.name == "espeak-ng:en-us"
    assert "speaking with espeak-ng:en-us instead" in caplog.text


def test_no_voice_at_all_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(VoiceUnavailable, match=r"flite has no voice 'none'.*apt-get install -y espeak-ng"):
        make_voice(SpeechOptions(voice="flite:none", fallback_voice="espeak-ng:en-us"))


@pytest.mark.parametrize("name", ["festival:x", "", "espeak-ng:", "espeak-ng:en;rm -rf /", "flite:"])
def test_a_voice_that_does_not_exist_is_a_clear_error(name):
    with pytest.raises(VoiceUnavailable):
        open_voice(name)


def program(script):
    return ProgramVoice("test", [sys.executable, "-c", script])


@pytest.mark.parametrize(("script", "fault"), [
    ("import sys; sys.exit(3)", "gave no WAV"),
    ("import sys; sys.stdin.read(); sys.stdout.write('sorry, no voice today')", "not a WAV"),
    ("print('x' * 100000)", "not a WAV"),
])
def test_a_program_that_gives_no_audio_is_a_clear_error(script, fault):
    with pytest.raises(SpeechError, match=fault):
        list(program(script).render("hello"))


def wav(rate=8000, channels=1, bits=16, extra=b""):
    body = b"fmt " + (16).to_bytes(4, "little") + (1).to_bytes(2, "little") + channels.to_bytes(2, "little")
    body += rate.to_bytes(4, "little") + (rate * 2).to_bytes(4, "little") + (2).to_bytes(2, "little")
    body += bits.to_bytes(2, "little") + extra + b"data" + b"\xff\xff\xff\x7f"
    return b"RIFF" + b"\xff\xff\xff\x7f" + b"WAVE" + body


def test_a_wav_header_is_read_as_it_comes():
    """Programs that write to a pipe do not know the length, and a pipe gives bytes as it likes."""
    whole = wav(extra=b"LIST" + (3).to_bytes(4, "little") + b"abc\0")
    for size in range(len(whole)):
        assert wav_header(whole[:size]) is None
    assert wav_header(whole + b"\1\2") == (8000, len(whole))
    for bad in (wav(channels=2), wav(bits=8), b"RIFX" + whole[4:]):
        with pytest.raises(ValueError):
            wav_header(bad)


@pytest.mark.parametrize("piece", [1, 37, 160, 10_000])
def test_trimming_does_not_depend_on_the_pieces(piece):
    """Silence inside stays; at the ends only the lead and the tail are left."""
    rate = 8000
    sound = np.full(800, 5000, np.int16)
    whole = np.concatenate([np.zeros(1603, np.int16), sound, np.zeros(2000, np.int16), sound, np.zeros(4000, np.int16)])
    trimmer = Trimmer(rate)
    out = [trimmer.feed(whole[at:at + piece]) for at in range(0, len(whole), piece)] + [trimmer.finish()]
    pcm = np.concatenate(out)
    first = np.flatnonzero(pcm)[0]
    assert trimmer.cut == 1603 - first
    assert first <= rate * (LEAD_MS + 5) // 1000
    assert len(pcm) - np.flatnonzero(pcm)[-1] <= rate * (TAIL_MS + 5) // 1000 + 1
    assert pcm[first:np.flatnonzero(pcm)[-1] + 1].tolist() == whole[1603:5203].tolist()


def test_nothing_but_silence_trims_to_nothing():
    trimmer = Trimmer(8000)
    assert len(trimmer.feed(np.zeros(4000, np.int16))) == len(trimmer.finish()) == 0


def test_gain_does_not_wrap_around():
    trimmer = Trimmer(8000, gain=3.0)
    assert trimmer.feed(np.array([20000, -20000] * 80, np.int16)).tolist() == [32767, -32767] * 80


def test_plain_text_remembers_where_its_characters_came_from():
    text = "Zürich €5 🙂 ok"
    plain, origin = ascii_text(text)
    assert plain == "Zurich  euros 5   ok"
    assert text[origin[plain.index("ok")]:] == "ok"
    times = word_times(plain, origin, [("Zurich", 0.1, 0.5), ("missing", 0.5, 0.6), ("5", 0.6, 0.9)], 8000, 800)
    assert times == (WordTime(0, 6, 0, 3200), WordTime(8, 9, 4000, 6400))


class Counting:
    """A voice that counts what it is asked for."""

    name = "counting:one"

    def __init__(self, fail=False):
        self.asked = []
        self.fail = fail

    def render(self, text):
        self.asked.append(text)
        if self.fail:
            raise SpeechError("out of order")
        yield Chunk(np.arange(5, dtype=np.int16), 8000, (WordTime(0, 2, 0, 4),))
        yield Chunk(np.arange(3, dtype=np.int16), 8000)

    def close(self):
        self.asked.append("closed")


def test_a_fixed_phrase_is_rendered_once_and_then_comes_at_once_from_disk(home):
    """The greeting must be on the wire 200 ms after answer, also after a restart."""
    voice = Counting()
    PhraseCache(voice).warm(["Hello.", "Goodbye.", "Hello."])
    assert voice.asked == ["Hello.", "Goodbye."]
    again = Counting()
    cache = PhraseCache(again)
    cache.warm(["Hello."])
    (chunk,) = cache.render("Hello.")
    assert again.asked == []
    assert cache.holds("Hello.")
    assert not cache.holds("Goodbye.")
    assert chunk.pcm.tolist() == [0, 1, 2, 3, 4, 0, 1, 2]
    assert (chunk.rate, chunk.words) == (8000, (WordTime(0, 2, 0, 4),))


def test_replies_are_not_kept(home):
    """What is said to a caller is nobody else's; only fixed phrases go to disk."""
    voice = Counting()
    cache = PhraseCache(voice)
    assert len(list(cache.render("Your balance is 5 euros."))) == 2
    assert list(home.rglob("*.npz")) == []
    cache.close()
    assert voice.asked[-1] == "closed"


def test_another_voice_has_other_phrases_and_damage_is_repaired(home):
    PhraseCache(Counting()).warm(["Hello."])
    other = Counting()
    other.name = "counting:two"
    PhraseCache(other).warm(["Hello."])
    assert other.asked == ["Hello."]
    for file in home.rglob("*.npz"):
        file.write_bytes(b"PK\3\4 damaged")
    voice = Counting()
    cache = PhraseCache(voice)
    cache.warm(["Hello."])
    assert voice.asked == ["Hello."]
    assert len(next(cache.render("Hello.")).pcm) == 8


def test_a_phrase_that_cannot_be_rendered_ahead_is_left_to_its_call(home, caplog):
    cache = PhraseCache(Counting(fail=True))
    cache.warm(["Hello."])
    assert "cannot be rendered ahead" in caplog.text
    with pytest.raises(SpeechError):
        list(cache.render("Hello."))
