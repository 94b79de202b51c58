"""Takes away what is there for the eye: Markdown, HTML, emoji, brackets. Pure."""

import html
import re
import unicodedata

from engine.speech.spoken.traced import Traced

_FENCE = re.compile(r"```|~~~")
_LINE = re.compile(r"[^\n]*\n?")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)?[^\s<>@]+(?:@[^\s<>@]+)?\.[^\s<>]+)>")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_LINK = re.compile(r"!?\[([^\]\[]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
_REFERENCE = re.compile(r"[ ]?\[\^?\d{1,3}\](?!\()|\[\^[^\]]*\]|\u3010[^\u3011]*\u3011|(?<=\])\[[^\]]*\]")
_LINE_START = re.compile(
    r"^[ \t]*(?:>[ \t]*)*(?:#{1,6}[ \t]+|[-*+\u2022\u25cf\u25e6][ \t]+(?:\[[ xX]\][ \t]+)?)?", re.MULTILINE
)
_RULER = re.compile(r"^(?=[^\n]*(?:--|==|\*\*|__|- -|\* \*))[-|:=*_ \t]{3,}$", re.MULTILINE)
_ROW = re.compile(r"^[ \t]*\|.*$|^.*\|.*\|.*$", re.MULTILINE)
_CELL = re.compile(r"[ \t]*\|[ \t]*")
_TIMES = re.compile(r"(?<=\d)[ \t]?\*[ \t]?(?=\d)")
_EMPHASIS = re.compile(r"\*+|~~|`+|\\(?=[^\w\s])|(?<![^\W_])_+(?=[^\W_])|(?<=[^\W_])_+(?![^\W_])")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,31});")
_EMOTICON = re.compile(r"(?<![\w)])(?:[:;=]['-]?[()DP/|\]](?!\w)|<3|\^_\^)")
_ODD_SPACE = re.compile(r"[\u00a0\u2000-\u200a\u202f\u205f\u3000\ufeff]")
_ODD_HYPHEN = re.compile(r"[\u2010\u2011\u2212]")
_ODD = re.compile(r"[^\x20-\x7e\u00a1-\u02af\u0900-\u0dff\n]")
_NATIVE_DIGIT = re.compile(r"[\u0966-\u096f\u09e6-\u09ef\u0a66-\u0a6f\u0ae6-\u0aef\u0b66-\u0b6f\u0be6-\u0bef"
                           r"\u0c66-\u0c6f\u0ce6-\u0cef\u0d66-\u0d6f\u0660-\u0669\u06f0-\u06f9]")  # fmt: skip
_KEPT = "\u2116\u20b9\u20ac\u2013\u2014\u2018\u2019\u201c\u201d\u2026\u2032\u2033\u2248\u2264\u2265\u2044\u2022"
_JOINERS = "\u200c\u200d"

_CLEANING: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[\"\u201c\u201d\u201e\u00ab\u00bb\u2033]"), ""),
    (re.compile(r"\u2018|(?<!\w)'(?=\w)|(?<=[.,!?])['\u2019]|(?<=\s)['\u2019](?=\s)"), ""),
    (re.compile(r"\s*\("), ", "),
    (re.compile(r"(?<=[.!?])\)"), ""),
    (re.compile(r"\)"), ", "),
    (re.compile(r"\s*(?:\u2026|\.{2,})(?=\s*[^\W_])"), ", "),
    (re.compile(r"\s*(?:\u2026|\.{2,})"), "."),
    (re.compile(r"\s*[\u2013\u2014]\s*|\s+-+\s+|\s*--+\s*|\u2192"), ", "),
    (re.compile(r"[*_#|<>\\^~`\u2022\u00a9\u00ae\[\]{}/$\u2044]+"), " "),
    (re.compile(r"\s+"), " "),
    (re.compile(r" (?=[,.!?;:\u0964]+(?:\s|$))"), ""),
    (re.compile(r",(?: ?,)+"), ","),
    (re.compile(r"(?<=[!?;:\u0964]),|,(?=[.!?;:\u0964])"), ""),
    (re.compile(r"^[ ,;:.]+|[ ]+$"), ""),
)


def outside_fences(traced: Traced, inside: bool) -> tuple[Traced, bool]:
    """Without the code between fences; whether the text ends inside of one. ``inside``: it began inside of one."""
    if not inside and not _FENCE.search(traced.text):
        return traced, False
    changes = []
    for line in _LINE.finditer(traced.text):
        fences = len(_FENCE.findall(line.group()))
        if inside or fences:
            changes.append((line.start(), line.end(), ""))
        inside ^= fences % 2 == 1
    return traced.changed(changes), inside


def bare(traced: Traced) -> Traced:
    """The words and signs that a reader sees."""
    text = traced.replace(_COMMENT, "").keep(_AUTOLINK).replace(_TAG, " ").keep(_LINK).replace(_REFERENCE, "")
    text = text.replace(_EMOTICON, " ").replace(_RULER, "").replace(_LINE_START, "").replace(_TIMES, "\u00d7")
    if _ROW.search(text.text):
        text = text.replace(_CELL, ", ")
    text = text.replace(_EMPHASIS, "").replace(_ENTITY, lambda entity: html.unescape(entity.group()))
    text = text.replace(_ODD_SPACE, " ").replace(_ODD_HYPHEN, "-")
    text = text.replace(_NATIVE_DIGIT, lambda digit: str(unicodedata.digit(digit.group())))
    return text.replace(_ODD, _odd)


def _odd(found: re.Match[str]) -> str | None:
    """Blank for emoji, pictures, controls and private characters; None: stays."""
    char = found.group()
    if char in _KEPT:
        return None
    if char in _JOINERS:  # they shape Indic letters, and glue emoji
        before = found.string[found.start() - 1 : found.start()]
        return None if "\u0900" <= before <= "\u0dff" else ""
    if char in "\u2103\u2109":
        return "\u00b0C" if char == "\u2103" else "\u00b0F"
    if "\ufe00" <= char <= "\ufe0f" or char == "\u20e3":
        return ""
    kind = unicodedata.category(char)
    return None if kind[0] in "LMN" or kind in ("Pd", "Po", "Ps", "Pe", "Sc") or char == "\u2192" else " "


def clean(traced: Traced) -> Traced:
    """Without brackets, quotation marks and stray signs; pauses as commas, single blanks. Empty if there is nothing to
    say in it."""
    for pattern, new in _CLEANING:
        traced = traced.replace(pattern, new)
    return traced if any(char.isalnum() for char in traced.text) else Traced("", [])
