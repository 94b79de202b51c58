"""What the modules of the real-call suite share: the number that the engine answers, and what was measured.

``TRUNKLINE_MEDIA__BACKEND=sip`` runs the suite over the other back-end.
"""

import os
from typing import Any

import pytest

unicast_only = pytest.mark.skipif(
    os.environ.get("TRUNKLINE_MEDIA__BACKEND", "unicast") not in ("auto", "unicast"),
    reason="the environment has chosen another media back-end, which does not do that",
)

NUMBER = "+4930555100"


class Figures:
    """What was measured, for ``build/switch.json``."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add(self, figure: str, value: float, unit: str) -> None:
        """One row; a figure measured twice keeps both."""
        self.rows.append({"figure": figure, "value": round(value, 1), "unit": unit})
