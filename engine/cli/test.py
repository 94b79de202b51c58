"""``trunkline test``: scripted conversations with an agent, offline."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import TrunklineError

if TYPE_CHECKING:
    from rich.console import Console

    from engine.rehearsal.run import Result

HELP = """\
Run scripted conversations with an agent: what the caller says and does, and what is expected of the agent.

Turn-taking, playout and knowledge base are those of a call. Model answers are written in the file, recogniser and voice
are simulated, the clock is virtual: nothing is called, and a minute of conversation takes milliseconds.
"""

EPILOG = """\
examples:
  trunkline test agents/support.tests.yaml
  trunkline test okti kerala                                      those of shipped agents, wherever they are
  trunkline test agents/*.tests.yaml --junit build/agents.xml     for CI
  trunkline test agents/support.tests.yaml --only fee --verbose   with the conversation

exit codes: 0 all is as expected; 1 something is not; 2 a file cannot be used
How to write them: docs/operator/testing-agents.md.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``trunkline test``."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE",
                        help="NAME.tests.yaml beside NAME.yaml, or the name of a shipped agent")
    parser.add_argument("--only", default="", metavar="NAME", help="only the tests whose name has this")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the results as JUnit XML")
    parser.add_argument("--verbose", action="store_true", help="show all conversations, not those of failed tests only")
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration (default: the defaults)")


def run(args: argparse.Namespace) -> int:
    """Run the files; 1 if a test failed."""
    from rich.console import Console

    from engine import configfile
    from engine.rehearsal.report import junit, summary
    from engine.rehearsal.run import Rehearsals

    config = configfile.load(args.config, os.environ)
    console = Console(highlight=False, soft_wrap=True)
    suites: list[tuple[Path, list[Result]]] = []
    for path in map(_found, args.files):
        rehearsals = Rehearsals(path, config)
        results: list[Result] = []
        suites.append((path, results))
        try:
            for result in rehearsals.run(args.only):
                results.append(result)
                _show(console, result, args.verbose)
        finally:
            rehearsals.close()
    everything = [result for _, results in suites for result in results]
    if not everything:
        raise TrunklineError(f"--only: no test has '{args.only}' in its name")
    console.print(summary(everything))
    if args.junit:
        try:
            args.junit.parent.mkdir(parents=True, exist_ok=True)
            args.junit.write_bytes(junit(suites))
        except OSError as fault:
            raise TrunklineError(f"--junit: {args.junit}: {fault.strerror or fault}") from fault
    return 1 if any(result.status == "failed" for result in everything) else 0


def _found(path: Path) -> Path:
    """The file, or that of a shipped agent by its name."""
    from engine.agents.load import SHIPPED
    from engine.rehearsal.script import SUFFIX

    shipped = SHIPPED / f"{path}{SUFFIX}"
    return shipped if not path.suffix and not path.exists() and shipped.is_file() else path


_STYLES = {"passed": "green", "failed": "bold red", "skipped": "yellow"}


def _show(console: "Console", result: "Result", verbose: bool) -> None:
    from rich.text import Text

    from engine.rehearsal.report import transcript

    console.print(Text.assemble((f"{result.status:8}", _STYLES[result.status]), result.script.name,
                                (f"  ({result.skipped})" if result.skipped else "", "yellow")))
    for wrong in result.wrong:
        console.print(Text(f"  {wrong}", style="red"))
    if result.wrong or verbose:
        for line in transcript(result):
            console.print(Text(f"  {line}", style="" if line[10:].startswith(("caller", "agent")) else "dim"))
