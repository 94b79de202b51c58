"""The time attributes of a condition, compared as FreeSWITCH compares them (``src/switch_xml.c``, ``switch_utils.c``).

Pure: the time is given.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from engine.dialplan.model import is_number, is_true, leading_int

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
TIME_ONLY = re.compile(r"(\d*):?(\d*):?(\d*)$")
DATE = re.compile(r"(\d+)-(\d+)-(\d+)\s*(\d*):?(\d*):?(\d*)")


def time_matches(times: Mapping[str, str], now: datetime, offset_h: int | None, zone: str) -> bool | None:
    """Whether ``now`` is in the times of a condition; None where it names none.

    ``now`` is aware, in the time zone of the machine. ``offset_h`` is the variable ``tod_tz_offset``, ``zone`` the
    variable ``timezone``: they move the clock that is compared, except for ``dst`` and ``date-time``.
    """
    if not times:
        return None
    there = _there(now, offset_h, zone)
    if "tz-offset" in times:
        given = times["tz-offset"]
        here = offset_h if offset_h is not None else _offset_h(there)
        wanted = leading_int(given) if given and is_number(given) else here
        if wanted != here:
            return False
    if times.get("dst") and not (_is_dst(now) and is_true(times["dst"])):
        return False
    if "date-time" in times and not full_date_matches(times["date-time"], now):
        return False
    # An empty dst compares nothing, and then no time was compared.
    compared = [name for name in times if name != "dst" or times["dst"]]
    return all(_COMPARE[name](times[name], there) for name in times if name in _COMPARE) if compared else None


def number_matches(text: str, value: int) -> bool:
    """A list of numbers and ranges: ``1,3-5``. A range whose end is smaller goes round: ``18-8``."""
    at = 0
    while True:
        first, at = _strtol(text, at)
        if text[at : at + 1] == "-":
            last, at = _strtol(text, at + 1)
            if (first <= value <= last) if first <= last else (value >= first or value <= last):
                return True
        elif first == value:
            return True
        if text[at : at + 1] != ",":
            return False
        at += 1


def day_matches(text: str, value: int) -> bool:
    """Days of the week: ``1`` to ``7`` from Sunday, or ``mon``; lists and ranges. An unknown word ends the list."""
    at = 0
    before = start = 0
    while at < len(text):
        day = 0
        if text[at] == "-":
            at, start = at + 1, before
        elif text[at] == ",":
            at, before = at + 1, 0
            continue
        elif text[at] in "1234567":
            day, at = int(text[at]), at + 1
        elif text[at : at + 3].lower() in DAYS:
            day, at = DAYS.index(text[at : at + 3].lower()) + 1, at + 3
        else:
            return False
        if day and start:
            if (start <= value <= day) if start <= day else (value >= start or value <= day):
                return True
            start = 0
        elif day == value:
            return True
        before = day or ord("-")
    return False


def time_of_day_matches(text: str, second: int) -> bool:
    """Ranges ``09:00-18:00`` or ``09:00:00-17:59:59``, both ends included; one that ends earlier goes over midnight."""
    for part in text.split(","):
        start, dash, end = part.partition("-")
        if not dash or ":" not in start or ":" not in end:
            continue
        first, last = _seconds(start), _seconds(end)
        if (first <= second <= last) if first <= last else (second >= first or second <= last):
            return True
    return False


def full_date_matches(text: str, now: datetime) -> bool:
    """Ranges ``2026-01-01 00:00:00~2026-01-02 12:00:00`` in the machine's own time; the end is not in the range."""
    for part in text.split(","):
        start, tilde, end = part.partition("~")
        if not tilde:
            continue
        first, last = _date(start, now), _date(end, now)
        if first is None or last is None:
            return False
        if first <= now < last:
            return True
    return False


def _there(now: datetime, offset_h: int | None, zone: str) -> datetime:
    if offset_h is not None:
        hours = max(-23, min(23, offset_h))
        return now.astimezone(timezone(timedelta(hours=hours)))
    if zone:
        try:
            return now.astimezone(ZoneInfo(zone))
        except (KeyError, ValueError, OSError):
            return now.astimezone(timezone.utc)
    return now


def _offset_h(moment: datetime) -> int:
    offset = moment.utcoffset()
    return math.trunc(offset.total_seconds() / 3600) if offset else 0


def _is_dst(moment: datetime) -> bool:
    return bool(moment.dst())


def _strtol(text: str, at: int) -> tuple[int, int]:
    match = re.compile(r"\s*[-+]?[0-9]{1,12}").match(text, at)
    return (int(match.group()), match.end()) if match else (0, at)


def _seconds(text: str) -> int:
    hour, minute, *rest = text.split(":")
    return leading_int(hour) * 3600 + leading_int(minute) * 60 + (leading_int(rest[0]) if rest else 0)


def _date(text: str, now: datetime) -> datetime | None:
    """``2026-01-31 18:00:00``, parts of the time may be missing; or a time of today alone."""
    today = TIME_ONLY.match(text)
    match = today or DATE.match(text)
    if match is None:
        return None
    numbers = [int(part[:6] or 0) for part in match.groups()]
    if today:
        numbers = [now.year, now.month, now.day, *numbers]
    try:
        return datetime(*numbers[:3], *numbers[3:], tzinfo=now.tzinfo)  # type: ignore[arg-type, misc]
    except ValueError:
        return None


def _year_day(now: datetime) -> int:
    return now.timetuple().tm_yday


def _week_day(now: datetime) -> int:
    """1 for Sunday."""
    return now.isoweekday() % 7 + 1


def _month_week(now: datetime) -> int:
    first = (7 - math.fmod(now.day - _week_day(now), 7)) % 7
    return math.ceil((now.day + first) / 7)


_COMPARE: dict[str, Callable[[str, datetime], bool]] = {
    "year": lambda text, now: number_matches(text, now.year),
    "yday": lambda text, now: number_matches(text, _year_day(now)),
    "mon": lambda text, now: number_matches(text, now.month),
    "mday": lambda text, now: number_matches(text, now.day),
    "week": lambda text, now: number_matches(text, (_year_day(now) - 1) // 7 + 1),
    "mweek": lambda text, now: number_matches(text, _month_week(now)),
    "wday": lambda text, now: day_matches(text, _week_day(now)),
    "hour": lambda text, now: number_matches(text, now.hour),
    "minute": lambda text, now: number_matches(text, now.minute),
    "minute-of-day": lambda text, now: number_matches(text, now.hour * 60 + now.minute + 1),
    "time-of-day": lambda text, now: time_of_day_matches(text, now.hour * 3600 + now.minute * 60 + now.second),
}
