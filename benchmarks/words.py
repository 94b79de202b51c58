"""How words are searched: spellings that meet, words that collide, what analysis of a question costs."""

import statistics
import time
from collections import defaultdict
from pathlib import Path

from benchmarks.figure import Figure

COMMAND = "python -m benchmarks words"
ROOT = Path(__file__).resolve().parent.parent
PAIRS = ROOT / "tests" / "language" / "data"
QUESTIONS = (
    "birth certificate nte fee ethra aanu", "how do I cancel my broadband contract before the end of the year",
    "ജനന സർട്ടിഫിക്കറ്റ് എവിടെ കിട്ടും", "राशन कार्ड में नाम कैसे जोड़ें",
    "Quels sont les frais d'inscription pour les étudiants étrangers ?",
)


def figures() -> list[Figure]:
    """Rows of the bench."""
    return [*_spellings(), *_collisions(), *_cost()]


def _spellings() -> list[Figure]:
    from engine.language.sounds import key

    rows = []
    for name, language, what in (("ml", "ml", "Malayalam"), ("hi", "hi", "Hindi"), ("ta", "ta", "Tamil"),
                                 ("loans", "", "English in four scripts"), ("en", "", "English, near mishearings"),
                                 ("fr", "fr", "French, sounding alike")):
        lines = (PAIRS / f"{name}.held.txt").read_text(encoding="utf-8").splitlines()
        pairs = [(word, other) for word, *others in map(str.split, lines) for other in dict.fromkeys(others)]
        same = 100 * sum(key(one, language) == key(other, language) for one, other in pairs) / len(pairs)
        rows.append(Figure(f"spellings with one skeleton, held half, {what} ({len(pairs)} pairs)", round(same, 1), "%",
                           ">= 75", same >= 75, COMMAND))
    return rows


def _collisions() -> list[Figure]:
    from engine.knowledge.words.stems import stem_in
    from engine.language.smallwords import is_small
    from engine.language.sounds import WORD, key

    rows = []
    for name, pattern, language in (("built-in samples, English", "sample/*/*.md", "en"),
                                    ("built-in samples, French", "sample_okti/*.md", "fr")):
        found: dict[str, set[str]] = defaultdict(set)
        for file in (ROOT / "engine" / "knowledge").glob(pattern):
            for word in map(str.lower, WORD.findall(file.read_text(encoding="utf-8"))):
                if not is_small(word, language):
                    found[key(word, language)].add(stem_in(word, language))
        stems = sum(map(len, found.values()))
        shared = 100 * sum(len(group) for group in found.values() if len(group) > 1) / stems
        rows.append(Figure(f"stems that share a skeleton with another, {name} ({stems} stems)", round(shared, 1), "%",
                           "<= 25", shared <= 25, COMMAND))
    return rows


def _cost() -> list[Figure]:
    from engine.knowledge.words.glossary import Glossary
    from engine.knowledge.words.question import analyse
    from engine.knowledge.words.text import terms
    from engine.language.sounds import keys

    glossary = Glossary.built_in()
    passage = " ".join(QUESTIONS * 3)
    rows = []
    for name, work, texts, aim in (("a question taken apart", analyse, QUESTIONS, 0.5),
                                   ("a question's glossary", glossary.expand, QUESTIONS, 0.5),
                                   (f"terms of {len(passage.split())} words", terms, (passage,), 2.0),
                                   (f"sounds of {len(passage.split())} words", keys, (passage,), 2.0)):
        taken = []
        for _ in range(50):
            for text in texts:
                began = time.perf_counter()
                work(text)
                taken.append((time.perf_counter() - began) * 1e3)
        middle = statistics.median(taken)
        rows.append(Figure(f"{name}, median", round(middle, 3), "ms", f"<= {aim}", middle <= aim, COMMAND))
    return rows
