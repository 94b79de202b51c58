"""``trunkline kb gaps``: what callers asked in vain."""

import argparse
import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli import collection

if TYPE_CHECKING:
    from engine.knowledge.measure.gaps import Gap
    from engine.knowledge.measure.unanswered import Read

HELP = """Questions of past calls that found no good passage, like ones together, the commonest first.

They are read from the event logs of calls: questions to which the agent said that it does not know, or asked which of
two documents is meant. Each comes with the passage that is nearest now, and what to do: write a document, or give the
nearest one such utterances. Questions that follow on from earlier ones ("and on Sundays?") are shown with what
they were about.

Privacy: what was masked in a call has no words in its log and is only counted; numbers of five digits and more are
masked here. The rest is what callers said: treat it so."""

EPILOG = """examples:
  trunkline kb gaps                                the calls of this machine, the default collection
  trunkline kb gaps --logs /srv/calls --since 2026-05-01 --collection desk --agent desk
  trunkline kb gaps --decision unknown --json"""

WIDTH = 120
"""Narrower terminals wrap."""

OTHERS = 3
"""Further texts of a cluster that are shown."""

ADVICE = {
    "answered now": "it would be answered now",
    "word it": "near to {document}: if that answers it, add such questions to its utterances; else write a document",
    "write it": "nothing is near: write a document about it",
}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """``kb gaps``."""
    parser = commands.add_parser("gaps", help="what callers asked in vain", description=HELP, epilog=EPILOG,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=Path, metavar="DIR",
                        help="a folder with logs of calls, or one log (default: calls in TRUNKLINE_HOME)")
    parser.add_argument("--since", type=_date, metavar="DATE", help="only calls from this day on, as 2026-05-31")
    parser.add_argument("--agent", metavar="NAME", default="", help="only calls that this agent took")
    parser.add_argument("--decision", choices=("unknown", "ask_back", "model"), action="append",
                        help="what was decided; repeatable (default: unknown and ask_back); model: a language model "
                        "answered without a passage")
    parser.add_argument("--top", type=int, default=20, metavar="N", help="how many clusters to show (default: 20)")
    collection.add_source(parser)
    parser.add_argument("--json", action="store_true", help="print them as JSON")
    parser.set_defaults(kb_run=run)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: a day is written as 2026-05-31") from None


def run(args: argparse.Namespace) -> int:
    """Read, put together, show; 1 if logs could not be read."""
    from engine import paths
    from engine.knowledge.measure.gaps import gaps
    from engine.knowledge.measure.unanswered import GAPS, unanswered
    from engine.offhub import off_hub

    base = collection.opened(args)
    logs = args.logs or paths.calls()
    found = off_hub(unanswered, logs, args.since, args.agent, frozenset(args.decision or GAPS))
    shown, count = gaps(base, found.questions, max(1, args.top))
    if args.json:
        print(json.dumps({"collection": base.collection, "logs": str(logs), "calls": found.calls,
                          "turns": found.turns, "unanswered": len(found.questions), "masked": found.masked,
                          "dropped": found.dropped, "damaged": found.damaged, "clusters": count,
                          "gaps": [gap.as_dict() for gap in shown]}, indent=2, ensure_ascii=False))
    else:
        _show(logs, found, shown, count)
    return 1 if found.damaged else 0


def _show(logs: Path, found: "Read", shown: "list[Gap]", count: int) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, width=max(WIDTH, Console().width))
    console.print(Text(f"{found.calls} calls below {logs}: {found.turns} turns, {len(found.questions)} of them without "
                       f"a good passage" + (f", {found.masked} more masked" if found.masked else "")
                       + (f", {found.dropped} older ones left out" if found.dropped else "")), soft_wrap=True)
    for number, gap in enumerate(shown, 1):
        decisions = ", ".join(f"{name.replace('_', ' ')} {times}" for name, times in gap.decisions.items())
        last = f", last on {gap.last}" if gap.last else ""
        console.print(Text(f"\n{number}. {gap.example}", style="bold"), soft_wrap=True)
        asked = "once" if gap.asked == 1 else f"{gap.asked} times in {gap.calls} call{'s' * (gap.calls > 1)}"
        console.print(Text(f"   asked {asked}{last}; {decisions}"))
        for other in gap.others[:OTHERS]:
            console.print(Text(f"   also: {other}"), soft_wrap=True)
        if len(gap.others) > OTHERS:
            console.print(Text(f"   and {len(gap.others) - OTHERS} other texts"))
        if gap.nearest:
            best = gap.nearest[0].citation
            console.print(Text(f"   nearest: {best.score:.2f} {best.document} ({best.title}): "
                               f"{' '.join(best.snippet.split())}", style="dim"), soft_wrap=True)
        document = gap.nearest[0].citation.document if gap.nearest else ""
        console.print(Text(f"   {ADVICE[gap.advice].format(document=document)}", style="yellow"), soft_wrap=True)
    if count > len(shown):
        console.print(Text(f"\n{count - len(shown)} smaller clusters are not shown (--top)."))
    for fault in found.damaged:
        console.print(Text(f"skipped: {fault}", style="red"), soft_wrap=True)
