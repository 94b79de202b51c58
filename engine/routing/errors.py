"""Errors of routing."""

from engine.errors import TrunklineError


class RoutingError(TrunklineError):
    """Routing cannot do what it was asked; the text says why and what to do."""
