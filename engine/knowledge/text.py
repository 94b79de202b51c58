"""Text without layout: sentences, and words to search by. Pure."""

import re
import unicodedata
from functools import lru_cache

_STOPS = ".!?\u0964\u06d4\u3002"
_SENTENCE_END = re.compile(rf"(?:(?<=[{_STOPS}])|(?<=[{_STOPS}][\"')\u201d\u2019]))\s+(?=[\"'(\u201c\u2018]*[^\W_a-z])")
_ABBREVIATION = re.compile(r"\b(?:dr|mr|mrs|ms|st|no|nr|vs|etc|approx|ext|tel|e\.g|i\.e|[a-z])\.$", re.IGNORECASE)
# Python's \w lacks the vowel signs of the Indic scripts (their blocks are U+0900 to U+0DFF); words must stay whole.
_LETTERS = r"(?:[^\W_]|[\u0300-\u036f\u0900-\u0963\u0966-\u0dff\u200c\u200d])+"
_WORD = re.compile(rf"{_LETTERS}(?:['\u2019]{_LETTERS})*")
_SUFFIXES = ("ingly", "ations", "ation", "ments", "ment", "ings", "ing", "ies", "edly", "ed", "ers", "er", "es", "ly",
             "s")

STOP_WORDS = frozenset("""
a about am an and any are as at be been but by can could did do does for from get give had has have he her here him his
how i if in into is it its let like may me must my no not of on or our out please she should so some tell than that the
their them then there these they this those to up us want was we were what when where which who why will with would you
your i'm i'd i'll i've don't can't it's what's where's when's how's isn't doesn't didn't
""".split())  # noqa: SIM905
"""Words that say what is wanted of an answer, not what it is about. Keyword search passes over them."""

_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_AUTOLINK = re.compile(r"<(https?://[^>\s]+|[^@>\s]+@[^>\s]+)>")
_TAG = re.compile(r"</?[a-zA-Z][^>]*>|<!--.*?-->", re.DOTALL)
_EMPHASIS = re.compile(r"(\*\*\*|\*\*|\*|(?<!\w)___|(?<!\w)__|(?<!\w)_|~~)(?=\S)(.+?)(?<=\S)(?:\1)(?!\w)")
_CODE = re.compile(r"`+([^`]*)`+")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|>~])")


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph, in order. A new line is a space; abbreviations and initials do not end one."""
    found: list[str] = []
    for piece in _SENTENCE_END.split(" ".join(text.split())):
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] += " " + piece
        elif piece:
            found.append(piece)
    return found


def plain(markdown: str) -> str:
    """Inline Markdown to the words a reader sees: links to their text, marks and tags dropped."""
    text = _TAG.sub("", _AUTOLINK.sub(r"\1", _LINK.sub(r"\1", markdown)))
    text = _CODE.sub(r"\1", text)
    for _ in range(3):  # bold within italics within strikethrough
        text = _EMPHASIS.sub(r"\2", text)
    return " ".join(_ESCAPE.sub(r"\1", text).split())


def sentence(markdown: str) -> str:
    """The words a reader sees, closed with a full stop, so that another sentence can follow. A voice gets its spoken
    form of it later (``engine/speech/spoken``); history and log keep this."""
    text = plain(markdown)
    return text if not text or text[-1] in _STOPS else text.rstrip(",;:") + "."


def words(text: str) -> list[str]:
    """Lower-case words as written, without punctuation."""
    return [word.lower().replace("\u2019", "'") for word in _WORD.findall(text)]


def terms(text: str, language: str = "") -> list[str]:
    """What keyword search compares: stems of the words that are not stop words, or of all if there are no others."""
    found = words(text)
    content = [word for word in found if word not in STOP_WORDS]
    return [stem(word) for word in content or found]


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The word without accents and its commonest English endings; what is left has three letters or more."""
    # Combining classes from 200 are accents above and below letters; Indic signs are lower and stay.
    word = "".join(char for char in unicodedata.normalize("NFD", word) if unicodedata.combining(char) < 200)
    word = word.removesuffix("'s")
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and not word.endswith("ss"):
            word = word[:-len(suffix)]
            break
    doubled = len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeious"
    return word[:-1] if doubled or (len(word) > 3 and word[-1] in "ey") else word
