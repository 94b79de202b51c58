"""HTTP statuses as provider faults: which are worth another try, where, and when."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import time

from engine.errors import FaultKind, ProviderFault

LONGEST_WAIT_S = 3600.0

_TRY_AGAIN = re.compile(r"try again in ((?:\d+h)?(?:\d+m(?!s))?(?:[\d.]+s)?(?:[\d.]+ms)?)", re.IGNORECASE)
_SPAN = re.compile(r"([\d.]+)(ms|h|m|s)")
_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def status_fault(provider: str, status: int, headers: Mapping[str, str], text: str) -> ProviderFault:
    """The fault that an HTTP answer with this status means; header names are lower-case, ``text`` is its body."""
    kind: FaultKind = "refused"
    if status in (401, 403):
        kind = "auth"
    elif status == 429:
        kind = "rate_limit"
    elif status in (408, 504):
        kind = "timeout"
    elif status >= 500:
        kind = "unavailable"
    hint = {"auth": "the key is missing, wrong or not allowed to do this", "rate_limit": "too many requests",
            "timeout": "it took too long there", "unavailable": "it does not work there at the moment",
            "refused": "the request is not right for it: look at model, language and extra options"}[kind]
    said = " ".join(text.split())[:160]
    message = f"HTTP {status}: {hint}" + (f" ({said})" if said else "")
    return ProviderFault(provider, kind, message, retry_after_s(headers, text) if kind != "auth" else None)


def retry_after_s(headers: Mapping[str, str], text: str = "") -> float | None:
    """How long the provider asks to wait, from ``retry-after-ms``, ``retry-after`` or "try again in 1.8s"."""
    found: float | None = None
    try:
        if "retry-after-ms" in headers:
            found = float(headers["retry-after-ms"]) / 1000
        elif "retry-after" in headers:
            value = headers["retry-after"]
            found = (float(value) if value.replace(".", "", 1).isdigit()
                     else parsedate_to_datetime(value).timestamp() - time())
    except ValueError:
        found = None  # what cannot be read is not there
    if found is None and (match := _TRY_AGAIN.search(text)) and match.group(1):
        found = sum(float(number) * _UNIT_S[unit] for number, unit in _SPAN.findall(match.group(1)))
    return None if found is None else min(max(found, 0.0), LONGEST_WAIT_S)


__all__ = ["retry_after_s", "status_fault"]
