"""``trunkline dialplan check``: the rules over a configuration, for people, programs and pull requests."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.dialplan.rules import Finding
    from engine.dialplan.source import SourceFile

HELP = """Everything that can be known to be wrong with a FreeSWITCH configuration without placing a call.

It is read as FreeSWITCH reads it; nothing of it is run. How to use it in CI: docs/engineer/dialplan-check.md.
All rules: docs/engineer/dialplan-rules.md."""

EPILOG = """examples:
  trunkline dialplan check                                        freeswitch-conf, and each folder of dialplans
  trunkline dialplan check /etc/freeswitch --profile public,twilio
  trunkline dialplan check dialplans/night --format github       annotations for a pull request
  trunkline dialplan check --rule FS037,FS038 --fail-on warning

exit codes: 0 nothing as bad as --fail-on; 1 something is; 2 the configuration cannot be read"""

STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}
WIDEST_LINE = 160
"""Characters of a source line that are shown around the column."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """PATH and the options."""
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH",
                        help="freeswitch.xml, the folder it is in, or a dialplan's file or folder; each by itself "
                             "(default: freeswitch-conf and the folders in dialplans)")
    parser.add_argument("--format", choices=("text", "json", "github"), default="text", help="default: text")
    parser.add_argument("--profile", default="", metavar="NAME,...",
                        help="what the switch is for: public, twilio, exotel, pci")
    parser.add_argument("--rule", default="", metavar="FS000,...", help="only these rules")
    parser.add_argument("--severity", choices=("error", "warning", "info"), default="warning",
                        help="show this and worse (default: warning)")
    parser.add_argument("--fail-on", choices=("error", "warning", "info"), default="error",
                        help="exit 1 on this and worse (default: error)")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE",
                        help="the environment that env-set reads (default: values are taken to be unknown)")


def run(args: argparse.Namespace) -> int:
    """Read, check, print; 1 if something is as bad as ``--fail-on``."""
    from engine.dialplan.reader import read
    from engine.dialplan.rules import check, named, report

    rules = named(_words(args.rule)) if args.rule else None
    environ = _environ(args.env)
    sources: dict[Path, SourceFile] = {}
    every: list[Finding] = []
    for path in args.paths or _default():
        # Absolute, so that includes by $${conf_dir} are found whatever folder this runs in.
        configuration = read(Path(os.path.abspath(path)), environ, placeholders=True)  # noqa: PTH100
        sources.update({source.path: source for source in configuration.files})
        every += [one for one in check(configuration, _words(args.profile), rules) if one not in every]
    findings = report.at_least(every, args.severity)
    if args.format == "json":
        print(report.as_json(sources, findings, every))
    elif args.format == "github":
        if findings:
            print(report.as_github(findings))
    else:
        _print(sources, findings, every)
    return 1 if report.at_least(every, args.fail_on) else 0


def _default() -> list[Path]:
    """The configuration of this folder, and each call flow in ``dialplans/`` by itself."""
    from engine.dialplan.source import DialplanError

    here = Path("freeswitch-conf")
    if not here.is_dir():
        raise DialplanError("there is no freeswitch-conf in this folder: name the configuration to check")
    return [here, *sorted(path for path in Path("dialplans").glob("*") if path.is_dir() and any(path.rglob("*.xml")))]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _environ(pairs: list[str]) -> dict[str, str]:
    from engine.dialplan.source import DialplanError

    for pair in pairs:
        if "=" not in pair:
            raise DialplanError(f"--env {pair}: write NAME=VALUE")
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def _print(sources: "dict[Path, SourceFile]", findings: "list[Finding]", every: "list[Finding]") -> None:
    from rich.console import Console
    from rich.text import Text

    from engine.dialplan.rules import report

    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        place = finding.place
        where = f"{report.shown(place.file)}:{place.line}:{place.column} "
        console.print(Text.assemble(where, (finding.rule.id, "bold"), " ", (finding.severity, STYLES[finding.severity]),
                                    f" {finding.message}"))
        line, caret = _clipped(report.source_line(sources, finding), place.column)
        if line.strip():
            console.print(Text(f"    {line}", style="dim"))
            console.print(Text(f"    {caret}^", style=STYLES[finding.severity]))
        console.print(Text(f"    mend: {finding.mend}"))
        console.print()
    numbers = report.counts(every)
    hidden = sum(numbers.values()) - len(findings)
    counted = (f"{_several(numbers['error'], 'error')}, {_several(numbers['warning'], 'warning')}, "
               f"{_several(numbers['info'], 'note')}")
    more = f" ({hidden} not shown: --severity info)" if hidden else ""
    console.print(Text(f"{_several(len(sources), 'file')}: {counted}{more}"))


def _several(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"


def _clipped(line: str, column: int) -> tuple[str, str]:
    """A source line with what stands before its column as blanks (tabs kept, so that the caret is under its place)."""
    start = max(0, column - 1 - WIDEST_LINE // 2) if len(line) > WIDEST_LINE else 0
    line = line[start:start + WIDEST_LINE]
    before = line[:column - 1 - start]
    return line, "".join("\t" if char == "\t" else " " for char in before)
