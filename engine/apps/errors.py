"""Errors of this room."""

from engine.errors import TrunklineError


class AppError(TrunklineError):
    """An app cannot be asked, or asks for what may not be; the text says what to do."""


class NotPending(AppError):
    """The call does not wait for an app, or not any more."""


class ReferRefused(AppError):
    """The call may not be sent there."""
