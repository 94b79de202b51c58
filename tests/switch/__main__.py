"""``python -m tests.switch [PYTEST ARGUMENTS]``: the real-call suite, where there is a FreeSWITCH; else it says so."""

import subprocess
import sys

from tests.switch.switchboard import ROOT, NotFound, find_freeswitch


def main() -> int:
    """Run the suite; 0 as well when it was skipped, because a machine without FreeSWITCH is no fault."""
    try:
        installation = find_freeswitch()
    except NotFound as why:
        print(f"real-call suite SKIPPED: {why}")
        return 0
    print(f"real-call suite: {installation.binary}, modules in {installation.modules}", flush=True)
    command = [sys.executable, "-m", "pytest", "-m", "switch", "tests/switch", *sys.argv[1:]]
    return subprocess.call(command, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
