"""What can be wrong with the store."""

from engine.errors import TrunklineError


class StoreError(TrunklineError):
    """The root of the store's errors."""


class StoreDown(StoreError):
    """The database cannot be reached, is locked, full or too slow: the same may work later."""


class SchemaError(StoreError):
    """The database has no tables, older or newer ones than this Trunkline knows."""


class BadQuery(StoreError):
    """A search that cannot be made; ``param`` names what is wrong."""

    def __init__(self, param: str, message: str) -> None:
        """``message`` says what to give instead."""
        super().__init__(message)
        self.param = param
