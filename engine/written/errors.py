"""Errors of this room."""

from typing import Literal

from engine.errors import TrunklineError

Wrong = Literal["agent", "language", "session_id", "busy", "cast"]


class WritingError(TrunklineError):
    """A conversation in writing cannot be had, or not now. ``wrong``: what of the request is at fault; ``busy``: the
    turn before is not over; ``cast``: what the agent needs is not there."""

    def __init__(self, wrong: Wrong, message: str) -> None:
        """``message`` says what is wrong and what there is."""
        super().__init__(message)
        self.wrong: Wrong = wrong
