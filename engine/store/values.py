"""Values of an event log as the tables take them: a log may hold anything, and nothing here raises for it. Pure."""

import json
import math
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

LONGEST_TEXT = 100_000
"""Letters of a text that are kept."""

EPOCH = datetime.fromtimestamp(0, timezone.utc)


def number(value: object) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def whole(value: object) -> int | None:
    """A whole number from 0 on that every database takes; None where it is none."""
    found = number(value)
    return None if found is None else int(min(max(found, 0.0), 2e9))


def span(value: object) -> timedelta:
    """So many seconds; within a year, so that no log leads out of the calendar."""
    return timedelta(seconds=min(max(number(value) or 0.0, -3e7), 3e7))


def as_text(value: object) -> str:
    """As text that every database takes: without NUL and without halves of surrogate pairs."""
    if value is None:
        return ""
    return str(value)[:LONGEST_TEXT].replace("\0", "").encode("utf-8", "replace").decode()


def plain(value: Any) -> Any:
    """JSON, its texts as ``as_text``; numbers that JSON does not know as text."""
    if isinstance(value, dict):
        return {as_text(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else as_text(value)


def parsed(value: Any) -> Any:
    """``plain``, of JSON that is written as a text what it says."""
    try:
        return plain(json.loads(value) if isinstance(value, str) else value)
    except (ValueError, RecursionError):
        return plain(value)


def generation(event: Mapping[str, Any]) -> int:
    """The reply that a line is about; -1 for none."""
    gen = number(event.get("gen"))
    return -1 if gen is None else int(gen)


def as_time(value: object) -> datetime:
    """An ISO time; the epoch where it is none."""
    try:
        found = datetime.fromisoformat(as_text(value).replace("Z", "+00:00"))
    except ValueError:
        found = EPOCH
    if not 1970 <= found.year < 9000:
        found = EPOCH
    return found.replace(tzinfo=timezone.utc) if found.tzinfo is None else found.astimezone(timezone.utc)


def rank(values: list[float], share: float) -> float:
    """The value that so much of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
