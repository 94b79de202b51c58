"""``python -m tests``: all tests, in several processes at the same time. Whole calls and browsers wait more than they
compute, so they run beside everything else. What fails there is run once more by itself, when the machine has nothing
else to do: only what fails again has failed, and what did not is named.

    python -m tests ARGS...      as ``pytest ARGS``, in one process

Ends with the worst exit code.
"""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

WAITING = (
    ("tests/call", "tests/switch"),
    ("tests/page", "tests/record", "tests/sipcalls", "tests/upstream", "tests/relay"),
    ("tests/cli", "tests/clients", "tests/console"),
    ("tests/streams", "tests/webhooks", "tests/standin", "tests/telemetry", "tests/store", "tests/telephony",
     "tests/sessions"),
)
"""Folders whose tests are in real time; a process each. The first has calls, which cannot wait for the CPU."""

LATER = 10
"""By so much the others stand back (``nice``)."""

AGAIN = 6
"""So many failures may be for want of CPU; more are a fault of the code and are not tried again."""


def main(arguments: list[str]) -> int:
    """Run them; the output of the further processes comes when the first is done."""
    command = [sys.executable, "-m", "pytest"]
    if arguments:
        return subprocess.run([*command, *arguments], check=False).returncode
    with ExitStack() as cleanup:
        caches = [cleanup.enter_context(tempfile.TemporaryDirectory()) for _ in range(len(WAITING) + 1)]
        groups = [[*command, "-o", f"cache_dir={cache}", *folders]
                  for cache, folders in zip(caches, (*WAITING, _others()), strict=True)]
        beside = []
        for group in groups[:-1]:
            told = cleanup.enter_context(tempfile.TemporaryFile("w+"))
            process = subprocess.Popen(group, stdout=told, stderr=subprocess.STDOUT,
                                       preexec_fn=partial(os.nice, LATER * bool(beside)))
            cleanup.callback(process.kill)
            beside.append((process, told))
        last = subprocess.run(groups[-1], check=False, preexec_fn=partial(os.nice, LATER)).returncode
        codes = []
        for process, told in beside:
            codes.append(process.wait())
            told.seek(0)
            print(told.read(), flush=True)
        return max((_again(group, Path(cache), code)
                    for group, cache, code in zip(groups, caches, (*codes, last), strict=True)), key=abs)


def _others() -> list[str]:
    return [f"--ignore={folder}" for folders in WAITING for folder in folders]


def _again(group: list[str], cache: Path, code: int) -> int:
    """The exit code after a second run of the few tests that failed; ``code`` where there is nothing to run again."""
    failures = cache / "v" / "cache" / "lastfailed"
    if code != pytest.ExitCode.TESTS_FAILED or not failures.exists():
        return code
    failed = list(json.loads(failures.read_text()))
    if len(failed) > AGAIN:
        return code
    again = subprocess.run([*group, "--last-failed", "--last-failed-no-failures=none"], check=False).returncode
    for test in failed if again == pytest.ExitCode.OK else ():
        print(f"failed beside others, passed alone: {test}", flush=True)
    return again


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
