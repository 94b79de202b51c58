"""How words in Latin letters sound: English spelling, French spelling, and Indian languages as they are typed. Pure.

What comes out are the sounds of ``sounds.py``: capital letters are consonants, ``a``, ``i`` and ``u`` vowels. The rules
are coarse on purpose: they bring together spellings of one word, they are no pronunciation.
"""

import re

from engine.language.smallwords import unaccented

ODD = {"one": "van", "two": "tu", "eight": "eit", "bus": "bas", "buses": "bas", "busy": "bisi", "fee": "fees",
       "receipt": "reseet", "debt": "det", "island": "iland", "queue": "kyoo", "people": "peepl", "half": "haf",
       "women": "vimen", "wednesday": "vensday", "tuition": "tyooshan", "aadhar": "aadhaar", "lunch": "lanch",
       "sign": "sain", "wire": "vayar", "hour": "avar", "hours": "avar", "colony": "kolani", "the": "tha",
       "february": "febravari", "photo": "foto", "rupees": "rupee", "photos": "foto", "mark": "maark"}  # fmt: skip
"""Words whose letters mislead, in letters that do not."""

_PIECES = (
    ("ssion|tion|sion|cian", "SaN"), ("[tc]ial(?=l?y?$)", "SaL"), ("[tc]ious", "SaS"), ("ture$", "CaR"),
    ("dge", "J"), ("tch", "C"), ("sch(?=[aeiou])", "SK"), ("(?<=te)ch(?=n)|ch(?=ri|ro|em)", "K"),
    ("(?<=[iu])gh(?=t|$)", ""), ("^kn|^gn", "N"), ("^wr", "R"), ("^ps(?=[yi])", "S"), ("wh", "V"), ("cch?", None),
    ("ksh|x", "KS"), ("ch+h*", "C"), ("ck", "K"), ("ph|f", "F"), ("ss?h+", "S"), ("zh", "L"),
    ("[td]{1,2}h+", None), ("[kgbj]{1,2}h+", None), ("que$|q(?!u)", "K"), ("qu", "KV"),
    ("sc(?=[eiy])", "S"), ("c(?=[eiy])", "S"), ("c", "K"),
    ("ng(?=$|[^e])", "NG"), ("nge$", "NJ"), ("nj+", "NJ"), ("ny(?=[aeiou])", "N"),
    ("gu(?=[ei])", "G"), ("g(?=ister|ital|inal|ion|ine|en[tcde]|eal|ym|ist|ic|iat|e$|ed$|y$)|(?<=a)g(?=er)", "J"),
    ("w(?=[aeiou])|v+", "V"), ("y(?=[aeiou])", "Y"),
    ("eigh", "i"), ("oo+|oa|ou|[oae]w(?![aeiou])|e?au|eu|ue$|u[iy](?=[a-z])", "u"),
    ("ee+|ea|ie|ai|ei|[ae]y(?![aeiou])", "i"), ("aa+", "a"),
    ("ia|io", "ia"), ("y$|y(?=[^aeiou])|[ie]", "i"), ("[ou]", "u"), ("a", "a"), ("w", "u"),
    ("z", "J"), ("h", "H"), ("[a-z]", None),
)
_SCAN = re.compile("|".join(f"(?P<p{number}>{find})" for number, (find, _) in enumerate(_PIECES)))
_LONG_A = re.compile(r"^[bcdfghjklmnprstvwz]{0,2}a[bcdfgjklmnprstvz]e$")
_SILENT_E = re.compile(r"(?<=[aeiouy])([^aeiouyw]{1,2})e$")

_LAST_AI = re.compile(r"(?:(?<=[aeiou][a-z])|(?<=[aeiou][a-z]{2})|(?<=[aeiou][a-z]{3}))a[iy]$")
"""Tamil mazhai is also typed mazha; the y of Hindi samay is a breath."""

_FRENCH = (
    ("eaux?|aux?$|au", "u"), ("tion|ssion", "SaN"), ("oeu|eu|ou", "u"), ("oi|oy", "Va"), ("ai|ei|ay|ey", "i"),
    ("(?<=[aeiou])ill?(?=[aeiou]|$)", "i"), ("ch", "S"), ("ph", "F"), ("gn", "N"), ("qu|q|k", "K"),
    ("gu(?=[eiy])", "G"),
    ("ge(?=[aou])|g(?=[eiy])|j", "J"), ("c(?=[eiy])|\u00e7", "S"), ("c", "K"), ("x", "KS"), ("h", ""), ("w", "V"),
    ("z", "S"), ("[iey]", "i"), ("[ou]", "u"), ("a", "a"), ("[a-z]", None),
)
_FRENCH_SCAN = re.compile("|".join(f"(?P<p{number}>{find})" for number, (find, _) in enumerate(_FRENCH)))


def latin(word: str) -> str:
    """The sounds of a word (lower case, Latin letters) of English or of an Indian language as typed."""
    word = unaccented(word).replace("'", "").replace("\u2019", "")
    word = _LAST_AI.sub("a", ODD.get(word, word))
    if _LONG_A.match(word):
        word = word.replace("a", "ee")[:-1] if word[-2] not in "gc" else word.replace("a", "ee")
    word = _SILENT_E.sub(lambda found: found[0] if found[1][-1] in "gc" else found[1], word)
    sounds = _SCAN.sub(_piece, word)
    # A final e after soft c or g has done its work; other final vowels are taken off with the endings.
    return sounds[:-1] if word.endswith(("ce", "ge")) and len(sounds) > 2 else sounds


def _piece(found: "re.Match[str]") -> str:
    sounds = _PIECES[int(found.lastgroup[1:])][1]  # type: ignore[index]
    if sounds is not None:
        return sounds
    letters = found[0]
    if letters.startswith("cc"):
        return "C" if letters.endswith("h") else "K"
    if letters[0] == "t" and letters.endswith("h"):
        return "Q"
    return letters[0].upper()


def french(word: str) -> str:
    """The sounds of a French word (lower case): what is written at its end and not said is left out."""
    cedilla = word.replace("\u00e7", "ss")
    word = unaccented(re.sub("[\u00e9\u00e8\u00ea\u00eb]e?s?$", "i", cedilla))
    word = re.split("['\u2019]", word)[-1]
    bare = re.sub(r"(?<=[a-z]{2})(?:e|es)$", "", word)
    if bare == word:
        bare = re.sub(r"(?<=[a-z]{2}[^aeiou])(?:ers?|ez)$", "i", word)
    if bare == word:
        bare = re.sub(r"(?<=[a-z]{2})[sxztdp]{1,2}$", "", word)
    return _FRENCH_SCAN.sub(lambda found: _french_piece(found), bare)


def _french_piece(found: "re.Match[str]") -> str:
    sounds = _FRENCH[int(found.lastgroup[1:])][1]  # type: ignore[index]
    return found[0].upper() if sounds is None else sounds
