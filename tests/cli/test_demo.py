"""The two commands that hold a spoken call with nothing but this machine, as a newcomer runs them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine import modelstore, paths
from engine.knowledge.filling.ingest import SAMPLE
from engine.speech.errors import VoiceUnavailable
from engine.speech.voices import open_voice

QUESTION = "What does a red light on my router mean?"


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """Both run at the same time: they mostly wait for speech. ``{name: (exit code, stdout, stderr, out)}``."""
    try:
        voice = open_voice("flite:rms")
    except VoiceUnavailable as fault:
        pytest.skip(f"nobody to speak: {fault} (make test installs it)")
    missing = [name for name in ("minilm", "silero") if not modelstore.installed(name)]
    if missing:
        voice.close()
        pytest.skip(f"model data {', '.join(missing)} is not installed (make test installs it)")
    chunks = list(voice.render(QUESTION))
    voice.close()
    folder = tmp_path_factory.mktemp("commands")
    soundfile.write(folder / "question.wav", np.concatenate([chunk.pcm for chunk in chunks]), chunks[0].rate)
    home = folder / "home"
    home.mkdir()
    (home / "models").symlink_to(paths.home() / "models")
    environ = {**environ_with_engine(), "TRUNKLINE_HOME": str(home), "COLUMNS": "200"}
    trunkline = [sys.executable, "-m", "engine"]
    subprocess.run([*trunkline, "ingest", str(SAMPLE), "--collection", "sample"], env=environ, check=True, timeout=60)
    lines = {
        "demo": [*trunkline, "demo", "--out", str(folder / "demo")],
        "call": [*trunkline, "call", str(folder / "question.wav"), "--rate", "16000", "--json",
                 "--out", str(folder / "call")],
    }  # fmt: skip
    running = {
        name: subprocess.Popen(line, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for name, line in lines.items()
    }
    try:
        said = {name: process.communicate(timeout=90) for name, process in running.items()}
        yield {name: (running[name].returncode, *said[name], folder / name) for name in lines}
    finally:
        for process in running.values():
            process.kill()
            process.wait()
        shutil.rmtree(folder)


@pytest.mark.timeout(180)
def test_the_demo_answers_three_spoken_questions_and_leaves_a_page(commands):
    """The exit code is the promise: three right answers, one of them interrupted."""
    code, shown, problems, out = commands["demo"]
    assert code == 0, (shown, problems)
    assert shown.count("right  ") == 3 and "(interrupted)" in shown
    assert {path.name for path in out.iterdir()} == {"call.html", "recording.wav", "events.jsonl", "report.json"}
    report = json.loads((out / "report.json").read_text())
    assert report["complete"] and not report["faults"] and len(report["turns"]) == 3
    assert all(str(out / name) in shown for name in ("call.html", "recording.wav", "events.jsonl", "report.json"))


@pytest.mark.timeout(180)
def test_one_call_with_a_wav_is_answered(commands):
    """Without --to an engine is started for it; with --json stdout is JSON and nothing else."""
    code, shown, problems, out = commands["call"]
    assert code == 0, (shown, problems)
    result = json.loads(shown)
    (turn,) = result["turns"]
    assert turn["answered_s"] > turn["last_voiced_s"] and result["cause"] == "NORMAL_CLEARING"
    pcm, rate = soundfile.read(result["recording"])
    assert rate == 16000 and pcm.shape[1] == 2 and np.abs(pcm).max(axis=0).min() > 0.05
    assert json.loads((out / "call.json").read_text()) == result


def test_a_wav_that_is_none_is_named(tmp_path):
    """Exit code 2 before an engine is started."""
    wav = tmp_path / "question.wav"
    wav.write_text("not audio")
    line = [sys.executable, "-m", "engine", "call", str(wav)]
    ended = subprocess.run(line, cwd=tmp_path, env=environ_with_engine(), capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2 and str(wav) in ended.stderr and "Traceback" not in ended.stderr


def environ_with_engine():
    """The environment with this project on the path, wherever the command runs."""
    root = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
