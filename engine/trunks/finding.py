"""One line of the result."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["pass", "warn", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``check``: what was looked at. ``todo``: what to do about a warning or a failure, or to have a skip looked at."""

    check: str
    status: Status
    text: str
    todo: str = ""


def passed(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, "pass", text)


def warned(check: str, text: str, todo: str) -> Finding:
    """Calls work, but not well, or not for ever."""
    return Finding(check, "warn", text, todo)


def failed(check: str, text: str, todo: str) -> Finding:
    """Calls fail."""
    return Finding(check, "fail", text, todo)


def skipped(check: str, text: str, todo: str = "") -> Finding:
    """It could not be looked at."""
    return Finding(check, "skip", text, todo)


__all__ = ["Finding", "Status", "failed", "passed", "skipped", "warned"]
