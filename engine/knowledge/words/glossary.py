"""Words that mean the same: a question in one word, or one language, finds the passage in another. Pure, but for
reading the files.

A glossary is YAML, one concept a line; a collection's own is ``glossary.yaml`` beside its documents:

    late fee: [surcharge, penalty, പിഴ]                     any language; the concept's name is one of its words
    refund: {en: [money back], fr: [remboursement]}         or by language, which stems French words the French way
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from engine.knowledge.errors import KnowledgeError
from engine.knowledge.words.stems import stem_in
from engine.knowledge.words.text import content, words
from engine.language.smallwords import is_small
from engine.language.sounds import is_loan, key, vowelled

LANGUAGES = ("en", "fr", "hi", "ml", "ta")
BUILT_IN = Path(__file__).with_name("glossaries")
MAX_BYTES, MAX_CONCEPTS, MAX_WORDS = 1 << 20, 5_000, 60
MAX_EXPANSION = 64
"""Other names of one word that are searched for."""

WORD_WEIGHT, PHRASE_WEIGHT, BY_SOUND = 0.6, 0.4, 0.8
"""What another word of a concept weighs beside the question's own (1), each word of a phrase, and by how much less
where the concept was found by the sound of the question's word."""

LEAST_SOUND, LEAST_ROMANISED = 3, 2
"""Sounds that a word needs to be taken for another by them alone; in an Indian question in Latin letters."""

LONG_SOUND = 5
"""From so many consonants on vowels do not matter: certificate, സർട്ടിഫിക്കറ്റ്."""

Stems = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Phrase:
    """One word or row of words of a concept: as stems, and as sounds."""

    stems: Stems
    sounds: Stems
    vowelled: Stems


class Glossary:
    """Concepts, each a set of phrases. Never changes; threads may share it."""

    def __init__(self, concepts: Iterable[Iterable[Phrase]] = ()) -> None:
        """``concepts``: the phrases of each."""
        self.concepts = tuple(tuple(dict.fromkeys(phrases)) for phrases in concepts)
        self._by_stem: dict[str, list[tuple[Stems, int]]] = {}
        self._by_sound: dict[str, list[tuple[Stems, int]]] = {}
        for number, phrases in enumerate(self.concepts):
            for phrase in phrases:
                self._by_stem.setdefault(phrase.stems[0], []).append((phrase.stems, number))
                like = tuple(map(_like, phrase.sounds, phrase.vowelled))
                self._by_sound.setdefault(like[0], []).append((like, number))

    @classmethod
    def load(cls, path: Path) -> "Glossary":
        """The glossary of a file. Raises ``KnowledgeError`` with file, line and what to do."""
        return cls(_concepts(path))

    @classmethod
    def built_in(cls) -> "Glossary":
        """What is there for every collection: common words of public offices, support desks and schools in five
        languages. Read once."""
        return _built_in()

    def with_own(self, other: "Glossary") -> "Glossary":
        """This one and a collection's own together."""
        return Glossary((*self.concepts, *other.concepts))

    def synonyms(self, question: str, language: str = "") -> dict[str, tuple[tuple[str, str, float], ...]]:
        """For each word of the question that names a concept, by itself or with its neighbours: what else it may be
        called, as ``(stem, sound, weight)``."""
        found: dict[str, tuple[tuple[str, str, float], ...]] = {}
        for span, numbers, weight in self._hits(question, language):
            others: dict[tuple[str, str], float] = {}
            for phrase in (phrase for number in numbers for phrase in self.concepts[number]):
                each = weight * (WORD_WEIGHT if len(phrase.stems) == 1 else PHRASE_WEIGHT)
                for pair in zip(phrase.stems, phrase.sounds, strict=True):
                    others[pair] = max(others.get(pair, 0.0), each)
            ways = tuple((stem, sound, each) for (stem, sound), each in others.items())[:MAX_EXPANSION]
            for word in span:
                found[word] = ways
        return found

    def _hits(self, question: str, language: str) -> Iterator[tuple[list[str], list[int], float]]:
        """``(words, concepts, weight)``: words of the question in a row, and the concepts that they name. A longer
        phrase hides the shorter ones within it: "ration card" is not a card."""
        said, of_latin = content(question, language)
        stems = [stem_in(word, of_latin) for word in said]
        sounds = [key(word, of_latin) for word in said]
        likes = [_like(sound, vowelled(word, of_latin)) for word, sound in zip(said, sounds, strict=True)]
        least = LEAST_ROMANISED if of_latin in ("hi", "ml", "ta") else LEAST_SOUND
        at = 0
        while at < len(said):
            numbers, used = _longest(self._by_stem, stems, at)
            weight = 1.0
            by_sound = said[at] < "\u0250" or is_loan(said[at])  # what is in its own script is found as it is written
            if not used and by_sound and len(sounds[at]) >= least:
                numbers, used = _longest(self._by_sound, likes, at)
                weight = BY_SOUND
            if numbers:
                yield said[at:at + used], numbers, weight
            at += used or 1


FILE = "glossary.yaml"
"""A collection's own, in its folder; ``ingest`` takes it from the folders of the documents."""


def glossary_of(folder: Path) -> Glossary:
    """The built-in one, with that of a collection's folder where there is one. Raises ``KnowledgeError``."""
    own = folder / FILE
    return Glossary.built_in().with_own(Glossary.load(own)) if own.is_file() else Glossary.built_in()


def stamp(folder: Path) -> tuple[int, int]:
    """Changes whenever a collection's own glossary does: its inode and time. (0, 0) when there is none."""
    try:
        state = (folder / FILE).stat()
    except OSError:
        return (0, 0)
    return (state.st_ino, state.st_mtime_ns)


def _like(sound: str, full: str) -> str:
    """What words have in common that are taken for each other: the skeleton if it is long, else with its vowels."""
    return sound if len(sound) >= LONG_SOUND else full


def _longest(index: dict[str, list[tuple[Stems, int]]], said: Sequence[str], at: int) -> tuple[list[int], int]:
    """The concepts of the longest phrase that begins here, and its length in words."""
    best: list[int] = []
    used = 0
    for phrase, number in index.get(said[at], ()):
        if len(phrase) >= used and tuple(said[at:at + len(phrase)]) == phrase:
            if len(phrase) > used:
                best, used = [], len(phrase)
            best.append(number)
    return best, used


@lru_cache(maxsize=1)
def _built_in() -> Glossary:
    return Glossary(concept for path in sorted(BUILT_IN.glob("*.yaml")) for concept in _concepts(path))


def _phrases(text: str, language: str) -> list[Phrase]:
    """A phrase as search has it. Words in Latin letters of no language are taken as English and as French ones."""
    latin = all(ord(char) < 0x250 or not char.isalpha() for char in text)
    languages = [language] if language else ["en", "fr"] if latin else [""]
    made = []
    for of in languages:
        said = [word for word in words(text) if not is_small(word, of)] or words(text)
        if of == "fr":
            said = [part for word in said for part in [word.split("'")[-1]]]
        stems = tuple(stem_in(word, of) for word in said)
        sounds = tuple(key(word, of) for word in said)
        if stems and all(sounds):
            made.append(Phrase(stems, sounds, tuple(vowelled(word, of) for word in said)))
    return made


def _concepts(path: Path) -> list[list[Phrase]]:
    try:
        source = path.read_bytes()
        if len(source) > MAX_BYTES:
            raise KnowledgeError(f"{path}: larger than {MAX_BYTES} bytes; divide it")
        node = yaml.compose(source.decode("utf-8"), Loader=yaml.SafeLoader)
    except OSError as fault:
        raise KnowledgeError(f"{path}: cannot be read: {fault.strerror or fault}") from fault
    except UnicodeDecodeError as fault:
        raise KnowledgeError(f"{path}: not UTF-8 text; save it as UTF-8") from fault
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        what = getattr(fault, "problem", None) or fault
        raise KnowledgeError(f"{path}:{mark.line + 1 if mark else 1}: not YAML: {what}. "
                             "Put words with a colon or comma in quotes") from fault
    if node is None:
        return []
    if not isinstance(node, yaml.MappingNode):
        raise KnowledgeError(f"{path}:{node.start_mark.line + 1}: must be lines like 'fee: [charge, cost]'")
    if len(node.value) > MAX_CONCEPTS:
        raise KnowledgeError(f"{path}: more than {MAX_CONCEPTS} concepts; divide it")
    seen: set[str] = set()
    return [_concept(name, value, path, seen) for name, value in node.value]


def _concept(name: yaml.Node, value: yaml.Node, path: Path, seen: set[str]) -> list[Phrase]:
    title = _text(name, path)
    if title in seen:
        raise KnowledgeError(f"{path}:{name.start_mark.line + 1}: '{title}' is given twice; put all into one line")
    seen.add(title)
    by_language = isinstance(value, yaml.MappingNode)
    found = _phrases(title, "en" if by_language else "")
    if not by_language:
        return found + [phrase for text in _texts(value, path) for phrase in _phrases(text, "")]
    for code, items in value.value:
        language = _text(code, path)
        if language not in LANGUAGES:
            raise KnowledgeError(f"{path}:{code.start_mark.line + 1}: unknown language '{language}' under '{title}'; "
                                 f"known are {', '.join(LANGUAGES)}, and a plain list takes words of any language")
        found += [phrase for text in _texts(items, path) for phrase in _phrases(text, language)]
    return found


def _texts(node: yaml.Node, path: Path) -> list[str]:
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if len(items) > MAX_WORDS:
        raise KnowledgeError(f"{path}:{node.start_mark.line + 1}: more than {MAX_WORDS} words for one concept")
    return [_text(item, path) for item in items]


def _text(node: yaml.Node, path: Path) -> str:
    """A word as it is written, also where YAML would make a number or a truth value of it."""
    text = str(node.value).strip() if isinstance(node, yaml.ScalarNode) else ""
    if not words(text):
        raise KnowledgeError(f"{path}:{node.start_mark.line + 1}: expected a word or a list of words, like "
                             "'fee: [charge, cost]'")
    return text
