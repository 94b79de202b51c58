"""The question sets of ``benchmarks/data/knowledge``: what is found, what is answered, what is refused, how fast.

    python -m benchmarks.kb_eval                    the evaluation halves; writes build/kb-eval.json
    python -m benchmarks.kb_eval --half tuning      the halves that weights and thresholds are chosen on
    ... --set desk --set citizens                   some of the sets

Each set is a collection of its own, ingested into a temporary home with the local model. Misheard questions are asked
as spoken ones, the others as typed ones. "By meaning" and "by words" are the same search ranked by vectors alone, and
by BM25 alone.

Nobody reads the misses of the evaluation half and then changes the code (data/knowledge/README.md); so this prints
rates only, never questions.
"""

from gevent import monkey

monkey.patch_all()

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure
from benchmarks.knowledge import temporary_home
from engine.config import KnowledgeOptions
from engine.knowledge.base import KnowledgeBase
from engine.knowledge.embedding import choose
from engine.knowledge.embedding.interface import Embedder
from engine.knowledge.filling.ingest import ingest
from engine.knowledge.measure.evaluate import Evaluation, load
from engine.knowledge.measure.measuring import MODES, is_spoken, measure, parts, rates

ROOT = Path(__file__).resolve().parent.parent
SETS = Path(__file__).parent / "data/knowledge"
OUT = ROOT / "build" / "kb-eval.json"
COMMAND = "make kb-eval"
RECALL = (("clean", 0.95), ("misheard", 0.85), ("telephone", 0.85), ("romanised", 0.75))
REFUSED, WRONGLY_REFUSED = 0.90, 0.07

WARM = ("how much is the fee", "combien de frais", "फीस कितनी है", "ഫീസ് എത്രയാണ്", "கட்டணம் எவ்வளவு")
"""What is loaded at the first question of a language is not counted."""

Asked = dict[str, Evaluation]
"""By mode."""


def sets() -> list[str]:
    """The question sets there are."""
    return sorted(path.parent.name for path in SETS.glob("*/evaluation.jsonl"))


def ask(names: Sequence[str], half: str) -> dict[str, Asked]:
    """Every question of a half of these sets, in every mode, set by set."""
    options = KnowledgeOptions()
    model = choose.embedder(options)  # before the home is another one, which has no models
    if model is None:
        print("the embedding model is not installed: by words alone", file=sys.stderr)
    with temporary_home():
        return {name: _ask(name, half, options, model) for name in names}


def _ask(name: str, half: str, options: KnowledgeOptions, model: Embedder | None) -> Asked:
    started = time.perf_counter()
    report = ingest([SETS / name / "documents"], name, model, options=options)
    print(f"{name}: {report.documents} documents, {report.passages} passages in "
          f"{time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    for line in report.failed:
        print(f"  skipped: {line}", file=sys.stderr)
    questions = load(SETS / name / f"{half}.jsonl")
    base = KnowledgeBase.open(name, options, model)
    for text in WARM:
        base.answer(text, spoken=False)
    return {mode: measure(base, questions, mode=mode) for mode in MODES}


def pooled(found: dict[str, Asked]) -> Asked:
    """All sets as one."""
    return {mode: Evaluation([entry for asked in found.values() for entry in asked[mode].outcomes]) for mode in MODES}


def rows(found: dict[str, Asked], half: str) -> list[Figure]:
    """The figures of all sets together, with their aims."""
    every = pooled(found)
    groups = {mode: parts(evaluation, "group") for mode, evaluation in every.items()}
    figures = []
    for group, aim in RECALL:
        if group in groups["hybrid"]:
            value = groups["hybrid"][group].recall(5)
            figures.append(_figure(f"recall@5, {group}", value, aim, half))
    hybrid = every["hybrid"]
    if any(not entry.question.documents for entry in hybrid.outcomes):
        figures.append(_figure("questions without an answer refused", hybrid.rate("refused", answerable=False), REFUSED,
                               half))
    figures.append(_figure("questions with an answer wrongly refused", hybrid.rate("refused"), WRONGLY_REFUSED, half,
                           least=False))
    for group, _ in RECALL:
        if group in groups["hybrid"]:
            figures += [_ahead(group, groups["hybrid"][group], groups[mode][group], name, half)
                        for mode, name in (("meaning", "meaning alone"), ("words", "BM25 alone"))]
    # Of spoken ones, up to five hypotheses are searched beside the first.
    times = sorted(entry.seconds for entry in hybrid.outcomes if not is_spoken(entry.question))
    for name, value, aim_ms in (("p50", times[len(times) // 2], 15), ("p99", times[-1 - len(times) // 100], 40)):
        figures.append(Figure(f"{_half(half)}: question to answer, one text, {name}", round(value * 1000, 1), "ms",
                              f"<= {aim_ms}", value * 1000 <= aim_ms, COMMAND))
    return figures


def _figure(name: str, value: float, aim: float, half: str, *, least: bool = True) -> Figure:
    return Figure(f"{_half(half)}: {name}", round(value, 3), "share", f"{'>=' if least else '<='} {aim}",
                  value >= aim if least else value <= aim, COMMAND)


def _ahead(group: str, hybrid: Evaluation, alone: Evaluation, name: str, half: str) -> Figure:
    """Ahead: more right passages among the first five; of as many, nearer to the top."""
    ours, theirs = ((round(one.recall(5), 3), round(one.reciprocal_rank(), 3)) for one in (hybrid, alone))
    return Figure(f"{_half(half)}: hybrid against {name}, {group}: recall@5 (MRR)",
                  f"{ours[0]} ({ours[1]}) against {theirs[0]} ({theirs[1]})", "share", "ahead", ours > theirs, COMMAND)


def _half(half: str) -> str:
    return f"{half} half"


def tables(found: dict[str, Asked]) -> dict[str, Any]:
    """The rates of each set and of all, as a whole, by group and by language, in each mode."""
    return {name: {mode: {"all": rates(evaluation),
                          "groups": {key: rates(part) for key, part in parts(evaluation, "group").items()},
                          "languages": {key: rates(part) for key, part in parts(evaluation, "language").items()}}
                   for mode, evaluation in asked.items()}
            for name, asked in {**found, "all": pooled(found)}.items()}


def figures() -> list[Figure]:
    """Of the evaluation halves of all sets."""
    return rows(ask(sets(), "evaluation"), "evaluation")


def _print(found: dict[str, Asked]) -> None:
    columns = ("questions", "recall@1", "recall@5", "recall@10", "mrr", "right", "wrong", "asked_back", "refused",
               "off_topic_refused", "refusal_precision", "p50_ms", "p99_ms")
    short = ("n", "r@1", "r@5", "r@10", "MRR", "right", "wrong", "back", "refus", "none", "prec", "p50", "p99")
    print(f"\n{'':30}" + "".join(f"{name:>7}" for name in short))
    for name, asked in {**found, "all": pooled(found)}.items():
        hybrid = asked["hybrid"]
        lines = {name: hybrid, **{f"  {key}": part for key, part in parts(hybrid, "group").items()},
                 **{f"  in {key}": part for key, part in parts(hybrid, "language").items()}}
        for title, part in lines.items():
            own = rates(part)
            print(f"{title:30}" + "".join(f"{'-' if own[column] is None else f'{own[column]:.3g}':>7}"
                                          for column in columns))


def main() -> int:
    """Ask, print, write; exit 1 if a figure misses its aim."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kb_eval", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("evaluation", "tuning"), default="evaluation")
    parser.add_argument("--set", action="append", choices=sets(), help="default: all")
    parser.add_argument("--out", type=Path, help=f"default: {OUT.relative_to(ROOT)}; of other halves or sets, none")
    args = parser.parse_args()
    found = ask(args.set or sets(), args.half)
    figures = rows(found, args.half)
    _print(found)
    print()
    for row in figures:
        print(f"{'ok  ' if row.ok else 'MISS'} {row.figure}: {row.value} {row.unit} (aim {row.aim})")
    out = args.out or (OUT if args.half == "evaluation" and not args.set else None)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        shown = {"half": args.half, "figures": [dataclasses.asdict(row) for row in figures], "sets": tables(found)}
        out.write_text(json.dumps(shown, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"written: {out}")
    return 0 if all(row.ok for row in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
