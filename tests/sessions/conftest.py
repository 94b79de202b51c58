"""The fixtures of Realtime sessions; see ``session_place``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "call"))

from session_place import home, place, tidy  # noqa: E402, F401
