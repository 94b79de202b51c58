"""JSON requests to a vector store behind HTTP: a pool for searches, with their short deadline, and one for the rest."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from engine.config.vectorstores import RestStoreOptions
from engine.errors import ProviderFault
from engine.net.credentials import Credentials
from engine.net.http import HttpClient
from engine.offhub import off_hub

LARGE = 1 << 16
"""Bytes from which on JSON is read in the thread pool, so that calls go on meanwhile (64 KB take a millisecond)."""

LARGEST = 1 << 26
"""Bytes of an answer, at most: a page of 100 points of 3072 numbers has 7 MB."""

T = TypeVar("T")


class Rest:
    """One service. ``name`` is what faults are told under."""

    def __init__(
        self, name: str, base_url: str, options: RestStoreOptions, credentials: Credentials,
        query: Mapping[str, str] | None = None,
    ) -> None:
        """``query`` goes with every request. Opens no connection."""
        self.name = name
        self._credentials = credentials

        def client(timeout_s: float) -> HttpClient:
            return HttpClient(name, base_url, headers=options.headers, query=query, first_byte_timeout_s=timeout_s,
                              connect_timeout_s=min(options.connect_timeout_s, timeout_s), total_timeout_s=timeout_s,
                              max_connections=options.max_connections)

        self._searches, self._others = client(options.query_timeout_s), client(options.write_timeout_s)

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | bytes | None = None, *, search: bool = False,
        query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON of a successful answer, None where it is empty. ``search``: with the short deadline. Raises
        ``ProviderFault``, whose ``status`` is HTTP's."""
        sent = {**self._credentials.headers(), **(headers or {})}
        if isinstance(body, Mapping):
            body = encode(body) if search else off_hub(encode, body)
            sent["Content-Type"] = "application/json"
        client = self._searches if search else self._others
        try:
            with client.stream(method, path, body, query=query, headers=sent) as answer:
                answer.begun()
                pieces, size = [], 0
                for piece in answer:
                    pieces.append(piece)
                    size += len(piece)
                    if size > LARGEST:
                        raise ProviderFault(self.name, "broken", f"an answer of more than {LARGEST >> 20} MB")
        except ProviderFault as fault:
            if fault.status == 401:
                self._credentials.refused()
            raise
        data = b"".join(pieces)
        try:
            return None if not data.strip() else off_hub(_decode, data) if size > LARGE else _decode(data)
        except ValueError as fault:
            raise ProviderFault(self.name, "broken", "the answer is not JSON: check base_url") from fault

    def understood(self, read: Callable[[], T]) -> T:
        """``read()``, which picks an answer apart. Raises ``ProviderFault`` (broken) where it is of another shape."""
        try:
            return read()
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as fault:
            raise ProviderFault(self.name, "broken", f"an answer of another shape: {fault!r}") from fault

    def close(self) -> None:
        """Close idle connections."""
        self._searches.close()
        self._others.close()
        self._credentials.close()


def encode(body: Mapping[str, Any]) -> bytes:
    """As JSON. Half of a surrogate pair, which UTF-8 cannot say, becomes a question mark."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def _decode(data: bytes) -> Any:
    return json.loads(data)
