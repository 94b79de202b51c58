"""The clients from npm, and how they are run. ``make test`` installs them (``tests/clients/install.sh``)."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PACKAGES = HERE.parent.parent / "build" / "clients"
NODE = shutil.which("node")

needs_packages = pytest.mark.skipif(
    not NODE or not (PACKAGES / "ready").exists(),
    reason="the clients from npm are not installed: that needs Node 20, npm and a registry (tests/clients/install.sh)")


def run(script, *arguments, **options):
    """A script in Node: the JSON of its last line."""
    ran = subprocess.run([NODE, str(HERE / script), *arguments], capture_output=True, text=True, timeout=60,
                         env={**os.environ, "NO_COLOR": "1"}, **options)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout.splitlines()[-1])
