"""``python -m tests``: all tests, in several processes at the same time. Whole calls and browsers wait more than they
compute, so they run beside everything else.

    python -m tests ARGS...      as ``pytest ARGS``, in one process

Ends with the worst exit code.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import partial

WAITING = (
    ("tests/call", "tests/switch"),
    ("tests/page", "tests/record", "tests/sipcalls", "tests/upstream"),
    ("tests/cli", "tests/clients", "tests/console", "tests/sessions", "tests/relay"),
)
"""Folders whose tests are in real time; a process each. The first has calls, which cannot wait for the CPU."""

LATER = 10
"""By so much the others stand back (``nice``)."""


def main(arguments: list[str]) -> int:
    """Run them; the output of the further processes comes when the first is done."""
    pytest = [sys.executable, "-m", "pytest"]
    if arguments:
        return subprocess.run([*pytest, *arguments], check=False).returncode
    with ExitStack() as cleanup:
        beside = []
        for folders in WAITING:
            told = cleanup.enter_context(tempfile.TemporaryFile("w+"))
            process = subprocess.Popen([*pytest, "-p", "no:cacheprovider", *folders], stdout=told,
                                       stderr=subprocess.STDOUT, preexec_fn=partial(os.nice, LATER * bool(beside)))
            cleanup.callback(process.kill)
            beside.append((process, told))
        ignored = [f"--ignore={folder}" for folders in WAITING for folder in folders]
        code = subprocess.run([*pytest, *ignored], check=False, preexec_fn=partial(os.nice, LATER)).returncode
        for process, told in beside:
            code = max(code, process.wait(), key=abs)
            told.seek(0)
            print(told.read(), flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
