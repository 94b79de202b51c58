"""Lexicons in the form in which ``gloss.py`` looks words up: by form, stem, typed spelling and sound.

Working that out of ``engine/language/lexicon/*.tsv`` takes a second or two for each language, so it is kept in
``$TRUNKLINE_HOME/cache/lexicons``, one file a language, named by a hash of all it was made from. One process makes it,
the others wait and read it (20 to 40 ms). Where nothing can be written, each process makes it for itself.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import monotonic

from gevent.monkey import get_original

import engine.language
from engine import paths
from engine.knowledge.words import stems
from engine.knowledge.words.stems import stem_in
from engine.language import indic, loans, romanise, smallwords, sounds, spelling, typed
from engine.language.smallwords import unaccented

log = logging.getLogger(__name__)
_nap = get_original("time", "sleep")  # in pool threads gevent's sleep would make a hub of their own

FOLDER = Path(engine.language.__file__).parent / "lexicon"
LANGUAGES = frozenset(path.stem for path in FOLDER.glob("*.tsv"))
WAIT_S = 10.0
"""How long a process waits for another one that makes the same file; then it makes it for itself."""
_LOOK_S, _BREATH_S, _FORMS_A_BREATH = 0.05, 0.001, 40
"""While tables are made the interpreter is given away every few milliseconds, so that calls go on."""

ASKING = frozenset({"how much", "how many", "how long", "how", "when", "where", "what", "which", "who", "whose", "why"})
"""English of words that ask: they are meant before others that are spelled alike."""

_JOINERS = re.compile("[\u200c\u200d]")
_MADE_BY = (stems, indic, loans, romanise, smallwords, sounds, spelling, typed)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """English words by native form (several words too), by stem, by spelling with long vowels and without
    (``engine.language.typed``). ``sounds``: the spellings of a skeleton, with blanks between. ``english``: all English
    words of all lexicons."""

    forms: dict[str, str]
    stems: dict[str, str]
    spelled: dict[str, str]
    typed: dict[str, str]
    sounds: dict[str, str]
    english: frozenset[str]
    longest: int


@lru_cache(maxsize=8)
def lexicon_of(language: str) -> Lexicon:
    """The lexicon of one of ``LANGUAGES``. Waits for the disk when it is asked for first, and for its making when this
    machine has never had it: call it from a thread of the pool."""
    path = _path(language)
    lines = _read(path)
    if lines is None:
        with _alone(path):
            lines = _read(path)
            if lines is None:
                lines = list(_made(language))
                for forget in (sounds.forget, romanise.forget, stem_in.cache_clear):
                    forget()  # thousands of forms that nobody will ask for again
                _write(path, lines)
    return _loaded(lines)


def prepare() -> None:
    """Makes what is missing of all lexicons, so that the first call need not wait: for installing and for images."""
    for language in sorted(LANGUAGES):
        lexicon_of(language)


def _path(language: str) -> Path:
    digest = hashlib.blake2b(digest_size=10)
    for path in [*sorted(FOLDER.glob("*.tsv")), *(Path(str(module.__file__)) for module in _MADE_BY), Path(__file__)]:
        digest.update(path.read_bytes())
    return paths.cache() / "lexicons" / f"{language}-{digest.hexdigest()}.tables"


def _read(path: Path) -> list[str] | None:
    """The lines of a prepared file, None where there is none that can be used."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError:
        return None
    return lines if lines and lines[-1] == _END else None


_END = "end"
"""The last line of a prepared file. Before it: English words, four tables (a field for each English word, in it the
forms that mean it), skeletons with their spellings in turn, all English words of all lexicons."""


def _loaded(lines: list[str]) -> Lexicon:
    # One table a line, plain splits: none takes the interpreter for more than a few milliseconds.
    english = lines[0].split("\t")
    forms, by_stem, spelled, typing = (_table(line, english) for line in lines[1:5])
    by_sound = lines[5].split("\t") if lines[5] else []
    return Lexicon(forms, by_stem, spelled, typing, dict(zip(by_sound[::2], by_sound[1::2], strict=True)),
                   frozenset(lines[6].split("\t")), max(form.count(" ") + 1 for form in forms))


def _table(line: str, english: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for meaning, group in zip(english, line.split("\t"), strict=True):
        if group:
            found.update(dict.fromkeys(group.split("|"), meaning))
    return found


def _line(table: dict[str, int], meanings: int) -> str:
    groups: list[list[str]] = [[] for _ in range(meanings)]
    for form, at in table.items():
        groups[at].append(form)
    return "\t".join("|".join(group) for group in groups)


def entries(language: str) -> Iterator[tuple[str, str]]:
    """(form, English) of a lexicon, in its order: commoner words stand first."""
    for line in (FOLDER / f"{language}.tsv").read_text(encoding="utf-8").splitlines():
        if "\t" in line and not line.startswith("#"):
            native, _, english = line.partition("\t")
            for form in native.lower().replace("\u2019", "'").split("|"):
                yield unicodedata.normalize("NFC", _JOINERS.sub("", form)), english


def _made(language: str) -> Iterator[str]:
    """The lines of the prepared file."""
    number: dict[str, int] = {}
    forms: dict[str, int] = {}
    for form, meaning in entries(language):
        forms.setdefault(form, number.setdefault(meaning, len(number)))
    by_stem: dict[str, int] = {}
    spelled: dict[str, int] = {}
    by_sound: dict[str, list[str]] = {}
    english = list(number)
    asking_first = sorted(forms.items(), key=lambda entry: english[entry[1]] not in ASKING)
    for count, (form, at) in enumerate(asking_first):
        if not count % _FORMS_A_BREATH:
            _nap(_BREATH_S)
        if " " not in form:
            by_stem.setdefault(stem_in(form, language), at)
        if language == "fr":
            spelled.setdefault(unaccented(form), at)
            continue
        long = " ".join(typed.spelling(word, language, long=True) for word in form.split(" "))
        if long not in spelled:
            spelled[long] = at
            if " " not in form:
                by_sound.setdefault(sounds.key(form, language), []).append(typed.short(long, language))
    for long, at in list(spelled.items()):
        for other in typed.variants(long, language):
            spelled.setdefault(other, at)
    typing: dict[str, int] = {}
    for long, at in spelled.items():  # of French: words without accents
        typing.setdefault(typed.short(long, language), at)
    plain = {word for other in sorted(LANGUAGES) for _, meaning in entries(other) for word in meaning.split()
             if len(word) > 3}
    yield "\t".join(english)
    for table in (forms, by_stem, spelled, typing):
        yield _line(table, len(english))
    yield "\t".join(f"{key}\t{' '.join(dict.fromkeys(found))}" for key, found in by_sound.items())
    yield "\t".join(sorted(plain))
    yield _END


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """While no other process or thread makes the same file, as far as that can be had."""
    lock = _lock_file(path.parent / f"{path.name.partition('-')[0]}.lock")
    if lock is None:
        yield
        return
    with os.fdopen(lock, "w") as held:
        until = monotonic() + WAIT_S
        while monotonic() < until:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                _nap(_LOOK_S)
        yield


def _lock_file(path: Path) -> int | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        return None


def _write(path: Path, lines: list[str]) -> None:
    """Writes the prepared file in one step and removes those of other versions; where that cannot be, it is left."""
    part = path.with_suffix(f".{os.getpid()}")
    try:
        part.write_text("\n".join(lines), encoding="utf-8")
        part.replace(path)
        for other in path.parent.glob(f"{path.name.partition('-')[0]}-*.tables"):
            if other != path:
                other.unlink(missing_ok=True)
    except OSError as fault:
        log.info("the lexicon is not kept, the next process makes it again: %s: %s", path, fault)
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
