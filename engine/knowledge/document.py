"""What a file becomes: a document of passages. Pure data, made by the readers, kept by the store."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Passage:
    """What is searched and cited: a section, or a part of a long one, or one question with its answer, or some rows of
    a table. ``heading``: the headings above, outermost first. ``text``: the whole. ``statements``: its sentences.
    ``questions``: what it answers, where it is written as a question and its answer. ``page``: from 1, 0 where there
    are none. ``language``: a code such as ``ml``, "" where it cannot be told. ``say``: the answer to speak."""

    heading: tuple[str, ...]
    text: str
    statements: tuple[str, ...]
    questions: tuple[str, ...] = ()
    page: int = 0
    language: str = ""
    say: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One file. ``id`` is its path below the folder that was ingested, without suffix, or the front matter's ``id``;
    ``digest`` the SHA-256 of its bytes; ``utterances``, ``say``, ``tags`` and the dates between which it holds
    (ISO, inclusive, "" for no limit) come from the front matter; folders add tags. ``notes``: what the operator should
    be told though the file was read, such as pages without text."""

    id: str
    source: Path
    digest: str
    title: str
    passages: tuple[Passage, ...]
    tags: tuple[str, ...] = ()
    utterances: tuple[str, ...] = ()
    say: str = ""
    valid_from: str = ""
    valid_until: str = ""
    notes: tuple[str, ...] = ()
