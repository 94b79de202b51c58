"""Times of day and dates, as they are said. Pure."""

import re

from engine.speech.spoken.language import Half, Language, Rule
from engine.speech.spoken.letters import MARKS

HALF = r"(?:[ ]?(?:[aApP]\.[mM]\.|[aApP][mM]\b))"

_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAYS = r"Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun"


def _day(short: str) -> str:
    return next(day for day in _WEEK if day.startswith(short[:3]))


class Moments:
    """Reads dates and times of one language."""

    def __init__(self, language: Language) -> None:
        """For ``rules.Reader``."""
        self.language = language
        # Short names of months are English ones here; the short name of May is its name.
        self._short_months = {month[:3]: month for month in language.months} if language.code == "en" else {}
        self._short_months.pop("May", None)

    def rules(self) -> list[Rule]:
        """In the order in which they are to be tried."""
        language = self.language
        words = "|".join(language.clock_words) or "-"
        at_endings = "|".join(language.clock_at_written) or "-"
        time = (rf"(?:[01]?\d|2[0-4])(?:[:][0-5]\d(?!\d)|[ ]?h[ ]?[0-5]\d\b|[ ]?h\b|(?:\.[0-5]\d)?{HALF})"
                rf"(?:[ ]?{HALF})?(?:[ ](?:{words})(?!\w|[{MARKS}]))?")  # fmt: skip
        months = "|".join([*language.months, *(rf"{short}\b\.?" for short in self._short_months)])
        rules: list[Rule] = [
            (r"(\d{4})-(\d{2})-(\d{2})(?:T[\d:.]+Z?)?(?!\d)", lambda m: self._date(m[3], m[2], m[1])),
            (r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?!\d|[./-]\d)", lambda m: self._date(m[1], m[3], m[4], m[2])),
        ]
        if language.code in ("en", "fr"):
            rules += [
                (rf"(\d{{1,2}})(?:st|nd|rd|th|er)?(?: of)? ({months})(?!\w)(?:,? (\d{{4}})\b)?", self._day_month),
                (rf"({months}) (\d{{1,2}})(?:st|nd|rd|th)?\b(?![.,:]?\d)(?:,? (\d{{4}})\b)?", self._month_day),
                (rf"({months}) (\d{{4}})\b", lambda m: f"{self._month(m[1])} {language.year(int(m[2]))}"),
            ]
        if language.code == "en":
            rules += [
                (rf"({_DAYS})\.?[ ]?[-\u2013][ ]?({_DAYS})\b", lambda m: f"{_day(m[1])} to {_day(m[2])}"),
                (r"(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri)\b", lambda m: _day(m[0])),
            ]
        rules += [
            (rf"{time}[ ]?[-\u2013][ ]?{time}", self._times),
            (rf"(\d{{1,2}}(?:[:.][0-5]\d)?)[ ]?[-\u2013][ ]?({time})", self._until),
            (rf"{time}(?:[-\u2013 ]?({at_endings})(?!\w|[{MARKS}]))?", self._time),
            (r"\d{1,2}\.[0-5]\d(?!\d|\.\d)", self._dotted_time),
        ]
        return rules

    def _month(self, written: str) -> str:
        """The whole name of a month."""
        return self._short_months.get(written.rstrip("."), written)

    def _date(self, day: str, month: str, year: str, mark: str = "/") -> str | None:
        d, m, y = int(day), int(month), int(year)
        if m > 12 >= d and self.language.code == "en":
            d, m = m, d
        if not (1 <= d <= 31 and 1 <= m <= 12) or (len(year) == 2 and mark != "/" and len(day + month) < 3):
            return None
        return self.language.date(d, m, y + 2000 if len(year) == 2 else y)

    def _day_month(self, match: re.Match[str]) -> str | None:
        day, month = int(match[1]), self.language.months.index(self._month(match[2])) + 1
        if not 1 <= day <= 31:
            return None
        said = self.language.date(day, month, int(match[3]) if match[3] else None)
        article = re.search(r"\b[Tt]he $", match.string[: match.start()])
        return said.removeprefix("the ") if article else said

    def _month_day(self, match: re.Match[str]) -> str | None:
        if self.language.code != "en" or not 1 <= int(match[2]) <= 31:
            return None
        year = f", {self.language.year(int(match[3]))}" if match[3] else ""
        return f"{self._month(match[1])} {self.language.ordinal(int(match[2]))}{year}"

    def _clock(self, text: str, half: Half = "") -> str | None:
        figures = re.findall(r"\d+", text)
        hour, minute = int(figures[0]), int(figures[1]) if len(figures) > 1 else 0
        written = re.search(r"([aApP])\.?[mM]", text)
        if hour > 24 or minute > 59:
            return None
        return self.language.clock(hour % 24, minute, ("am" if written[1] in "aA" else "pm") if written else half)

    def _time(self, match: re.Match[str]) -> str | None:
        said = self._clock(match[0])
        if said is None:
            return None
        before = match.string[: match.start()].split()
        if before and said.startswith(f"{before[-1]} "):
            said = said.removeprefix(f"{before[-1]} ")  # the part of the day was written, too
        if match[1] is None:
            return said
        head, _, last = said.rpartition(" ")
        return f"{head} {self.language.clock_at.get(last, last)}"

    def _dotted_time(self, match: re.Match[str]) -> str | None:
        """5.30 is a time only among words that say so."""
        before = re.findall(rf"(?:\w|[{MARKS}])+", match.string[max(0, match.start() - 20) : match.start()].lower())
        after = match.string[match.end() :].lstrip()
        known = after.startswith(self.language.clock_words) if self.language.clock_words else False
        if not known and not (before and before[-1] in self.language.clock_before):
            return None
        if not known and re.match(r"%|[₹$€£]|(?:percent|rupees|dollars|euros|lakh|crore|million|[kmcg]+\b)", after):
            return None
        said = self._clock(match[0])
        for word in self.language.clock_words:
            if said and after.startswith(word):
                said = said.removesuffix(word).rstrip()
        return said

    def _times(self, match: re.Match[str]) -> str | None:
        first, last = re.split(r"[ ]?[-\u2013][ ]?", match[0], maxsplit=1)
        one, two = self._clock(first), self._clock(last)
        return self.language.span(one, two) if one and two else None

    def _until(self, match: re.Match[str]) -> str | None:
        """9-10.30 a.m.: the first of two times without a half of the day of its own."""
        if not re.search(HALF, match[2]):
            return None
        figures = re.findall(r"\d+", match[1])
        if int(figures[0]) > 12:
            return None
        one = " ".join(self.language.cardinal(int(figure)) for figure in figures)
        two = self._clock(match[2])
        return self.language.span(one, two) if two else None
