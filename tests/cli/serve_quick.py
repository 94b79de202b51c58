"""``trunkline serve`` with scripted providers in place of the embedded set."""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402
from pathlib import Path  # noqa: E402

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS / "call")]

from call_providers import providers  # noqa: E402

from engine.cli.main import main  # noqa: E402
from engine.service import Engine  # noqa: E402

made = Engine.__init__
Engine.__init__ = lambda self, config: made(self, config, providers())
sys.exit(main(["serve"]))
