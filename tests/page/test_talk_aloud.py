"""A conversation aloud: a real engine in a process of its own hears what a file says into Chromium's microphone."""

import contextlib
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from console_browser import CHROMIUM, Browser
from talk_world import MIC_RATE, TALK, TESTS, microphone, silence

from engine import paths
from engine.knowledge.filling.ingest import SAMPLE, ingest

ENGINE = "import sys; from engine.cli.main import main; sys.exit(main())"
CONFIG = """
event_socket: {port: 0}
http: {port: 0}
knowledge: {embedding: none}
agent: {greeting: ""}
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """The address of an engine with the embedded recogniser and voice."""
    home = tmp_path_factory.mktemp("real")
    (home / "engine.yaml").write_text(CONFIG)
    (home / "models").symlink_to(paths.models())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUNKLINE_HOME", str(home))
        ingest([SAMPLE], "sample", None)
    process = subprocess.Popen([sys.executable, "-c", ENGINE, "serve", "--config", str(home / "engine.yaml")],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=TESTS.parent,
                               env={**os.environ, "TRUNKLINE_HOME": str(home), "PYTHONPATH": str(TESTS.parent)})
    try:
        line = process.stdout.readline()
        yield re.search(r"http://[\d.:]+", line)[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.stdout.close()


@pytest.fixture(scope="module")
def speaker(tmp_path_factory):
    """Chromium whose microphone hears "how much is the late fee" after a second, and again into the answer."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    told, rate = soundfile.read(TESTS.parent / "engine/agents/shipped/recordings/late-fee.wav")
    question = np.interp(np.arange(len(told) * MIC_RATE // rate) * rate / MIC_RATE, np.arange(len(told)), told)
    file = tmp_path_factory.mktemp("microphone") / "question.wav"
    browser = Browser(*microphone(file, silence(1), question, silence(2), question, silence(20)))
    yield browser
    browser.close()


def test_a_question_is_heard_answered_and_the_answer_interrupted(engine, speaker):
    """The first answer is played until the voice speaks into it; what counts of it are the words that were heard, as
    the audio thread counts. The second is played to its end."""
    lines = f"{TALK}.transcript.lines"
    speaker.page(f"{engine}/?agent=support")
    speaker.wait_for_selector("[data-offered]")
    speaker.evaluate("() => { window.cuts = []; document.querySelector('trunkline-talk').addEventListener('truncate', "
                     "({detail}) => window.cuts.push(detail)); }")
    speaker.click(".orb")
    speaker.until(f"{TALK}?.phase === 'speaking'")
    speaker.until(f"{lines}.some((line) => line.cut)")
    (cut,) = speaker.evaluate("window.cuts")
    speaker.until(f"{TALK}.phase === 'listening' && {lines}.length >= 4 && !{lines}.at(-1).partial")
    first, half, second, whole = speaker.evaluate(lines)
    assert "late fee" in first["text"] and "late fee" in second["text"]
    assert half["cut"] and half["id"] == cut["item"] and whole["text"].startswith(half["text"])
    assert "six dollars" in whole["text"] and whole["sources"][0]["title"] == "Paying late"
    assert 0 < cut["ms"] < speaker.evaluate(f"{TALK}.played.ms")
    speaker.goto("about:blank")
    assert speaker.faults() == []
