"""Words of Hindi, Malayalam and Tamil as they are typed in Latin letters: one spelling for the usual ones, how far two
spellings are from each other, and where a word that is written together may be cut. Pure.

Finer than ``sounds.py``, whose skeletons bring so much together that "khula" (open) and "kul" (total) are one: a
skeleton finds candidates, spelling decides between them.
"""

import re
from collections.abc import Iterator

from engine.language.indic import RUN
from engine.language.romanise import romanise

_SHORT = (("aa+", "a"), ("ee+|ii+", "i"), ("oo+|uu+", "u"))
_EVERYWHERE = (("w", "v"), ("x", "ks"), ("ck|q", "k"), ("ph", "f"),
               ("(?:c?ch+)+", "ch"), ("c(?!h)", "k"), ("ssh|sh+", "sh"), ("([td])\\1+h+", "\\1h"), ("z(?!h)", "j"))
_OF = {
    "hi": (("[ae]h(?=[bcdfgjklmnprstv])", "ah"), ("(?<=[a-z]{2}[aeiou])n$", ""), ("yi(?=[aeiou]|$)", "i"),
           ("iy(?=[aeou])", "i"), ("ye$", "e"), ("(?<=[aiou])y(?=e)", ""), ("ksh|kch", "ksh"), ("(?<=[aeiou])h$", ""),
           ("ou", "au"), ("ei", "ai")),
    "ml": (("(?<=[bkgjp])h", ""), ("dh", "d"), ("nkk", "nk"), ("iy(?=[aeou])", "i"), ("n(?=[pb])", "m"),
           ("(?<=[^aeiou])u$", "")),
    "ta": (("(?<=[bkgjp])h", ""), ("dh", "th"), ("j", "s"), ("ch", "s"), ("g", "k"), ("b", "p"), ("d", "t"),
           ("sh", "s"), ("ntr", "nr"), ("iy(?=[aeou])", "i"), ("(?<=[^aeiou])u$", ""), ("n(?=p)", "m"),
           ("(?<=[aeiou])y$", "i")),
}
_RULES = {language: [(re.compile(find), put) for find, put in (*_EVERYWHERE, *rules)]
          for language, rules in _OF.items()}
_SHORTENED = [(re.compile(find), put) for find, put in _SHORT]
_DOUBLE = re.compile(r"([a-z])\1+")

_ENDINGS = {
    "hi": "on en iyon iyan iya yon yan va",
    "ml": """
        in inte inde inu inulla inum inan inano il ile ilulla ilum ilek ilekk ilekulla ilanu ilan ilano ilakk ilninn
        ininn e eyum um umano o ode odu ude udeyum ulla ullath uk ukk ukkulla ak akk k kk kum kkum kulla kkulla kan
        kkan kano al ale an ano anu anel anenkil ayi aya ayal ayath ayirunnu ayirikkum aki akan akkam akathe akam
        enna enn engil enkil y yil yile yilulla yilum yilek yilekk yilan yilanu yude yum ye yo yod yode yan yanu
        yano yayi yaya yak yakk ykk yulla ykkulla odoppam yodoppam tholam thinodoppam ekurich ekurichulla yekurich
        yekurichulla ayirikkanam enkilum yenkilum umenkilum amenkilum avarum villa ekkam yekkam arikkum uvan
        uvanulla kal kale kalude kalkk kalkkulla kalil kalile kalum kalan ngal ngale ngalude ngalkk ngalil ngalum
        ittu itt ittund ittundo irunnu irunn irikkunnu irikkum irikkan ond ondu kond kondu undo und undu nu nte nnu
        nulla th thu thinu thin thanu than thil thile thinte thum thath illathe illatha unna unnath unnu unnavar
        unnavark unnavarkk unnavare unnavarude unnund um umo umbol umpol am amo anam ano anulla an aan aal athe ath
        atha endath enda endi are arude aru avar avark avarkk amayi amanu aman amano mo
        """,
    "ta": """
        in il ile ilirunth irku irkk irkum uku ukku ukkana ukkul uk ukk ku kku kkum kkana kkul kul kana utan utaya
        uta ota ai e um uma a ana aka al ala alum an yin yil yai ye yum yaka ya yota yutan vin vil ve vai vum kal
        kalin kalil kale kalai kalukku kaluku kalum nka nkal nkalin nkalil nkale nkalai nkalukku itam itamirunth num
        numa nume lam lama la lla alle latha lena thu tha the thum thal thutu thuttu thatha kirathu kira kiren
        kirarkal kirar rathu ra ren ranka raru rom pom ukulla ukkulla kulla pen pirkal pinka vanka vaanka van ven
        vom ppatum patum patukirathu pattathu pata patta ppata ppatta pattal pavar pavarkal pavarkalukku var varkal
        varkalukku avar avarkal avarkalukku avankalukku am avathu mpothu mpothe enral entral ilai kkul urathu uren
        uranka uraru uratha inal inen inar iten itu ittu irukku irukka irukkum irukkuma irukkanum irukkuta irunthal
        irunthathu tharen ankal anka anke
        """,
}
_WITHOUT = {"ml": "illatha illathe illathath illathavar illathavark",
            "ta": "illatha illama illamal illathavar", "hi": ""}
_NOT = {"ml": "illa enda endatha endathath", "ta": "lla la lle latha lena villa kata katha", "hi": ""}


def even(spelled: str) -> str:
    """A spelling without doubled letters: many do not type them."""
    return _DOUBLE.sub(r"\1", spelled)


ENDINGS = {language: {**{even(ending): "" for ending in endings.split()},
                      **{even(ending)[:-1]: "" for ending in endings.split() if len(ending) > 3 and ending[-1] == "u"},
                      **{even(ending): "without" for ending in _WITHOUT[language].split()},
                      **{even(ending): "not" for ending in _NOT[language].split()}}
           for language, endings in _ENDINGS.items()}
"""What may be left of a word (``spelling``, ``even``) when a known one is taken off at its beginning: cases, forms of
verbs, small words written on; and what it adds in English."""

_NEAR = {frozenset(pair) for pair in "td tk dr kg pb sc sj jc vb vp ae ai ei ou au nm lr zl gk sh yi uv iy".split()}  # noqa: SIM905
_LIGHT = frozenset("hyn")
_VOWELS = frozenset("aeiou")

MOST = 0.17
"""How far a spelling may be from a word that it is taken for, changes a letter."""


def spelling(word: str, language: str, *, long: bool = False) -> str:
    """The one spelling of a word (lower case) that is typed in Latin letters, or written in a script of India.
    ``long``: long vowels stay doubled, as scripts tell and some people type."""
    word = romanise(word) if RUN.search(word) else word
    word = word.replace("'", "").replace("\u2019", "")
    for find, put in _RULES.get(language, ()):
        word = find.sub(put, word)
    return word if long else short(word, language)


def short(spelled: str, language: str) -> str:
    """A spelling without the length of its vowels. Of Tamil, zh is typed as l too, and -ai as -a."""
    for find, put in _SHORTENED:
        spelled = find.sub(put, spelled)
    if language == "ta":
        spelled = spelled.replace("zh", "l")
        spelled = spelled[:-1] if spelled.endswith("ai") and len(spelled) > 4 else spelled
    return spelled


def variants(spelled: str, language: str) -> Iterator[str]:
    """Other forms of a word: what a noun is before case endings, where that differs (vellam, vellath-; veed, veett-),
    the stem of a verb of Malayalam, what spoken Tamil makes of tr and nr (maatru, maathu)."""
    if language not in ("ml", "ta") or len(spelled) < 4:
        return
    if language == "ml" and spelled.endswith("uka"):
        yield spelled[:-3]
    elif spelled.endswith("am"):
        yield spelled[:-1] + "th"
    elif spelled[-1] in "td" and spelled[-2] in _VOWELS:
        yield spelled[:-1] + "tt"
    elif language == "ta" and spelled[-1] == "r":
        yield spelled[:-1] + "tr"
    if language == "ta" and ("tr" in spelled or "nr" in spelled):
        yield spelled.replace("tr", "th").replace("nr", "nn")


def cuts(spelled: str, language: str, least: int) -> Iterator[tuple[str, str]]:
    """Where a spelling may be two words or a word with an ending: (beginning, rest), longest beginning first. The
    half-vowel at the end of a beginning, and what only links the two (y, v, a doubled consonant), are off in turn."""
    for at in range(len(spelled) - 1, least - 1, -1):
        head, rest = spelled[:at], spelled[at:]
        yield head, rest
        if language != "hi" and head[-1] == "u" and head[-2] not in _VOWELS:
            yield head[:-1], rest
        linked = rest[0] in "yv" and rest[1:2] in _VOWELS and head[-1] in _VOWELS
        if len(rest) > 3 and (linked or rest[0] == rest[1]):
            yield head, rest[1:]


def apart(one: str, other: str) -> float:
    """How far two spellings are from each other, in changed letters: what is often typed for another letter, and what
    is often left out, counts little."""
    row = [0.0]
    for letter in other:
        row.append(row[-1] + (0.4 if letter in _LIGHT else 1.0))
    for at, mine in enumerate(one):
        left = row[0]
        row[0] += 1.0
        for to, theirs in enumerate(other):
            best = left + (0.0 if mine == theirs else 0.4 if frozenset((mine, theirs)) in _NEAR else 1.0)
            left = row[to + 1]
            best = min(best, left + _left_out(one, at), row[to] + _left_out(other, to))
            row[to + 1] = best
    return row[-1]


def _left_out(word: str, at: int) -> float:
    letter = word[at]
    if at and word[at - 1] == letter:
        return 0.2
    if at and at + 1 < len(word) and letter == "h":
        return 0.3
    if letter == "a":
        return 0.5
    return 0.6 if letter in _LIGHT or letter in _VOWELS else 1.0


def alike(one: str, other: str) -> bool:
    """Whether one spelling may be taken for the other: the longer they are, the more may differ."""
    return apart(one, other) <= MOST * max(len(one), len(other))
