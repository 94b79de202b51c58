"""The process that parses: ``python -m engine.knowledge.reading.worker LIMITS``. No gevent, no network, no secrets.

A request a line on standard input, its answer on standard output (``wire.py``). It ends by itself after many files or
when it has grown large; the engine starts the next one.
"""

import logging
import os
import resource
import sys
from pathlib import Path
from typing import BinaryIO

from engine.knowledge.document import Document
from engine.knowledge.errors import DocumentError
from engine.knowledge.reading import wire
from engine.knowledge.reading.confine import allow_seconds, confine
from engine.knowledge.reading.limits import Limits
from engine.knowledge.reading.onefile import read
from engine.language.identify import identify

MOST_FILES = 2000
LARGE = 0.4
"""Share of the allowed memory from which a worker is replaced after the file."""


def main() -> None:
    """Serve requests until standard input ends."""
    limits = Limits.from_json(sys.argv[1])
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    logging.disable()  # and nobody reads what it says of a damaged file
    identify("the model of languages is read before anything is locked")
    confine(limits.memory_mb)
    answers.write(wire.READY)
    answers.flush()
    served = 0
    while line := requests.readline(wire.MAX_LINE):
        served += 1
        if _serve(line, limits, answers, served >= MOST_FILES):
            return


def _serve(line: bytes, limits: Limits, answers: BinaryIO, last: bool) -> bool:
    """Answer one request; whether it was the last."""
    path, root = wire.requested(line)
    allow_seconds(limits.seconds)
    outcome: Document | DocumentError
    try:
        outcome = read(path, root, limits)
        lines = list(wire.answer(outcome, last := last or _is_large(limits)))
    except DocumentError as fault:
        lines = list(wire.answer(fault, last := last or _is_large(limits)))
    except MemoryError:
        lines = []
    if not lines:
        last = True
        lines = list(wire.answer(DocumentError(
            f"{path}: needs more than {limits.memory_mb} MB of memory to be read; split it, or raise "
            "knowledge.read_memory_mb"), last))
    for piece in lines:
        answers.write(piece)
    answers.flush()
    return last


def _is_large(limits: Limits) -> bool:
    """By what it holds now. (The highest figure that ``getrusage`` knows is the engine's, from before the start.)"""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError):
        return False  # not Linux: it is replaced after a number of files all the same
    return pages * resource.getpagesize() > LARGE * (limits.memory_mb << 20)


if __name__ == "__main__":
    main()
