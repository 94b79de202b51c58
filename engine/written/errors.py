"""Errors of this room."""

from typing import Literal

from engine.errors import TrunklineError

Wrong = Literal["agent", "language", "session_id", "busy"]


class WritingError(TrunklineError):
    """A conversation in writing cannot be had, or not now. ``wrong``: what of the request is at fault, or ``busy``."""

    def __init__(self, wrong: Wrong, message: str) -> None:
        """``message`` says what is wrong and what there is."""
        super().__init__(message)
        self.wrong: Wrong = wrong
