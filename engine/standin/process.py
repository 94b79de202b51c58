"""CPU time and memory of another process, from ``/proc``."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from engine.standin.errors import StandInError

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LISTEN = "0A"


@dataclass(frozen=True, slots=True)
class Usage:
    """``cpu_s``: user and system time since the process began; ``rss_mb``: memory that it holds now."""

    cpu_s: float
    rss_mb: float


def listener(port: int) -> int | None:
    """The process that listens on this TCP port, if it can be seen."""
    inodes = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _inodes(table, port)}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and inodes & _sockets(folder / "fd"):
            return int(folder.name)
    return None


def _inodes(table: str, port: int) -> list[str]:
    try:
        lines = Path("/proc/net", table).read_text().splitlines()[1:]
    except OSError:
        return []
    rows = [line.split() for line in lines]
    return [row[9] for row in rows if row[3] == _LISTEN and int(row[1].rpartition(":")[2], 16) == port]


def _sockets(folder: Path) -> set[str]:
    links = set()
    with contextlib.suppress(OSError):  # another user's process, or it ended meanwhile
        for entry in folder.iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                links.add(str(entry.readlink()))
    return links


def usage(pid: int) -> Usage:
    """What process ``pid`` has used. Raises ``StandInError`` when there is none."""
    try:
        fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    except OSError as fault:
        raise StandInError(f"process {pid}: {fault.strerror}. Give the engine's process id with --pid.") from fault
    return Usage((int(fields[11]) + int(fields[12])) / _TICKS, int(fields[21]) * _PAGE / 1e6)


def children(pid: int) -> list[int]:
    """Its descendants (the recogniser's workers, for one)."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it ended meanwhile
                continue
            parents.setdefault(parent, []).append(int(folder.name))
    found, waiting = [], [pid]
    while waiting:
        below = parents.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def family(pid: int) -> Usage:
    """The process and its descendants together."""
    used = [usage(pid)]
    for child in children(pid):
        try:
            used.append(usage(child))
        except StandInError:  # it ended meanwhile
            continue
    return Usage(sum(one.cpu_s for one in used), sum(one.rss_mb for one in used))
