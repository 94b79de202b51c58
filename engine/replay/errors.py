"""What can go wrong in replaying cases."""

from engine.errors import TrunklineError


class CaseError(TrunklineError):
    """A case file that cannot be read; the text names the file, the case and the row."""


def kind_of(value: object) -> str:
    """What a JSON value is, for the text of an error."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
