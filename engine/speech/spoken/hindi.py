"""Hindi numbers and words, in Devanagari. Below a hundred every number is a word of its own."""

from engine.speech.spoken.language import Half, Language, Money, compose
from engine.speech.spoken.letters import LETTER_NAMES

_BELOW_100 = """
शून्य एक दो तीन चार पाँच छह सात आठ नौ
दस ग्यारह बारह तेरह चौदह पंद्रह सोलह सत्रह अठारह उन्नीस
बीस इक्कीस बाईस तेईस चौबीस पच्चीस छब्बीस सत्ताईस अट्ठाईस उनतीस
तीस इकतीस बत्तीस तैंतीस चौंतीस पैंतीस छत्तीस सैंतीस अड़तीस उनतालीस
चालीस इकतालीस बयालीस तैंतालीस चौवालीस पैंतालीस छियालीस सैंतालीस अड़तालीस उनचास
पचास इक्यावन बावन तिरपन चौवन पचपन छप्पन सत्तावन अट्ठावन उनसठ
साठ इकसठ बासठ तिरसठ चौंसठ पैंसठ छियासठ सड़सठ अड़सठ उनहत्तर
सत्तर इकहत्तर बहत्तर तिहत्तर चौहत्तर पचहत्तर छिहत्तर सतहत्तर अठहत्तर उनासी
अस्सी इक्यासी बयासी तिरासी चौरासी पचासी छियासी सत्तासी अट्ठासी नवासी
नब्बे इक्यानवे बानवे तिरानवे चौरानवे पंचानवे छियानवे सत्तानवे अट्ठानवे निन्यानवे
""".split()  # noqa: SIM905
_SCALES = ((10**7, "करोड़"), (10**5, "लाख"), (1000, "हज़ार"), (100, "सौ"))
_ORDINALS = {1: "पहला", 2: "दूसरा", 3: "तीसरा", 4: "चौथा", 6: "छठा"}
MONTHS = tuple(
    "जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर".split()  # noqa: SIM905
)


def cardinal(n: int) -> str:
    """In hundreds, thousands, lakhs and crores."""
    return " ".join(compose(n, _SCALES, lambda small: _BELOW_100[small]))


def ordinal(n: int) -> str:
    """पहला, दूसरा, पाँचवाँ."""
    return _ORDINALS.get(n) or f"{cardinal(n)}वाँ"


def year(n: int) -> str:
    """Years before 2000 are counted in hundreds: उन्नीस सौ निन्यानवे."""
    century, rest = divmod(n, 100)
    if not 1100 <= n <= 1999:
        return cardinal(n)
    return f"{_BELOW_100[century]} सौ" + (f" {_BELOW_100[rest]}" if rest else "")


def clock(hour: int, minute: int, half: Half) -> str:
    """साढ़े पाँच बजे; with the part of the day where the hour tells it."""
    part = ""
    if half or hour > 12 or hour == 0:
        of_day = hour % 12 + 12 if half == "pm" or (not half and hour >= 12) else hour % 12
        part = ("रात " if of_day < 4 or of_day >= 20 else "सुबह " if of_day < 12
                else "दोपहर " if of_day < 16 else "शाम ")  # fmt: skip
    hour = hour % 12 or 12
    if minute == 30:
        said = {1: "डेढ़", 2: "ढाई"}.get(hour) or f"साढ़े {_BELOW_100[hour]}"
    elif minute == 15:
        said = f"सवा {_BELOW_100[hour]}"
    elif minute == 45:
        said = f"पौने {_BELOW_100[hour % 12 + 1]}"
    elif minute:
        return f"{part}{_BELOW_100[hour]} बजकर {_BELOW_100[minute]} मिनट"
    else:
        said = _BELOW_100[hour]
    return f"{part}{said} बजे"


def date(day: int, month: int, year_: int | None) -> str:
    """बारह मार्च दो हज़ार चौबीस."""
    return f"{cardinal(day)} {MONTHS[month - 1]}" + (f" {year(year_)}" if year_ is not None else "")


def fraction(part: int, whole: int) -> str | None:
    """आधा, एक तिहाई, तीन चौथाई."""
    if (part, whole) == (1, 2):
        return "आधा"
    name = {3: "तिहाई", 4: "चौथाई"}.get(whole)
    if name and 0 < part < whole:
        return f"{cardinal(part)} {name}"
    return f"{cardinal(part)} बटा {cardinal(whole)}" if 0 < part < whole <= 10 else None


_UNITS = {
    "km": "किलोमीटर", "m": "मीटर", "cm": "सेंटीमीटर", "mm": "मिलीमीटर", "kg": "किलोग्राम", "g": "ग्राम", "mg": "मिलीग्राम",
    "l": "लीटर", "L": "लीटर", "ml": "मिलीलीटर", "GB": "जीबी", "MB": "एमबी", "KB": "केबी", "TB": "टीबी", "hr": "घंटे",
    "hrs": "घंटे", "min": "मिनट", "mins": "मिनट", "sec": "सेकंड", "ms": "मिलीसेकंड", "kW": "किलोवाट", "W": "वाट",
    "V": "वोल्ट", "km/h": "किलोमीटर प्रति घंटा", "Mbps": "एमबीपीएस", "ft": "फ़ीट", "°C": "डिग्री सेल्सियस",
    "°F": "डिग्री फ़ारेनहाइट", "°": "डिग्री", "किमी": "किलोमीटर", "किग्रा": "किलोग्राम",
}  # fmt: skip

HINDI = Language(
    code="hi", cardinal=cardinal, indian=cardinal, ordinal=ordinal, year=year, count=lambda n, noun: cardinal(n),
    clock=clock, date=date, span=lambda first, last: f"{first} से {last}", fraction=fraction,
    point="दशमलव", minus="माइनस", plus="प्लस", slash="बटा", percent="प्रतिशत", degrees="डिग्री", per="प्रति",
    number="नंबर", about="लगभग", digits=tuple(_BELOW_100[:10]), months=MONTHS,
    money={"INR": Money("रुपया", "रुपये", "पैसा", "पैसे"), "USD": Money("डॉलर", "डॉलर", "सेंट", "सेंट"),
           "EUR": Money("यूरो", "यूरो", "सेंट", "सेंट"), "GBP": Money("पाउंड", "पाउंड", "पेंस", "पेंस")},
    units={short: (name, name) for short, name in _UNITS.items()}, scales=("हज़ार", "हजार", "लाख", "करोड़", "अरब"),
    nouns=frozenset(("दिन", "हफ़्ते", "हफ्ते", "महीने", "साल", "घंटे", "मिनट", "लोग", "बार", "रुपये", "किलो")), short_scales={},
    signs={"&": "और", "=": "बराबर", "×": "गुणा", "@": "ऐट", "≈": "लगभग"},
    abbreviations={"डॉ": "डॉक्टर", "प्रो": "प्रोफ़ेसर", "dr": "डॉक्टर", "etc": "आदि"},
    id_words=frozenset(("ओटीपी", "पिन", "कोड", "आईडी", "नंबर", "खाता", "ऑर्डर", "टिकट", "otp", "pin", "code", "id",
                        "pnr")),
    clock_words=("बजे",),
    year_before=frozenset(("सन", "सन्", "वर्ष", "साल")),
    letters=LETTER_NAMES["hi"],
)  # fmt: skip
