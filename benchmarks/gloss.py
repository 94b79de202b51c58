"""What it costs to put texts of other languages into English words: reading the lexicons, a question, a passage."""

import resource
import statistics
import subprocess
import sys
import time

from benchmarks.figure import Figure

COMMAND = "python -m benchmarks gloss"
QUESTIONS = {
    "fr": "Combien coûte l'inscription si je bosse dans une boîte en même temps ?",
    "hi": "saturday ko office khula rehta hai kya aur bijli ka bill kitna lagega",
    "ml": "വീട്ടിലേക്ക് പൈപ്പ് വെള്ളം കിട്ടാൻ അപേക്ഷ കൊടുത്താൽ എത്ര നാൾ കാത്തിരിക്കണം?",
    "ta": "thanni varala, entha number ku complaint pannanum, ethana naal aagum",
}
WORDS = 100


def figures() -> list[Figure]:
    """Rows of the bench."""
    subprocess.run([sys.executable, "-c", "from engine.knowledge.words.lexicon import prepare; prepare()"], check=True)
    return [*_loading(), *_cost()]


def _loading() -> list[Figure]:
    from engine.knowledge import gloss  # noqa: F401  # what it imports is not the lexicons'
    from engine.knowledge.words.lexicon import LANGUAGES, lexicon_of

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken = []
    for language in sorted(LANGUAGES):
        began = time.perf_counter()
        lexicon_of(language)
        taken.append((time.perf_counter() - began) * 1e3)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    slowest = max(taken)
    return [Figure("a prepared lexicon read, slowest of four", round(slowest, 1), "ms", "< 60", slowest < 60, COMMAND),
            Figure("memory of four lexicons", round(grown, 1), "MB", "< 40", grown < 40, COMMAND)]


def _cost() -> list[Figure]:
    from engine.knowledge.words.gloss import gloss

    rows = []
    for what, aim, texts in (
        ("a question", 1.0, list(QUESTIONS.items())),
        (f"{WORDS} words", 5.0, [(of, " ".join((text.split() * WORDS)[:WORDS])) for of, text in QUESTIONS.items()]),
    ):
        taken = []
        for _ in range(30):
            for language, text in texts:
                began = time.perf_counter()
                gloss(text, language)
                taken.append((time.perf_counter() - began) * 1e3)
        middle = statistics.median(taken)
        rows.append(Figure(f"gloss of {what}, median, words met before", round(middle, 3), "ms", f"< {aim:g}",
                           middle < aim, COMMAND))
    return rows
