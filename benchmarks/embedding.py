"""Embedding models of this machine: one question, passages a second on one and two threads, and how near the fast ones
are to the exact one."""

import json
import re
import time
from pathlib import Path

import gevent
import numpy as np

from benchmarks.figure import Figure
from engine import modelstore
from engine.knowledge.embedding.interface import PassageText
from engine.knowledge.embedding.minilm import MiniLM, has_onnxruntime

COMMAND = "make bench ARGS=embedding"
SAMPLE = Path(__file__).parent.parent / "engine/knowledge/sample"
QUESTION = "how much is the late fee if I pay my bill"
PASSAGES = 96
WORDS = 65
"""Of a passage, with its title about 85 tokens."""

AIMS = {"numpy": (12, 60), "onnx": (6, 120), "int8": (3, 200)}
"""Milliseconds of a question, passages a second on two threads."""


def figures() -> list[Figure]:
    """Needs the model (``trunkline models install minilm``); rows of onnxruntime where it is installed."""
    if not modelstore.installed("minilm"):
        return []
    folder = modelstore.path("minilm")
    models = {by: MiniLM(folder, by) for by in AIMS if by == "numpy" or has_onnxruntime()}
    rows = []
    for by, model in models.items():
        rows += _speed(by, model)
    for by, model in models.items():
        rows += _quality(by, model, models["numpy"])
    return rows


def _speed(by, model) -> list[Figure]:
    question_ms, passages_s = AIMS[by]
    passages = _passages()
    model.encode([QUESTION])
    taken = sorted(_seconds(lambda: model.encode([QUESTION])) for _ in range(50))
    one = max(PASSAGES / _seconds(lambda: model.encode_passages(passages)) for _ in range(3))
    two = max(2 * PASSAGES / _seconds(lambda: _on_threads(2, model.encode_passages, passages)) for _ in range(3))
    p50 = taken[len(taken) // 2] * 1000
    return [
        Figure(f"MiniLM by {by}: a question of 13 tokens, p50", round(p50, 1), "ms", f"<= {question_ms}",
               p50 <= question_ms, COMMAND),
        Figure(f"MiniLM by {by}: passages of {WORDS} words, one thread", round(one), "1/s", f">= {passages_s // 2}",
               one >= passages_s / 2, COMMAND),
        Figure(f"MiniLM by {by}: passages of {WORDS} words, two threads", round(two), "1/s", f">= {passages_s}",
               two >= passages_s, COMMAND),
    ]


def _quality(by, model, exact) -> list[Figure]:
    """Cosine to numpy's vectors, and how many of the sample's questions are nearest to a passage of their document."""
    documents = {name: PassageText(name.rpartition("/")[2].replace("-", " "), tuple(_sentences(text)))
                 for name, text in _texts().items()}
    entries = [json.loads(line) for line in (SAMPLE / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    asked = [entry for entry in entries if entry["document"]]
    texts = [entry["question"] for entry in asked]
    rows = []
    questions = model.encode(texts)
    if model is not exact:
        least = float((questions * exact.encode(texts)).sum(axis=1).min())
        aim = 0.99999 if by == "onnx" else 0.98
        rows.append(Figure(f"MiniLM by {by}: least cosine of a question with numpy's vector", round(least, 6), "",
                           f">= {aim}", least >= aim, COMMAND))
    names = list(documents)
    found = model.encode_passages(list(documents.values()))
    scores = np.stack([np.maximum(questions @ each.whole, (questions @ each.statements.T).max(axis=1))
                       for each in found], axis=1)
    right = np.mean([names[place] == entry["document"] for place, entry in zip(scores.argmax(axis=1), asked,
                                                                                strict=True)])
    rows.append(Figure(f"MiniLM by {by}: sample questions nearest to the right document", round(float(right), 3),
                       "share", ">= 0.8", bool(right >= 0.8), COMMAND))
    return rows


def _texts() -> dict[str, str]:
    """The sample's documents by name, without front matter and marks."""
    found = {}
    for path in sorted(SAMPLE.rglob("*.md")):
        body = re.sub(r"\A---\n.*?\n---\n", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        found[path.relative_to(SAMPLE).with_suffix("").as_posix()] = " ".join(re.sub(r"[#*|`]", " ", body).split())
    return found


def _sentences(text: str) -> list[str]:
    return re.findall(r"[^.?!]+[.?!]?", text)


def _passages() -> list[PassageText]:
    words = " ".join(_texts().values()).split()
    found = []
    for number in range(PASSAGES):
        start = number * 37 % (len(words) - WORDS - 10)
        own = words[start:start + WORDS - 5 + number % 11]
        found.append(PassageText("Paying late", tuple(" ".join(own[at:at + 13]) for at in range(0, len(own), 13))))
    return found


def _on_threads(count, function, argument) -> None:
    pool = gevent.get_hub().threadpool
    for job in [pool.spawn(function, argument) for _ in range(count)]:
        job.get()


def _seconds(action) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
