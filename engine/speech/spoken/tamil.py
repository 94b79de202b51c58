"""Tamil numbers and words, in Tamil script, in the written standard (spoken Tamil shortens them)."""

from engine.speech.spoken.language import Half, Language, Money
from engine.speech.spoken.letters import LETTER_NAMES

_SMALL = """
பூஜ்யம் ஒன்று இரண்டு மூன்று நான்கு ஐந்து ஆறு ஏழு எட்டு ஒன்பது பத்து பதினொன்று பன்னிரண்டு பதிமூன்று பதினான்கு பதினைந்து
பதினாறு பதினேழு பதினெட்டு பத்தொன்பது
""".split()  # noqa: SIM905
_TENS = "- - இருபது முப்பது நாற்பது ஐம்பது அறுபது எழுபது எண்பது தொண்ணூறு".split()  # noqa: SIM905
_HUNDREDS = "- நூறு இருநூறு முந்நூறு நானூறு ஐந்நூறு அறுநூறு எழுநூறு எண்ணூறு தொள்ளாயிரம்".split()  # noqa: SIM905
_VOWEL_SIGNS = {"ஒ": "ொ", "இ": "ி", "ஐ": "ை", "ஆ": "ா", "ஏ": "ே", "எ": "ெ"}
_U, _PULLI = "\u0bc1", "\u0bcd"
MONTHS = tuple(
    "ஜனவரி பிப்ரவரி மார்ச் ஏப்ரல் மே ஜூன் ஜூலை ஆகஸ்ட் செப்டம்பர் அக்டோபர் நவம்பர் டிசம்பர்".split()  # noqa: SIM905
)


def _stem(word: str) -> str:
    """The form that a number has when more follows."""
    if word.endswith("பது"):
        return word[:-2] + "த்து"
    if word.endswith(("நூறு", "ணூறு")):
        return word[:-2] + "ற்று"
    return word[:-2] + "த்து" if word.endswith("ம்") else word


def _below_100(n: int) -> str:
    tens, ones = divmod(n, 10)
    if n < 20:
        return _SMALL[n]
    if not ones:
        return _TENS[tens]
    stem, unit = _stem(_TENS[tens]), _SMALL[ones]
    if unit[0] in _VOWEL_SIGNS:  # the two words melt: இருபத்து + ஒன்று
        return stem[:-1] + _VOWEL_SIGNS[unit[0]] + unit[1:]
    return f"{stem} {unit}"


def cardinal(n: int) -> str:
    """In hundreds, thousands, lakhs and crores."""
    parts: list[str] = []
    for value, name, more in ((10**7, "கோடி", "கோடியே"), (10**5, "லட்சம்", "லட்சத்து")):
        many, n = divmod(n, value)
        if many:
            parts += ["ஒரு" if many == 1 else cardinal(many), more if n else name]
    thousands, n = divmod(n, 1000)
    if thousands:
        word = "ஆயிரம்" if thousands == 1 else _below_100(thousands)[:-1] + "ாயிரம்"
        parts.append(_stem(word) if n else word)
    hundreds, n = divmod(n, 100)
    if hundreds:
        parts.append(_stem(_HUNDREDS[hundreds]) if n else _HUNDREDS[hundreds])
    if n or not parts:
        parts.append(_below_100(n))
    return " ".join(parts)


def with_suffix(words: str, suffix: str) -> str:
    """``words`` (a number) with an ending: 5-ஆம், 5வது, 2024-இல், 2024-ல்."""
    if suffix == "வது":
        suffix = "ஆவது"
    if suffix == "ம்":
        suffix = "ஆம்"
    if suffix in ("ல்", "ன்", "லிருந்து"):
        suffix = "இ" + suffix
    sign = {"ஆ": "ா", "இ": "ி", "உ": "ு", "ஐ": "ை"}.get(suffix[0])
    if sign is None:
        return words + suffix
    if words.endswith(_U):
        return words[:-1] + sign + suffix[1:]
    if words.endswith("ம்"):
        return (words[:-1] if suffix[0] == "ஆ" else words[:-2] + "த்த") + sign + suffix[1:]
    return words + "ய" + sign + suffix[1:]


def ordinal(n: int) -> str:
    """முதலாவது, இரண்டாவது."""
    return "முதலாவது" if n == 1 else with_suffix(cardinal(n), "ஆவது")


def count(n: int, noun: str) -> str:
    """ஒரு ரூபாய், இரண்டு ரூபாய்."""
    return "ஒரு" if n == 1 else cardinal(n)


def clock(hour: int, minute: int, half: Half) -> str:
    """ஐந்தரை மணி; with the part of the day where the hour tells it."""
    part = ""
    if half or hour > 12 or hour == 0:
        of_day = hour % 12 + 12 if half == "pm" or (not half and hour >= 12) else hour % 12
        part = ("இரவு " if of_day < 4 or of_day >= 20 else "காலை " if of_day < 12
                else "மதியம் " if of_day < 16 else "மாலை ")  # fmt: skip
    word = _SMALL[hour % 12 or 12]
    quarter = {15: "ே கால்", 30: "ரை", 45: "ே முக்கால்"}.get(minute)
    if quarter:
        return f"{part}{word[:-1]}{quarter} மணி"
    return f"{part}{word} மணி" + (f" {_below_100(minute)} நிமிடம்" if minute else "")


def date(day: int, month: int, year: int | None) -> str:
    """மார்ச் பன்னிரண்டு, இரண்டாயிரத்து இருபத்து நான்கு."""
    return f"{MONTHS[month - 1]} {cardinal(day)}" + (f", {cardinal(year)}" if year is not None else "")


def fraction(part: int, whole: int) -> str | None:
    """அரை, கால், முக்கால், மூன்றில் இரண்டு."""
    named = {(1, 2): "அரை", (1, 4): "கால்", (3, 4): "முக்கால்"}.get((part, whole))
    if named or not 0 < part < whole <= 10:
        return named
    return f"{with_suffix(cardinal(whole), 'இல்')} {cardinal(part)}"


_UNITS = {
    "km": "கிலோமீட்டர்", "m": "மீட்டர்", "cm": "சென்டிமீட்டர்", "mm": "மில்லிமீட்டர்", "kg": "கிலோகிராம்", "g": "கிராம்",
    "mg": "மில்லிகிராம்", "l": "லிட்டர்", "L": "லிட்டர்", "ml": "மில்லிலிட்டர்", "GB": "ஜிபி", "MB": "எம்பி", "KB": "கேபி",
    "TB": "டிபி", "hr": "மணி நேரம்", "hrs": "மணி நேரம்", "min": "நிமிடம்", "mins": "நிமிடம்", "sec": "விநாடி",
    "ms": "மில்லி விநாடி", "kW": "கிலோவாட்", "W": "வாட்", "V": "வோல்ட்", "km/h": "கிலோமீட்டர் வேகம்", "Mbps": "எம்பிபிஎஸ்",
    "ft": "அடி", "°C": "டிகிரி செல்சியஸ்", "°F": "டிகிரி ஃபாரன்ஹீட்", "°": "டிகிரி", "கி.மீ": "கிலோமீட்டர்", "கிமீ": "கிலோமீட்டர்",
}  # fmt: skip

TAMIL = Language(
    code="ta", cardinal=cardinal, indian=cardinal, ordinal=ordinal, year=cardinal, count=count, clock=clock, date=date,
    span=lambda first, last: f"{first} முதல் {last} வரை", fraction=fraction,
    point="புள்ளி", minus="மைனஸ்", plus="பிளஸ்", slash="பை", percent="சதவீதம்", degrees="டிகிரி", per="ஒரு",
    number="எண்", about="சுமார்", digits=tuple(_SMALL[:10]), months=MONTHS,
    money={"INR": Money("ரூபாய்", "ரூபாய்", "பைசா", "பைசா"), "USD": Money("டாலர்", "டாலர்", "சென்ட்", "சென்ட்"),
           "EUR": Money("யூரோ", "யூரோ", "சென்ட்", "சென்ட்"), "GBP": Money("பவுண்டு", "பவுண்டு", "பென்ஸ்", "பென்ஸ்")},
    units={short: (name, name) for short, name in _UNITS.items()}, scales=("ஆயிரம்", "லட்சம்", "கோடி"),
    nouns=frozenset(("நாள்", "நாட்கள்", "வாரம்", "வாரங்கள்", "மாதம்", "மாதங்கள்", "வருடம்", "வருடங்கள்", "மணி", "நிமிடம்",
                     "நிமிடங்கள்", "பேர்", "முறை", "ரூபாய்", "கிலோ")),
    short_scales={},
    signs={"&": "மற்றும்", "=": "சமம்", "×": "பெருக்கல்", "@": "அட்", "≈": "சுமார்"},
    abbreviations={"பேரா": "பேராசிரியர்", "dr": "டாக்டர்"},
    id_words=frozenset(("ஓடிபி", "பின்", "குறியீடு", "ஐடி", "எண்", "கணக்கு", "ஆர்டர்", "டிக்கெட்", "otp", "pin", "code", "id",
                        "pnr")),
    clock_words=("மணி",), clock_at={"மணி": "மணிக்கு", "நிமிடம்": "நிமிடத்திற்கு"}, clock_at_written=("மணிக்கு",),
    letters=LETTER_NAMES["ta"],
)  # fmt: skip
