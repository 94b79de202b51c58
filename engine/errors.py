"""The root of every exception that Trunkline raises on purpose.

Each package derives one root of its own from it (``EslError``, ``MediaError`` ...), so that a caller can catch
exactly as much as it can handle.
"""


class TrunklineError(Exception):
    """Something Trunkline can explain: the text says what is wrong, where, and what to do."""
