"""The knowledge base when it is large: vectors by the thousand and the million, the rate of ingest, kill -9.

The vectors are made up: clusters as those of texts have them. Each index is built by one process and searched by a
fresh one, as after a restart. A million takes some minutes, 3 GB of memory and 400 MB below ``$TMPDIR``.
"""

import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import killed_ingest
from benchmarks.figure import Figure
from benchmarks.made_up_documents import write
from engine import modelstore
from engine.knowledge.embedding.glossed import Glossed
from engine.knowledge.embedding.interface import Embedder
from engine.knowledge.embedding.minilm import MiniLM
from engine.knowledge.filling.ingest import ingest
from engine.knowledge.store import Model, index

COMMAND = "make bench ARGS=knowledge_scale"
MODEL = Model("made up", 384)
QUESTIONS, ROUNDS = 500, 3
KILLS = 50


def figures() -> list[Figure]:
    """All of it; sizes of the index by ``KNOWLEDGE_SCALE=10000,100000``."""
    sizes = [int(size) for size in os.environ.get("KNOWLEDGE_SCALE", "10000,100000,1000000").split(",")]
    found = []
    with tempfile.TemporaryDirectory(prefix="trunkline-scale-") as scratch:
        for size in sizes:
            found += _vectors(Path(scratch), size)
        models = _models()  # before the home is another one, which has none
        os.environ["TRUNKLINE_HOME"], before = str(Path(scratch) / "home"), os.environ.get("TRUNKLINE_HOME")
        try:
            return [*found, *_ingest(Path(scratch), models), *_kills(Path(scratch))]
        finally:
            os.environ.pop("TRUNKLINE_HOME")
            os.environ |= {"TRUNKLINE_HOME": before} if before else {}


# ---------------------------------------------------------------- vectors

def _vectors(scratch: Path, size: int) -> list[Figure]:
    folder = scratch / f"vectors-{size}"
    folder.mkdir()
    built = _child("build", folder, size)
    searched = _child("search", folder, size)
    for path in folder.iterdir():
        path.unlink()
    name = f"{size:,} vectors of 384"
    largest = size >= 1_000_000
    aims = (("search p99", searched["p99_ms"], "ms", 5 if largest else 20, True),
            ("search p50", searched["p50_ms"], "ms", 5 if largest else 20, True),
            ("recall@5 against flat", searched["recall"], "share", 0.97, False),
            ("memory of the process", searched["rss_mb"], "MB", 600, True),
            ("load after a restart", searched["load_s"], "s", 5, True),
            ("index built (minutes of two cores at a million)", built["build_s"], "s", 600, True))
    return [Figure(f"{name}: {what}", value, unit, f"{'<=' if below else '>='} {aim}",
                   value <= aim if below else value >= aim, COMMAND) for what, value, unit, aim, below in aims]


def _child(what: str, folder: Path, size: int) -> dict:
    environ = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-m", "benchmarks.knowledge_scale", what, str(folder), str(size)],
                          stdout=subprocess.PIPE, check=True, env=environ, timeout=1500)
    return json.loads(done.stdout.splitlines()[-1])


class MadeUp:
    """Clusters of about 100 unit vectors; a page of them at a time, the same each time."""

    page = 10_000

    def __init__(self, size: int) -> None:
        self.model, self.generation = MODEL, 1
        self.ids = np.arange(size, dtype=np.int64) * 2
        self._centres = _unit(np.random.default_rng(0).standard_normal((max(1, size // 100), MODEL.dim), np.float32))
        self._vectors = np.concatenate([self._page(number) for number in range(-(-size // self.page))])[:size]

    def _page(self, number):
        chance = np.random.default_rng(number + 1)
        near = self._centres[chance.integers(0, len(self._centres), self.page)]
        return _unit(near + 1.0 * _noise(chance, self.page))

    def at(self, ids):
        return self._vectors[ids >> 1]

    def questions(self):
        chance = np.random.default_rng(99)
        return _unit(self._vectors[chance.integers(0, len(self._vectors), QUESTIONS)] + 0.5 * _noise(chance, QUESTIONS))

    def nearest(self, questions):
        """The five nearest of all, exactly."""
        best = np.zeros((len(questions), 0), np.float32)
        rows = np.zeros((len(questions), 0), np.int64)
        for start in range(0, len(self._vectors), 50_000):
            cosines = questions @ self._vectors[start:start + 50_000].T
            top = np.argpartition(-cosines, 5, axis=1)[:, :5]
            best = np.concatenate([best, np.take_along_axis(cosines, top, 1)], axis=1)
            rows = np.concatenate([rows, top + start], axis=1)
        return np.take_along_axis(rows, np.argsort(-best, axis=1)[:, :5], 1)


def _noise(chance, count):
    return chance.standard_normal((count, MODEL.dim), np.float32) / np.float32(MODEL.dim ** 0.5)


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def build(folder: Path, size: int) -> dict:
    """The index, and beside it questions with the right answers."""
    vectors = MadeUp(size)
    questions = vectors.questions()
    np.savez(folder / "questions.npz", questions=questions, nearest=vectors.nearest(questions))
    started = time.perf_counter()
    index.refresh(folder, vectors)
    return {"build_s": round(time.perf_counter() - started, 1)}


def search(folder: Path, size: int) -> dict:
    """In a process of its own. The best of some rounds: others may have the cores for a moment."""
    asked = np.load(folder / "questions.npz")
    started = time.perf_counter()
    found, state = index.read(folder, MODEL, 1)
    load_s = time.perf_counter() - started
    if found is None:
        raise SystemExit(f"the index is {state}")
    right, rounds = 0, []
    for _ in range(ROUNDS):
        times, right = [], 0
        for question, nearest in zip(asked["questions"], asked["nearest"], strict=True):
            before = time.perf_counter()
            near = found.nearest(question, 64)
            times.append((time.perf_counter() - before) * 1000)
            right += len({item.row for item in near[:5]} & set(nearest.tolist()))
        rounds.append((np.percentile(times, 99), np.percentile(times, 50)))
    p99, p50 = min(rounds)
    return {"load_s": round(load_s, 2), "p99_ms": round(float(p99), 2), "p50_ms": round(float(p50), 2),
            "recall": round(right / len(asked["questions"]) / 5, 3),
            "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


# ---------------------------------------------------------------- ingest

def _models() -> dict[str, tuple[Embedder, float]]:
    """The local model as it is run here, with the rate that is wanted of it; none where it is not installed."""
    if not modelstore.installed("minilm"):
        return {}
    folder = modelstore.path("minilm")
    found: dict[str, tuple[Embedder, float]] = {"numpy": (Glossed(MiniLM(folder, "numpy")), 60.0)}
    if importlib.util.find_spec("onnxruntime"):
        found["onnxruntime"] = (Glossed(MiniLM(folder, "onnx")), 120.0)
    return found


def _ingest(scratch: Path, models: dict[str, tuple[Embedder, float]]) -> list[Figure]:
    found = []
    folder = scratch / "documents"
    write(folder, 250, 4)
    for name, (model, wanted) in models.items():
        report = ingest([folder], f"rate-{name}", model)
        rate = report.passages / report.seconds
        found.append(Figure(f"ingest with the local model by {name}, passages of 60 to 70 words a second",
                            round(rate, 1), "1/s", f">= {wanted:g}", rate >= wanted, COMMAND))
    many = scratch / "many"
    write(many, 1000, 5)
    ingest([many], "many", killed_ingest.Hashes())
    # What was written just now is not trusted; a while later its times are.
    time.sleep(2.5)
    ingest([many], "many", killed_ingest.Hashes())
    started = time.perf_counter()
    report = ingest([many], "many", killed_ingest.Hashes())
    seconds = time.perf_counter() - started
    return [*found, Figure("second run of an unchanged folder of 1,000 files", round(seconds, 2), "s", "<= 3",
                           seconds <= 3 and report.unchanged == 1000, COMMAND)]


def _kills(scratch: Path) -> list[Figure]:
    folder = scratch / "killed"
    write(folder, 800, 3)
    faults: list[str] = []
    interrupted = 0
    environ = {"TRUNKLINE_HOME": os.environ["TRUNKLINE_HOME"]}
    for number, moment in enumerate(killed_ingest.moments(KILLS, 1.2, seed=5)):
        name = f"killed-{number // 5}"  # five in a row on the same collection, then a fresh one
        interrupted += killed_ingest.killed(folder, name, moment, environ)
        faults += killed_ingest.faults_of(name)
        if number % 5 == 4:
            report = killed_ingest.run(folder, name)
            faults += killed_ingest.faults_of(name) + ["not complete"] * (report.documents != 800)
    return [Figure(f"kill -9 at {KILLS} random moments of ingest: faults found afterwards", len(faults), "",
                   "0", not faults, COMMAND),
            Figure("of these, runs that were still at work", interrupted, "", ">= 40", interrupted >= 40, COMMAND)]


if __name__ == "__main__":
    made = {"build": build, "search": search}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps(made))
