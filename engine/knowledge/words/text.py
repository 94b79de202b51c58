"""Text without layout: sentences, and words to search by. Pure."""

import re

from engine.knowledge.words.numberwords import figures, in_figures
from engine.knowledge.words.stems import stem, stem_in
from engine.language.smallwords import ENGLISH as STOP_WORDS
from engine.language.smallwords import is_small, latin_language

__all__ = ["STOP_WORDS", "apart", "content", "plain", "sentence", "sentences", "stem", "terms", "words"]

_STOPS = ".!?\u0964\u06d4\u3002"
_SENTENCE_END = re.compile(rf"(?:(?<=[{_STOPS}])|(?<=[{_STOPS}][\"')\u201d\u2019]))\s+(?=[\"'(\u201c\u2018]*[^\W_a-z])")
_ABBREVIATION = re.compile(
    r"(?<![^\W_])(?:dr|mr|mrs|ms|st|no|nr|vs|etc|approx|ext|tel|e\.g|i\.e|prof|smt|mm?e|mmes|mlle|p\.ex|env|[a-z])\.$"
    r"|(?:^|[ (])(?:डॉ|श्री|सुश्री|श्रीमती|पं|क्र|सं|ഡോ|ശ്രീ|ശ്രീമതി|നം|അഡ്വ|திரு|திருமதி|டாக்|எண்|முனை)\.$",
    re.IGNORECASE)
_UNIT = re.compile(r"(?:^|[ (])(?:rs|re|रु|रू|രൂ|ரூ|art|fig|p|n\u00b0)\.$", re.IGNORECASE)
"""What ends no sentence before a figure: "Rs. 250"."""
# Python's \w lacks the vowel signs of the Indic scripts (their blocks are U+0900 to U+0DFF); words must stay whole.
_LETTERS = r"(?:[^\W_]|[\u0300-\u036f\u0900-\u0963\u0966-\u0dff\u200c\u200d])+"
_WORD = re.compile(rf"{_LETTERS}(?:['\u2019]{_LETTERS})*")
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
        if found and (_ABBREVIATION.search(found[-1]) or (piece[0].isdigit() and _UNIT.search(found[-1]))):
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


def apart(found: list[str], language: str) -> list[str]:
    """Words of a text in that language with numbers in figures; in French without what is elided before them."""
    if language == "fr":
        found = [part for word in found for part in word.split("'") if part]
    return in_figures(found, language)


def content(text: str, language: str = "") -> tuple[list[str], str]:
    """The words that are not small, or all if there are no others, numbers in figures, however they are written; and
    the language of those in Latin letters, by the small words among them. ``language``: that of the text, "" where it
    is not known."""
    found = words(figures(text, language))
    of_latin = latin_language([word for word in found if word < "\u0250"], language.partition("-")[0])
    found = apart(found, of_latin)
    return [word for word in found if not is_small(word, of_latin)] or found, of_latin


def terms(text: str, language: str = "") -> list[str]:
    """What keyword search compares: the stems of ``content``. Words in a script of India are taken by their script."""
    found, of_latin = content(text, language)
    return [stem_in(word, of_latin) for word in found]
