"""Malayalam numbers and words, in Malayalam script.

Written Malayalam may join a number into one word; here hundreds, thousands and so on are words of their own, as they
are also said, each in the form that it has when more follows (നൂറ് and നൂറ്റി, ആയിരം and ആയിരത്തി).
"""

from engine.speech.spoken.language import Half, Language, Money
from engine.speech.spoken.letters import LETTER_NAMES

_SMALL = """
പൂജ്യം ഒന്ന് രണ്ട് മൂന്ന് നാല് അഞ്ച് ആറ് ഏഴ് എട്ട് ഒമ്പത് പത്ത് പതിനൊന്ന് പന്ത്രണ്ട് പതിമൂന്ന് പതിനാല് പതിനഞ്ച് പതിനാറ് പതിനേഴ്
പതിനെട്ട് പത്തൊമ്പത്
""".split()  # noqa: SIM905
_TENS = "- - ഇരുപത് മുപ്പത് നാൽപ്പത് അമ്പത് അറുപത് എഴുപത് എൺപത് തൊണ്ണൂറ്".split()  # noqa: SIM905
_AFTER_TENS = "- യൊന്ന് രണ്ട് മൂന്ന് നാല് യഞ്ച് യാറ് യേഴ് യെട്ട് യൊമ്പത്".split()  # noqa: SIM905
_HUNDREDS = "- നൂറ് ഇരുന്നൂറ് മുന്നൂറ് നാനൂറ് അഞ്ഞൂറ് അറുന്നൂറ് എഴുന്നൂറ് എണ്ണൂറ് തൊള്ളായിരം".split()  # noqa: SIM905
_THOUSANDS = {1: "ആയിരം", 3: "മൂവായിരം", 5: "അയ്യായിരം", 8: "എണ്ണായിരം", 10: "പതിനായിരം", 13: "പതിമൂവായിരം",
              15: "പതിനയ്യായിരം"}  # fmt: skip
_VIRAMA, _M = "\u0d4d", "\u0d02"
MONTHS = tuple(
    "ജനുവരി ഫെബ്രുവരി മാർച്ച് ഏപ്രിൽ മെയ് ജൂൺ ജൂലൈ ഓഗസ്റ്റ് സെപ്റ്റംബർ ഒക്ടോബർ നവംബർ ഡിസംബർ".split()  # noqa: SIM905
)


def _stem(word: str) -> str:
    """The form that a number has when more follows."""
    if word.endswith("പത്"):
        return word + "തി"
    if word.endswith("റ്"):
        return word + "റി"
    return word[:-1] + "ത്തി" if word.endswith(_M) else word


def _below_100(n: int) -> str:
    tens, ones = divmod(n, 10)
    if n < 20:
        return _SMALL[n]
    return _stem(_TENS[tens]) + _AFTER_TENS[ones] if ones else _TENS[tens]


def _thousands(n: int) -> str:
    """``n`` (1 to 99) thousands, as one word."""
    if n in _THOUSANDS:
        return _THOUSANDS[n]
    word = _below_100(n)
    return word[:-1] + ("ിനായിരം" if word.endswith("പത്") else "ായിരം")


def cardinal(n: int) -> str:
    """In hundreds, thousands, lakhs and crores."""
    parts: list[str] = []
    for value, name in ((10**7, "കോടി"), (10**5, "ലക്ഷം")):
        many, n = divmod(n, value)
        if many:
            parts += ["ഒരു" if many == 1 else cardinal(many), _stem(name) if n else name]
    thousands, n = divmod(n, 1000)
    if thousands:
        parts.append(_stem(_thousands(thousands)) if n else _thousands(thousands))
    hundreds, n = divmod(n, 100)
    if hundreds:
        parts.append(_stem(_HUNDREDS[hundreds]) if n else _HUNDREDS[hundreds])
    if n or not parts:
        parts.append(_below_100(n))
    return " ".join(parts)


def with_suffix(words: str, suffix: str) -> str:
    """``words`` (a number) with a case ending written after a hyphen: 2024-ൽ, 5-ന്, 10-ാം."""
    ordinal_ = suffix.startswith(("ാ", "ആ"))
    tail = ("ാ" + suffix[1:]) if ordinal_ else suffix if suffix[0] in "ിുെേൊോാ" else "ി" + suffix
    if words.endswith(_VIRAMA):
        return words[:-1] + tail
    if words.endswith(_M):
        return words[:-1] + (tail if ordinal_ else "ത്ത" + tail)
    glide = {"ാ": "യാ", "ി": "യി", "ു": "യു", "െ": "യെ", "േ": "യേ", "ൊ": "യൊ", "ോ": "യോ"}
    return words + glide[tail[0]] + tail[1:]


def ordinal(n: int) -> str:
    """ഒന്നാം, രണ്ടാം."""
    return with_suffix(cardinal(n), "ാം")


def count(n: int, noun: str) -> str:
    """ഒരു രൂപ, രണ്ട് രൂപ."""
    return "ഒരു" if n == 1 else cardinal(n)


def clock(hour: int, minute: int, half: Half) -> str:
    """അഞ്ചര മണി; with the part of the day where the hour tells it."""
    part = ""
    if half or hour > 12 or hour == 0:
        of_day = hour % 12 + 12 if half == "pm" or (not half and hour >= 12) else hour % 12
        part = ("രാത്രി " if of_day < 4 or of_day >= 20 else "രാവിലെ " if of_day < 12
                else "ഉച്ചയ്ക്ക് " if of_day < 16 else "വൈകിട്ട് ")  # fmt: skip
    word = _SMALL[hour % 12 or 12]
    quarter = {15: "േകാൽ", 30: "ര", 45: "േമുക്കാൽ"}.get(minute)
    if quarter:
        return f"{part}{word[:-1]}{quarter} മണി"
    return f"{part}{word} മണി" + (f" {_below_100(minute)} മിനിറ്റ്" if minute else "")


def date(day: int, month: int, year: int | None) -> str:
    """രണ്ടായിരത്തി ഇരുപത്തിനാല് മാർച്ച് പന്ത്രണ്ട്."""
    return (f"{cardinal(year)} " if year is not None else "") + f"{MONTHS[month - 1]} {cardinal(day)}"


def fraction(part: int, whole: int) -> str | None:
    """അര, കാൽ, മുക്കാൽ, മൂന്നിൽ രണ്ട്."""
    named = {(1, 2): "അര", (1, 4): "കാൽ", (3, 4): "മുക്കാൽ"}.get((part, whole))
    if named or not 0 < part < whole <= 10:
        return named
    return f"{with_suffix(cardinal(whole), 'ൽ')} {cardinal(part)}"


_UNITS = {
    "km": "കിലോമീറ്റർ", "m": "മീറ്റർ", "cm": "സെന്റിമീറ്റർ", "mm": "മില്ലിമീറ്റർ", "kg": "കിലോഗ്രാം", "g": "ഗ്രാം",
    "mg": "മില്ലിഗ്രാം", "l": "ലിറ്റർ", "L": "ലിറ്റർ", "ml": "മില്ലിലിറ്റർ", "GB": "ജിബി", "MB": "എംബി",
    "KB": "കെബി", "TB": "ടിബി", "hr": "മണിക്കൂർ", "hrs": "മണിക്കൂർ",
    "min": "മിനിറ്റ്", "mins": "മിനിറ്റ്", "sec": "സെക്കൻഡ്", "ms": "മില്ലിസെക്കൻഡ്",
    "kW": "കിലോവാട്ട്", "W": "വാട്ട്", "V": "വോൾട്ട്", "km/h": "കിലോമീറ്റർ പ്രതി മണിക്കൂർ", "Mbps": "എംബിപിഎസ്", "ft": "അടി",
    "°C": "ഡിഗ്രി സെൽഷ്യസ്", "°F": "ഡിഗ്രി ഫാരൻഹീറ്റ്", "°": "ഡിഗ്രി", "കി.മീ": "കിലോമീറ്റർ", "കിമീ": "കിലോമീറ്റർ",
}  # fmt: skip

MALAYALAM = Language(
    code="ml", cardinal=cardinal, indian=cardinal, ordinal=ordinal, year=cardinal, count=count, clock=clock, date=date,
    span=lambda first, last: f"{first} മുതൽ {last} വരെ", fraction=fraction,
    point="പോയിന്റ്", minus="മൈനസ്", plus="പ്ലസ്", slash="ബൈ", percent="ശതമാനം", degrees="ഡിഗ്രി", per="പ്രതി",
    number="നമ്പർ", about="ഏകദേശം", digits=tuple(_SMALL[:10]), months=MONTHS,
    money={"INR": Money("രൂപ", "രൂപ", "പൈസ", "പൈസ"), "USD": Money("ഡോളർ", "ഡോളർ", "സെന്റ്", "സെന്റ്"),
           "EUR": Money("യൂറോ", "യൂറോ", "സെന്റ്", "സെന്റ്"), "GBP": Money("പൗണ്ട്", "പൗണ്ട്", "പെൻസ്", "പെൻസ്")},
    units={short: (name, name) for short, name in _UNITS.items()}, scales=("ആയിരം", "ലക്ഷം", "കോടി"),
    nouns=frozenset(("ദിവസം", "ദിവസത്തിനുള്ളിൽ", "ആഴ്ച", "മാസം", "വർഷം", "മണിക്കൂർ", "മിനിറ്റ്", "പേർ", "തവണ", "രൂപ", "കിലോ")),
    short_scales={},
    signs={"&": "ഉം", "=": "സമം", "×": "ഗുണം", "@": "അറ്റ്", "≈": "ഏകദേശം"},
    abbreviations={"ഡോ": "ഡോക്ടർ", "പ്രൊഫ": "പ്രൊഫസർ", "അഡ്വ": "അഡ്വക്കേറ്റ്", "dr": "ഡോക്ടർ"},
    id_words=frozenset(("ഒടിപി", "പിൻ", "കോഡ്", "ഐഡി", "നമ്പർ", "അക്കൗണ്ട്", "ഓർഡർ", "ടിക്കറ്റ്", "otp", "pin", "code", "id",
                        "pnr")),
    clock_words=("മണി",), clock_at={"മണി": "മണിക്ക്", "മിനിറ്റ്": "മിനിറ്റിന്"}, clock_at_written=("ന്", "മണിക്ക്"),
    letters=LETTER_NAMES["ml"],
)  # fmt: skip
