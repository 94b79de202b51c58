"""Errors of the upstream."""

from engine.errors import TrunklineError


class UpstreamError(TrunklineError):
    """There is no upstream, or it cannot be used; the text says what to do."""
