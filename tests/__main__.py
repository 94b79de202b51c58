"""``python -m tests``: all tests, in two processes at the same time. Whole calls wait more than they compute, so they
run beside everything else.

    python -m tests ARGS...      as ``pytest ARGS``, in one process

Ends with the worse exit code of the two.
"""

import subprocess
import sys
import tempfile

WAITING = ("tests/call", "tests/cli", "tests/clients", "tests/switch")
"""Folders whose tests are in real time."""


def main(arguments: list[str]) -> int:
    """Run them; the output of the second process comes when the first is done."""
    pytest = [sys.executable, "-m", "pytest"]
    if arguments:
        return subprocess.run([*pytest, *arguments], check=False).returncode
    with tempfile.TemporaryFile("w+") as told:
        beside = subprocess.Popen([*pytest, "-p", "no:cacheprovider", *WAITING], stdout=told, stderr=subprocess.STDOUT)
        try:
            first = subprocess.run([*pytest, *(f"--ignore={folder}" for folder in WAITING)], check=False).returncode
            second = beside.wait()
        finally:
            beside.kill()
        told.seek(0)
        print(told.read(), flush=True)
    return first or second


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
