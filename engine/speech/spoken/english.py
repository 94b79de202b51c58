"""English numbers and words."""

import re

from engine.speech.spoken.language import Half, Language, Money, compose

_SMALL = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen
""".split()  # noqa: SIM905
_TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_WESTERN = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"))
_INDIAN = ((10**7, "crore"), (10**5, "lakh"), (1000, "thousand"))
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
             "twelve": "twelfth"}  # fmt: skip
MONTHS = tuple(
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)


def _below_1000(n: int) -> str:
    hundreds, rest = divmod(n, 100)
    tens, ones = divmod(rest, 10)
    words = _SMALL[rest] if rest < 20 else _TENS[tens] + (f"-{_SMALL[ones]}" if ones else "")
    if not hundreds:
        return words
    return f"{_SMALL[hundreds]} hundred" + (f" and {words}" if rest else "")


def _cardinal(n: int, scales: tuple[tuple[int, str], ...]) -> str:
    words = compose(n, scales, _below_1000)
    if n > 1000 and 0 < n % 1000 < 100:
        words.insert(-1, "and")
    return " ".join(words)


def cardinal(n: int) -> str:
    """In thousands and millions."""
    return _cardinal(n, _WESTERN)


def indian(n: int) -> str:
    """In lakhs and crores."""
    return _cardinal(n, _INDIAN)


def ordinal(n: int) -> str:
    """First, second ..."""
    head, last = re.fullmatch(r"(.*?)([a-z]+)", cardinal(n)).groups()  # type: ignore[union-attr]
    return head + (_ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"))


def year(n: int) -> str:
    """As a year of the calendar: nineteen ninety-nine, two thousand and five."""
    century, rest = divmod(n, 100)
    if not 1100 <= n <= 2099 or 2000 <= n <= 2009:
        return cardinal(n)
    if not rest:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def clock(hour: int, minute: int, half: Half) -> str:
    """Five thirty p.m."""
    if half and hour > 12:
        hour -= 12
    if minute:
        said = f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    elif half:
        said = cardinal(hour)
    else:
        said = f"{cardinal(hour)} o'clock" if 1 <= hour <= 12 else f"{cardinal(hour)} hundred hours"
    return said + {"am": " a.m.", "pm": " p.m.", "": ""}[half]


def date(day: int, month: int, year_: int | None) -> str:
    """The twelfth of March twenty twenty-four."""
    return f"the {ordinal(day)} of {MONTHS[month - 1]}" + (f" {year(year_)}" if year_ is not None else "")


def fraction(part: int, whole: int) -> str | None:
    """One half, three quarters, two fifths."""
    if not 0 < part < whole <= 10:
        return None
    name = {2: "half", 4: "quarter"}.get(whole) or ordinal(whole)
    return f"{cardinal(part)} {name}{'s' if part > 1 else ''}"


def _units() -> dict[str, tuple[str, str]]:
    plain = {"km": "kilometre", "m": "metre", "cm": "centimetre", "mm": "millimetre", "kg": "kilogram", "g": "gram",
             "mg": "milligram", "l": "litre", "L": "litre", "ml": "millilitre", "GB": "gigabyte", "MB": "megabyte",
             "KB": "kilobyte", "TB": "terabyte", "hr": "hour", "hrs": "hour", "h": "hour", "min": "minute",
             "mins": "minute", "sec": "second", "secs": "second", "ms": "millisecond", "W": "watt", "kW": "kilowatt",
             "kWh": "kilowatt hour", "V": "volt", "mi": "mile", "lb": "pound", "lbs": "pound", "oz": "ounce",
             "yr": "year", "yrs": "year", "px": "pixel"}  # fmt: skip
    units = {short: (name, name + "s") for short, name in plain.items()}
    for short, one, many in (
        ("km/h", "kilometre per hour", "kilometres per hour"), ("m/s", "metre per second", "metres per second"),
        ("kmph", "kilometre per hour", "kilometres per hour"),
        ("k", "thousand", "thousand"), ("K", "thousand", "thousand"), ("M", "million", "million"),
        ("mph", "mile per hour", "miles per hour"), ("Mbps", "megabit per second", "megabits per second"),
        ("Gbps", "gigabit per second", "gigabits per second"), ("kbps", "kilobit per second", "kilobits per second"),
        ("ft", "foot", "feet"), ("sq ft", "square foot", "square feet"), ("sqft", "square foot", "square feet"),
        ("Hz", "hertz", "hertz"), ("kHz", "kilohertz", "kilohertz"), ("MHz", "megahertz", "megahertz"),
        ("GHz", "gigahertz", "gigahertz"), ("°C", "degree Celsius", "degrees Celsius"),
        ("°F", "degree Fahrenheit", "degrees Fahrenheit"), ("°", "degree", "degrees"),
        ("m²", "square metre", "square metres"), ("km²", "square kilometre", "square kilometres"),
    ):  # fmt: skip
        units[short] = (one, many)
    return units


ENGLISH = Language(
    code="en", cardinal=cardinal, indian=indian, ordinal=ordinal, year=year, count=lambda n, noun: cardinal(n),
    clock=clock, date=date, span=lambda first, last: f"{first} to {last}".replace(" o'clock", ""), fraction=fraction,
    point="point", minus="minus", plus="plus", slash="slash", percent="percent", degrees="degrees", per="per",
    number="number", about="about", digits=tuple(_SMALL[:10]), months=MONTHS,
    money={"INR": Money("rupee", "rupees", "paisa", "paise"), "USD": Money("dollar", "dollars", "cent", "cents"),
           "EUR": Money("euro", "euros", "cent", "cents"), "GBP": Money("pound", "pounds", "penny", "pence")},
    units=_units(), scales=("lakhs", "lakh", "lacs", "lac", "crores", "crore", "thousand", "million", "billion",
                            "trillion"),
    nouns=frozenset(("days", "weeks", "months", "years", "hours", "minutes", "seconds", "people", "times")),
    short_scales={"k": "thousand", "K": "thousand", "M": "million", "mn": "million", "bn": "billion", "cr": "crore",
                  "Cr": "crore", "L": "lakh"},
    signs={"&": "and", "=": "equals", "×": "times", "÷": "divided by", "±": "plus or minus", "@": "at",
           "§": "section", "≈": "about", "≤": "at most", "≥": "at least", "w/o": "without", "w/": "with"},
    abbreviations={"dr": "Doctor", "prof": "Professor", "e.g": "for example", "i.e": "that is", "etc": "et cetera",
                   "approx": "approximately", "incl": "including",
                   "vs": "versus", "viz": "namely", "dept": "department",
                   "govt": "government", "ltd": "limited", "pvt": "private", "inc": "incorporated", "smt": "Shrimati",
                   "adv": "Advocate", "capt": "Captain", "ext": "extension", "tel": "telephone", "mob": "mobile",
                   "jan": "January", "feb": "February", "aug": "August", "sept": "September", "oct": "October",
                   "nov": "November", "dec": "December"},
    id_words=frozenset(("otp", "pin", "pincode", "code", "id", "reference", "ref", "account", "ticket", "order",
                        "tracking", "number", "no", "booking", "pnr", "card", "invoice", "flight", "extension")),
    clock_words=("o'clock", "hrs", "hours"),
    clock_before=frozenset(("at", "by", "until", "till", "from", "before", "after", "between", "around", "since")),
    year_before=frozenset(("in", "since", "during", "until", "year", "from", "between")),
    money_and=" and ",
)  # fmt: skip
