"""Documents of the knowledge base over HTTP: up, list, look at, delete, read again; and the collections.

Uploads go to a folder of the collection and through the ordinary ingest, so that the command line and HTTP agree; calls
find what is new at their next question.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.knowledge import delete, exported, inventory
from engine.knowledge.embedding import choose
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.filling import uploads
from engine.knowledge.filling.ingest import ingest
from engine.knowledge.filling.jobs import Job, Jobs
from engine.knowledge.filling.report import Progress, Report
from engine.offhub import off_hub
from engine.service import Engine
from engine.web.errors import ApiError
from engine.web.faults import telling
from engine.web.route import Answer, Asked, Route
from engine.web.sse import Event, events

FILES = 100
"""Files of one upload."""

BUSY_S = 20.0
"""How long a deletion waits for a run of ingest."""


class Where(BaseModel):
    """A collection."""

    model_config = ConfigDict(extra="forbid")

    collection: str = Field("", max_length=129, description="Default: knowledge.collection.")


class Pages(Where):
    """A part of the list of documents."""

    after: str = Field("", description="The id of the last one that is known; empty: from the beginning.")
    limit: int = Field(100, ge=1, le=1000)


class ReindexBody(Where):
    """Read the uploaded documents again."""

    reembed: bool = Field(False, description="Compute all vectors of the collection again, too.")


class JobAnswer(BaseModel):
    """A run of ingest. ``progress``: files and passages that are in place; ``report``: what it did, when it is done."""

    id: str
    collection: str
    kind: str
    state: str
    created: str
    progress: dict[str, Any] | None
    report: dict[str, Any] | None
    error: str


def routes(engine: Engine) -> list[Route]:
    """Documents, jobs, collections."""
    desk = _Desk(engine)
    engine.closing.append(desk.jobs.close)
    known = "/api/kb/documents"
    options = engine.config.knowledge
    return [
        Route("POST", known, telling(desk.upload), "Upload documents.\nmultipart/form-data: file, once or more often, "
              "and collection. Answers with the job that reads them: GET /api/kb/jobs/ID/events follows it.",
              scope="knowledge", answer=JobAnswer, status=202, raw=True,
              max_bytes=4 * options.max_file_mb * 1_000_000),
        Route("GET", known, telling(desk.list), "Documents by id, page by page.", scope="knowledge", query=Pages),
        Route("GET", f"{known}/<path:document>", telling(desk.show), "A document with its passages.",
              scope="knowledge", query=Where),
        Route("DELETE", f"{known}/<path:document>", telling(desk.delete), "Delete a document, and its file where it "
              "was uploaded.", scope="knowledge", query=Where),
        Route("POST", "/api/kb/reindex", telling(desk.reindex), "Read uploaded documents again, and compute what "
              "vectors are missing.", scope="knowledge", body=ReindexBody, answer=JobAnswer, status=202),
        Route("GET", "/api/kb/jobs", telling(desk.list_jobs), "Runs of ingest that were started here, newest first.",
              scope="knowledge"),
        Route("GET", "/api/kb/jobs/<job>", telling(desk.show_job), "One of them.", scope="knowledge", answer=JobAnswer),
        Route("GET", "/api/kb/jobs/<job>/events", telling(desk.follow_job), "One of them as server-sent events, until "
              "it is done.", scope="knowledge", produces=("text/event-stream",)),
        Route("GET", "/api/kb/collections", telling(desk.collections), "Every collection, with its size.",
              scope="knowledge"),
        Route("GET", "/api/kb/collections/<path:name>", telling(desk.collection), "One collection in detail.",
              scope="knowledge"),
    ]


class _Desk:
    """The handlers."""

    def __init__(self, engine: Engine) -> None:
        self.jobs = Jobs()
        self._config = engine.config

    # ------------------------------------------------------------ documents

    def upload(self, asked: Asked) -> JobAnswer:
        self._check_space(asked)
        files = [file for file in asked.files.getlist("file") if file.filename]
        if not files or len(files) > FILES:
            raise ApiError(400, "invalid_value", f"file: send 1 to {FILES} documents as multipart/form-data", "file")
        name = self._named(asked.form.get("collection", ""))
        largest = self._config.knowledge.max_file_mb * 1_000_000
        for file in files:  # all or none
            uploads.checked_name(file.filename or "")
            size = file.seek(0, 2)
            file.seek(0)
            if size > largest:
                raise ApiError(413, "too_large", f"{file.filename}: {size / 1e6:.0f} MB; at most "
                               f"{self._config.knowledge.max_file_mb} MB (knowledge.max_file_mb)", "file")
        for file in files:
            off_hub(uploads.keep, name, file.filename, file.stream)
        return _job(self._ingest(name, "upload"))

    def _check_space(self, asked: Asked) -> None:
        """Before a byte is taken: the upload lies on the disk twice, until all of it is there."""
        coming = asked.request.content_length or asked.max_bytes
        spare = off_hub(uploads.spare_bytes, self._config.knowledge.collection)
        if 2 * coming > spare:
            raise ApiError(507, "disk_full", f"the disk has room for uploads of {spare / 2e6:.0f} MB: delete old "
                           "recordings (store.retention) or documents", type="server_error")

    def list(self, asked: Asked) -> dict[str, Any]:
        query: Pages = asked.query
        name = self._named(query.collection)
        found = off_hub(exported.entries, name, query.after, query.limit)
        return {"collection": name, "next": found[-1].id if len(found) == query.limit else None, "documents": [
            {"id": each.id, "title": each.title, "source": each.source, "tags": list(each.tags),
             "valid_from": each.valid_from, "valid_until": each.valid_until} for each in found]}

    def show(self, asked: Asked) -> dict[str, Any]:
        name = self._named(asked.query.collection)
        found = off_hub(exported.document, name, asked.path["document"])
        if found is None:
            raise _missing(name, asked.path["document"])
        return {"collection": name, **found}

    def delete(self, asked: Asked) -> dict[str, Any]:
        name, document = self._named(asked.query.collection), asked.path["document"]
        with self._alone(name):
            if off_hub(exported.document, name, document) is None:
                raise _missing(name, document)
            (entry,) = off_hub(delete.chosen, name, [document])
            gone = off_hub(uploads.remove, name, entry.source)
            done = off_hub(delete.delete_documents, name, (entry,))
        left = "" if gone or not off_hub(Path(entry.source).exists) else entry.source
        return {"id": document, "collection": name, "deleted": True, "file_left": left, "trace": done.trace}

    def reindex(self, asked: Asked) -> JobAnswer:
        return _job(self._ingest(self._named(asked.body.collection), "reindex", asked.body.reembed))

    # ------------------------------------------------------------ jobs

    def list_jobs(self, asked: Asked) -> dict[str, Any]:
        return {"jobs": [job.as_dict() for job in self.jobs]}

    def show_job(self, asked: Asked) -> JobAnswer:
        return _job(self._job(asked))

    def follow_job(self, asked: Asked) -> Answer:
        job = self._job(asked)
        return events(_told(job))

    # ------------------------------------------------------------ collections

    def collections(self, asked: Asked) -> dict[str, Any]:
        return {"collections": [asdict(one) for one in off_hub(inventory.overviews)]}

    def collection(self, asked: Asked) -> dict[str, Any]:
        plain = asdict(off_hub(inventory.statistics, asked.path["name"]))
        return {**plain.pop("overview"), **plain}

    # ------------------------------------------------------------ inside

    def _named(self, collection: str) -> str:
        name = collection or self._config.knowledge.collection
        uploads.folder(name)  # whether it can be one
        return name

    def _job(self, asked: Asked) -> Job:
        job = self.jobs.get(asked.path["job"])
        if job is None:
            raise ApiError(404, "job_not_found", f"there is no job {asked.path['job']}", "job")
        return job

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """While no job of the collection runs."""
        lock = self.jobs.lock(name)
        if not lock.acquire(timeout=BUSY_S):
            raise ApiError(409, "collection_busy", f"collection '{name}' is being ingested; try again later",
                           "collection")
        try:
            yield
        finally:
            lock.release()

    def _ingest(self, name: str, kind: str, reembed: bool = False) -> Job:
        config = self._config

        def run(progress: Callable[[Progress], None], stop: Callable[[], bool]) -> Report:
            model = off_hub(choose.embedder, config.knowledge, config.providers)
            folder = uploads.folder(name)
            roots = [folder] if off_hub(_has_files, folder) else []
            if not roots and not reembed and kind != "reindex":
                raise KnowledgeError(f"{folder} is empty")
            return ingest(roots, name, model, progress, options=config.knowledge, reembed=reembed, stop=stop)

        return self.jobs.start(name, f"{kind} and vectors" if reembed else kind, run)


def _told(job: Job) -> Iterator[Event]:
    for number, state in enumerate(job.follow(), 1):
        yield str(number), state["state"], state


def _job(job: Job) -> JobAnswer:
    return JobAnswer(**job.as_dict())


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir())


def _missing(name: str, document: str) -> ApiError:
    return ApiError(404, "document_not_found", f"collection '{name}' has no document '{document}'", "document")
