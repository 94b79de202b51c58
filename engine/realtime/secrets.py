"""Ephemeral secrets (``ek_...``): a page gets one from its own server, and opens sessions with it until it expires.

Only the SHA-256 of a secret is kept. Pure: time is given.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "ek_"
MOST = 10_000
"""Secrets that are valid at once; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class Secret:
    """What a secret opens. ``session``: the configuration it was made for; ``expires_at`` in Unix seconds; ``wishes``:
    what else its maker has fixed (``agent``, ``language``)."""

    session: Mapping[str, Any]
    expires_at: int
    wishes: Mapping[str, str]


class Secrets:
    """All that are valid."""

    def __init__(self) -> None:
        """None."""
        self._known: OrderedDict[str, Secret] = OrderedDict()

    def __len__(self) -> int:
        """How many are kept, valid or not."""
        return len(self._known)

    def make(self, session: Mapping[str, Any], seconds: int, now: float, wishes: Mapping[str, str] | None = None
             ) -> tuple[str, Secret]:
        """A new one, for so many seconds from ``now`` (Unix)."""
        value = PREFIX + secrets.token_urlsafe(32)
        secret = self._known[_digest(value)] = Secret(dict(session), int(now) + seconds, dict(wishes or {}))
        self._forget(now)
        return value, secret

    def find(self, value: str, now: float) -> Secret | None:
        """What it opens; None: it is none of ours, or not valid any more."""
        if not value.startswith(PREFIX):
            return None
        secret = self._known.get(_digest(value))
        return secret if secret is not None and now < secret.expires_at else None

    def _forget(self, now: float) -> None:
        while self._known:
            oldest = next(iter(self._known))
            if len(self._known) <= MOST and self._known[oldest].expires_at > now:
                return
            del self._known[oldest]


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()


__all__ = ["PREFIX", "Secret", "Secrets"]
