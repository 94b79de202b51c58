"""API keys: kept as hashes, looked up without telling by the time it takes how much of one was right.

A key is 32 random bytes, so that its plain SHA-256 cannot be turned back; passwords would need more.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence

from engine.config.web import KeyOptions
from engine.web.clients import Fields
from engine.web.errors import WebError
from engine.web.route import SCOPES, Key

PREFIX = "tk_"
SUBPROTOCOL = "openai-insecure-api-key."
"""Browsers cannot set headers of WebSockets: OpenAI's SDKs send the key as a sub-protocol that begins so."""

Verifier = Callable[[str], "Key | None"]
"""Whose secret this is; None: not one of mine. Called with every secret that is no key of the configuration."""

LOCAL = Key("local", frozenset(SCOPES))
"""Who asks from this machine where no keys are configured."""


def new_key() -> tuple[str, str]:
    """A new key and its SHA-256 in hexadecimal."""
    key = PREFIX + secrets.token_urlsafe(32)
    return key, digest(key)


def digest(secret: str) -> str:
    """As ``http.keys.NAME.sha256`` has it."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


class Keys:
    """Those of the configuration, and what verifiers know."""

    def __init__(self, options: Mapping[str, KeyOptions], verifiers: Sequence[Verifier] = (),
                 environ: Mapping[str, str] = os.environ) -> None:
        """Raises ``WebError`` where a key's variable is not there."""
        self._verifiers = tuple(verifiers)
        self._known = [(_digest_of(name, one, environ), Key(name, frozenset(one.scopes)))
                       for name, one in options.items()]

    def __len__(self) -> int:
        """How many are configured."""
        return len(self._known)

    def find(self, secret: str) -> Key | None:
        """Whose secret this is. All are compared, each in constant time."""
        given = digest(secret)
        found: Key | None = None
        for known, one in self._known:
            if hmac.compare_digest(known, given):
                found = one  # and go on: the time tells nothing
        if found is None:
            found = next((key for verify in self._verifiers if (key := verify(secret)) is not None), None)
        return found


def _digest_of(name: str, options: KeyOptions, environ: Mapping[str, str]) -> str:
    if options.sha256:
        return options.sha256
    key = environ.get(options.key_env, "") if options.key_env else options.key
    if not key:
        raise WebError(f"http.keys.{name}.key_env: there is no variable {options.key_env} in the environment")
    return digest(key)


def secrets_of(headers: Fields, query: Fields, websocket: bool) -> Iterator[str]:
    """Where clients put their key: ``Authorization: Bearer``, ``X-API-Key``, ``api-key`` (Azure's SDKs); for
    WebSockets, where browsers can set no header, a sub-protocol or the parameter ``api-key``."""
    kind, _, token = headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        yield token.strip()
    yield headers.get("X-API-Key", "")
    yield headers.get("api-key", "")
    if websocket:
        yield query.get("api-key", "")
        for name in headers.get("Sec-WebSocket-Protocol", "").split(","):
            if name.strip().startswith(SUBPROTOCOL):
                yield name.strip()[len(SUBPROTOCOL):]
