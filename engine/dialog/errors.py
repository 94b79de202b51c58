"""Errors of the dialog room."""

from engine.errors import TrunklineError


class DialogError(TrunklineError):
    """A brain could not answer; the text says which and why."""
