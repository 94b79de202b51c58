"""What a provider's error means: status, headers and body become a ``ProviderFault``. Pure.

Sources: OpenAI's guide on error codes (``insufficient_quota`` is a 429 that no waiting cures), Anthropic's page on
errors (529 ``overloaded_error``), ElevenLabs' page on errors (``detail`` with ``status`` or ``code``; used-up credit is
a 401 ``quota_exceeded``), Azure OpenAI's reference (``content_filter``).
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from engine.errors import FaultKind, ProviderFault
from engine.net.waits import wait_told

LONGEST_TEXT = 240
"""Characters of a provider's own words that go into our message."""

_KINDS: dict[int, FaultKind] = {401: "auth", 403: "auth", 408: "unavailable", 425: "unavailable", 429: "rate_limit"}

_MEANT: dict[str, FaultKind] = {
    "insufficient_quota": "auth", "quota_exceeded": "auth", "billing_error": "auth", "invalid_api_key": "auth",
    "authentication_error": "auth", "permission_error": "auth",
    "rate_limit_exceeded": "rate_limit", "rate_limit_error": "rate_limit", "too_many_concurrent_requests": "rate_limit",
    "overloaded_error": "unavailable", "system_busy": "unavailable", "server_error": "unavailable",
    "api_error": "unavailable", "timeout_error": "unavailable",
    "invalid_request_error": "refused", "not_found_error": "refused", "content_filter": "refused",
    "content_policy_violation": "refused", "request_too_large": "refused",
}  # fmt: skip
"""Error names that say more than the status, or come in a stream where there is none."""

_ADVICE = {
    "auth": "check the key, its permissions and the account's credit",
    "rate_limit": "",
    "unavailable": "",
    "refused": "",
}

_KEY = re.compile(r"\b(?:sk|xi|key|Bearer)[-_ ][\w*.\-]{6,}", re.IGNORECASE)


def fault_of(provider: str, status: int, headers: Mapping[str, str], body: bytes | str | Any) -> ProviderFault:
    """The fault behind an answer that is no success. ``status`` 0: an error in the middle of a stream.

    ``headers`` have small letters; ``body`` is JSON as text or parsed, or anything else.
    """
    names, text = _read(body)
    kind = next((_MEANT[name] for name in names if name in _MEANT), None)
    if kind is None or (status >= 400 and kind == "refused"):  # OpenAI calls many things an invalid request
        kind = _KINDS.get(status) or ("unavailable" if status >= 500 else "refused" if status >= 300 else "broken")
    said = [f"HTTP {status}" if status else "an error in its stream", *names[:1]]
    if kind != "auth" and text:
        said.append(_KEY.sub("***", text)[:LONGEST_TEXT])
    if 300 <= status < 400:
        said.append(f"it redirects to {headers.get('location', 'nowhere')}: correct base_url")
    elif _ADVICE.get(kind):
        said.append(_ADVICE[kind])
    wait = wait_told(headers, text) if kind in ("rate_limit", "unavailable") else None
    return ProviderFault(provider, kind, ": ".join(said), wait, status)


def _read(body: bytes | str | Any) -> tuple[list[str], str]:
    """(names of the error from the most special to the most general, its message) of the shapes vendors use."""
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return [], "" if "<html" in body[:500].lower() else " ".join(body.split())
    if not isinstance(body, Mapping):
        return [], ""
    inner = body.get("error") or body.get("detail") or body
    if isinstance(inner, str):
        return [], inner
    if isinstance(inner, list):  # FastAPI's list of what is wrong with the fields
        return [], "; ".join(f"{item.get('loc')}: {item.get('msg')}" for item in inner if isinstance(item, Mapping))
    if not isinstance(inner, Mapping):
        return [], ""
    if isinstance(status := inner.get("status"), Mapping):  # Qdrant's
        return [], str(status.get("error") or "")
    names = [str(inner[key]) for key in ("code", "status", "type") if inner.get(key) and isinstance(inner[key], str)]
    return list(dict.fromkeys(names)), str(inner.get("message") or body.get("message") or "")
