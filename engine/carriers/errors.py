"""Errors of this room."""

from engine.errors import TrunklineError


class CarrierError(TrunklineError):
    """What a carrier sent cannot be taken; the text says what is wrong with it, without what was in it."""


class Unproven(CarrierError):
    """Nothing proves that a request comes from the carrier; the text says what was missing or wrong."""


class Unreadable(CarrierError):
    """The body or a field of it is not what the carrier documents; the text names it."""
