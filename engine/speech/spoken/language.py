"""What a language must tell for written signs to be spoken in it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Half = Literal["", "am", "pm"]

Rule = tuple[str, Callable[["re.Match[str]"], "str | None"]]
"""A pattern and the words for its match, or None where it is something else after all."""


class Money(NamedTuple):
    """What a currency and its hundredth are called, one and many."""

    one: str
    many: str
    small_one: str
    small_many: str


@dataclass(frozen=True)
class Language:
    """Number words and other words of one language. Functions take whole numbers from 0 to ``LARGEST``."""

    code: str
    cardinal: Callable[[int], str]
    """A number in the language's own scale: thousand and million, or thousand, lakh and crore."""

    indian: Callable[[int], str]
    """A number in lakhs and crores."""

    ordinal: Callable[[int], str]
    year: Callable[[int], str]
    count: Callable[[int, str], str]
    """``count(n, noun)``: the number as it stands before this noun."""

    clock: Callable[[int, int, Half], str]
    """``clock(hour, minute, half)``: a time of day; ``half`` as written, "" if it was not."""

    date: Callable[[int, int, int | None], str]
    """``date(day, month, year)``; month from 1; the year may be missing."""

    span: Callable[[str, str], str]
    """From the one to the other, both in words already."""

    fraction: Callable[[int, int], str | None]
    """A fraction that people have a name for, else None."""

    point: str
    """Between the whole and the decimals of a number."""

    minus: str
    plus: str
    slash: str
    percent: str
    degrees: str
    per: str
    number: str
    about: str
    digits: tuple[str, ...]
    months: tuple[str, ...]
    money: Mapping[str, Money]
    units: Mapping[str, tuple[str, str]]
    """What stands after a number, as written, to one and many. Kinds of money excepted."""

    scales: tuple[str, ...]
    """Words for large numbers that may stand between a number and its currency."""

    nouns: frozenset[str]
    """Words, not shortened, that are often counted: they stay within a span, and follow the short form of one."""

    short_scales: Mapping[str, str]
    """Shortened ``scales``, as in "$5M"."""

    signs: Mapping[str, str]
    """Signs that are read as words wherever they stand."""

    abbreviations: Mapping[str, str]
    """As written (small letters, without the last full stop) to what is said."""

    id_words: frozenset[str]
    """Words (small letters) after which a number is a name, read digit by digit."""

    clock_words: tuple[str, ...] = ()
    """Words after a time of day that its spoken form has already."""

    clock_at: Mapping[str, str] = field(default_factory=dict)
    """Last word of a time of day to the same with the ending that says "at"."""

    clock_at_written: tuple[str, ...] = ()
    """What is written after a time for that ending."""

    clock_before: frozenset[str] = frozenset()
    """Words (small letters) before "5.30" that make it a time of day."""

    year_before: frozenset[str] = frozenset()
    """Words (small letters) before a number from 1100 to 2099 that make it a year."""

    of: Callable[[str], str] | None = None
    """What links a million, or more of them, to this noun."""

    money_and: str = " "
    """Between rupees and paise."""

    decimal_comma: bool = False
    """Numbers are written 1 200,50 and not 1,200.50."""

    pairs: bool = False
    """Telephone numbers in groups of two digits are read as numbers of two digits."""

    letters: Mapping[str, str] = field(default_factory=dict)
    """Names of the Latin letters (small), where the voice would not know them."""


LARGEST = 10**15 - 1
"""Larger numbers are read digit by digit."""


def compose(n: int, scales: tuple[tuple[int, str], ...], below: Callable[[int], str]) -> list[str]:
    """The words of ``n`` by scales, largest first (value, word); ``below`` says what is less than the smallest scale,
    and how many there are of each. The number before the largest scale may itself be large."""
    words = []
    for value, name in scales:
        if n >= value:
            many, n = divmod(n, value)
            how_many = compose(many, scales, below) if value == scales[0][0] else [below(many)]
            words += [*how_many, name]
    return [*words, below(n)] if n or not words else words
