"""Times as carriers write them. Pure."""

from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

INDIA = timezone(timedelta(hours=5, minutes=30))
"""Exotel's times have no zone and are India's."""

LONGEST = 64


def carrier_time(text: object, zone: timezone = INDIA) -> datetime | None:
    """In UTC, of ``2026-11-21 12:30:24``, ISO 8601, or the form of e-mails (Twilio). ``zone``: of times without one.

    None where it is no time. Exotel writes ``0000-00-00 00:00:00`` and the beginning of 1970 for a call that goes on:
    whatever lies before 2000 or beyond 2100 is none.
    """
    given = str(text or "").strip().strip('"')[:LONGEST]
    try:
        found: datetime | None = datetime.fromisoformat(given.replace("Z", "+00:00"))
    except ValueError:
        found = _of_mail(given)
    if found is None or not 2000 < found.year < 2100:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(timezone.utc)


def _of_mail(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
