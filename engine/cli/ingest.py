"""``trunkline ingest``: documents into a collection."""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli import collection

if TYPE_CHECKING:
    from engine.config import Config
    from engine.knowledge.filling.report import Progress, Report

HELP = """\
Read documents into a collection of the knowledge base, from which calls are answered.

Give files or folders. Only what changed since the last time is read and embedded; documents whose files vanished from
a given folder are removed. A file that cannot be used is named and skipped. A run that was interrupted is taken up
where it was. How to write documents: docs/knowledge.md.
"""

EPILOG = """\
examples:
  trunkline ingest sample                         the built-in sample: a support desk and an open day
  trunkline ingest okti                           the collection of the agent okti; kerala likewise
  trunkline ingest handbook/ --collection desk    a folder of your own
  trunkline ingest faq.md --collection acme/desk  one more file, into a collection of the tenant acme
  trunkline ingest handbook/ --watch              and whenever something changes in it, until Ctrl-C
  trunkline ask "when is the desk open" --collection desk

exit codes: 0 all is in; 1 some files were skipped, or passages are without vectors; 2 nothing could be done
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``trunkline ingest``."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders; built in: sample, okti, kerala")
    parser.add_argument("--sample", action="store_true", help="the built-in sample")
    parser.add_argument("--collection", metavar="NAME", help="which collection (default: knowledge.collection)")
    parser.add_argument("--watch", action="store_true", help="go on, and ingest again whenever a file changes")
    parser.add_argument("--reembed", action="store_true", help="compute all vectors again: after a change of the model")
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration (default: the defaults)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(args: argparse.Namespace) -> int:
    """Ingest; 0 if every file is in, 1 if some were skipped."""
    from engine.knowledge.collections import BUILT_IN
    from engine.knowledge.errors import KnowledgeError

    built_in = [name for name in args.paths if name in BUILT_IN and not Path(name).exists()]
    built_in += ["sample"] if args.sample else []
    roots = [Path(path) for path in args.paths if path not in built_in] + [BUILT_IN[name] for name in built_in]
    if not roots:
        raise KnowledgeError(f"give a file or a folder, or a built-in collection: {', '.join(BUILT_IN)}")
    own = built_in[0] if len(roots) == 1 and built_in and built_in[0] != "sample" else ""
    config = collection.load(args.config)
    name = args.collection or own or config.knowledge.collection
    if args.watch:
        return _watch(roots, name, config, as_json=args.json)
    report = ingest_with_progress(roots, name, config, quiet=args.json, reembed=args.reembed)
    _print(report, as_json=args.json)
    return 1 if report.failed or report.fault else 0


def ingest_with_progress(roots: list[Path], name: str, config: "Config", *, quiet: bool = False, reembed: bool = False
                         ) -> "Report":
    """Ingest into the collection ``name`` with a progress bar on stderr (none if ``quiet``), with the configured
    model."""
    from engine.knowledge.filling.ingest import ingest

    model = collection.model_of(config)
    with bar(quiet=quiet) as progress:
        return ingest(roots, name, model, progress, options=config.knowledge, reembed=reembed)


@contextmanager
def bar(*, quiet: bool) -> "Iterator[Callable[[Progress], None]]":
    """Files, passages, passages a second, time left; on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f} files, {task.fields[chunks]} passages, "
                                       "{task.fields[rate]:.0f}/s, {task.fields[left]}"))
    # Refreshed by hand: rich's own refreshing thread has no place among greenlets.
    with Bars(*columns, console=Console(stderr=True), disable=quiet, auto_refresh=False) as bars:
        task = bars.add_task("", total=0, visible=False, chunks=0, rate=0.0, left="")

        def show(progress: "Progress") -> None:
            bars.update(task, completed=progress.files, total=progress.of_files, visible=True, chunks=progress.chunks,
                        rate=progress.rate, left=_left(progress.left_s))
            bars.refresh()

        yield show


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s left" if minutes else f"{rest} s left"


def _watch(roots: list[Path], name: str, config: "Config", *, as_json: bool) -> int:
    import signal

    import gevent
    from gevent.event import Event

    from engine.knowledge.filling.watch import watch

    ended = Event()
    signals = [gevent.signal_handler(number, ended.set) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        watch(roots, name, collection.model_of(config), ended, lambda report: _print(report, as_json=as_json),
              options=config.knowledge)
    finally:
        for watcher in signals:
            watcher.cancel()
    return 0


def _print(report: "Report", *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(report), indent=2), flush=True)
    else:
        _show(report)


def _show(report: "Report") -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for line in report.failed:
        console.print(Text(f"skipped: {line}", style="red"), soft_wrap=True)
    for line in report.notes:
        console.print(Text(f"note: {line}", style="yellow"), soft_wrap=True)
    console.print(f"{len(report.added)} added, {len(report.changed)} changed, {len(report.removed)} removed, "
                  f"{report.unchanged} unchanged, {len(report.failed)} skipped, in {report.seconds:.1f} s.")
    console.print(f"Collection '{report.collection}' has {report.documents} documents in {report.passages} passages.")
    if report.fault:
        console.print(Text(f"{report.lacking} passages have no vectors and are found by their words alone: "
                           f"{report.fault}. Ingest again when that is mended.", style="yellow"), soft_wrap=True)
    elif report.model is None:
        console.print(Text("Keyword search only: the embedding model is not installed (trunkline models install "
                           "minilm), or knowledge.embedding is none. Ingest again after a change of that.",
                           style="yellow"), soft_wrap=True)
