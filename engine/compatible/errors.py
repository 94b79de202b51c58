"""Errors of this room."""

from typing import Literal

from engine.errors import TrunklineError

Wrong = Literal["invalid", "unsupported", "not_found", "busy", "too_large"]


class CompatibleError(TrunklineError):
    """A request cannot be served. ``param`` names its field."""

    def __init__(self, wrong: Wrong, message: str, param: str = "") -> None:
        """``message`` says what is wrong and what would do."""
        super().__init__(message)
        self.wrong: Wrong = wrong
        self.param = param
