"""Words in the scripts of India as rows of sounds. Pure.

The Unicode blocks of these scripts are laid out alike, 128 code points each: the same offset is the same sound in
Devanagari, Bengali, Gurmukhi, Gujarati, Odia, Tamil, Telugu, Kannada and Malayalam (The Unicode Standard, chapter 12).
So one table reads them all; what differs is the vowel that is written nowhere (Hindi drops it) and, in Tamil, the voice
of stops, which the place in the word decides.
"""

import re
import unicodedata

DEVANAGARI, BENGALI, GURMUKHI, GUJARATI, ODIA, TAMIL, TELUGU, KANNADA, MALAYALAM = range(18, 27)
"""Scripts, by the number of their block: code point >> 7."""

RUN = re.compile(r"[\u0900-\u0963\u0966-\u0d7f\u200c\u200d]+")
"""A word, or what of it is in these scripts."""

CONSONANTS = dict(zip(range(0x15, 0x3A), """
k kh g gh ng ch chh j jh ny T Th D Dh N t th d dh n n p ph b bh m y r R l L zh v sh S s h
""".split(), strict=True))  # noqa: SIM905
"""By offset. Capitals are said with the tongue bent back; ``t`` is the one at the teeth, typed "th" in the south."""
VOWELS = dict(zip([*range(0x05, 0x15), 0x60, 0x61], """
a aa i ii u uu ri li e e e ai o o o au ri li
""".split(), strict=True))  # noqa: SIM905
SIGNS = {**dict(zip(range(0x3E, 0x4D), "aa i ii u uu ri ri e e e ai o o o au".split(), strict=True)),  # noqa: SIM905
         0x57: "au", 0x62: "li"}
_WITH_NUKTA = {"k": "k", "kh": "kh", "g": "g", "j": "z", "D": "rh", "Dh": "rh", "ph": "f", "y": "y", "n": "n", "r": "r",
               "s": "sh", "l": "L"}
_READY = {0x58: "k", 0x59: "kh", 0x5A: "g", 0x5B: "z", 0x5C: "rh", 0x5D: "rh", 0x5E: "f", 0x5F: "y"}
_CHILLU = {0x7A: "N", 0x7B: "n", 0x7C: "r", 0x7D: "l", 0x7E: "L", 0x7F: "k", 0x54: "m", 0x55: "y", 0x56: "zh"}
_NUKTA, _VIRAMA, _ZERO, _DIGITS = 0x3C, 0x4D, 0x66, range(0x66, 0x70)
_NASALS, _VISARGA, _JOINERS = (0x01, 0x02), 0x03, "\u200c\u200d"
_GEMINATE = {"addak": "\u0a71", "tippi": "\u0a70"}
_SCHWA_DROPS = (DEVANAGARI, BENGALI, GURMUKHI, GUJARATI)
_NASAL_BEFORE = {"k": "ng", "g": "ng", "p": "m", "b": "m"}

Unit = tuple[str, str]
"""A consonant ("" for none) and the vowel after it ("" for none). ``a`` is the short one that is written nowhere."""


def script_of(run: str) -> int:
    """The script of a run of letters, by its first letter."""
    return next((ord(char) >> 7 for char in run if char not in _JOINERS), DEVANAGARI)


def units(run: str) -> list[Unit]:
    """The sounds of one run of letters of one script, in order, as they are written but for the vowels that Hindi drops
    and the half-vowel at the end of Malayalam words (പേര് is ``peru``). Digits are consonants of their own."""
    script = script_of(run)
    run = unicodedata.normalize("NFC", run)
    found = _read(run, script)
    if script == MALAYALAM and found and run.endswith("\u0d4d") and found[-1][1] == "":
        found[-1] = (found[-1][0], "u")
    if script in _SCHWA_DROPS:
        _drop_schwas(found)
    return _tamil(found) if script == TAMIL else found


def _read(run: str, script: int) -> list[Unit]:
    found: list[Unit] = []
    doubled = False
    for at, char in enumerate(run):
        offset = ord(char) & 0x7F
        if char in _JOINERS:
            continue
        if char == _GEMINATE["addak"]:
            doubled = True
        elif char == _GEMINATE["tippi"] or offset in _NASALS:
            found.append(_nasal(run, at, script))
        elif (consonant := _consonant(offset, script)) is not None:
            if doubled:
                found.append((consonant, ""))
            doubled = False
            found.append((consonant, "" if offset in _CHILLU and script == MALAYALAM else "a"))
        elif offset == _NUKTA and found:
            found[-1] = (_WITH_NUKTA.get(found[-1][0], found[-1][0]), found[-1][1])
        elif offset == _VIRAMA and found:
            found[-1] = (found[-1][0], "" if found[-1][1] == "a" else found[-1][1])
        elif offset in SIGNS and found:
            found[-1] = (found[-1][0], SIGNS[offset])
        elif offset in VOWELS:
            found.append(("", VOWELS[offset]))
        elif offset == _VISARGA and script == TAMIL:  # ஃப is f
            found.append(("f", ""))
        elif offset in _DIGITS:
            found.append((str(offset - _ZERO), ""))
    return found


def _consonant(offset: int, script: int) -> str | None:
    if script == MALAYALAM and offset in _CHILLU:
        return _CHILLU[offset]
    if script == BENGALI and offset == 0x2F:
        return "j"
    if script == MALAYALAM and offset == 0x29:
        return "n"
    if offset in _READY and script != MALAYALAM:
        return _READY[offset]
    if offset == 0x31 and script not in (MALAYALAM, TAMIL):
        return "r"
    return CONSONANTS.get(offset)


def _nasal(run: str, at: int, script: int) -> Unit:
    """The dot or moon above: the nasal of the consonant that follows."""
    if at + 1 == len(run):
        return ("m", "") if script in (MALAYALAM, TELUGU, KANNADA, TAMIL) else ("n", "")
    after = _consonant(ord(run[at + 1]) & 0x7F, script) or ""
    if not after:
        return ("n", "")
    other = "m" if script in (MALAYALAM, TELUGU, KANNADA) and after[0] in "ysSshvrl" else "n"
    return (_NASAL_BEFORE.get(after[0], other).replace("ng", "n"), "")


def _drop_schwas(found: list[Unit]) -> None:
    """Short ``a`` is silent at the end of a word of Hindi, and between two sounded syllables, from the end on. After
    a cluster that ends in y, r or v it is typed (rajya, patra)."""
    sounded = sum(bool(vowel) for _, vowel in found)
    if sounded > 1 and found[-1][1] == "a" and found[-1][0]:
        cluster = len(found) > 1 and not found[-2][1] and found[-1][0] in ("y", "r", "v")
        if not cluster:
            found[-1] = (found[-1][0], "")
    for at in range(len(found) - 2, 0, -1):
        before, here, after = found[at - 1], found[at], found[at + 1]
        if here[1] == "a" and here[0] and before[1] and after[0] and after[1]:
            found[at] = (here[0], "")


_MELTED = {("f", "p"): ("f",), ("R", "R"): ("T", "r"), ("n", "R"): ("n", "D", "r")}
"""Pairs of Tamil letters that are another sound: ஃப is f, ற்ற is said and typed tr, ன்ற ndr."""
_SOFT = {"k": "g", "T": "D", "t": "d", "p": "b"}


def _tamil(found: list[Unit]) -> list[Unit]:
    """Voiced between vowels and after a nasal, voiceless at the start and doubled: the letters do not say."""
    made: list[Unit] = []
    at = 0
    while at < len(found):
        consonant, vowel = found[at]
        following = found[at + 1][0] if at + 1 < len(found) and not vowel else ""
        melted = _MELTED.get((consonant, following))
        if melted:
            made += [(sound, "") for sound in melted[:-1]] + [(melted[-1], found[at + 1][1])]
            at += 2
            continue
        before = made[-1] if made else ("", "")
        made.append((_voiced(consonant, before, bool(before[1] and vowel), following), vowel))
        at += 1
    return made


def _voiced(consonant: str, before: Unit, alone: bool, following: str) -> str:
    after = before[0] if not before[1] else ""
    if consonant == "ch":
        if after == "ny":
            return "j"
        return "ch" if following == "ch" or after in ("ch", "T") else "s"
    soft = after in ("n", "N", "m", "ng", "ny") or (consonant == "T" and after == "r")
    return _SOFT.get(consonant, consonant) if alone or soft else consonant
