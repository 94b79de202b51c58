"""Placeholder of the media room; see the contract in docs/architecture.md."""


class Playout:
    """What goes to the caller."""
