"""What a test leaves behind: greenlets that still run, files and sockets that are still open.

gevent tells of every greenlet that begins, so none has to be looked for among all objects of the process: that takes
longer than most tests do.
"""

import gc
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakSet

import gevent

_begun = WeakSet()


def watch():
    """Know of every greenlet from now on."""
    gevent.Greenlet.add_spawn_callback(_begun.add)


def living():
    """Greenlets that have begun and not ended."""
    return {greenlet for greenlet in _begun if greenlet.started and not greenlet.dead}


def open_files():
    """How many files and sockets this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def nothing_left(seconds=1.0):
    """What begins in here ends in here, or within ``seconds`` after it."""
    gevent.sleep(0)
    greenlets, files = living(), open_files()
    yield
    left, tries = set(), 25
    for n in range(tries):
        left = living() - greenlets
        if not left and open_files() <= files:
            return
        gevent.sleep(seconds / tries)
        if n == 2:
            gc.collect()  # a socket may hang in a cycle
    assert not left
    gc.collect()
    assert open_files() <= files
