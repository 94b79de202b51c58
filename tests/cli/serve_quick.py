"""``trunkline serve`` with scripted providers in place of the embedded set."""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402
from pathlib import Path  # noqa: E402

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS / "call")]

from call_providers import providers  # noqa: E402

from engine import embedded  # noqa: E402
from engine.cli.main import main  # noqa: E402

embedded.providers = lambda config: providers()
sys.exit(main(["serve"]))
