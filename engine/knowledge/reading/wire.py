"""Between engine and worker: one JSON line a request; a document as one line, one for each passage, and one at the end.

Many short lines, so that the engine's hub never decodes a large one. Pure.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.knowledge.document import Document, Passage
from engine.knowledge.errors import DocumentError

MAX_LINE = 8 << 20
MAX_ANSWER = 128 << 20
"""Bytes of a line and of a whole answer; a worker that sends more is out of order."""

READY = b'{"ready": true}\n'


def request(path: Path, root: Path) -> bytes:
    """A file to read. Names are bytes, whatever their encoding."""
    names = [os.fsencode(name).decode("latin-1") for name in (path, root)]
    return json.dumps(names).encode() + b"\n"


def requested(line: bytes) -> tuple[Path, Path]:
    """The inverse of ``request``."""
    path, root = (Path(os.fsdecode(name.encode("latin-1"))) for name in json.loads(line))
    return path, root


def answer(outcome: Document | DocumentError, last: bool = False) -> Iterator[bytes]:
    """The lines of an answer. ``last``: the worker ends after it."""
    if isinstance(outcome, DocumentError):
        yield _line({"fault": str(outcome), "last": last})
        return
    fields = {name: getattr(outcome, name) for name in Document.__slots__ if name != "passages"}
    yield _line({"document": fields | {"source": os.fsencode(outcome.source).decode("latin-1")}})
    for one in outcome.passages:
        yield _line([one.heading, one.text, one.statements, one.questions, one.page, one.language, one.say])
    yield _line({"done": len(outcome.passages), "last": last})


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


@dataclass(slots=True)
class Answer:
    """An answer as it comes in. ``outcome`` is there when it is whole; ``last``: the worker has ended."""

    outcome: Document | DocumentError | None = None
    last: bool = False
    _fields: dict[str, Any] = field(default_factory=dict)
    _passages: list[Passage] = field(default_factory=list)

    def take(self, line: bytes) -> None:
        """One line. Raises ``ValueError``, ``KeyError`` or ``TypeError`` for one that is none."""
        value = json.loads(line)
        if isinstance(value, list):
            heading, text, statements, questions, page, language, say = value
            self._passages.append(Passage(tuple(heading), text, tuple(statements), tuple(questions), page, language,
                                          say))
        elif "fault" in value:
            self.outcome, self.last = DocumentError(value["fault"]), bool(value["last"])
        elif "document" in value:
            self._fields = value["document"]
        elif value["done"] == len(self._passages):
            fields: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one
                                      for name, one in self._fields.items()}
            fields["source"] = Path(os.fsdecode(fields["source"].encode("latin-1")))
            self.outcome, self.last = Document(**fields, passages=tuple(self._passages)), bool(value["last"])
        else:
            raise ValueError("passages are missing")
