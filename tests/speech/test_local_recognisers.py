"""Recognisers with an operator's model: strict stand-ins for the packages, in real worker processes.

The packages themselves and real weights are not tested here; the stand-ins refuse what the packages refuse.
"""

import os
import sys
from pathlib import Path

import gevent
import pytest
from hearing_caller import Caller
from speech_world import alive

from engine.errors import TrunklineError
from engine.modelstore import ModelMissing
from engine.speech.errors import SpeechError
from engine.speech.stt.local import LocalRecogniser
from tests.fakes.number_speech import say

PACKAGES = Path(__file__).parents[1] / "fakes" / "packages"
FILES = {"vosk": {"am/final.mdl": 5, "conf/mfcc.conf": 0, "graph/HCLr.fst": 1},
         "sherpa": {"tokens.txt": 0, "encoder.onnx": 1, "encoder.int8.onnx": 1, "decoder.onnx": 0, "joiner.onnx": 0},
         "whisper": {"ggml-base.bin": 20}}


def fill(home, kind, name=None):
    """A folder with files of the right names and sizes, which take no room on disk."""
    for file, megabytes in FILES[kind].items():
        path = home / "models" / (name or kind) / file
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            out.write(b"lmgg" if kind == "whisper" else b"")
            out.truncate(megabytes * 1_000_000 or 10)


@pytest.fixture
def packages(monkeypatch):
    """The stand-ins can be imported, here and in worker processes."""
    monkeypatch.setenv("PYTHONPATH", str(PACKAGES))
    monkeypatch.syspath_prepend(str(PACKAGES))
    yield
    for name in ("vosk", "sherpa_onnx", "pywhispercpp", "_pywhispercpp"):
        sys.modules.pop(name, None)


@pytest.fixture
def make(home, packages):
    made = []

    def recogniser(kind, **options):
        fill(home, kind)
        made.append(LocalRecogniser(kind, **options))
        assert made[-1].wait_ready(10)
        return made[-1]

    yield recogniser
    for one in made:
        one.close()


@pytest.mark.parametrize("kind", ["vosk", "sherpa", "whisper"])
def test_a_stretch_becomes_its_words(make, kind):
    """At both rates of calls, with positions of the voice, with confidence; partials where the model streams."""
    recogniser = make(kind)
    for rate in (8000, 16000):
        caller = Caller(recogniser, rate)
        caller.quiet(600)
        began, stopped = caller.speak("one two three")
        final = caller.wait_finals(1, 10)[-1]
        assert (final.text, final.end) == ("one two three", stopped)
        assert began - rate // 2 <= final.start <= began
        assert final.confidence == {"vosk": 0.5, "sherpa": 0.905, "whisper": 0.9}[kind]
        assert final.language == ("ml" if kind == "whisper" else "")
        assert (len(caller.heard) > 1) == (kind != "whisper")
        caller.stream.close()
    assert recogniser.errors == 0


def test_sentences_that_vosk_ends_by_itself_are_put_together(make):
    """It takes a pause of the speaker for an end; for us it is one when the voice is off."""
    caller = Caller(make("vosk"))
    caller.stream.voice_on(0)
    caller.feed(say("one two", 8000, after_ms=500))
    caller.speak("three")
    assert caller.wait_finals(1, 10)[0].text == "one two three"
    caller.stream.close()


def test_whisper_hears_a_sentence_with_a_pause_as_one(make):
    """Voice that goes on before the answer: the utterance is begun anew with all its audio."""
    caller = Caller(make("whisper", vocabulary=["slow"]))
    caller.speak("one two")
    caller.speak("three")
    assert [final.text for final in caller.wait_finals(1, 10)] == ["one two three"]
    caller.stream.close()


def test_silence_is_an_empty_final(make):
    """Whisper's marks for it are no words."""
    caller = Caller(make("whisper"))
    caller.speak("")
    assert caller.wait_finals(1, 10)[0].text == ""
    caller.stream.close()


def test_a_package_that_crashes_costs_the_utterance_and_not_the_engine(make):
    """Two workers may die on an utterance; then its final is empty, and the next one is heard by their successor."""
    told = []
    recogniser = make("whisper", vocabulary=["die"], on_fault=told.append)
    caller = Caller(recogniser)
    caller.speak("one")
    assert caller.wait_finals(1, 15)[0].text == ""
    assert told[0].kind == "broken"
    caller.stream.close()


def test_weights_that_cannot_be_loaded_are_named(home, packages):
    """The worker stays up, and each stretch's fault says which folder is wrong."""
    fill(home, "whisper")
    with (home / "models/whisper/ggml-base.bin").open("r+b") as weights:
        weights.write(b"PK\x03\x04")
    told = []
    recogniser = LocalRecogniser("whisper", on_fault=told.append)
    try:
        caller = Caller(recogniser)
        caller.speak("one")
        assert caller.wait_finals(1, 10)[0].text == ""
        assert "ggml-base.bin is no ggml model" in str(told[0])
        assert recogniser.pool.restarts == 0
        caller.stream.close()
    finally:
        recogniser.close()


def test_workers_end_with_the_recogniser(make):
    recogniser = make("vosk")
    pid = recogniser.pool.workers[0].child.pid
    recogniser.close()
    gevent.sleep(0.05)
    assert not alive(pid)


def test_a_closed_call_hears_nothing(make):
    caller = Caller(make("whisper", vocabulary=["slow"]))
    caller.speak("one")
    caller.stream.close()
    gevent.sleep(0.5)
    assert caller.heard == []


def test_a_folder_of_another_name(home, packages):
    """Several models of a kind lie side by side."""
    fill(home, "vosk", "vosk-hi")
    with pytest.raises(ModelMissing, match=r"no model folder 'vosk' in .* \(there are: vosk-hi\)"):
        LocalRecogniser("vosk")
    recogniser = LocalRecogniser("vosk", model="vosk-hi")
    try:
        with pytest.raises(SpeechError, match="vosk-hi hears 8000 or 16000 Hz, not 48000"):
            recogniser.open(48000, print)
    finally:
        recogniser.close()


def test_what_is_missing_is_said_with_the_line_to_type(home, packages, monkeypatch):
    """The package, the folder, a file in it: each error says what to do."""
    with pytest.raises(ModelMissing, match=r"tokens\.txt, encoder\*\.onnx.*models/README\.md"):
        LocalRecogniser("sherpa")
    fill(home, "sherpa")
    os.truncate(home / "models/sherpa/encoder.onnx", 10)
    os.truncate(home / "models/sherpa/encoder.int8.onnx", 10)
    (home / "models/sherpa/joiner.onnx").unlink()
    with pytest.raises(ModelMissing, match=r"encoder\*\.onnx has 0\.0 MB.*no file joiner\*\.onnx"):
        LocalRecogniser("sherpa")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelMissing, match=r"Run: .* -m pip install 'sherpa-onnx>=2"):
        LocalRecogniser("sherpa")


def test_a_manifest_of_the_operators_own_that_is_wrong(home):
    """File and field are named."""
    from engine import modelfolders

    (home / "models").mkdir()
    (home / "models/manifest.yaml").write_text("vosk: {purpose: x, licence: y, size: z, files: [{patern: a}]}")
    with pytest.raises(TrunklineError, match=r"manifest\.yaml: vosk\.files\.0"):
        modelfolders.kinds()
