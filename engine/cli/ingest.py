"""``trunkline ingest``: documents into a collection."""

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.knowledge.ingest import Report

HELP = """\
Read documents into a collection of the knowledge base, from which calls are answered.

Give files or folders of Markdown and plain text. Only what changed since the last time is read and embedded; documents
whose files vanished from a given folder are removed. A file that cannot be used is named and skipped.
How to write documents: docs/knowledge.md.
"""

EPILOG = """\
examples:
  trunkline ingest sample                       the built-in sample: a support desk and an open day
  trunkline ingest okti                         the collection of the agent okti; kerala likewise
  trunkline ingest handbook/ --collection desk  a folder of your own
  trunkline ingest faq.md --collection desk     one more file
  trunkline ask "when is the desk open" --collection desk

exit codes: 0 all is in; 1 some files were skipped; 2 nothing could be done
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``trunkline ingest``."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders; built in: sample, okti, kerala")
    parser.add_argument("--sample", action="store_true", help="the built-in sample")
    parser.add_argument("--collection", metavar="NAME", help="which collection (default: knowledge.collection)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration (default: the defaults)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(args: argparse.Namespace) -> int:
    """Ingest; 0 if every file is in, 1 if some were skipped."""
    from engine import configfile
    from engine.knowledge.errors import KnowledgeError
    from engine.knowledge.ingest import BUILT_IN

    built_in = [name for name in args.paths if name in BUILT_IN and not Path(name).exists()]
    built_in += ["sample"] if args.sample else []
    roots = [Path(path) for path in args.paths if path not in built_in] + [BUILT_IN[name] for name in built_in]
    if not roots:
        raise KnowledgeError(f"give a file or a folder, or a built-in collection: {', '.join(BUILT_IN)}")
    own = built_in[0] if len(roots) == 1 and built_in and built_in[0] != "sample" else ""
    collection = args.collection or own or configfile.load(args.config, os.environ).knowledge.collection
    report = ingest_with_progress(roots, collection, quiet=args.json)
    if args.json:
        print(json.dumps(asdict(report), indent=2))
    else:
        _show(report)
    return 1 if report.failed else 0


def ingest_with_progress(roots: list[Path], collection: str, *, quiet: bool = False) -> "Report":
    """Ingest with a progress bar on stderr (none if ``quiet``), with the local model where it is installed."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from engine.knowledge.embedding import local as embedder
    from engine.knowledge.ingest import ingest

    titles = {"read": "reading files", "embed": "embedding texts"}
    # Refreshed by hand: rich's own refreshing thread has no place among greenlets.
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                  console=Console(stderr=True), disable=quiet, auto_refresh=False) as bars:
        tasks = {stage: bars.add_task(title, total=None, visible=False) for stage, title in titles.items()}

        def progress(stage: str, done: int, of: int) -> None:
            bars.update(tasks[stage], completed=done, total=of, visible=of > 0)
            bars.refresh()

        return ingest(roots, collection, embedder.local(), progress)


def _show(report: "Report") -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for line in report.failed:
        console.print(Text(f"skipped: {line}", style="red"), soft_wrap=True)
    console.print(f"{len(report.added)} added, {len(report.changed)} changed, {len(report.removed)} removed, "
                  f"{report.unchanged} unchanged, {len(report.failed)} skipped.")
    console.print(f"Collection '{report.collection}' has {report.documents} documents in {report.passages} passages.")
    if report.model is None:
        console.print(Text("Keyword search only: the embedding model is not installed. Run: trunkline models install "
                           "minilm, then ingest again.", style="yellow"), soft_wrap=True)
