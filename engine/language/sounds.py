"""Words by their sound: one skeleton for a word in its own script, as it is typed in Latin letters, and as
recognisers mishear it. വെള്ളം, vellam and wellam meet, so do certificate and സർട്ടിഫിക്കറ്റ്. Pure.

How it works: letters become sounds (``indic.py``, ``spelling.py``), then what nobody spells or hears alike is taken
away: doubling, aspiration, the voice of stops, glides, and in words of three consonants or more all vowels but that
there is one at the start. Words of three consonants and fewer keep the voice of their first one, words of two and fewer
also their vowels, in three classes; else bill, ball and pill were one.
"""

import re
from functools import lru_cache

from engine.language.indic import MALAYALAM, RUN, TAMIL, Unit, script_of, units
from engine.language.loans import LOANS
from engine.language.smallwords import is_small, latin_language
from engine.language.spelling import french, latin

WORD = re.compile(r"(?:[^\W_]|[\u0300-\u036f\u0900-\u0963\u0966-\u0d7f\u200c\u200d])+"
                  r"(?:['\u2019](?:[^\W_]|[\u0300-\u036f\u0900-\u0963\u0966-\u0d7f\u200c\u200d])+)*")
SHORT = 2
"""Words of so many consonants keep their vowels."""

_CONSONANT = {"k": "K", "kh": "K", "g": "G", "gh": "G", "ch": "C", "chh": "C", "j": "J", "jh": "J", "z": "J", "T": "T",
              "Th": "T", "t": "Q", "th": "Q", "D": "D", "Dh": "D", "d": "D", "dh": "D", "rh": "D", "N": "N", "n": "N",
              "p": "P", "ph": "F", "f": "F", "b": "B", "bh": "B", "m": "M", "y": "Y", "r": "R", "R": "R", "l": "L",
              "L": "L", "zh": "L", "v": "V", "sh": "S", "S": "S", "s": "S", "h": "H"}  # fmt: skip
_VOWEL = {"a": "a", "aa": "a", "i": "i", "ii": "i", "e": "e", "ai": "i", "u": "u", "uu": "u", "o": "u", "au": "u",
          "ri": "Ri", "li": "Li"}  # fmt: skip
_VOICELESS = str.maketrans("GJDB", "KCTP")
_DOUBLE = re.compile(r"([A-Z])\1+")
_NASAL = re.compile(r"[MN](?=[KGCJTDPBFSQ])")
_GLIDE = re.compile(r"(?<=.)Y|(?<=[A-Z])H|H(?![aiu])|(?<=N)T(?=R)|[TQ](?=C)|^Y(?=[ie])")
_VOWELS = re.compile(r"([aiu])[aiu]+")
_LAST_VOWEL = re.compile(r"(?<=[A-Z])(?:[aue]|ai)$")
_DENTAL = str.maketrans("Q", "T")
"""``Q`` is the t that is typed "th" in the south: nouns in -am have it before endings, English words do not."""
_HARD = re.compile("[A-Z]")

_CASES = {
    "ml": (("aQ(?:iNT|iNuL|iN|iLiK|iLuM|iLNiN|iL|uT|uM|)$|aVuM$|aNKaL$", "aM"),
           ("iLNiN$|iNuL$|iNT$|iLiK$|iLuM$|uT$|iL$|iN$|(?<=i)K$|uM$|NK?aL$|KaLK?$|iLaQ$", ""),
           ("(?<=SaN)T$", "")),
    "ta": (("aQ(?:iL|iN|uK|iRK|uT|uM|iLiRuNT|uTaN|)$|aNKaL$", "aM"),
           ("iLiRuNT$|iRK$|uTi$|uT$|uTaN$|iL$|iN$|uK$|(?<=i)K$|uM$|NK?aL$|KaL$", "")),
    "hi": (("iuN$|iaN$|(?<=[A-Z])uN$|(?<=[A-Z])iN$", ""),),
}
"""Endings by their sound: (what is found, what is put). Nouns in -am change it for -att- before endings."""
_CASE_RULES = {language: [(re.compile(find), put) for find, put in rules] for language, rules in _CASES.items()}


def key(word: str, language: str = "") -> str:
    """The skeleton of one word; "" if it has no letters. ``language``: that of its text; case endings of hi, ml and
    ta are taken off, ``fr`` is read by French rules. Words in a script of India know theirs."""
    return _key(word.lower(), language.partition("-")[0])


@lru_cache(maxsize=50_000)
def _key(word: str, language: str) -> str:
    if word[:1].isdigit():
        return word
    return _skeleton(_bare(word, language))


def forget() -> None:
    """Empties what is kept of words met, after a long list of them."""
    _key.cache_clear()


def _bare(word: str, language: str) -> str:
    """The sounds of a word with its vowels, without its case endings."""
    run = RUN.search(word)
    if run:
        language = {MALAYALAM: "ml", TAMIL: "ta"}.get(script_of(run[0]), "hi")
        word = without_sandhi(word) if language == "ta" else word
    elif language == "fr":
        return _even(french(word))
    sounds = sounding(word if run else _singular(word, language))
    rules = _CASE_RULES.get(language)
    return sounds if not rules or _skeleton(sounds) in loan_keys() else _without_endings(sounds, rules)


_SANDHI = re.compile("(?<=[\u0b85-\u0bb9\u0bbe-\u0bcc])[\u0b95\u0b9a\u0ba4\u0baa]\u0bcd$")


def without_sandhi(word: str) -> str:
    """A Tamil word without the k, c, t, p that it gets before a word which begins with it; loans may end in them."""
    return word if is_loan(word) else _SANDHI.sub("", word)


@lru_cache(maxsize=20_000)
def vowelled(word: str, language: str = "") -> str:
    """The skeleton with its vowels, but for later ``a``, which come and go: finer than ``key``, so that vellam (water)
    and vyazham (Thursday) are two. For comparing a word with a list; loans from English differ too much in it."""
    word = word.lower()
    sounds = _bare(word, language.partition("-")[0]).translate(_DENTAL).translate(_VOICELESS).replace("e", "i")
    head = re.match("[A-Z]*[aiu]?", sounds)
    at = head.end() if head else 0
    return sounds[:at] + sounds[at:].replace("a", "")


def sounding(word: str) -> str:
    """The sounds of a word (lower case) with its vowels and endings: finer than ``key``, for comparing whole words."""
    run = RUN.search(word)
    return _even(_indic(units(run[0]), script_of(run[0])) if run else latin(word))


def keys(text: str, language: str = "") -> list[str]:
    """The skeletons of the words of a text, in order, small words left out (all of them if there are no others)."""
    words = [found.lower() for found in WORD.findall(text)]
    of_latin = latin_language([word for word in words if not RUN.search(word)], language.partition("-")[0])
    content = [word for word in words if not is_small(word, of_latin)] or words
    return [found for found in (_key(word, of_latin) for word in content) if found]


def grams(skeleton: str) -> list[str]:
    """Pieces of a skeleton for approximate match: pairs of sounds of short ones, threes of longer ones, with ``^`` and
    ``$`` at its ends; those of three and four have both, so that a lost sound still leaves something in common."""
    padded = f"^{skeleton}$"
    found: list[str] = []
    if len(skeleton) <= 4:
        found += [padded[at:at + 2] for at in range(len(padded) - 1)]
    if len(skeleton) >= 3:
        found += [padded[at:at + 3] for at in range(len(padded) - 2)]
    return list(dict.fromkeys(found)) if skeleton else []


def likeness(one: str, other: str) -> float:
    """How alike two skeletons are, 0 to 1: the share of sounds that need not be changed, sounds that are often mistaken
    for each other (M and N, S and C, vowels) counting half."""
    if one == other:
        return 1.0
    if not one or not other:
        return 0.0
    row = [float(at) for at in range(len(other) + 1)]
    for at, mine in enumerate(one, 1):
        last, row[0] = row[0], float(at)
        for to, theirs in enumerate(other, 1):
            last, row[to] = row[to], min(row[to] + 1, row[to - 1] + 1, last + _cost(mine, theirs))
    return max(0.0, 1 - row[-1] / max(len(one), len(other)))


_NEAR = {frozenset(pair) for pair in "MN SC BP VP VF FP GK DT JC RL AI IU AU ST".split()}  # noqa: SIM905


def _cost(mine: str, theirs: str) -> float:
    return 0.0 if mine == theirs else 0.5 if frozenset((mine, theirs)) in _NEAR else 1.0


@lru_cache(maxsize=1)
def loan_keys() -> frozenset[str]:
    """Skeletons of English words that the languages of India use: their ends are no endings."""
    return frozenset(_skeleton(sounding(word)) for word in LOANS)


def is_loan(word: str, least: int = 1) -> bool:
    """Whether a word, as it is, sounds like an English word that the languages of India use; ``least``: the length that
    its skeleton must have."""
    skeleton = _skeleton(sounding(word))
    return len(skeleton) >= least and skeleton in loan_keys()


def _singular(word: str, language: str) -> str:
    """Without the s of an English plural, where it is known to be one."""
    if len(word) < 4 or word[-1] != "s" or word[-2] in "siu" or word in LOANS:
        return word
    return word[:-1] if language in ("", "en") or word[:-1] in LOANS else word


def _indic(found: list[Unit], script: int) -> str:
    """Sounds of a word in a script of India. ``e`` is kept apart: at the end of a word it is dropped like a and u."""
    made: list[str] = []
    south = script in (MALAYALAM, TAMIL)
    for at, (consonant, vowel) in enumerate(found):
        before = found[at - 1] if at else ("", "a")
        following = found[at + 1][0] if at + 1 < len(found) and not vowel else ""
        cluster = before[0] if not before[1] else ""
        if consonant == "ng":
            sound = "" if following == "ng" else "N" if following in ("k", "g") else "NK"
        elif consonant == "ny":
            near = following in ("ch", "j", "ny")
            sound = ("" if following == "ny" else "N" if near else "NJ") if south else "Y" if cluster == "j" else "N"
        elif consonant == "j" and following == "ny":
            sound = "G"
        elif consonant == "R" and script == MALAYALAM and (following == "R" or cluster in ("R", "n")):
            sound = "T"
        else:
            sound = _CONSONANT.get(consonant, consonant)
        last = at + 1 == len(found)
        sign = "a" if vowel == "ai" and last and at and script == TAMIL else _VOWEL.get(vowel, vowel)
        made.append(sound + (sign if last and sign == "e" else sign.replace("e", "i")))
    return "".join(made)


def _even(sounds: str) -> str:
    """Sounds without what is spelled and heard in many ways. The last vowel is off; the others are still there."""
    sounds = _DOUBLE.sub(r"\1", sounds)
    sounds = _NASAL.sub("N", sounds)
    first, rest = sounds[:1], sounds[1:].translate(_VOICELESS)
    sounds = _DOUBLE.sub(r"\1", _GLIDE.sub("", first + rest).replace("TQ", "Q"))
    bare = _LAST_VOWEL.sub("", sounds)
    return bare if re.search("[aiue]", bare) else sounds


def _without_endings(sounds: str, rules: list[tuple["re.Pattern[str]", str]]) -> str:
    for _ in range(2):
        bare = [find.sub(put, sounds) for find, put in rules]
        bare = [found for found in bare if found != sounds and len(_HARD.findall(found)) >= 2]
        if not bare:
            break
        # A word that is known decides: panchayath-il is no form of a noun in -am.
        known = [found for found in bare if len(_HARD.findall(found)) > 3 and _skeleton(found) in loan_keys()]
        if known:
            return known[-1]
        sounds = _LAST_VOWEL.sub("", bare[0])
    return sounds


def _skeleton(sounds: str) -> str:
    sounds = sounds.translate(_DENTAL)
    hard = _HARD.findall(sounds)
    if len(hard) <= SHORT:
        return _VOWELS.sub(r"\1", sounds.replace("e", "i")).upper()
    skeleton = "".join(hard)
    if len(hard) > SHORT + 1:
        skeleton = skeleton.translate(_VOICELESS).replace("F", "P")
    return ("A" if sounds[0] in "aiue" else "") + skeleton
