"""Folders to a collection: find files, read what changed, embed what is new, put it in place batch by batch.

Files that look as they did cost nothing. Each batch of documents is one transaction, and its vectors are kept as soon
as they are computed: a run that is interrupted, in whatever way, leaves a sound collection with the batches that were
done, and the next one goes on from there. Documents are read while others are embedded, the latter on every core.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from time import monotonic

from gevent.pool import Pool

from engine.config import KnowledgeOptions
from engine.errors import ProviderFault, TrunklineError
from engine.knowledge.collections import BUILT_IN, SAMPLE, folder_of
from engine.knowledge.document import Document
from engine.knowledge.embedding import choose
from engine.knowledge.embedding.interface import Embedder
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.filling import files, ownglossary
from engine.knowledge.filling.files import FileReader, Read, looks_alike
from engine.knowledge.filling.report import Progress, Report
from engine.knowledge.filling.walk import File, Found, find
from engine.knowledge.reading.reader import Reader
from engine.knowledge.store import Known, Model, Pending, Store, index
from engine.offhub import off_hub

log = logging.getLogger(__name__)

BATCH_DOCUMENTS, BATCH_PASSAGES = 128, 512
"""A batch is put in place when it has so many of either: a few seconds' work, which is what a crash can cost."""

SLICE = 32
"""Passages that one core embeds at a time."""

WORKERS = min(4, os.cpu_count() or 1)

_AHEAD = 64
"""Documents that are read before their turn."""


def ingest(roots: Sequence[Path], collection: str, embedder: Embedder | None,
           progress: Callable[[Progress], None] = lambda progress: None, *,
           options: KnowledgeOptions | None = None, reader: FileReader | None = None,
           reembed: bool = False, stop: Callable[[], bool] = lambda: False) -> Report:
    """Bring a collection up to date with files and folders; the CPU work is done off the hub.

    Documents of a given folder whose files are gone are removed. A file that cannot be used is left out (or left as it
    was) and named in ``failed``. ``options``: how files are read and cut; ``reader`` reads them instead. ``reembed``:
    the collection's vectors are computed again, with this model. ``stop`` is asked now and then; when it says so, the
    run ends after the batch in hand.

    Raises ``KnowledgeError`` when there is nothing to ingest at all, another process is ingesting, the collection has
    vectors of another model, or the disk refuses: batches that were done before stay.
    """
    store = Store(folder_of(collection))
    used: FileReader = reader or Reader(options)
    run = _Run(store, collection, embedder, used, progress, stop)
    try:
        found = off_hub(find, roots, run.reader.suffixes)
        off_hub(run.store.create)
        with run.store.writing() as interrupted:
            report = run.all_of(roots, found, reembed)
            if interrupted:
                off_hub(run.store.sweep)
            return report
    finally:
        store.close()
        if used is not reader:
            used.close()


class _Run:
    """One run of ``ingest``."""

    def __init__(self, store: Store, collection: str, embedder: Embedder | None, reader: FileReader,
                 progress: Callable[[Progress], None], stop: Callable[[], bool]) -> None:
        self.store = store
        self.reader = reader
        self.report = Report(collection, embedder.name if embedder else None)
        self._embedder = embedder
        self._progress = progress
        self._stop = stop
        self._began = monotonic()
        # Documents by the file that they came from, and the other way round; kept up to date as batches go in.
        self._ids: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._files = self._of_files = self._chunks = 0
        # Of the stage in hand, in its own unit (bytes of files, passages): done, in the batch in hand, in all.
        self._done = self._batch = self._of = 0
        self._stage_began = self._began

    def all_of(self, roots: Sequence[Path], found: Found, reembed: bool) -> Report:
        """The caller holds the collection's lock."""
        report, store = self.report, self.store
        self._agree_on_model(reembed)
        self._take_over(roots, found)
        report.failed += off_hub(ownglossary.take, roots, store.folder)
        report.failed += found.faults
        known = off_hub(store.known)
        self._ids = {source: old.document for source, old in known.items()}
        self._owners = {name: source for source, name in self._ids.items()}
        changed = [file for path, file in found.files.items() if not looks_alike(known.get(str(path)), file)]
        report.unchanged = len(found.files) - len(changed)
        self._files, self._of_files = report.unchanged, len(found.files)
        self._of = sum(file.look.size for file in changed)
        self._tell()
        for batch in self._batches(changed, known):
            self._put_in_place(batch)
        report.stopped = self._files < self._of_files
        if not report.stopped:
            self._remove(roots, found)
            self._embed_the_rest()
        self._finish()
        return report

    # ------------------------------------------------------------ before

    def _agree_on_model(self, reembed: bool) -> None:
        """Vectors of two models, or of two lengths, cannot be compared. Those of an older version of the model that
        comes with Trunkline are computed again without being asked for: it costs time only, and the old ones are
        searched until all new ones are there. Nothing is ever sent to a provider again unasked, nor are vectors thrown
        away that one was paid for."""
        if self._embedder is None:
            return
        now, old = Model(self._embedder.name, self._embedder.dim), off_hub(self._model)
        if reembed and old and old.name == now.name:
            off_hub(self.store.forget, old.name)
        elif old and old != now and not reembed and choose.only_newer(self._embedder, old.name):
            self.report.notes.append(f"all vectors are computed again, once: they were of {old.name}, the model is now "
                                     f"{now.name}")
        elif old and old != now and not reembed:
            name = self.report.collection
            raise KnowledgeError(
                f"collection '{name}' has vectors of {old.name} ({old.dim} dimensions), but the model is now "
                f"{now.name} ({now.dim}); the two cannot be compared. Compute all of them again with: trunkline ingest "
                f"PATH --collection {name} --reembed, or go back to {old.name}")

    def _model(self) -> Model | None:
        with self.store.view() as view:
            return view.model

    def _take_over(self, roots: Sequence[Path], found: Found) -> None:
        """The documents of a database of schema 1 are read again from where they were."""
        old = off_hub(self.store.old_sources)
        folders = [Path(root).absolute() for root in roots]
        outside = [(Path(source), name) for source, name in old
                   if not any(Path(source).is_relative_to(folder) for folder in folders)]
        lost = [str(path) for path, _ in outside if not path.is_file()]
        if lost:
            raise KnowledgeError(
                f"collection '{self.report.collection}' was made by an older version of Trunkline and has to be made "
                f"anew, but {len(lost)} of its documents are not where they were ({', '.join(lost[:3])}). Put them "
                f"back, or delete {self.store.folder} and ingest what there is")
        for path, name in outside:
            for file in off_hub(find, [path], [path.suffix.lower()]).files.values():
                found.files.setdefault(path, file._replace(root=_root_of(path, name)))

    # ------------------------------------------------------------ reading

    def _batches(self, changed: list[File], known: dict[str, Known]) -> Iterator[list[Read]]:
        """What was read, so many at a time; ends early when the run is to stop."""
        pool = Pool(self.reader.workers)
        reading = pool.imap(lambda file: self._read(file, known.get(str(file.path))),
                            takewhile(lambda file: not self._stop(), changed), maxsize=_AHEAD)
        batch: list[Read] = []
        passages = 0
        try:
            for read in reading:
                if isinstance(read, TrunklineError):
                    raise read
                batch.append(read)
                passages += len(read.document.passages) if read.document else 0
                if len(batch) >= BATCH_DOCUMENTS or passages >= BATCH_PASSAGES:
                    yield batch
                    batch, passages = [], 0
                    if self._stop():
                        return
            if batch:
                yield batch
        finally:
            reading.kill()
            pool.kill()

    def _read(self, file: File, old: Known | None) -> "Read | TrunklineError":
        try:
            return off_hub(files.read, self.reader, file, old)
        except TrunklineError as fault:  # given on, because the pool would print it
            return fault

    def _put_in_place(self, batch: list[Read]) -> None:
        report = self.report
        fresh: list[Document] = []
        self._batch = sum(read.file.look.size for read in batch)
        for read in batch:
            document = read.document
            if document is None:
                report.unchanged += not read.fault
                report.failed += [read.fault] if read.fault else []
                continue
            source = str(document.source)
            owner = self._owners.get(document.id, source)
            if owner != source and Path(owner).exists():
                report.failed.append(f"{source}: its id '{document.id}' is taken by {owner}; "
                                     "give one of them another with 'id:' in the front matter")
                continue
            (report.changed if source in self._ids or owner != source else report.added).append(document.id)
            report.notes += [f"{source}: {note}" for note in document.notes]
            self._owners.pop(self._ids.pop(source, ""), None)  # its id may have been another one
            self._ids.pop(owner, None)  # it may have been in another place
            self._owners[document.id], self._ids[source] = source, document.id
            fresh.append(document)
        if fresh and self._embedder:
            self._embed(off_hub(self.store.unembedded, self._embedder.name, fresh))
        looks = {str(read.file.path): read.file.look for read in batch}
        if fresh:
            off_hub(self.store.replace, fresh, (), looks)
        if same := {str(read.file.path): read.file.look for read in batch if not read.document and not read.fault}:
            off_hub(self.store.seen, same)
        self._files += len(batch)
        self._done += self._batch
        if not self._embedder:
            self._chunks += sum(len(document.passages) for document in fresh)
        self._tell()

    # ------------------------------------------------------------ embedding

    def _embed(self, pending: Pending, *, stored: bool = False) -> None:
        """Vectors of what has none, on every core; each slice is kept when it is done."""
        if self._embedder is None or not pending:
            return
        pool, embedded = Pool(WORKERS), 0
        try:
            for done in pool.imap_unordered(lambda part: self._slice(part, stored), list(_slices(pending))):
                if isinstance(done, ProviderFault):
                    # What can be read can be found by its words; the next run computes what is missing.
                    log.warning("no vectors any more in this run: %s", done)
                    self.report.fault, self._embedder = str(done), None
                    return
                if isinstance(done, TrunklineError):
                    raise done
                self.report.embedded += len(done)
                self._chunks += len(done.passages)
                embedded += len(done)
                self._tell(embedded / len(pending))
        finally:
            pool.kill()

    def _slice(self, part: Pending, stored: bool) -> "Pending | TrunklineError":
        try:
            off_hub(_embed_slice, self.store, self._embedder, part, stored)
        except TrunklineError as fault:  # given on, because the pool would print it
            return fault
        return part

    def _embed_the_rest(self) -> None:
        """What is in the collection without vectors: ingested without a model, or with another one."""
        if self._embedder is None:
            return
        self._stage_began, self._done, self._of = monotonic(), 0, off_hub(self._lacking)
        pages = self.store.lacking(self._embedder.name)
        while self._embedder is not None and (page := off_hub(next, pages, None)) is not None:
            self._batch = len(page.passages)
            self._embed(page, stored=True)
            self._done += self._batch
        if self._embedder is not None:
            off_hub(self.store.use, Model(self._embedder.name, self._embedder.dim))

    def _lacking(self) -> int:
        with self.store.view() as view:
            return view.lacking(self._embedder.name) if self._embedder else 0

    # ------------------------------------------------------------ after

    def _remove(self, roots: Sequence[Path], found: Found) -> None:
        """Documents that came from one of these folders and whose file is no longer there."""
        folders = [Path(root).absolute() for root in roots if Path(root).is_dir()]

        def gone(source: str) -> bool:
            path = Path(source)
            return path not in found.files and any(path.is_relative_to(folder) for folder in folders) and not any(
                path.is_relative_to(closed) for closed in found.closed)

        removed = sorted(old.document for source, old in off_hub(self.store.known).items() if gone(source))
        if removed:
            off_hub(self.store.replace, (), removed)
        self.report.removed = removed
        off_hub(self.store.drop_old)

    def _finish(self) -> None:
        """Bring the index up to date. Raises ``KnowledgeError`` when there is nothing in the collection."""
        off_hub(_count, self.store, self.report)
        report = self.report
        report.seconds = monotonic() - self._began
        if not report.documents and not report.stopped:
            reasons = "".join(f"\n  {line}" for line in report.failed)
            raise KnowledgeError(f"nothing was ingested: collection '{report.collection}' is empty{reasons}")

    def _tell(self, share: float = 0.0) -> None:
        """``share`` of the batch in hand is done."""
        now, done = monotonic(), self._done + share * self._batch
        left = (now - self._stage_began) * (self._of - done) / done if done else None
        self._progress(Progress(self._files, self._of_files, self._chunks, now - self._began, left))


# ---------------------------------------------------------------- in the thread pool

def _slices(pending: Pending) -> Iterator[Pending]:
    """Texts of like length together, so that little is computed in vain; the longest first."""
    passages = sorted(pending.passages.items(), key=lambda item: -sum(map(len, item[1].statements)))
    questions = sorted(pending.questions.items(), key=lambda item: -len(item[1]))
    for start in range(0, len(passages), SLICE):
        yield Pending(dict(passages[start:start + SLICE]), {})
    for start in range(0, len(questions), 2 * SLICE):
        yield Pending({}, dict(questions[start:start + 2 * SLICE]))


def _embed_slice(store: Store, embedder: Embedder, part: Pending, stored: bool) -> None:
    model = Model(embedder.name, embedder.dim)
    if part.passages:
        passages = embedder.encode_passages(list(part.passages.values()))
        store.add_vectors(model, dict(zip(part.passages, passages, strict=True)), {}, stored=stored)
    if part.questions:
        questions = embedder.encode(list(part.questions.values()))
        store.add_vectors(model, {}, dict(zip(part.questions, questions, strict=True)), stored=stored)


def _root_of(path: Path, document: str) -> Path:
    """The folder that a document was ingested from, by its id; its own folder where the id was written in it."""
    bare = path.with_suffix("").as_posix()
    return Path(bare[:-len(document) - 1]) if bare.endswith(f"/{document}") else path.parent


def _count(store: Store, report: Report) -> None:
    with store.view() as view:
        report.documents, report.passages = view.size()
        model, generation = view.model, view.generation
        report.lacking = view.lacking(model.name) if model else report.passages
    if model is None:
        index.forget(store.folder, generation)
    else:
        index.refresh(store.folder, index.StoredVectors(store, model))


__all__ = ["BUILT_IN", "SAMPLE", "Progress", "Report", "folder_of", "ingest"]
