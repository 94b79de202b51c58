"""The root of every exception that Trunkline raises on purpose.

Each package derives one root of its own from it (``EslError``, ``MediaError`` ...), so that a caller can catch
exactly as much as it can handle.
"""


from typing import Literal


class TrunklineError(Exception):
    """Something Trunkline can explain: the text says what is wrong, where, and what to do."""


FaultKind = Literal["auth", "rate_limit", "timeout", "unavailable", "refused", "broken"]


class ProviderFault(TrunklineError):
    """A provider of hearing, thinking or speaking failed on one request; another one may do better.

    ``kind``: ``auth`` (key or permission), ``rate_limit`` (``retry_after_s`` where it was told), ``timeout`` (one of
    our deadlines), ``unavailable`` (no connection, 5xx), ``refused`` (the request itself: trying elsewhere rarely
    helps), ``broken`` (an answer that cannot be understood, or one that broke off).
    """

    def __init__(
        self, provider: str, kind: FaultKind, message: str, retry_after_s: float | None = None, status: int = 0,
    ) -> None:
        """``message`` says what happened and what to do, without keys or the caller's words; ``status`` is HTTP's, 0
        where there was none."""
        super().__init__(f"{provider}: {message}")
        self.provider = provider
        self.kind: FaultKind = kind
        self.retry_after_s = retry_after_s
        self.status = status
