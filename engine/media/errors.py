"""What can go wrong with audio."""

from engine.errors import TrunklineError


class MediaError(TrunklineError):
    """Root of the errors of ``engine.media``."""


class PlayoutFull(MediaError):
    """More speech was queued than playout holds; wait with ``Playout.wait_room`` before adding."""


class AddressesExhausted(MediaError):
    """Every unicast address belongs to a live call."""
