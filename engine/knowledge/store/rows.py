"""From documents to what the tables keep of them: what is embedded, what is searched by words, the keys. Pure."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from engine.knowledge.document import Document, Passage
from engine.knowledge.embedding.interface import PassageText
from engine.knowledge.words.text import terms
from engine.language import sounds

LineKind = Literal["question", "say"]
QUESTION: LineKind = "question"
SAY: LineKind = "say"


@dataclass(frozen=True, slots=True)
class Line:
    """A text that is embedded by itself. ``ordinal`` is that of its passage, ``None`` for the whole document."""

    kind: LineKind
    ordinal: int | None
    text: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Analysed:
    """What keyword search sees of a passage."""

    words: str
    sounds: str


@dataclass(frozen=True, slots=True)
class Pending:
    """What has no vector yet, by its digest, each text once."""

    passages: dict[bytes, PassageText]
    questions: dict[bytes, str]

    def __len__(self) -> int:
        """How many vectors are wanted."""
        return len(self.passages) + len(self.questions)


def digest_of_question(text: str) -> bytes:
    """What the vector of a question is found by."""
    return _digest("question", text)


def digest_of_passage(passage: PassageText) -> bytes:
    """What the vectors of a passage are found by: they depend on its headings and on how it is cut."""
    return _digest("passage", passage.above, *passage.statements)


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()[:16]


def chunk_id(document: str, ordinal: int, text: str) -> str:
    """Stable while the passage is; letters, digits, '-' and '_' only, so that a model may repeat it."""
    digest = hashlib.sha1(f"{document}#{ordinal}{text}".encode("utf-8", "surrogatepass"), usedforsecurity=False)
    return base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")


def statements_of(passage: Passage) -> tuple[str, ...]:
    """Its sentences; the whole text where a reader gave none."""
    return passage.statements or (passage.text,)


def to_embed(title: str, heading: tuple[str, ...], statements: tuple[str, ...]) -> PassageText:
    """What a model is given of a passage."""
    return PassageText(". ".join((title, *heading)), statements)


def lines_of(document: Document) -> Iterator[Line]:
    """Questions and answers to speak: those of the document, then those of its passages in order."""
    for question in document.utterances:
        yield Line(QUESTION, None, question, digest_of_question(question))
    if document.say:
        yield Line(SAY, None, document.say, digest_of_passage(to_embed(document.title, (), (document.say,))))
    for ordinal, passage in enumerate(document.passages):
        for question in passage.questions:
            yield Line(QUESTION, ordinal, question, digest_of_question(question))
        if passage.say:
            text = to_embed(document.title, passage.heading, (passage.say,))
            yield Line(SAY, ordinal, passage.say, digest_of_passage(text))


def wanted_by(document: Document) -> Pending:
    """Everything of a document that gets a vector."""
    texts = [to_embed(document.title, passage.heading, statements_of(passage)) for passage in document.passages]
    texts += [to_embed(document.title, passage.heading, (passage.say,))
              for passage in document.passages if passage.say]
    texts += [to_embed(document.title, (), (document.say,))] if document.say else []
    questions = [line for line in lines_of(document) if line.kind == QUESTION]
    return Pending({digest_of_passage(text): text for text in texts},
                   {line.digest: line.text for line in questions})


def analyse(document: Document, passage: Passage) -> Analysed:
    """Stems and sounds of a passage under its title and headings, with all questions that lead to it."""
    whole = "\n".join((document.title, *passage.heading, passage.text, *passage.questions, *document.utterances))
    return Analysed(" ".join(terms(whole, passage.language)), " ".join(sounds.keys(whole, passage.language)))
