"""Which files there are below folders. Only names, sizes and times are looked at."""

import contextlib
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import time_ns
from typing import NamedTuple

from engine.knowledge.errors import KnowledgeError
from engine.knowledge.store import Look
from engine.knowledge.words.glossary import FILE as GLOSSARY

BESIDE = ".yaml"
"""``name.pdf.yaml`` beside ``name.pdf`` belongs to it: a change of either is a change of the document."""

_SETTLED_NS = 2_000_000_000
"""A file that was changed less than this before it was looked at may change once more without showing a new time."""


class File(NamedTuple):
    """A file that is a document. ``root`` is the folder that was given, or the file itself."""

    path: Path
    root: Path
    look: Look


@dataclass(slots=True)
class Found:
    """``closed``: folders and files that are there and may not be looked at; what was known of them stays."""

    files: dict[Path, File] = field(default_factory=dict)
    closed: list[Path] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def find(roots: Sequence[Path], suffixes: Collection[str]) -> Found:
    """Every file with one of the suffixes below the roots, hidden ones left out.

    Raises ``KnowledgeError`` for a root that is not there, cannot be read, or has nothing in it.
    """
    found = Found()
    for root in (Path(root).absolute() for root in roots):
        if root.is_file():
            if root.suffix.lower() not in suffixes:
                raise KnowledgeError(f"{root}: a {root.suffix or 'nameless'} file cannot be read; "
                                     f"documents are {', '.join(suffixes)}")
            _add(found, root, root)
        elif root.is_dir():
            before = len(found.files) + len(found.faults)
            _walk(found, root, suffixes)
            if str(root) in (str(path) for path in found.closed):
                raise KnowledgeError(found.faults[-1])
            if len(found.files) + len(found.faults) == before and not any(
                    path.is_relative_to(root) for path in found.files):
                raise KnowledgeError(f"{root}: there is no document in this folder ({', '.join(suffixes)})")
        else:
            raise KnowledgeError(f"{root}: there is no such file or folder")
    return found


def _walk(found: Found, root: Path, suffixes: Collection[str]) -> None:
    def refused(fault: OSError) -> None:
        path = Path(os.fsdecode(fault.filename))
        if not isinstance(fault, FileNotFoundError):
            _close(found, path, fault)

    for folder, inside, names in os.walk(root, onerror=refused):
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes:  # noqa: PTH122
                _add(found, Path(folder, name), root)


def _add(found: Found, path: Path, root: Path) -> None:
    try:
        look = look_at(path)
    except FileNotFoundError:
        return  # it has just gone, or is a link to nothing
    except OSError as fault:
        _close(found, path, fault)
        return
    if look is not None:
        found.files.setdefault(path, File(path, root, look))


def _close(found: Found, path: Path, fault: OSError) -> None:
    found.closed.append(path)
    found.faults.append(f"{path}: cannot be read: {fault.strerror or fault}")


def look_at(path: Path) -> Look | None:
    """How a file looks, with what lies beside it; ``None`` for a pipe, a device and the like. Raises ``OSError``."""
    states = _states(path)
    if not stat.S_ISREG(states[0].st_mode):
        return None
    # Either time changes with the bytes; the second one even when a copying tool has put the first one back.
    changed = max(max(state.st_mtime_ns, state.st_ctime_ns) for state in states)
    return Look(sum(state.st_size for state in states), changed if changed < time_ns() - _SETTLED_NS else 0)


def _states(path: Path) -> list[os.stat_result]:
    """Of a document and, if there is one, of the file beside it that says more of it."""
    found = [path.stat()]
    with contextlib.suppress(OSError):
        found.append(path.with_name(path.name + BESIDE).stat())
    return found


Seen = dict[str, tuple[int, int]]
"""Size and time of files, by their paths."""


def survey(roots: Sequence[Path], suffixes: Collection[str]) -> Seen:
    """What ``find`` would find, never an error: to be compared with what was there before."""
    seen: Seen = {}
    for root in (Path(root).absolute() for root in roots):
        paths = [root] if root.is_file() else [Path(folder, name) for folder, inside, names in _visible(root)
                                               for name in names]
        for path in paths:
            if (path.suffix.lower() in suffixes and not path.name.startswith(".")) or path == root / GLOSSARY:
                with contextlib.suppress(OSError):  # gone, or not to be looked at: then it is not there
                    states = _states(path)
                    seen[str(path)] = (sum(state.st_size for state in states),
                                       max(state.st_mtime_ns for state in states))
    return seen


def _visible(root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    for folder, inside, names in os.walk(root):
        inside[:] = [name for name in inside if not name.startswith(".")]
        yield folder, inside, names
