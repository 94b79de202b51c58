"""A run of ingest that is killed, and what is found afterwards: real files, real database, vectors made of hashes.

``python -m benchmarks.killed_ingest FOLDER COLLECTION`` is the process that is killed.
"""

import hashlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from engine.knowledge.collections import folder_of
from engine.knowledge.embedding.interface import PassageVectors
from engine.knowledge.errors import CollectionMissing
from engine.knowledge.filling.ingest import ingest
from engine.knowledge.filling.report import Report
from engine.knowledge.store import Model, Store, index

ROOT = Path(__file__).resolve().parent.parent
READY = "ready"


class Hashes:
    """A vector is the hash of a text. ``pause_s`` a passage stands for the time that a model takes."""

    name, dim = "hashes", 32

    def __init__(self, pause_s: float = 0.0) -> None:
        self.pause_s = pause_s

    def encode(self, texts):
        time.sleep(self.pause_s * len(texts))
        found = np.stack([np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8) for text in texts])
        found = found.astype(np.float32) - 128
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def encode_passages(self, passages):
        wholes = self.encode([". ".join((passage.above, *passage.statements)) for passage in passages])
        return [PassageVectors(whole, np.repeat(whole[None], len(passage.statements), axis=0))
                for whole, passage in zip(wholes, passages, strict=True)]


def run(folder: Path, collection: str, pause_s: float = 0.0) -> Report:
    """A run of ingest to its end."""
    return ingest([folder], collection, Hashes(pause_s))


def killed(folder: Path, collection: str, after_s: float, environ: dict[str, str]) -> bool:
    """Start a run in a process, kill -9 it so long after it began to ingest; whether it was still running."""
    child = subprocess.Popen([sys.executable, "-m", "benchmarks.killed_ingest", str(folder), collection], cwd=ROOT,
                             env=os.environ | environ, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == READY.encode()
        time.sleep(after_s)
        return child.poll() is None
    finally:
        child.kill()
        child.communicate()


def faults_of(collection: str) -> list[str]:
    """What is not as it should be: in the tables, between them and the index, in documents that are half there."""
    store = Store(folder_of(collection))
    try:
        store.known()
    except CollectionMissing:
        return []  # killed before there were tables
    found = [fault for fault in store.check() if "vectors belong to nothing" not in fault]  # of the batch in hand
    model = Model(Hashes.name, Hashes.dim)
    with store.view() as view:
        for entry in view.all_documents():
            ordinals = [chunk.ordinal for chunk in view.of_document(entry.id)]
            if ordinals != list(range(_sections(entry.source))):
                found.append(f"{entry.id} is half there")
        rows = {chunk.row for entry in view.all_documents() for chunk in view.of_document(entry.id)}
        if view.lacking(model.name):
            found.append("passages without vectors")
    loaded = index.load(store, model)
    near = {item.row for item in loaded.nearest(Hashes().encode(["x"])[0], 10**6)} if loaded else set()
    if near != rows:
        found.append(f"the index has {len(near)} passages, the table {len(rows)}")
    store.close()
    return found


def documents_in(collection: str) -> int:
    """How many documents are in place."""
    store = Store(folder_of(collection))
    try:
        return len(store.known())
    except CollectionMissing:
        return 0
    finally:
        store.close()


def _sections(source: str) -> int:
    return Path(source).read_text(encoding="utf-8").count("\n## ")


def moments(count: int, longest_s: float, seed: int) -> list[float]:
    """When to kill."""
    chance = random.Random(seed)
    return sorted(chance.uniform(0, longest_s) for _ in range(count))


if __name__ == "__main__":
    from engine.knowledge.filling import ingest as module

    module.BATCH_DOCUMENTS, module.SLICE = 8, 4  # many transactions in a short run
    print(READY, flush=True)
    run(Path(sys.argv[1]), sys.argv[2], 0.002)
