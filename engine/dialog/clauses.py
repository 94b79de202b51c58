"""Cuts a stream of text into clauses to be spoken one by one, so that speech starts before the text is complete.

A clause ends at the end of a sentence. The first one of a reply may end earlier, at a comma or semicolon, once it is
long enough to be spoken well: the caller waits for that one.
"""

import re

FIRST_CLAUSE_CHARS = 24
"""Shortest first clause that may end at a comma: shorter ones sound chopped."""

LONGEST_CLAUSE_CHARS = 240
"""A sentence longer than this is cut at its last comma or blank, so that no voice gets a page."""

TITLES = frozenset(
    ("mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "vs", "e.g", "i.e", "approx", "dept", "inc", "ltd")
)
"""Words whose full stop does not end a sentence."""

BEFORE_NUMBERS = frozenset(("no", "ext", "tel", "rs", "p", "pp"))
"""Words whose full stop does not end a sentence when a number follows."""

MAY_END = frozenset(("a.m", "p.m", "etc", "co"))
"""Words whose full stop ends a sentence only when a capital follows."""

_STOP = re.compile(r"[.!?\u0964\u0965]+[\"')\]\u201d\u2019]*(?=\s)|\n+")
_SOFT = re.compile(r"[,;:\u2014](?=\s)")


class ClauseSplitter:
    """Feed text as it comes, take clauses as they are complete; ``flush`` gives the rest."""

    def __init__(self) -> None:
        """Nothing fed yet: the next clause is the first."""
        self._text = ""
        self._first = True

    def feed(self, text: str) -> list[str]:
        """Take the next piece of text; the clauses that are complete now, blanks trimmed, never empty."""
        self._text += text
        clauses = []
        while (end := self._end()) is not None:
            clause, self._text = self._text[:end].strip(), self._text[end:]
            if clause:
                self._first = False
                clauses.append(clause)
        return clauses

    def flush(self) -> list[str]:
        """The end of the text: what is left, as one clause, if anything is."""
        rest, self._text = self._text.strip(), ""
        return [rest] if rest else []

    def _end(self) -> int | None:
        """Where the next clause ends, or None as long as that is not known."""
        ends = [m.end() for m in _STOP.finditer(self._text) if m.group()[0] == "\n" or self._ends_sentence(m)][:1]
        if self._first:
            ends += [m.end() for m in _SOFT.finditer(self._text) if m.end() >= FIRST_CLAUSE_CHARS][:1]
        end = min(ends, default=len(self._text))
        if end > LONGEST_CLAUSE_CHARS:
            soft = [m.end() for m in _SOFT.finditer(self._text, 0, LONGEST_CLAUSE_CHARS)]
            return soft[-1] if soft else self._text.rfind(" ", 0, LONGEST_CLAUSE_CHARS) + 1 or LONGEST_CLAUSE_CHARS
        return end if ends else None

    def _ends_sentence(self, stop: re.Match[str]) -> bool:
        if stop.group()[0] != ".":
            return True
        word = re.split(r"[\s(\"']", self._text[: stop.start()])[-1].lower()
        following = self._text[stop.end() :].lstrip()[:1]
        if word in BEFORE_NUMBERS:
            return not following.isdigit()
        if word in MAY_END:
            return following.isupper()
        return word not in TITLES and not (len(word) == 1 and word.isalpha())


def clauses(text: str) -> list[str]:
    """The clauses of a whole text."""
    splitter = ClauseSplitter()
    return splitter.feed(text) + splitter.flush()
