"""The knowledge base: answers to the sample's questions as text, time of a question, what the hub feels, ingest.

``data/knowledge-heard.jsonl`` is what pocketsphinx, with the language model of the sample, made of the tuning questions
in five synthetic voices, at 16 kHz and on a telephone band of 30 dB: the thresholds of spoken questions come from it.
"""

import json
import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import gevent

from benchmarks.figure import Figure
from engine.config import KnowledgeOptions
from engine.knowledge.base import KnowledgeBase
from engine.knowledge.embedding import local as embedder
from engine.knowledge.filling.ingest import SAMPLE, ingest
from engine.knowledge.measure.evaluate import TUNING, HeardQuestion, evaluate, load

COMMAND = "make bench ARGS=knowledge"
LOOKS = 200
HEARD = Path(__file__).parent / "data/knowledge-heard.jsonl"


def figures() -> list[Figure]:
    """Measured in a temporary home, with the model where it is installed."""
    model = embedder.local()
    with temporary_home():
        started = time.perf_counter()
        report = ingest([SAMPLE], "sample", model)
        seconds = time.perf_counter() - started
        found = _rates("keywords only", KnowledgeBase.open("sample", KnowledgeOptions(embedding="none")), 0.6, 0.15)
        if model is None:
            return found
        base = KnowledgeBase.open("sample", embedder=model)
        return [*_rates("by meaning", base, 0.9, 0.06), *found, *_heard(base), *_times(base), Figure(
            "sample ingested, passages a second (10 texts each)", round(report.passages / seconds, 1), "1/s", ">= 4",
            report.passages / seconds >= 4, COMMAND)]


def _rates(name: str, base: KnowledgeBase, right: float, wrong: float) -> list[Figure]:
    found = []
    for kind in ("typed", "spoken"):
        rates = evaluate(base, load(), spoken=kind == "spoken").summary()
        for what, value, aim, ok in (
                ("answered right", rates["right"], f">= {right}", rates["right"] >= right),
                ("answered wrong", rates["wrong"], f"<= {wrong}", rates["wrong"] <= wrong),
                ("off-topic answered", rates["off_topic_answered"], "<= 0.1", rates["off_topic_answered"] <= 0.1)):
            found.append(Figure(f"sample questions as text, {kind}, {name}: {what}", value, "share", aim, ok, COMMAND))
    return found


def _heard(base: KnowledgeBase) -> list[Figure]:
    questions = {question.text: question for question in load(TUNING)}
    rows = [json.loads(line) for line in HEARD.read_text(encoding="utf-8").splitlines()]
    found = []
    for band, right, wrong in (("16 kHz", 0.7, 0.06), ("telephone band", 0.5, 0.06)):
        chosen = [row for row in rows if row["band"] == band]
        heard = [HeardQuestion(row["heard"], row["confidence"], tuple(row["alternatives"])) for row in chosen]
        rates = evaluate(base, [questions[row["question"]] for row in chosen], spoken=True, heard=heard).summary()
        for what, value, aim, ok in (
                ("answered right", rates["right"], f">= {right}", rates["right"] >= right),
                ("answered wrong", rates["wrong"], f"<= {wrong}", rates["wrong"] <= wrong),
                ("off-topic answered", rates["off_topic_answered"], "<= 0.1", rates["off_topic_answered"] <= 0.1)):
            found.append(Figure(f"tuning questions as once heard, {band}: {what}", value, "share", aim, ok, COMMAND))
    return found


def _times(base: KnowledgeBase) -> list[Figure]:
    """Time of questions not asked before, and how late a 1 ms sleeper of the hub wakes meanwhile."""
    texts = [f"{question.text} {number}" for number in range(4) for question in load()]
    late: list[float] = []

    def sleeper() -> None:
        while True:
            started = time.perf_counter()
            gevent.sleep(0.001)
            late.append(time.perf_counter() - started - 0.001)

    watch = gevent.spawn(sleeper)
    taken = []
    for text in texts[:LOOKS]:
        started = time.perf_counter()
        base.answer(text, spoken=True)
        taken.append(time.perf_counter() - started)
    watch.kill()
    taken.sort()
    late.sort()
    rows = (("question to answer, p50", taken[len(taken) // 2], 20), ("question to answer, p99", taken[-3], 60),
            ("hub late while answering, p99", late[int(len(late) * 0.99)], 20))
    return [Figure(f"knowledge base: {name}", round(value * 1000, 1), "ms", f"<= {aim}", value * 1000 <= aim, COMMAND)
            for name, value, aim in rows]


@contextmanager
def temporary_home():
    """A folder for collections that is deleted in the end; models are those that were loaded before."""
    before = os.environ.get("TRUNKLINE_HOME")
    with tempfile.TemporaryDirectory(prefix="trunkline-bench-") as folder:
        os.environ["TRUNKLINE_HOME"] = str(Path(folder))
        try:
            yield
        finally:
            os.environ.pop("TRUNKLINE_HOME")
            if before is not None:
                os.environ["TRUNKLINE_HOME"] = before
