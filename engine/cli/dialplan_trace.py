"""``trunkline dialplan trace``: the hunt of one number, step by step."""

import argparse
import json
import os
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from engine.errors import TrunklineError

if TYPE_CHECKING:
    from engine.dialplan.channel import Channel
    from engine.dialplan.follow import Executed, Journey
    from engine.dialplan.hunt import Hunt, Step
    from engine.dialplan.reader import Configuration

HELP = """What a call to NUMBER does in a context: each condition with PASS or FAIL and its captures, and the actions.

It is the hunt of FreeSWITCH's XML dialplan, worked out from the files alone. Variables are not known but for those
you give; an api call in ${...} is answered only where its answer depends on nothing but its argument."""

EPILOG = """examples:
  trunkline dialplan trace 919876543210 --context public
  trunkline dialplan trace 5000 --context default --conf /etc/freeswitch --var sip_h_X-Tenant=acme
  trunkline dialplan trace 100 --context public --conf dialplans/business-hours --time 2026-01-26T20:30
  trunkline dialplan trace 100 --context public --follow --json

exit codes: 0 there are actions, 1 no extension matched, 2 the question has no answer (said on stderr)

What is followed and what is not: docs/engineer/dialplan-trace.md"""

DEFAULT = Path("freeswitch-conf")
CHANNEL = "trace"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The number, the context, and what the call brings along."""
    parser.add_argument("number", metavar="NUMBER", help="the dialled number (destination_number)")
    parser.add_argument("--context", metavar="NAME", default="public", help="the context the call comes into (public)")
    parser.add_argument("--conf", type=Path, metavar="PATH", default=DEFAULT,
                        help="freeswitch.xml, its folder, or a fragment or folder of fragments (freeswitch-conf)")
    parser.add_argument("--var", metavar="NAME=VALUE", action="append", default=[],
                        help="a variable of the channel, or a field of the caller such as caller_id_number")
    parser.add_argument("--global", dest="globals", metavar="NAME=VALUE", action="append", default=[],
                        help="a variable that FreeSWITCH's core sets, such as local_ip_v4")
    parser.add_argument("--api", metavar="CALL=VALUE", action="append", default=[],
                        help="the answer of an api call: 'hash(select/a/b)=1', or 'hash=1' for all of hash")
    parser.add_argument("--time", metavar="ISO", help="the time of the call, 2026-01-31T18:30 (now); without an offset "
                                                      "it is this machine's time")
    parser.add_argument("--follow", action="store_true", help="run what sets variables, and go where transfer and "
                                                              "execute_extension lead")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="the steps as JSON")
    shown.add_argument("--log", action="store_true", help="the lines that FreeSWITCH logs at level debug")


def run(args: argparse.Namespace) -> int:
    """Trace and print."""
    from engine.dialplan.follow import Journey, follow
    from engine.dialplan.hunt import hunt
    from engine.dialplan.reader import read

    configuration = read(args.conf, os.environ, _pairs(args.globals, "--global"))
    channel = _channel(args, configuration)
    now = _time(args.time)
    journey = follow(configuration, channel, now) if args.follow else Journey([hunt(configuration, channel, now)])
    if args.json:
        print(json.dumps(_as_json(journey, channel, configuration), indent=1, ensure_ascii=False))
    elif args.log:
        for step in (step for found in journey.hunts for step in found.steps):
            if line := step.line(CHANNEL):
                print(line)
    else:
        _Page().show(args, journey, channel, configuration)
    return 0 if journey.hunts[-1].extension is not None else 1


def _channel(args: argparse.Namespace, configuration: "Configuration") -> "Channel":
    from engine.dialplan.api import answering
    from engine.dialplan.channel import FIELDS, Channel

    fields = {"destination_number": args.number, "context": args.context, "dialplan": "XML", "chan_name": CHANNEL}
    channel = Channel(fields, {name: one.value for name, one in configuration.variables.items()},
                      answering(_pairs(args.api, "--api", last=True)))
    for name, value in _pairs(args.var, "--var").items():
        if name.lower() in FIELDS:
            fields[name.lower()] = value
        else:
            channel.set(name, value)
    fields.setdefault("ani", fields.get("caller_id_number", ""))
    return channel


def _pairs(given: list[str], option: str, last: bool = False) -> dict[str, str]:
    """``NAME=VALUE`` of the command line; ``last``: the call before the ``=`` may have one in its brackets."""
    found: dict[str, str] = {}
    for pair in given:
        at = pair.find("=", pair.rfind(")") + 1) if last else pair.find("=")
        if at <= 0:
            raise TrunklineError(f"{option} {pair}: write NAME=VALUE")
        found[pair[:at]] = pair[at + 1 :]
    return found


def _time(text: str | None) -> datetime:
    zone = _zone()
    if text is None:
        return datetime.now(zone).astimezone(zone)
    try:
        given = datetime.fromisoformat(text)
        return given if given.tzinfo else given.replace(tzinfo=zone) if zone else given.astimezone()
    except (ValueError, OverflowError):
        raise TrunklineError(f"--time {text}: write it as 2026-01-31T18:30 or 2026-01-31T18:30:00+05:30") from None


def _zone() -> tzinfo | None:
    """The time zone of this machine, with its summer time: ``dst`` of a condition asks for it."""
    name = os.environ.get("TZ", "").lstrip(":")
    try:
        if name:
            return ZoneInfo(name)
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError, KeyError):
        return None


def _unknown(channel: "Channel", configuration: "Configuration") -> dict[str, list[str]]:
    """What would have to be known for a certain answer."""
    return {
        "variables": list(channel.asked), "api": list(channel.unanswered),
        "globals": sorted({use.name for use in configuration.uses if not use.defined and not use.in_comment}),
        "faults": [f"{fault.place}: {fault.message}" for fault in configuration.faults if fault.kind == "error"],
    }


def _as_json(journey: "Journey", channel: "Channel", configuration: "Configuration") -> dict[str, Any]:
    from engine.dialplan.hunt import Hunt

    entries = [_hunt_as_json(entry) if isinstance(entry, Hunt) else
               {"executed": entry.app, "data": entry.data, "place": str(entry.place), "note": entry.note}
               for entry in journey.entries]
    return {"entries": entries, "end": journey.end, "unknown": _unknown(channel, configuration)}


def _hunt_as_json(found: "Hunt") -> dict[str, Any]:
    steps = []
    for step in found.steps:
        shown = {"kind": step.kind, "place": str(step.place), "extension": step.extension, "depth": step.depth}
        if step.passed is not None:
            shown["passed"] = step.passed
        if step.kind == "regex":
            shown.update(field=step.field, value=step.value, expression=step.expression, groups=list(step.groups))
        if step.kind in ("action", "anti-action"):
            shown.update(app=step.app, data=step.data, inline=step.inline)
        if step.note:
            shown["note"] = step.note
        steps.append(shown)
    return {
        "number": found.number, "context": found.asked_context,
        "context_used": None if found.context is None else found.context.name, "extension": found.extension,
        "steps": steps,
        "actions": [{"app": one.app, "data": one.data, "place": str(one.place)} for one in found.actions],
    }


class _Page:
    """The trace for people."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(highlight=False, soft_wrap=True)

    def line(self, text: str, style: str = "") -> None:
        """One line, its text as it is."""
        from rich.text import Text

        self.console.print(Text(text.replace("\n", "\\n"), style=style))

    def show(
        self, args: argparse.Namespace, journey: "Journey", channel: "Channel", configuration: "Configuration",
    ) -> None:
        """Everything."""
        from engine.dialplan.hunt import Hunt

        for entry in journey.entries:
            if isinstance(entry, Hunt):
                self._hunt(entry, args)
            else:
                self._executed(entry)
        if journey.end:
            self.line(journey.end, "bold")
        unknown = _unknown(channel, configuration)
        for fault in unknown["faults"]:
            self.line(f"FreeSWITCH would not load it as it stands: {fault}", "red")
        if unknown["globals"]:
            self.line("not set in these files, and so empty; or give --global NAME=VALUE: "
                      + ", ".join(f"$${{{name}}}" for name in unknown["globals"]), "yellow")
        if unknown["variables"]:
            self.line("read, and not given by --var: " + ", ".join(unknown["variables"]), "yellow")
        for call in unknown["api"]:
            self.line(f"not asked: ${{{call}}}; taken to be empty, or give --api '{call}=VALUE'", "yellow")

    def _hunt(self, found: "Hunt", args: argparse.Namespace) -> None:
        self.line(f"{found.number} in context {found.asked_context}", "bold")
        if found.context is None:
            self.line(f"  {args.conf} has no context {found.asked_context} and none that is called global: the call is "
                      "refused", "red")
            return
        if found.context.loose:
            self.line("  (a fragment: extensions as an include would put them into the context)", "dim")
        elif found.context.name.lower() != found.asked_context.lower():
            self.line(f"  no such context; FreeSWITCH takes {found.context.name} then", "yellow")
        for step in found.steps:
            self._step(step)
        if found.extension is None:
            self.line("no extension matched", "bold")
            return
        self.line(f"actions, as extension {found.extension}:", "bold")
        for number, action in enumerate(found.actions, 1):
            self.line(f"  {number:2} {action.app}({action.data})    {action.place}")

    def _step(self, step: "Step") -> None:
        indent = "  " * (step.depth + 1)
        where = f"    {step.place}"
        note = f"    {step.note}" if step.note else ""
        if step.kind == "extension":
            self.line(f"{indent}extension {step.extension}"
                      f"{'' if step.rule == 'false' else f' continue={step.rule}'}{where}")
        elif step.kind == "nested":
            self.line(f"{indent}nested conditions, require-nested={step.rule}{where}")
        elif step.kind == "note":
            self.line(f"{indent}  {step.note}{where}", "yellow")
        elif step.kind in ("action", "anti-action"):
            inline = " inline" if step.inline else ""
            self.line(f"{indent}  {step.kind}{inline} {step.app}({step.data}){note}", "cyan")
        else:
            self._compared(step, indent + "  ", where)

    def _compared(self, step: "Step", indent: str, where: str) -> None:
        verdict = "PASS" if step.passed or step.kind == "absolute" else "FAIL"
        what = {"time": "date and time", "absolute": "(no field)"}.get(
            step.kind, f"{step.field} ({step.value}) =~ /{step.expression}/")
        rule = "" if step.rule in ("break=on-false", "") else f" {step.rule}"
        self.line(f"{indent}{verdict} {what}{rule}{where}", "green" if verdict == "PASS" else "red")
        captures = " ".join(f"${number}={group}" for number, group in enumerate(step.groups[1:], 1)
                            if group is not None)
        if captures:
            self.line(f"{indent}     {captures}", "green")

    def _executed(self, entry: "Executed") -> None:
        note = f"    {entry.note}" if entry.note else ""
        self.line(f"{'  ' * (entry.depth + 1)}run {entry.app}({entry.data}){note}    {entry.place}", "cyan")
