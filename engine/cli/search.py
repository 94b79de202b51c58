"""``trunkline search``: the passages of the knowledge base that are nearest to a question."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from engine.cli import collection

if TYPE_CHECKING:
    from engine.knowledge.base import Hit, KnowledgeBase

HELP = """\
Show the passages that are nearest to a question, best first, whether or not they would be answered from.

The score is how likely a passage answers, 0 to 1. What calls say to a question: trunkline ask.
"""

EPILOG = """\
examples:
  trunkline search late fee
  trunkline search "late fee" -k 10 --why             and what each score is made of
  trunkline search "late fee" --mode words            by words alone; meaning: by vectors alone
  trunkline search "frais de retard" --language fr --tag guides --on 2026-05-31
  trunkline search "late fee" --context               the passages as one text for a model, at most 1500 tokens
"""

WIDTH = 110
"""Narrower terminals wrap."""

MOST = 40
"""Passages that are scored for a question."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``trunkline search``."""
    parser.add_argument("query", metavar="QUERY", nargs="+", help="the question, or some words; quotes are not needed")
    parser.add_argument("-k", type=_count, default=5, metavar="N", help=f"how many passages, 1 to {MOST} (default: 5)")
    collection.add_source(parser)
    collection.add_scope(parser)
    parser.add_argument("--mode", choices=("hybrid", "meaning", "words"), default="hybrid",
                        help="ranked by all, by vectors alone, by words alone (default: hybrid)")
    parser.add_argument("--after", action="append", default=[], metavar="TEXT",
                        help="what was said before, oldest first, once a line; 'agent: ...' for what the agent said")
    parser.add_argument("--why", action="store_true", help="show what each score is made of")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--context", action="store_true", help="print the passages as one numbered text for a model")
    shown.add_argument("--json", action="store_true", help="print the passages as JSON")


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"{text}: a number from 1 to {MOST}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Search; 0 also when nothing was found."""
    from engine.knowledge.answers.rag_context import rag_context
    from engine.knowledge.errors import KnowledgeError
    from engine.knowledge.words.question import resolve

    base = collection.opened(args)
    if args.mode == "meaning" and not base.by_meaning:
        raise KnowledgeError(f"collection '{base.collection}' cannot be searched by meaning: {base.why_keywords}")
    query, before = collection.joined(args.query), collection.said_before(args.after)
    scope = collection.scope_of(args, base.collection)
    hits = base.search(query, args.k, scope=scope, context=before, mode=args.mode)
    if args.context:
        print(rag_context(hits))
    elif args.json:
        print(json.dumps({"query": query, "searched": resolve(query, before), "collection": base.collection,
                          "search": "meaning" if base.by_meaning else "keywords", "mode": args.mode,
                          "context": rag_context(hits), "passages": [hit.as_dict() for hit in hits]},
                         indent=2, ensure_ascii=False))
    else:
        _show(base, hits, why=args.why)
    return 0


def _show(base: "KnowledgeBase", hits: "list[Hit]", *, why: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, width=max(WIDTH, Console().width))
    for number, hit in enumerate(hits, 1):
        citation = hit.citation
        place = " > ".join((citation.title, *citation.heading)) + (f", page {citation.page}" if citation.page else "")
        console.print(Text(f"{number:2}. {hit.score:.2f}  {place}", style="bold"))
        console.print(Text(f"          {citation.document}  {citation.chunk_id}", style="dim"))
        if why and hit.features:
            made_of = "  ".join(f"{name} {value:.2f}" for name, value in asdict(hit.features).items())
            console.print(Text(f"          {made_of}", style="cyan"))
        console.print(Text(f"          {' '.join(citation.snippet.split())}"), soft_wrap=True)
    if not hits:
        console.print("Nothing was found.")
    if not base.by_meaning:
        console.print(Text(f"Searched by keywords only: {base.why_keywords}.", style="yellow"), soft_wrap=True)
