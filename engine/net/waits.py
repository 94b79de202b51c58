"""How long a provider wants us to wait: from response headers, else from the text of its error. Pure.

Sources: OpenAI's guide on rate limits (``x-ratelimit-reset-tokens: 6m0s``; "Please try again in 1.8s"), Azure OpenAI
("Please retry after 20 seconds", ``retry-after-ms``), Anthropic's page on rate limits (``retry-after`` in seconds,
``anthropic-ratelimit-requests-reset`` as an RFC 3339 time), RFC 9110 10.2.3 (``Retry-After``, also as a date).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

LONGEST_S = 86400.0
"""A wait is never taken for longer: by then someone has looked."""

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_UNIT = r"(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)"
_PART = re.compile(rf"(\d{{1,9}}(?:\.\d{{1,9}})?)\s*{_UNIT}(?![a-z])", re.IGNORECASE)
_COMPACT = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)")
_ASKED = re.compile(r"\b(?:try(?:ing)? again|retry(?:ing)?|wait|available again)\b[^\d\n]{0,40}(?=\d)", re.IGNORECASE)


def wait_told(headers: Mapping[str, str], text: str, now: datetime | None = None) -> float | None:
    """Seconds to wait before the next try, None where nothing was told. ``headers`` have small letters.

    The most exact comes first: ``retry-after`` in its kinds, the text, the reset times of what is used up.
    """
    now = now or datetime.now(timezone.utc)
    for seconds in (_milliseconds(headers.get("retry-after-ms", "")), _retry_after(headers.get("retry-after", ""), now),
                    wait_in_text(text), _reset(headers, now)):
        if seconds is not None:
            return min(max(seconds, 0.0), LONGEST_S)
    return None


def wait_in_text(text: str) -> float | None:
    """Seconds from a sentence like "Please try again in 1m2.5s"; None where it says nothing of the kind."""
    asked = _ASKED.search(text)
    if asked is None:
        return None
    at, total = asked.end(), 0.0
    while part := (_COMPACT.match(text, at) or _PART.match(text, at)):
        total += float(part[1]) * _SECONDS[_short(part[2])]
        at = part.end()
        gap = re.compile(r"\s*(?:,|and)?\s*").match(text, at)
        at = gap.end() if gap else at
    return total if at > asked.end() else None


def duration(text: str) -> float | None:
    """Seconds of ``12ms``, ``1s``, ``6m0s``, ``1h2m3.5s`` or a bare number of seconds; None for anything else."""
    plain = text.strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", plain):
        return float(plain)
    if not re.fullmatch(rf"(?:{_COMPACT.pattern})+", plain):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _COMPACT.findall(plain))


def _short(unit: str) -> str:
    unit = unit.lower()
    return "ms" if unit.startswith(("ms", "mil")) else unit[0]


def _milliseconds(value: str) -> float | None:
    seconds = duration(value)
    return seconds / 1000 if seconds is not None else None


def _retry_after(value: str, now: datetime) -> float | None:
    seconds = duration(value)
    return seconds if seconds is not None else _until(value, now)


def _until(value: str, now: datetime) -> float | None:
    """Seconds until an RFC 3339 time or an HTTP date."""
    for parse in (lambda: datetime.fromisoformat(value.strip().replace("Z", "+00:00")),
                  lambda: parsedate_to_datetime(value)):
        try:
            then = parse()
        except (ValueError, TypeError, IndexError):
            continue
        return (then if then.tzinfo else then.replace(tzinfo=timezone.utc)).timestamp() - now.timestamp()
    return None


def _reset(headers: Mapping[str, str], now: datetime) -> float | None:
    """The longest reset of the limits that are used up; of all limits where none says so."""
    known = [(seconds, spent) for seconds, spent in _resets(headers, now) if seconds is not None]
    used_up = [seconds for seconds, spent in known if spent]
    return max(used_up or [seconds for seconds, _ in known], default=None)


def _resets(headers: Mapping[str, str], now: datetime) -> Iterator[tuple[float | None, bool]]:
    for name, value in headers.items():
        if name.startswith("x-ratelimit-reset-"):
            spent = headers.get(name.replace("-reset-", "-remaining-")) == "0"
            yield duration(value), spent
        elif name.startswith("anthropic-ratelimit-") and name.endswith("-reset"):
            spent = headers.get(name.removesuffix("reset") + "remaining") == "0"
            yield _until(value, now), spent
