"""Language identification: how many sentences that were not trained on are told right, and what a call costs."""

import time
from collections import Counter

from benchmarks.figure import Figure

COMMAND = "python -m benchmarks language"
TEXTS = (
    "I would like to speak to someone about my bill because it is too high this month",
    "ente order evideyaanu ennu onnu nokki parayamo please",
    "എന്റെ ഓർഡർ എവിടെയാണ് എന്ന് പറയാമോ",
)


def figures() -> list[Figure]:
    """Rows of the bench."""
    from engine.language.identify import identify
    from engine.language.romanised import WEIGHTS, probabilities
    from engine.language.train_romanised import held_out

    right, all_, by_class = 0, 0, Counter()
    for kind, text in held_out():
        likely = probabilities(text)
        hit = max(likely, key=likely.__getitem__) == kind
        right, all_ = right + hit, all_ + 1
        by_class[kind, hit] += 1
    ours = [kind for kind in dict.fromkeys(kind for kind, _ in by_class) if kind != "other"]
    ours_right = sum(by_class[kind, True] for kind in ours)
    ours_all = ours_right + sum(by_class[kind, False] for kind in ours)
    micros = []
    for text in TEXTS:
        identify(text)
        began = time.perf_counter()
        for _ in range(500):
            identify(text)
        micros.append((time.perf_counter() - began) / 500 * 1e6)
    percent, ours_percent = 100 * right / all_, 100 * ours_right / ours_all
    return [
        Figure(f"romanised text told right, {all_} held-out sentences, six classes", round(percent, 1), "%", ">= 90",
               percent >= 90, COMMAND),
        Figure(f"the same without the class 'other' ({ours_all} sentences)", round(ours_percent, 1), "%", ">= 90",
               ours_percent >= 90, COMMAND),
        Figure("language identification, a call (slowest of three texts)", round(max(micros)), "us", "<= 200",
               max(micros) <= 200, COMMAND),
        Figure("weights of the romanised classifier", round(WEIGHTS.stat().st_size / 1000), "KB", "< 1000",
               WEIGHTS.stat().st_size < 1_000_000, COMMAND),
        *_speaking(),
    ]


def _speaking() -> list[Figure]:
    """What clauses and spoken forms cost the hub."""
    from engine.dialog.clauses import ClauseSplitter
    from engine.speech.spoken import speakable

    text = ("Your bill of Rs. 1,200 for March is due on 12 March 2024, and you can pay it at www.example.com or call "
            "98765 43210 before 5:30 pm. ")
    parts = [text[at : at + 4] for at in range(0, len(text), 4)] * 20
    splitter = ClauseSplitter()
    began = time.perf_counter()
    for part in parts:
        splitter.feed(part)
    a_part = (time.perf_counter() - began) / len(parts) * 1e6
    speakable(text)
    began = time.perf_counter()
    for _ in range(100):
        speakable(text)
    a_clause = (time.perf_counter() - began) / 100 * 1e6
    return [
        Figure("clause splitter, a streamed token", round(a_part, 1), "us", "<= 100", a_part <= 100, COMMAND),
        Figure("spoken form, a clause of 130 characters", round(a_clause), "us", "<= 2000", a_clause <= 2000, COMMAND),
    ]
