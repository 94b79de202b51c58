"""``trunkline kb eval``: how well a collection answers questions whose answers are known."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import collection

if TYPE_CHECKING:
    from rich.console import Console

    from engine.knowledge.measure.evaluate import Evaluation
    from engine.knowledge.measure.measuring import Failure, Rates, Shortfall
    from engine.knowledge.search.ranking import Mode

HELP = """Ask questions with known answers, and show how often the right passage is found, the answer is right, and a
question without an answer is refused.

A line of a question file, of which "question" and "document" (null: nothing answers) must be there:

    {"question": "how high is the late fee", "document": "billing/late", "fact": "six dollars",
     "group": "clean", "language": "en"}

Questions of the group "misheard", and those with "confidence" or "alternatives", are asked as spoken ones, all others
as typed ones; --spoken and --typed ask all in one way."""

EPILOG = """rates, for --min and --max (of one group or language with GROUP:RATE=NUMBER):
  recall@1 recall@5 recall@10 mrr       the right passage among the first found, 1/place on average
  right wrong asked_back refused        what was said to questions that have an answer
  off_topic_refused off_topic_answered  what was said to those that have none (the first is the recall of refusals)
  refusal_precision                     share of the refusals that were right
  p50_ms p99_ms                         from question to answer

examples:
  trunkline kb eval questions.jsonl --collection desk
  trunkline kb eval questions.jsonl --by language --compare
  trunkline kb eval questions.jsonl --failures
  trunkline kb eval questions.jsonl --min recall@5=0.9 --min misheard:recall@5=0.8 --max refused=0.1

exit codes: 0; 1 a demand of --min or --max is not met; 2 a file or the collection cannot be used"""

WIDTH = 140
"""Narrower terminals wrap."""

COLUMNS = {"questions": "questions", "recall@1": "recall@1", "recall@5": "@5", "recall@10": "@10", "mrr": "MRR",
           "right": "right", "wrong": "wrong", "asked_back": "asked back", "refused": "refused",
           "off_topic_refused": "none: refused", "refusal_precision": "refusals right", "p50_ms": "p50 ms",
           "p99_ms": "p99 ms"}
COMPARED = ("recall@1", "recall@5", "recall@10", "mrr")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """``kb eval``."""
    parser = commands.add_parser("eval", help="how well a collection answers", description=HELP, epilog=EPILOG,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", nargs="+", type=Path, metavar="QUESTIONS.jsonl", help="questions, JSON lines")
    collection.add_source(parser)
    parser.add_argument("--by", choices=("group", "language"), default="group", help="rows of the table")
    parser.add_argument("--compare", action="store_true", help="also by meaning alone and by words alone")
    parser.add_argument("--failures", action="store_true", help="list what went wrong, with the best passages")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--spoken", action="store_true", help="ask all as in a call")
    how.add_argument("--typed", action="store_true", help="ask all as if written")
    parser.add_argument("--min", action="append", default=[], metavar="RATE=NUMBER", help="exit 1 if it is less")
    parser.add_argument("--max", action="append", default=[], metavar="RATE=NUMBER", help="exit 1 if it is more")
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")
    parser.set_defaults(kb_run=run)


def run(args: argparse.Namespace) -> int:
    """Ask, show, and hold against the demands."""
    from engine.knowledge.measure import measuring
    from engine.knowledge.measure.evaluate import load

    questions = [question for path in args.questions for question in load(path)]
    demands = [*(measuring.demand(text, least=True) for text in args.min),
               *(measuring.demand(text, least=False) for text in args.max)]
    base = collection.opened(args)
    manner: measuring.Manner = "spoken" if args.spoken else "typed" if args.typed else "as they are"
    modes: tuple[Mode, ...] = measuring.MODES if args.compare else ("hybrid",)
    found: dict[Mode, Evaluation] = {mode: measuring.measure(base, questions, manner, mode) for mode in modes}
    whole = found["hybrid"]
    short = measuring.shortfalls(whole, demands)
    failed = measuring.failures(base, whole) if args.failures else []
    search = "meaning and words" if base.by_meaning else f"words only: {base.why_keywords}"
    if args.json:
        print(json.dumps(_as_dict(base.collection, search, found, failed, short, failures=args.failures),
                         indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        console = Console(highlight=False, width=max(WIDTH, Console().width))
        console.print(f"collection {base.collection}, searched by {search}", style="dim", markup=False, soft_wrap=True)
        _show(console, whole, args.by)
        if args.compare:
            _show_modes(console, found, args.by)
        for failure in failed:
            _show_failure(console, failure)
        for one in short:
            bound = "at least" if one.demand.least else "at most"
            of = f" of {one.demand.part}" if one.demand.part else ""
            console.print(f"{one.demand.rate}{of} is {one.got:g}, not {bound} {one.demand.value:g}", style="red",
                          markup=False)
    return 1 if short else 0


def _as_dict(name: str, search: str, found: "dict[Mode, Evaluation]", failed: "list[Failure]",
             short: "list[Shortfall]", *, failures: bool) -> dict[str, Any]:
    from engine.knowledge.measure.measuring import parts, rates

    def split(evaluation: "Evaluation") -> dict[str, Any]:
        return {"all": rates(evaluation), "groups": {key: rates(part) for key, part in
                                                      parts(evaluation, "group").items()},
                "languages": {key: rates(part) for key, part in parts(evaluation, "language").items()}}

    shown: dict[str, Any] = {"collection": name, "search": search, **split(found["hybrid"])}
    if len(found) > 1:
        shown["modes"] = {mode: split(evaluation) for mode, evaluation in found.items()}
    if failures:
        shown["failures"] = [_failure_as_dict(failure) for failure in failed]
    shown["missed"] = [{"demand": one.demand.text, "got": one.got} for one in short]
    return shown


def _failure_as_dict(failure: "Failure") -> dict[str, Any]:
    entry = failure.outcome
    return {"question": entry.question.text, "documents": list(entry.question.documents),
            "group": entry.question.group, "language": entry.question.language, "outcome": entry.outcome,
            "rank": entry.rank, "answer": entry.answer.text, "why": entry.answer.why,
            "nearest": [{**hit.citation.as_dict()} for hit in failure.nearest]}


def _show(console: "Console", whole: "Evaluation", by: Any) -> None:
    from rich.table import Column, Table
    from rich.text import Text

    from engine.knowledge.measure.measuring import parts, rates

    table = Table(by, *(Column(title, justify="right") for title in COLUMNS.values()), box=None, pad_edge=False)
    for name, part in [*parts(whole, by).items(), ("all", whole)]:
        own = rates(part)
        table.add_row(Text(name), *(_shown(own, rate) for rate in COLUMNS))
    console.print(table)


def _show_modes(console: "Console", found: "dict[Mode, Evaluation]", by: Any) -> None:
    from rich.table import Column, Table
    from rich.text import Text

    from engine.knowledge.measure.measuring import parts, rates

    table = Table(by, "searched by", *(Column(COLUMNS[rate], justify="right") for rate in COMPARED), box=None,
                  pad_edge=False)
    for name in [*parts(found["hybrid"], by), "all"]:
        for mode, evaluation in found.items():
            own = rates(evaluation if name == "all" else parts(evaluation, by)[name])
            if own["recall@5"] is not None:
                table.add_row(Text(name), mode, *(_shown(own, rate) for rate in COMPARED))
    console.print(table)


def _show_failure(console: "Console", failure: "Failure") -> None:
    from rich.text import Text

    entry = failure.outcome
    wanted = ", ".join(entry.question.documents) or "no answer"
    place = f"its passage is at place {entry.rank}" if entry.rank else "its passage was not found"
    console.print(Text(f"\n{entry.outcome.replace('_', ' ')}: {entry.question.text}", style="bold"), soft_wrap=True)
    console.print(Text(f"  wanted {wanted}" + (f"; {place}" if entry.question.documents else "")), soft_wrap=True)
    console.print(Text(f"  said: {entry.answer.text} ({entry.answer.why})"), soft_wrap=True)
    for hit in failure.nearest:
        snippet = " ".join(hit.citation.snippet.split())
        console.print(Text(f"  {hit.score:.2f} {hit.citation.document}: {snippet}", style="dim"), soft_wrap=True)


def _shown(own: "Rates", rate: str) -> str:
    value = own[rate]
    if value is None:
        return "-"
    return f"{value:.0f}" if rate == "questions" else f"{value:.1f}" if rate.endswith("_ms") else f"{value:.3f}"
