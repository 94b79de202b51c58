"""``trunkline ask``: a question to the knowledge base."""

import argparse
import json
from typing import TYPE_CHECKING

from engine.cli import collection

if TYPE_CHECKING:
    from engine.knowledge.answers.answer import Answer
    from engine.knowledge.base import KnowledgeBase

HELP = """\
Ask the knowledge base a question and see what would be said, from which passage, with which scores, and why.

The decision is one of: answer; ask_back, when two documents come equally near; unknown, below the threshold.
"""

EPILOG = """\
examples:
  trunkline ask "how high is the late fee"
  trunkline ask "how high is the late fee" --spoken   with the thresholds and the wording of a call
  trunkline ask "and on Sundays" --after "when is the desk open" --after "agent: From nine to five."
  trunkline ask "when is the desk open" --collection desk --tag guides --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``trunkline ask``."""
    parser.add_argument("question", metavar="QUESTION", nargs="+", help="the question; quotes are not needed")
    collection.add_source(parser)
    collection.add_scope(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--spoken", action="store_true", help="as if it had been asked in a call")
    how.add_argument("--typed", action="store_true", help="as if it had been written (the default)")
    parser.add_argument("--after", "--context", action="append", default=[], metavar="TEXT",
                        help="what was said before, oldest first, once a line; 'agent: ...' for what the agent said")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


def run(args: argparse.Namespace) -> int:
    """Answer one question; 0 whatever the decision was."""
    base = collection.opened(args)
    question = collection.joined(args.question)
    answer = base.answer(question, spoken=args.spoken, context=collection.said_before(args.after),
                         scope=collection.scope_of(args, base.collection))
    if args.json:
        search = "meaning" if base.by_meaning else "keywords"
        print(json.dumps({**answer.as_dict(), "question": question, "searched": answer.question or question,
                          "collection": base.collection, "search": search}, indent=2, ensure_ascii=False))
    else:
        _show(base, answer)
    return 0


def _show(base: "KnowledgeBase", answer: "Answer") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    colour = {"answer": "green", "ask_back": "yellow", "unknown": "red"}[answer.decision]
    if answer.question:
        console.print(Text(f"understood as: {answer.question}", style="dim"))
    console.print(Text(answer.text, style=f"bold {colour}"))
    if answer.more:
        console.print(Text(f"and: {answer.more}", style="dim"))
    console.print(Text(f"{answer.decision}: {answer.why}"))
    for citation in answer.citations:
        place = " > ".join((citation.title, *citation.heading)) + (f", page {citation.page}" if citation.page else "")
        console.print(Text(f"from {citation.document} ({place}), {citation.chunk_id}:\n  {citation.snippet}"))
        if citation.uri:
            console.print(Text(f"  {citation.uri}", style="dim"), soft_wrap=True)
    table = Table("document", "score", box=None, pad_edge=False)
    for name, score in answer.candidates:
        table.add_row(name, f"{score:.2f}")
    if answer.candidates:
        console.print(table)
    if not base.by_meaning:
        console.print(Text(f"Searched by keywords only: {base.why_keywords}.", style="yellow"))
