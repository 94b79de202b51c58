"""French numbers and words. Numbers are in the forms of France: soixante-dix, quatre-vingts, quatre-vingt-dix."""

from engine.speech.spoken.language import Half, Language, Money

_SMALL = """
zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit
dix-neuf
""".split()  # noqa: SIM905
_TENS = {2: "vingt", 3: "trente", 4: "quarante", 5: "cinquante", 6: "soixante"}
_SCALES = ((10**12, "billion"), (10**9, "milliard"), (10**6, "million"))
_FEMININE = frozenset("""
heure heures minute minutes seconde secondes milliseconde millisecondes livre livres roupie roupies tonne tonnes
""".split())  # noqa: SIM905
MONTHS = tuple(
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()  # noqa: SIM905
)


def _below_100(n: int) -> str:
    if n < 20:
        return _SMALL[n]
    if n < 70:
        tens, ones = divmod(n, 10)
        return _TENS[tens] + (" et un" if ones == 1 else f"-{_SMALL[ones]}" if ones else "")
    if n < 80:
        return "soixante et onze" if n == 71 else f"soixante-{_SMALL[n - 60]}"
    return "quatre-vingts" if n == 80 else f"quatre-vingt-{_SMALL[n - 80]}"


def _below_1000(n: int, *, last: bool = True) -> str:
    """``last``: nothing but a noun follows; then "cents" and "quatre-vingts" have their s."""
    hundreds, rest = divmod(n, 100)
    words = [_SMALL[hundreds]] if hundreds > 1 else []
    if hundreds:
        words.append("cents" if hundreds > 1 and last and not rest else "cent")
    if rest or not hundreds:
        words.append(_below_100(rest) if last or rest != 80 else "quatre-vingt")
    return " ".join(words)


def cardinal(n: int) -> str:
    """In milliers, millions, milliards."""
    words = []
    for value, name in _SCALES:
        many, n = divmod(n, value)
        if many:
            words.append(f"{cardinal(many)} {name}{'s' if many > 1 else ''}")
    thousands, rest = divmod(n, 1000)
    if thousands:
        words.append("mille" if thousands == 1 else f"{_below_1000(thousands, last=False)} mille")
    if rest or not words:
        words.append(_below_1000(rest))
    return " ".join(words)


def ordinal(n: int) -> str:
    """Premier, deuxième ..."""
    if n == 1:
        return "premier"
    words = cardinal(n)
    if words.endswith("s") and words.split()[-1] in ("cents", "quatre-vingts", "millions", "milliards"):
        words = words[:-1]
    if words.endswith("cinq"):
        return f"{words}uième"
    if words.endswith("neuf"):
        return f"{words[:-1]}vième"
    return f"{words.removesuffix('e')}ième"


def count(n: int, noun: str) -> str:
    """Une heure, vingt et une livres; un euro."""
    words = cardinal(n)
    if noun in _FEMININE and (words == "un" or words.endswith((" un", "-un"))):
        words += "e"
    return words


def clock(hour: int, minute: int, half: Half) -> str:
    """Dix-sept heures trente."""
    if half == "pm" and hour < 12:
        hour += 12
    noun = "heure" if hour < 2 else "heures"
    return f"{count(hour, noun)} {noun}" + (f" {count(minute, 'minutes')}" if minute else "")


def date(day: int, month: int, year: int | None) -> str:
    """Premier mars deux mille vingt-quatre."""
    said = f"{'premier' if day == 1 else cardinal(day)} {MONTHS[month - 1]}"
    return said + (f" {cardinal(year)}" if year is not None else "")


def fraction(part: int, whole: int) -> str | None:
    """Un demi, trois quarts, deux cinquièmes."""
    if not 0 < part < whole <= 10:
        return None
    name = {2: "demi", 3: "tiers", 4: "quart"}.get(whole) or ordinal(whole)
    return f"{cardinal(part)} {name}{'s' if part > 1 and whole != 3 else ''}"


def _units() -> dict[str, tuple[str, str]]:
    plain = {"km": "kilomètre", "m": "mètre", "cm": "centimètre", "mm": "millimètre", "kg": "kilogramme", "g": "gramme",
             "mg": "milligramme", "l": "litre", "L": "litre", "ml": "millilitre", "Go": "gigaoctet", "Mo": "mégaoctet",
             "Ko": "kilooctet", "To": "téraoctet", "GB": "gigaoctet", "MB": "mégaoctet", "min": "minute",
             "s": "seconde", "ms": "milliseconde", "W": "watt", "kW": "kilowatt", "V": "volt",
             "t": "tonne"}  # fmt: skip
    units = {short: (name, name + "s") for short, name in plain.items()}
    units |= {"km/h": ("kilomètre heure", "kilomètres heure"), "°C": ("degré Celsius", "degrés Celsius"),
              "°F": ("degré Fahrenheit", "degrés Fahrenheit"), "°": ("degré", "degrés"),
              "m²": ("mètre carré", "mètres carrés"), "km²": ("kilomètre carré", "kilomètres carrés"),
              "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"), "MHz": ("mégahertz", "mégahertz"),
              "Mbit/s": ("mégabit par seconde", "mégabits par seconde"),
              "Mbps": ("mégabit par seconde", "mégabits par seconde")}  # fmt: skip
    return units


FRENCH = Language(
    code="fr", cardinal=cardinal, indian=cardinal, ordinal=ordinal, year=cardinal, count=count, clock=clock, date=date,
    span=lambda first, last: f"{first} à {last}", fraction=fraction,
    of=lambda noun: "d'" if noun[0] in "aeiouhé" else "de ",
    point="virgule", minus="moins", plus="plus", slash="sur", percent="pour cent", degrees="degrés", per="par",
    number="numéro", about="environ", digits=tuple(_SMALL[:10]), months=MONTHS,
    money={"INR": Money("roupie", "roupies", "paisa", "paisas"), "USD": Money("dollar", "dollars", "cent", "cents"),
           "EUR": Money("euro", "euros", "centime", "centimes"), "GBP": Money("livre", "livres", "penny", "pence")},
    units=_units(), scales=("mille", "millions", "million", "milliards", "milliard"),
    nouns=frozenset(("jours", "semaines", "mois", "ans", "heures", "minutes", "secondes", "personnes", "fois")),
    short_scales={"k": "mille", "M": "millions", "Md": "milliards"},
    signs={"&": "et", "=": "égale", "×": "fois", "÷": "divisé par", "±": "plus ou moins", "@": "arobase",
           "§": "paragraphe", "≈": "environ", "≤": "au plus", "≥": "au moins"},
    abbreviations={"m": "Monsieur", "mm": "Messieurs", "mme": "Madame", "mmes": "Mesdames", "mlle": "Mademoiselle",
                   "dr": "Docteur", "pr": "Professeur", "p. ex": "par exemple", "p.ex": "par exemple",
                   "etc": "et cetera", "c.-à-d": "c'est-à-dire", "env": "environ", "tél": "téléphone",
                   "max": "maximum", "st": "saint", "ste": "sainte"},
    id_words=frozenset(("code", "référence", "réf", "ref", "compte", "dossier", "commande", "ticket", "pin", "id",
                        "numéro", "carte", "facture", "vol")),
    clock_words=("heures", "heure"),
    money_and=" ", decimal_comma=True, pairs=True,
)  # fmt: skip
