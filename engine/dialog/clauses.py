"""Cuts a stream of text into clauses to be spoken one by one, so that speech starts before the text is complete.

A clause ends at the end of a sentence or line. The first one of a reply may end earlier, at a comma or before a
conjunction, once it is long enough to be spoken well: the caller waits for that one.

Where a clause ends depends on the text alone, not on the parts in which it came: a mark that the next characters could
still change is left undecided until they are there. Pure.
"""

import re

from engine.speech.spoken.letters import LETTER_NAMES

FIRST_CLAUSE_CHARS = 24
"""Shortest first clause that may end at a comma: shorter ones sound chopped."""

FIRST_CONJUNCTION_CHARS = 40
"""Shortest first clause that may end before a conjunction without a comma."""

LONGEST_CLAUSE_CHARS = 240
"""A sentence longer than this is cut at its last comma or blank, so that no voice gets a page."""

TITLES = frozenset("""
mr mrs ms dr prof sr jr st vs e.g i.e viz cf approx dept inc ltd pvt govt shri smt adv capt col gen rev hon
m mm mme mlle डॉ प्रो श्री ഡോ പ്രൊഫ ശ്രീ ശ്രീമതി അഡ്വ டாக்டர் திரு பேரா முனைவர்
""".split())  # noqa: SIM905
"""Words whose full stop does not end a sentence."""

BEFORE_NUMBERS = frozenset("""
no nos nr ext tel rs re p pp vol ch sec fig art jan feb mar apr jun jul aug sep sept oct nov dec mob ph
रु नं सं രൂ നം ரூ எண்
""".split())  # noqa: SIM905
"""Words whose full stop does not end a sentence when a number follows."""

MAY_END = frozenset(("a.m", "p.m", "etc", "co", "ave"))
"""Words whose full stop ends a sentence only when a capital follows."""

CONJUNCTIONS = """
but because although though unless while which so mais parce car puisque pourtant alors
लेकिन क्योंकि मगर ताकि इसलिए പക്ഷേ പക്ഷെ കാരണം എന്നാൽ അതുകൊണ്ട് ஆனால் ஏனென்றால் அதனால்
""".split()  # noqa: SIM905
"""Words before which a speaker may take a breath."""

_SHORTENED = re.compile(r"[bcdfghjklmnpqrstvwxz]{2,}|incl|excl|max|min|misc|est|avg|temp|qty|asst|addl|mins|secs|env")
"""Small words that look shortened: no vowel, or known. Their full stop ends nothing when a small letter follows."""

_INITIALS = frozenset(name for names in LETTER_NAMES.values() for name in names.values())
_CLOSERS = "\"')\\]}*_\u201d\u2019\u00bb"
_MARK = re.compile(
    rf"(?P<line>\n)|(?P<danda>[\u0964\u0965]+)[{_CLOSERS}]{{0,8}}(?=[^{_CLOSERS}\u0964\u0965])"
    rf"|(?P<stop>[.!?\u2026\u06d4\u061f]+)[{_CLOSERS}]{{0,8}}(?=\s)"
    r"|(?P<comma>[,;:\u2014\u2013\u060c])(?=\s)"
    rf"|(?P<breath>[ \t])(?=(?:{'|'.join(CONJUNCTIONS)})\s)"
)
_SOFT = re.compile(r"[,;:\u2014\u2013\u060c](?=\s)")
_LOOK_AHEAD = 16
"""No decision looks further ahead than so many characters."""


class ClauseSplitter:
    """Feed text as it comes, take clauses as they are complete; ``flush`` gives the rest. Holds no more than
    ``LONGEST_CLAUSE_CHARS`` and a few characters between two feeds."""

    def __init__(self) -> None:
        """Nothing fed yet: the next clause is the first."""
        self._text = ""
        self._first = True

    def feed(self, text: str) -> list[str]:
        """Take the next piece of text; the clauses that are complete now, blanks trimmed, never empty."""
        self._text = (self._text + text).lstrip()
        clauses = []
        while (end := self._end()) is not None:
            clauses.append(self._text[:end].rstrip())
            self._text = self._text[end:].lstrip()
            self._first = False
        return clauses

    def flush(self) -> list[str]:
        """The end of the text: what is left, as one clause, or two if it is too long for one."""
        rest, self._text = self._text.rstrip(), ""
        if len(rest) <= LONGEST_CLAUSE_CHARS:
            return [rest] if rest else []
        end = _forced_end(rest)
        return [rest[:end].rstrip(), rest[end:].lstrip()]

    def _end(self) -> int | None:
        """Where the next clause ends, or None as long as that is not known. The text begins with no blank."""
        text = self._text
        for mark in _MARK.finditer(text):
            if mark.end() > LONGEST_CLAUSE_CHARS:
                return _forced_end(text)
            ends = self._ends_at(mark)
            if ends is None and len(text) <= LONGEST_CLAUSE_CHARS + _LOOK_AHEAD:
                return None
            if ends:
                return mark.end()
        return _forced_end(text) if len(text) > LONGEST_CLAUSE_CHARS + _LOOK_AHEAD else None

    def _ends_at(self, mark: re.Match[str]) -> bool | None:
        """Whether a clause ends at this mark; None: the next characters decide."""
        if mark["comma"]:
            return self._first and mark.end() >= FIRST_CLAUSE_CHARS
        if mark["breath"]:
            return self._first and mark.end() >= FIRST_CONJUNCTION_CHARS
        if mark["stop"] and mark["stop"][-1] in ".\u2026":
            return _full_stop_ends(self._text, mark)
        return True


def _full_stop_ends(text: str, stop: re.Match[str]) -> bool | None:
    """Whether the full stop or ellipsis at ``stop`` ends a sentence. Mostly the word before it tells, so that the
    clause leaves at once; None: the next letter must tell."""
    before = text[: stop.start()]
    word = re.split(r"[\s(\[\"'\u201c\u2018*_]", before)[-1]
    small = word.lower()
    dots = len(stop["stop"]) > 1 or stop["stop"] == "\u2026"
    if not dots and _never_ends(word, before):
        return False
    quoted = before.rfind("\u00ab") > before.rfind("\u00bb")
    if not (dots or quoted or small in BEFORE_NUMBERS or small in MAY_END or _SHORTENED.fullmatch(small)):
        return True
    following = text[stop.end() : stop.end() + _LOOK_AHEAD - 8]
    blank = len(following) - len(following.lstrip())
    if "\n" in following[:blank]:
        return True
    next_char = following[blank : blank + 1]
    if not next_char:
        return True if len(following) == _LOOK_AHEAD - 8 else None
    if small in BEFORE_NUMBERS and not dots:
        return not (next_char.isnumeric() or next_char.islower())
    if small in MAY_END and not dots:
        return next_char.isupper()
    return not next_char.islower() and next_char != "\u00bb"


def _never_ends(word: str, before: str) -> bool:
    """Titles, dotted letters (U.S.), initials, and the number of a list's item, which is all there is before it."""
    return (
        word.lower() in TITLES
        or re.fullmatch(r"(?:[^\W\d]{1,2}\.)+[^\W\d]{1,3}", word) is not None
        and word.lower() not in MAY_END
        or word in _INITIALS
        or (len(word) == 1 and word.isupper() and word != "I")
        or (word.isdigit() and before == word)
    )


def _forced_end(text: str) -> int:
    """Where a sentence that is too long is cut."""
    softs = [mark.end() for mark in _SOFT.finditer(text, 0, LONGEST_CLAUSE_CHARS)]
    return softs[-1] if softs else text.rfind(" ", 0, LONGEST_CLAUSE_CHARS) + 1 or LONGEST_CLAUSE_CHARS


def clauses(text: str) -> list[str]:
    """The clauses of a whole text."""
    splitter = ClauseSplitter()
    return splitter.feed(text) + splitter.flush()


__all__ = ["FIRST_CLAUSE_CHARS", "LONGEST_CLAUSE_CHARS", "ClauseSplitter", "clauses"]
