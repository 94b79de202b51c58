"""What skills share: the knowledge base, HTTP, files in the home folder, the clock. One an engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

import httpx2

from engine import paths
from engine.config import SkillOptions
from engine.knowledge.base import Hit


class Searcher(Protocol):
    """What skills need of a knowledge base."""

    def search(self, query: str, k: int = 5) -> Sequence[Hit]:
        """The best passage of each of the ``k`` nearest documents, best first."""

    def passage(self, chunk_id: str) -> Hit | None:
        """The passage of that id."""


def _now() -> datetime:
    """Local time, with its zone."""
    return datetime.now().astimezone()


@dataclass
class Services:
    """``knowledge`` None: there is no knowledge base. ``home``: where tickets and call-backs are written."""

    options: SkillOptions = field(default_factory=SkillOptions)
    knowledge: Searcher | None = None
    home: Path = field(default_factory=paths.home)
    now: Callable[[], datetime] = _now
    _http: httpx2.Client | None = None

    @property
    def http(self) -> httpx2.Client:
        """The HTTP client of all skills: keeps connections, follows no redirects. Opened when first wanted."""
        if self._http is None:
            limits = httpx2.Limits(max_connections=100, max_keepalive_connections=20)
            self._http = httpx2.Client(timeout=httpx2.Timeout(30.0, connect=3.0), limits=limits, follow_redirects=False)
        return self._http

    def close(self) -> None:
        """Close the connections. Idempotent."""
        if self._http is not None:
            self._http.close()
            self._http = None
