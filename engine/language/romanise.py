"""Text in the scripts of India, in Latin letters as people type it in messages: വെള്ളം is vellam, बिजली is bijli. Pure.

No scheme with dots and lines: what is made is meant to meet what callers' recognisers and keyboards make. Nobody who
grew up with the languages has checked it. How words sound, for search, is in ``sounds.py``.
"""

from functools import lru_cache

from engine.language.indic import DEVANAGARI, MALAYALAM, RUN, TAMIL, Unit, script_of, units

_PLAIN = {"T": "t", "Th": "th", "D": "d", "Dh": "dh", "N": "n", "R": "r", "L": "l", "S": "sh", "ny": "ny", "rh": "d"}
_SOUTH = {"t": "th", "th": "th", "d": "d", "dh": "dh", "ny": "nj"}
_LONG = {"ii": "ee", "uu": "oo", "aa": "aa"}
_GEMINATES = {"chch": "cch", "chchh": "cch", "shsh": "ssh", "njnj": "nj", "ngng": "ng", "thth": "tth", "khkh": "kkh"}


def romanise(text: str) -> str:
    """The text with every word of a script of India in Latin letters, as it is usually typed; the rest as it is."""
    return RUN.sub(lambda found: _word(found[0]), text)


def forget() -> None:
    """Empties what is kept of words met, after a long list of them."""
    _word.cache_clear()


@lru_cache(maxsize=20_000)
def _word(run: str) -> str:
    script = script_of(run)
    found = units(run)
    made: list[str] = []
    for at, (consonant, vowel) in enumerate(found):
        last = at + 1 == len(found)
        made.append(_letters(consonant, found, at, script) + _vowel(vowel, script, last, len(found)))
    word = "".join(made)
    for double, one in _GEMINATES.items():
        word = word.replace(double, one)
    return word


def _letters(consonant: str, found: list[Unit], at: int, script: int) -> str:
    before = found[at - 1] if at else ("", "")
    alone = at > 0 and bool(before[1])
    following = found[at + 1][0] if at + 1 < len(found) and not found[at][1] else ""
    if script == MALAYALAM:
        if consonant == "R" and (following == "R" or before in (("R", ""), ("n", ""))):
            return "t"
        if consonant == "T" and ((alone and found[at][1]) or before == ("N", "")):
            return "d"
        consonant = "b" if consonant == "p" and before == ("m", "") else "f" if consonant == "ph" else consonant
    return _southern(consonant, before, following, script) if script in (MALAYALAM, TAMIL) else \
        _northern(consonant, before, following)


def _southern(consonant: str, before: Unit, following: str, script: int) -> str:
    if consonant == "t" and following in ("t", "th"):
        return "t"
    if consonant == "ng":
        return "n" if following in ("k", "g") else "ng" if before != ("ng", "") else ""
    if consonant == "ny" and following in ("ch", "j"):
        return "n"
    if consonant == "d" and script == TAMIL:
        return "dh" if before[1] or before[0] in ("n", "") else "d"
    return _SOUTH.get(consonant) or _PLAIN.get(consonant, consonant)


def _northern(consonant: str, before: Unit, following: str) -> str:
    if consonant == "j" and following == "ny":
        return "g"
    if consonant == "ny":
        return "y" if before[0] == "j" and not before[1] else "n"
    if consonant == "ng":
        return "n" if following in ("k", "g") else "ng"
    return _PLAIN.get(consonant, consonant)


def _vowel(vowel: str, script: int, last: bool, length: int) -> str:
    if vowel == "ii" and last and length > 1:
        return "i"
    if vowel == "uu" and last and length > 1:
        return "u"
    if vowel == "aa" and last and length > 1:
        return "a"
    if vowel == "aa" and script == DEVANAGARI and length > 3:
        return "a"
    return _LONG.get(vowel, vowel)
