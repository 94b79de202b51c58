"""How the figures of a text are read: whole numbers, decimals, digit by digit. Pure."""

import re

from engine.speech.spoken.language import LARGEST, Language

DOT_NUMBER = r"(?:\d{1,3}(?:,\d{2,3})*,\d{3}|\d+)(?:\.\d+)?"
COMMA_NUMBER = r"(?:\d{1,3}(?: \d{3})+|\d{1,3}(?:\.\d{3})+|\d+)(?:[.,]\d+)?"
_INDIAN_GROUPS = re.compile(r"\d{1,2}(?:,\d{2})+,\d{3}")


class Numerals:
    """Reads figures in one language; ``in_lakhs``: also those that are not grouped in lakhs."""

    def __init__(self, language: Language, in_lakhs: bool) -> None:
        """For ``rules.Reader``."""
        self.language = language
        self._in_lakhs = in_lakhs
        self.pattern = COMMA_NUMBER if language.decimal_comma else DOT_NUMBER

    def split(self, figures: str) -> tuple[str, str]:
        """Whole digits and decimals of a number as ``pattern`` finds it."""
        if not self.language.decimal_comma:
            whole, _, decimals = figures.partition(".")
            return whole.replace(",", ""), decimals
        grouped = re.fullmatch(r"(\d{1,3}(?:[ .]\d{3})+|\d+)(?:[.,](\d+))?", figures)
        if grouped is None:
            return re.sub(r"\D", "", figures), ""
        return re.sub(r"\D", "", grouped[1]), grouped[2] or ""

    def say(self, figures: str, noun: str = "", *, lakhs: bool = False) -> str:
        """A number, as it stands before ``noun``; ``lakhs``: it is of something counted in lakhs."""
        whole, decimals = self.split(figures)
        if (len(whole) > 1 and whole[0] == "0") or len(whole) > len(str(LARGEST)):
            said = self.digits(whole)
        elif lakhs or self._in_lakhs or _INDIAN_GROUPS.match(figures):
            said = self.language.indian(int(whole)) if int(whole) != 1 else self.language.count(1, noun or "-")
        elif noun and not decimals:
            said = self.language.count(int(whole), noun)
        else:
            said = self.language.cardinal(int(whole))
        return f"{said} {self.language.point} {self._decimals(decimals)}" if decimals else said

    def one(self, figures: str) -> bool:
        """Whether the noun after this number is in the singular."""
        whole, decimals = self.split(figures)
        if self.language.decimal_comma:
            return whole in ("0", "1")
        return whole == "1" and not decimals

    def digits(self, digits: str) -> str:
        """Digit by digit; long rows in groups, with a pause between them."""
        return ", ".join(" ".join(self.language.digits[int(digit)] for digit in group) for group in grouped(digits))

    def telephone(self, groups: list[str]) -> str:
        """The groups of a telephone number, with a pause between them."""
        if self.language.pairs and sum(len(group) == 2 for group in groups) > 2:
            return ", ".join(self._pair(group) for group in groups)
        return ", ".join(self.digits(group) for group in groups)

    def _pair(self, group: str) -> str:
        if len(group) != 2 or group[0] == "0":
            return self.digits(group)
        return self.language.cardinal(int(group))

    def _decimals(self, decimals: str) -> str:
        if self.language.decimal_comma and len(decimals) <= 3:
            rest = decimals.lstrip("0")
            zeros = [self.language.digits[0]] * (len(decimals) - len(rest))
            return " ".join([*zeros, self.language.cardinal(int(rest))] if rest else zeros)
        return " ".join(self.language.digits[int(digit)] for digit in decimals)


def grouped(digits: str) -> list[str]:
    """Up to six digits are one group, ten are two of five, others are groups of three and a last one of up to five."""
    if len(digits) <= 6:
        return [digits]
    if len(digits) == 10:
        return [digits[:5], digits[5:]]
    groups = []
    while len(digits) > 5:
        groups.append(digits[:3])
        digits = digits[3:]
    return [*groups, digits]
