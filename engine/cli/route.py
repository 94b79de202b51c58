"""``trunkline route``: which provider would be asked, and why; checks of a routing file."""

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from engine.errors import TrunklineError

if TYPE_CHECKING:
    from engine.config.routing import Capability
    from engine.routing.order import Decision
    from engine.routing.routesfile import Routes

HELP = """Which provider hears (stt), thinks (llm) and speaks (tts) for a call, in which order, and why.

What is shown is the order before anything was measured: no provider has failed, every delay is the expected one."""

EPILOG = """examples:
  trunkline route explain --language ml --region kerala --capability stt
  trunkline route explain --language ml --dialect malabar --json
  trunkline route explain --language en --fact hour=22 --fact called=+914712345678
  trunkline route check routing.yaml

The routing file is the option routing.file; without one, the example that comes with the engine. What its keys mean
and how to read the points: docs/operator/routing.md"""

TABLE_WIDTH = 110
"""Narrower terminals wrap; cut numbers would be worse."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``route explain`` and ``route check``."""
    commands = parser.add_subparsers(dest="route_command", metavar="COMMAND", required=True)
    explain = commands.add_parser("explain", help="candidates for a call, and why each stands where it stands",
                                  description=HELP, epilog=EPILOG,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    explain.add_argument("--language", metavar="CODE", default="", help="ISO 639-1, for example ml")
    explain.add_argument("--dialect", metavar="NAME", default="", help="for example malabar")
    explain.add_argument("--region", metavar="NAME", default="", help="for example kerala")
    explain.add_argument("--capability", choices=("stt", "llm", "tts"), help="one of them (default: all three)")
    explain.add_argument("--fact", metavar="NAME=VALUE", action="append", default=[],
                         help="another fact of the call, as rules know it: agent, caller, hour ...")
    explain.add_argument("--config", type=Path, metavar="FILE", help="configuration (default: the defaults)")
    explain.add_argument("--file", type=Path, metavar="FILE", help="routing file (default: routing.file)")
    explain.add_argument("--json", action="store_true", help="print the decisions as JSON")
    check = commands.add_parser("check", help="check a routing file", description="Check a routing file: every problem "
                                "with its line; exit 1 if there is one. Warnings are what may be a slip.")
    check.add_argument("routes", metavar="FILE", type=Path, help="routing file")
    check.add_argument("--strict", action="store_true", help="exit 1 also on warnings")


def run(args: argparse.Namespace) -> int:
    """Explain or check."""
    return _check(args) if args.route_command == "check" else _explain(args)


def _check(args: argparse.Namespace) -> int:
    from engine.configfile import ConfigError
    from engine.routing.routesfile import load

    try:
        routes = load(args.routes)
    except ConfigError as fault:
        for problem in fault.problems:
            print(problem)
        return 1
    for warning in routes.warnings:
        print(f"{warning.where}: warning: {warning.text}")
    tree = routes.tree
    models = sum(len(provider.models) for provider in tree.providers.values())
    print(f"{args.routes}: providers: {len(tree.providers)}, models: {models}, languages: {len(tree.languages)}, "
          f"rules: {len(tree.routing_rules)}; can be used")
    return 1 if args.strict and routes.warnings else 0


def _explain(args: argparse.Namespace) -> int:
    from engine import configfile
    from engine.routing.facts import Facts
    from engine.routing.health import Health
    from engine.routing.order import order
    from engine.routing.plan import plan
    from engine.routing.routesfile import EXAMPLE, load

    options = configfile.load(args.config, os.environ).routing
    path = args.file or (Path(options.file) if options.file else EXAMPLE)
    routes = load(path)
    facts = Facts(**{"language": args.language, "dialect": args.dialect, "region": args.region, **_given(args.fact)})
    capabilities: tuple[Capability, ...] = (args.capability,) if args.capability else ("stt", "llm", "tts")
    decisions = [order(plan(routes, capability, facts), Health(options), options, 0.0) for capability in capabilities]
    if args.json:
        shown = {"file": str(path), "decisions": [decision.as_dict() for decision in decisions]}
        print(json.dumps(shown, indent=1, ensure_ascii=False))
    else:
        _show(routes, decisions)
    return 0 if all(decision.standing for decision in decisions) else 1


def _given(pairs: list[str]) -> dict[str, Any]:
    """Facts of the command line, in the types that conditions know them by."""
    from engine.routing.facts import Facts

    kinds = get_type_hints(Facts)
    given: dict[str, Any] = {}
    for pair in pairs:
        name, found, text = pair.partition("=")
        kind = kinds.get(name)
        if not found or kind is None:
            raise TrunklineError(f"--fact {pair}: write NAME=VALUE with one of {', '.join(kinds)}")
        try:
            given[name] = text.lower() in ("true", "yes", "1") if kind is bool else kind(text)
        except ValueError:
            raise TrunklineError(f"--fact {pair}: {name} is a whole number") from None
    return given


def _show(routes: "Routes", decisions: "list[Decision]") -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    console = Console(highlight=False, width=max(TABLE_WIDTH, Console().width))
    console.print(Text(f"routing file {routes.source}", style="dim"))
    for decision in decisions:
        planned = decision.plan
        facts = ", ".join(f"{name} {getattr(planned.facts, name)}" for name in ("language", "dialect", "region")
                          if getattr(planned.facts, name))
        confidence = f", min_confidence {planned.min_confidence:g}" if planned.min_confidence else ""
        headline = f"{planned.capability} for {facts or 'any call'}: by {planned.by}{confidence}"
        console.print(Text(headline, style="bold"))
        points = list(decision.standing[0].points) if decision.standing else []
        longest = max((len(one.choice.name) for one in decision.standing), default=0)
        table = Table("", Column("provider/model", min_width=longest, no_wrap=True), "score", *points, "p95 ms",
                      "state", box=None, pad_edge=False)
        for number, one in enumerate(decision.standing, 1):
            note = f"{one.vitals.state}{f': {one.note}' if one.note else ''}"
            table.add_row(str(number), one.choice.name, f"{one.score:.3f}",
                          *(f"{one.points[name]:+.3f}" for name in points), f"{one.vitals.p95_ms:.0f}", note)
        if decision.standing:
            console.print(table)
        else:
            console.print(Text("nobody", style="bold red"))
        for gone in decision.excluded:
            name = f"{gone.provider}/{gone.model}" if gone.model else gone.provider
            console.print(Text(f"   not {name}: {gone.why}", style="dim"))
        console.print()
