"""``trunkline turns``: turn-taking cases."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import TrunklineError

if TYPE_CHECKING:
    from rich.console import Console

    from engine.replay.cases import Case
    from engine.replay.run import Entry, Run
    from engine.turns.history import Line

HELP = """Run turn-taking cases on a virtual clock: who would have spoken when, and why.

A case says what the caller, the recogniser, the brain and the voice do and when; the turn engine and the playout are
those of a real call. Nothing is spoken and no time passes."""

EPILOG = """examples:
  trunkline turns replay tests/data/turns/cases.json
  trunkline turns replay tests/data/turns/cases.json --only L12,L18 --verbose
  trunkline turns replay my.json --json

Each line is a moment of the call: caller on the left, agent on the right. A failed demand is shown with what was found
instead. Exit code 0: all demands hold; 1: one does not; 2: the file cannot be read. How to write a case and what the
engine's rules are: docs/turn-taking.md"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``turns replay CASES.json``."""
    commands = parser.add_subparsers(dest="turns_command", metavar="COMMAND", required=True)
    replay = commands.add_parser(
        "replay",
        help="run the cases of a file and check what they demand",
        description=HELP,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    replay.add_argument("cases", metavar="CASES.json", type=Path, help="a list of cases")
    replay.add_argument("--only", metavar="ID,ID", default="", help="only these cases")
    replay.add_argument("--json", action="store_true", help="print what happened as JSON")
    replay.add_argument("--verbose", action="store_true", help="show all timelines, not those of failed cases only")


def run(args: argparse.Namespace) -> int:
    """Replay; 0 if all demands hold, 1 if one does not."""
    from engine.replay.cases import load
    from engine.replay.checks import judge
    from engine.replay.simulate import simulate

    cases = _chosen(load(args.cases), args.only)
    results: list[dict[str, Any]] = []
    console = _console()
    for case in cases:
        happened = simulate(case)
        musts = [(must, judge(happened, must)) for must in case.musts]
        status = "failed" if any(found for _, found in musts) else "passed"
        results.append(_result(case, status, happened, musts))
        if not args.json:
            _show(console, results[-1], happened if args.verbose or status == "failed" else None)
    counts = {name: sum(result["status"] == name for result in results) for name in ("passed", "failed")}
    if args.json:
        import json

        print(json.dumps({"cases": results, **counts}, ensure_ascii=False, indent=1))
    else:
        console.print(", ".join(f"{count} {name}" for name, count in counts.items() if count))
    return 1 if counts["failed"] else 0


def _chosen(cases: "list[Case]", only: str) -> "list[Case]":
    wanted = [name.strip() for name in only.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in {case.id for case in cases}]
    if unknown:
        raise TrunklineError(f"--only: there is no case {', '.join(unknown)}; there are "
                             f"{', '.join(case.id for case in cases)}")
    return [case for case in cases if not wanted or case.id in wanted]


def _result(case: "Case", status: str, happened: "Run", musts: list[Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"id": case.id, "what": case.what, "status": status}
    if case.ignored:
        result["ignored"] = list(case.ignored)
    return result | {
        "must": [{must.kind: must.value, **must.extra, "holds": not found, "found": found} for must, found in musts],
        "audio": [[round(start, 3), round(end, 3)] for start, end in happened.stretches()],
        "history": [_history_line(line) for line in happened.history],
        "timeline": [{"t": round(entry.at, 3), "event": entry.name, **entry.fields} for entry in happened.entries],
        "ended": happened.ended,
    }


def _history_line(line: "Line") -> dict[str, Any]:
    shown: dict[str, Any] = {"who": line.who, "text": line.text, "interrupted": line.interrupted}
    if line.tool is not None:
        shown |= {"arguments": line.tool.arguments, "result": line.tool.result, "error": line.tool.error}
    return shown


def _console() -> "Console":
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


_STYLES = {"passed": "green", "failed": "bold red"}

_CALLER = ("voice_on", "voice_off", "partial", "final", "dtmf", "hangup", "written", "interrupt", "say_request")
_AGENT = ("on_wire", "pause", "resume", "cut", "playout_finished", "end_call")


def _show(console: "Console", result: dict[str, Any], happened: "Run | None") -> None:
    """One case: its status, and its timeline where there is something to look at."""
    from rich.markup import escape

    status = result["status"]
    console.print(f"[{_STYLES[status]}]{status:11}[/] {escape(result['id'])}  {escape(result['what'])}")
    for must in result.get("must", ()):
        if not must["holds"]:
            demand = {key: value for key, value in must.items() if key not in ("holds", "found")}
            console.print(f"            [red]must[/] {escape(str(demand))}: {escape(must['found'])}")
    if happened is None:
        return
    for option in result.get("ignored", ()):
        console.print(f"            [dim]ignored option {escape(option)}[/]")
    for entry in happened.entries:
        console.print(_line(entry))
    for line in happened.history:
        note = " [dim](cut)[/]" if line.interrupted else ""
        if line.tool is not None:
            note = f" [dim]{escape(line.tool.result or 'has not come back')}[/]"
        console.print(f"            [dim]history[/] {line.who}: {escape(line.text)}{note}")
    console.print()


def _line(entry: "Entry") -> str:
    """A line of the timeline: the caller at the left, decisions indented, what is heard of the agent further in."""
    from rich.markup import escape

    fields = "  ".join(f"{name}={value}" for name, value in entry.fields.items() if name != "why")
    why = f"  [dim]{escape(str(entry.fields['why']))}[/]" if "why" in entry.fields else ""
    if entry.name in _CALLER:
        shown = f"[cyan]{entry.name:<18}[/]"
    elif entry.name in _AGENT:
        shown = f"        [magenta]{entry.name:<18}[/]"
    else:
        shown = f"    {'[bold]' if why else '[dim]'}{entry.name:<18}[/]"
    return f"  [dim]{entry.at:8.3f}[/]  {shown}  {escape(fields)}{why}"
