"""Passages as one text, for a model that answers from them: the ``context`` of ``POST /api/rag/search``. Pure."""

from collections.abc import Sequence

from engine.knowledge.base import Hit
from engine.language.tokens import tokens

MAX_TOKENS = 1500
"""Of the whole text, by the estimate of ``engine.language.tokens``."""

MIN_TOKENS = 40
"""Less than this of a passage is not worth its heading."""


def rag_context(hits: Sequence[Hit], max_tokens: int = MAX_TOKENS) -> str:
    """The passages, numbered from 1, each under its title, headings and page, an empty line between them.

    As many as fit into ``max_tokens``; the last one is cut at a word where that leaves enough of it. "" for none."""
    parts: list[str] = []
    for number, hit in enumerate(hits, 1):
        citation = hit.citation
        place = " > ".join((citation.title, *citation.heading)) + (f", page {citation.page}" if citation.page else "")
        head = f"[{number}] {place}\n"
        room = max_tokens - tokens("\n\n".join([*parts, head]))
        if tokens(hit.text) <= room:
            parts.append(head + hit.text)
            continue
        if room >= MIN_TOKENS:
            parts.append(head + _cut(hit.text, room - 2) + " ...")
        break
    return "\n\n".join(parts)


def _cut(text: str, max_tokens: int) -> str:
    """The beginning of a text, up to a blank."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if tokens(text[:middle]) <= max_tokens:
            low = middle
        else:
            high = middle - 1
    return text[:low].rsplit(" ", 1)[0].rstrip()
