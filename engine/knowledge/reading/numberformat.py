"""Numbers and dates of a sheet as its reader sees them: the usual number formats of Excel. Pure."""

import re
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

_LITERAL = re.compile(r'"([^"]*)"|\\(.)|\[\$([^\]-]*)(?:-[^\]]*)?\]')
_CONDITION = re.compile(r"\[[^\]]*\]")
_PADDING = re.compile(r"_.|\*.")
_DIGITS = re.compile(r"[#0?][#0?,.]*")
_DATE_PART = re.compile(r"y+|m+|d+|h+|s+|am/pm|a/p|\.0+", re.IGNORECASE)
_DATE_PIECE = re.compile(rf"{_LITERAL.pattern}|\[[^\]]*\]|{_DATE_PART.pattern}|.", re.IGNORECASE)
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LOCAL = frozenset({"general", "mm-dd-yy", "m/d/yy h:mm", "[$-f800]dddd, mmmm dd, yyyy"})
"""Date formats that look another way on each machine: written in full, so that day and month cannot be mistaken."""


def shown(value: object, form: str) -> str:
    """A cell's value in the format ``form`` ("General", "0.00", "dd/mm/yyyy" ...)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime | date | time):
        return _date(value, form)
    if isinstance(value, timedelta):
        minutes, seconds = divmod(int(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02d}" + (f":{seconds:02d}" if seconds else "")
    if isinstance(value, int | float):
        return _number(value, form)
    return str(value)


def _number(value: float, form: str) -> str:
    sections = form.split(";")
    section = sections[1] if value < 0 and len(sections) > 1 else sections[0]
    section = _PADDING.sub("", section)
    bare = _CONDITION.sub("", _LITERAL.sub("", section))
    found = _DIGITS.search(bare)
    if found is None or "/" in bare or "e+" in bare.lower() or value != value or abs(value) >= 1e15:
        return f"{value:.15g}"
    digits = found[0]
    scaled = Decimal(repr(value)) * (100 if "%" in bare else 1)
    if value < 0 and len(sections) > 1:
        scaled = -scaled
    digits = digits.rstrip(",")
    whole, _, part = digits.partition(".")
    least, most = part.count("0"), len(part)
    rounded = scaled.quantize(Decimal(1).scaleb(-most), ROUND_HALF_UP)
    text = f"{abs(rounded):{',' if ',' in whole else ''}.{most}f}"
    if most > least and "." in text:
        kept = text.index(".") + 1 + least
        text = text[:kept] + text[kept:].rstrip("0")
        text = text.rstrip(".")
    integer, dot, decimals = text.partition(".")
    text = integer.zfill(whole.count("0")) + dot + decimals
    before, after = _around(section)
    return f"{'-' if rounded < 0 else ''}{before}{text}{after}".strip()


def _around(section: str) -> tuple[str, str]:
    """What stands before and after the digits: currency, unit, percent."""
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(next((part for part in found.groups() if part is not None), ""))
        return f"\x00{len(kept) - 1}\x01"

    marked = _CONDITION.sub("", _LITERAL.sub(keep, section))
    found = next((one for one in _DIGITS.finditer(re.sub(r"\x00\d+\x01", lambda one: "\x02" * len(one[0]), marked))),
                 None)
    if found is None:
        return "", ""
    before, after = marked[:found.start()], marked[found.end():]
    return tuple(re.sub(r"\x00(\d+)\x01", lambda one: kept[int(one[1])], side)  # type: ignore[return-value]
                 for side in (before, after))


def _date(value: datetime | date | time, form: str) -> str:
    section = form.split(";")[0]
    if section.lower() in _LOCAL or not _DATE_PART.search(_CONDITION.sub("", _LITERAL.sub("", section))):
        return _plain(value)
    pieces = list(_DATE_PIECE.finditer(section))
    words = [found[0] for found in pieces]
    half_day = any(word.lower() in ("am/pm", "a/p") for word in words)
    text = ""
    last = ""
    for place, found in enumerate(pieces):
        word = found[0].lower()
        if word[0] in ('"', "\\", "["):
            text += next((part for part in found.groups() if part is not None), "")
        elif _DATE_PART.fullmatch(word):
            following = next((other.lower()[0] for other in words[place + 1:] if _DATE_PART.fullmatch(other)), "")
            minutes = word[0] == "m" and len(word) < 3 and (last == "h" or following == "s")
            text += _part(value, "n" * len(word) if minutes else word, half_day)
            last = word[0]
        else:
            text += found[0]
    return text.strip(" -@")


def _part(value: datetime | date | time, part: str, half_day: bool) -> str:
    day = value if isinstance(value, date) else date(1900, 1, 1)
    clock = value.time() if isinstance(value, datetime) else value if isinstance(value, time) else time()
    length = len(part)
    if part.startswith("."):
        return ""
    if part in ("am/pm", "a/p"):
        return "AM" if clock.hour < 12 else "PM"
    if part[0] == "y":
        return f"{day.year:04d}" if length > 2 else f"{day.year % 100:02d}"
    if part[0] == "m" and length > 2:
        return _MONTHS[day.month - 1] if length > 3 else _MONTHS[day.month - 1][:3]
    if part[0] == "d" and length > 2:
        return _DAYS[day.weekday()] if length > 3 else _DAYS[day.weekday()][:3]
    hour = (clock.hour - 1) % 12 + 1 if half_day else clock.hour
    number = {"m": day.month, "d": day.day, "h": hour, "n": clock.minute, "s": clock.second}[part[0]]
    return f"{number:02d}" if length > 1 else str(number)


def _plain(value: datetime | date | time) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.strftime("%Y-%m-%d %H:%M")
    return value.strftime("%H:%M") if isinstance(value, time) else value.isoformat()
