"""Realtime sessions as in ``tests/sessions``, for clients in other processes."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent / folder) for folder in ("call", "sessions", "console")]

from session_place import home, place, tidy  # noqa: E402, F401
