"""Folders to a collection: find files, read what changed, embed what is new, put it in place in one transaction.

A run that is interrupted leaves the collection as it was; the vectors it had computed are kept and not computed again.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine import paths
from engine.knowledge import index
from engine.knowledge.document import Document
from engine.knowledge.embedding.interface import Embedder
from engine.knowledge.errors import DocumentError, KnowledgeError
from engine.knowledge.offhub import off_hub
from engine.knowledge.reading import formats, sidecar
from engine.knowledge.reading.reader import Reader
from engine.knowledge.store import Known, Model, Store

SAMPLE = Path(__file__).parent / "sample"
"""The built-in collection: a support desk and a college's open day."""

BUILT_IN = {
    "sample": SAMPLE,
    "okti": Path(__file__).parent / "sample_okti",
    "kerala": Path(__file__).parent / "sample_kerala",
}
"""Collections that come with Trunkline: that of the default, a business school's open day in French, and a citizens'
line in Malayalam and English."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_BATCH = 32

Progress = Callable[[str, int, int], None]
"""``progress(stage, done, of)``: stage is ``read`` (files) or ``embed`` (texts)."""


@dataclass(slots=True)
class Report:
    """What a run did: document ids, and for files that were skipped why. ``model`` is ``None`` for keywords only."""

    collection: str
    model: str | None
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0
    failed: list[str] = field(default_factory=list)
    embedded: int = 0
    passages: int = 0
    documents: int = 0


def folder_of(collection: str) -> Path:
    """Where a collection lies. Raises ``KnowledgeError`` for a name that cannot be one."""
    if not _NAME.fullmatch(collection):
        raise KnowledgeError(f"'{collection}' cannot be the name of a collection: letters, digits, '.', '_' and '-', "
                             "at most 64, beginning with a letter or digit")
    return paths.knowledge() / collection


def ingest(roots: Sequence[Path], collection: str, embedder: Embedder | None,
           progress: Progress = lambda stage, done, of: None) -> Report:
    """Bring a collection up to date with files and folders; the CPU work is done off the hub.

    Files whose bytes did not change cost nothing; documents of a given folder whose files are gone are removed. A file
    that cannot be used is left out (or left as it was) and named in ``failed``. Raises ``KnowledgeError`` when there is
    nothing to ingest at all, or another process is ingesting.
    """
    store = Store(folder_of(collection))
    files = off_hub(find, roots)
    off_hub(store.create)
    with store.writing():
        report = Report(collection, embedder.name if embedder else None)
        known = off_hub(store.known)
        with Reader() as reader:
            fresh = _read(reader, files, known, report, progress)
        gone = _gone(roots, files, known)
        report.removed = sorted(gone - {document.id for document in fresh})
        if embedder:
            _embed(store, embedder, fresh, report, progress)
        if fresh or gone:
            off_hub(store.replace, fresh, gone)
        off_hub(_finish, store, embedder, report)
    return report


def find(roots: Sequence[Path]) -> list[tuple[Path, Path]]:
    """``(file, root)`` for every document below the roots, hidden ones left out. Raises ``KnowledgeError``."""
    found: dict[Path, Path] = {}
    for root in (Path(root).absolute() for root in roots):
        if root.is_file():
            if root.suffix.lower() not in formats.SUFFIXES:
                raise KnowledgeError(f"{root}: a {root.suffix or 'nameless'} file cannot be read; "
                                     f"documents are {', '.join(formats.SUFFIXES)}")
            found.setdefault(root, root)
        elif root.is_dir():
            inside = [path for path in sorted(root.rglob("*")) if path.suffix.lower() in formats.SUFFIXES and
                      not any(part.startswith(".") for part in path.relative_to(root).parts) and path.is_file()]
            if not inside:
                raise KnowledgeError(f"{root}: there is no document in this folder ({', '.join(formats.SUFFIXES)})")
            for path in inside:
                found.setdefault(path, root)
        else:
            raise KnowledgeError(f"{root}: there is no such file or folder")
    return list(found.items())


def _read(reader: Reader, files: list[tuple[Path, Path]], known: dict[str, Known], report: Report,
          progress: Progress) -> list[Document]:
    """The documents that are new or changed."""
    fresh: list[Document] = []
    owners = {old.document: source for source, old in known.items()}
    for number, (path, root) in enumerate(files):
        progress("read", number, len(files))
        old = known.get(str(path))
        try:
            if old and off_hub(sidecar.digest, path) == old.digest:
                report.unchanged += 1
                continue
            document = reader.read(path, root)
            owner = owners.get(document.id, str(path))
            if owner != str(path) and Path(owner).exists():
                raise DocumentError(f"{path}: its id '{document.id}' is taken by {owner}; "
                                    "give one of them another with 'id:' in the front matter")
        except DocumentError as fault:
            report.failed.append(str(fault))
            continue
        owners[document.id] = str(path)
        (report.changed if old or owner != str(path) else report.added).append(document.id)
        fresh.append(document)
    progress("read", len(files), len(files))
    return fresh


def _gone(roots: Sequence[Path], files: Iterable[tuple[Path, Path]], known: dict[str, Known]) -> set[str]:
    """Documents that came from one of these folders and whose file is no longer there."""
    folders = [Path(root).absolute() for root in roots if Path(root).is_dir()]
    present = {str(path) for path, _ in files}
    return {old.document for source, old in known.items() if source not in present
            and any(Path(source).is_relative_to(folder) for folder in folders)}


def _embed(store: Store, embedder: Embedder, fresh: list[Document], report: Report, progress: Progress) -> None:
    model = Model(embedder.name, embedder.dim)
    for pending in (off_hub(store.unembedded, model.name, fresh), *off_hub(lambda: list(store.lacking(model.name)))):
        passages, questions = list(pending.passages), list(pending.questions)
        for start in range(0, len(passages), _BATCH):
            progress("embed", start, len(passages))
            batch = passages[start:start + _BATCH]
            whole = off_hub(embedder.encode_passages, [pending.passages[digest] for digest in batch])
            off_hub(store.add_vectors, model, dict(zip(batch, whole, strict=True)), {})
        for start in range(0, len(questions), _BATCH):
            batch = questions[start:start + _BATCH]
            vectors = off_hub(embedder.encode, [pending.questions[digest] for digest in batch])
            off_hub(store.add_vectors, model, {}, dict(zip(batch, vectors, strict=True)))
        report.embedded += len(pending)


def _finish(store: Store, embedder: Embedder | None, report: Report) -> None:
    """Write the index of what is there now. Raises ``CollectionMissing`` when that is nothing."""
    try:
        content = store.load(embedder.name if embedder else None, embedder.dim if embedder else 0)
    except KnowledgeError as fault:
        reasons = "".join(f"\n  {line}" for line in report.failed)
        raise KnowledgeError(f"nothing was ingested: {fault}{reasons}") from fault
    report.documents, report.passages = len(content.documents), len(content.chunks)
    vectors = content.vectors if embedder else None
    if vectors is not None and embedder is not None:
        if index.read(store.folder, content.generation, embedder.name, *vectors.shape) is None:
            index.write(store.folder, content.generation, embedder.name, index.VectorIndex.of(vectors))
    else:
        index.write(store.folder, content.generation, None, None)
