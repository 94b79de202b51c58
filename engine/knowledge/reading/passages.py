"""Blocks to passages: the one place where documents are cut. Pure.

Structure first: a passage never crosses a heading; a question keeps its whole answer; rows of a table are sentences
with their headers; what is too long is cut between blocks, else between sentences, else within one.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from engine.knowledge.document import Passage
from engine.knowledge.reading.blocks import Block, Heading, Pair, Say, Text
from engine.knowledge.words.text import sentences
from engine.language.identify import identify
from engine.language.scripts import LATIN

MAX_ANSWER_CHARS = 20_000
"""An answer beyond this is no answer but a chapter: it is cut, and each part keeps the question."""

SURE = 0.75
"""Least probability of a passage's language; below, it has that of the document."""

LEAST_LETTERS = 12
"""Latin letters from which a language is told by them; a script of its own is told by less."""

QUESTION = re.compile(r"^\s*(?:Q|Question)\s*[:.]\s*(.+)$", re.IGNORECASE)
ANSWER = re.compile(r"^\s*(?:A|Answer)\s*[:.]\s*(.*)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cut:
    """How long a passage may be: 120 words are some 40 seconds of speech, and well within what the embedding model
    sees. ``chars`` bounds languages of long words. ``overlap_chars``: whole sentences of about that length are repeated
    at the beginning of the next passage of a section."""

    words: int = 120
    chars: int = 1000
    overlap_chars: int = 0

    def fits(self, text: str) -> bool:
        """Whether a text may be one passage."""
        return len(text) <= self.chars and len(text.split()) <= self.words


@dataclass(slots=True)
class _Section:
    heading: tuple[str, ...] = ()
    question: str = ""
    page: int = 0
    blocks: list[Text | Pair | Say] = field(default_factory=list)


def only_title(blocks: Iterable[Block]) -> str:
    """The heading of level one, if there is exactly one."""
    found = [block.text for block in blocks if isinstance(block, Heading) and block.level == 1]
    return found[0] if len(found) == 1 else ""


def passages(blocks: Sequence[Block], title: str, cut: Cut, language: str = "") -> tuple[Passage, ...]:
    """The passages of a document called ``title`` (a heading of that name is left out). ``language``: where it is
    known; else each passage has its own guessed."""
    found = [passage for section in _sections(blocks) for passage in _of_section(section, title, cut)
             if any(map(str.isalnum, passage.text))]
    if language:
        spoken = [language] * len(found)
    else:
        guesses = [_language(passage) for passage in found]
        counts = Counter(name for name in guesses if name)
        usual = counts.most_common(1)[0][0] if counts else ""
        spoken = [name or usual for name in guesses]
    return tuple(Passage(one.heading, one.text, one.statements, one.questions, one.page, name, one.say)
                 for one, name in zip(found, spoken, strict=True))


def _language(passage: Passage) -> str:
    guess = identify(" ".join([*passage.questions, passage.text])[:2000])
    told = guess.script != LATIN or guess.letters >= LEAST_LETTERS
    return guess.language if told and guess.probability >= SURE else ""


def _sections(blocks: Iterable[Block]) -> Iterator[_Section]:
    section = _Section()
    above: list[tuple[int, str]] = []
    for block in blocks:
        if isinstance(block, Heading):
            yield section
            above = [entry for entry in above if entry[0] < block.level] + [(block.level, block.text)]
            section = _Section(tuple(name for _, name in above if name),
                               block.text if block.text.endswith("?") else "", block.page)
        else:
            section.blocks.append(block)
    yield section


def _of_section(section: _Section, title: str, cut: Cut) -> Iterator[Passage]:
    """Questions with their answers whole, the rest packed."""
    heading = tuple(name for name in section.heading if name != title)
    loose: list[Text] = []
    for block in _with_pairs(section):
        if isinstance(block, Text):
            loose.append(block)
        elif isinstance(block, Pair):
            yield from _pack(heading, loose, cut)
            loose = []
            yield from _pair(heading, block, cut)
        elif loose:
            yield from _pack(heading, loose, cut, block.text)
            loose = []
    yield from _pack(heading, loose, cut)


def _with_pairs(section: _Section) -> Iterator[Text | Pair | Say]:
    """The section's blocks, with questions and answers that are written as such made pairs. A ``Say`` comes after what
    it belongs to, wherever in its section it was written."""
    answer: list[Text] = []
    question, page, say = section.question, section.page, ""
    for block in section.blocks:
        if isinstance(block, Say):
            say = say or block.text
            continue
        asked = QUESTION.match(block.text) if isinstance(block, Text) else None
        if isinstance(block, Pair) or asked:
            yield from _finished(question, answer, page, say)
            question, answer, page, say = "", [], block.page, ""
            if isinstance(block, Pair):
                yield block
            elif asked:
                question = asked[1].strip()
        else:
            answered = ANSWER.match(block.text) if question and not answer else None
            page = page or block.page
            answer.append(Text(answered[1], block.page) if answered else block)
    yield from _finished(question, answer, page, say)


def _finished(question: str, held: list[Text], page: int, say: str) -> Iterator[Text | Pair | Say]:
    if question:
        if texts := tuple(block.text for block in held if block.text):
            yield Pair((question,), texts, say, page=page)
        elif say:
            yield Pair((question,), (say,), say, page=page)
        return
    yield from held or ([Text(say, page)] if say else [])
    if say:
        yield Say(say)


def _pair(heading: tuple[str, ...], pair: Pair, cut: Cut) -> Iterator[Passage]:
    answer = [text for text in pair.answer if text]
    if not answer:
        return
    heading += pair.heading
    if sum(map(len, answer)) <= MAX_ANSWER_CHARS:
        yield _passage(heading, answer, pair.page, pair.questions, pair.say)
        return
    say = pair.say
    for passage in _pack(heading, [Text(text, pair.page) for text in answer], cut):
        yield Passage(heading, passage.text, passage.statements, pair.questions, passage.page, say=say)
        say = ""


def _pack(heading: tuple[str, ...], blocks: Iterable[Text], cut: Cut, say: str = "") -> Iterator[Passage]:
    """Passages as full as they may be; the first one has ``say``."""
    held: list[str] = []
    fresh = words = chars = page = 0
    for block in blocks:
        for piece in [block.text] if cut.fits(block.text) else _short(block.text, cut):
            many = len(piece.split())
            if fresh and (words + many > cut.words or chars + len(piece) > cut.chars):
                yield _passage(heading, held, page, say=say)
                held, say, fresh = _tail(held, cut, many, len(piece)), "", 0
                words, chars = sum(len(text.split()) for text in held), sum(len(text) + 1 for text in held)
            if not fresh:
                page = block.page
            held.append(piece)
            fresh, words, chars = fresh + 1, words + many, chars + len(piece) + 1
    if fresh:
        yield _passage(heading, held, page, say=say)


def _tail(held: list[str], cut: Cut, words: int, chars: int) -> list[str]:
    """The last sentences that are to be repeated, as far as the next piece leaves room."""
    tail: list[str] = []
    room = min(cut.overlap_chars, cut.chars - chars - 1)
    left = cut.words - words
    for sentence in reversed([one for text in held for one in sentences(text)]) if cut.overlap_chars else ():
        room, left = room - len(sentence) - 1, left - len(sentence.split())
        if room < 0 or left < 0:
            break
        tail.insert(0, sentence)
    return tail


def _short(text: str, cut: Cut) -> Iterator[str]:
    """The sentences of a text; those that are too long in parts."""
    for sentence in sentences(text):
        if cut.fits(sentence):
            yield sentence
            continue
        part: list[str] = []
        length = 0
        for word in _breakable(sentence, cut.chars):
            if part and (len(part) == cut.words or length + len(word) > cut.chars):
                yield " ".join(part)
                part, length = [], 0
            part.append(word)
            length += len(word) + 1
        yield " ".join(part)


def _breakable(sentence: str, chars: int) -> Iterator[str]:
    """The words, endless ones in parts; a letter keeps the signs that follow it."""
    for word in sentence.split():
        while len(word) > chars:
            end = chars
            while end > chars // 2 and unicodedata.category(word[end])[0] == "M":
                end -= 1
            yield word[:end]
            word = word[end:]
        yield word


def _passage(heading: tuple[str, ...], texts: Sequence[str], page: int, questions: tuple[str, ...] = (),
             say: str = "") -> Passage:
    statements = tuple(sentence for text in texts for sentence in sentences(text))
    return Passage(heading, " ".join(texts), statements, questions, page, say=say)
