"""Following folders: whenever a file comes, changes or goes, the collection is brought up to date.

Files are looked at every two seconds, by name, size and time: that works on every file system, network ones too.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

from gevent.event import Event

from engine.config import KnowledgeOptions
from engine.errors import TrunklineError
from engine.knowledge.embedding.interface import Embedder
from engine.knowledge.filling.files import FileReader
from engine.knowledge.filling.ingest import ingest
from engine.knowledge.filling.report import Report
from engine.knowledge.filling.walk import Seen, survey
from engine.knowledge.reading.reader import Reader
from engine.offhub import off_hub

log = logging.getLogger(__name__)

EVERY_S = 2.0

AGAIN_S = 60.0
"""After a fault it is tried again, even if no file has changed since."""


def watch(roots: Sequence[Path], collection: str, embedder: Embedder | None, ended: Event,
          done: Callable[[Report], None] = lambda report: None, *,
          options: KnowledgeOptions | None = None, reader: FileReader | None = None,
          every_s: float = EVERY_S, again_s: float = AGAIN_S) -> None:
    """Ingest now, and after each change, until ``ended`` is set; a run in hand ends after its batch.

    A file that is still being written is waited for: nothing is done until two looks at everything are the same.
    ``done`` gets the report of each run. What goes wrong is logged and tried again; nothing ends the watch.
    """
    used: FileReader = reader or Reader(options)
    try:
        _follow(roots, collection, embedder, ended, done, used, every_s, again_s)
    finally:
        if used is not reader:
            used.close()


def _follow(roots: Sequence[Path], collection: str, embedder: Embedder | None, ended: Event,
            done: Callable[[Report], None], reader: FileReader, every_s: float, again_s: float) -> None:
    taken: Seen | None = None
    before: Seen | None = None
    failed_at = 0.0
    while not ended.is_set():
        now = off_hub(survey, roots, reader.suffixes)
        settled = now == before
        before = now
        if settled and (now != taken or (failed_at and monotonic() - failed_at >= again_s)):
            try:
                report = ingest(roots, collection, embedder, reader=reader, stop=ended.is_set)
                failed_at = monotonic() if report.fault else 0.0
                if not report.stopped:
                    done(report)
            except TrunklineError as fault:
                if now != taken or not failed_at:
                    log.error("collection '%s' could not be brought up to date: %s", collection, fault)
                failed_at = monotonic()
            taken = now
        ended.wait(every_s)
