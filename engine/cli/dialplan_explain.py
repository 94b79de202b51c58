"""``trunkline dialplan explain``: what a rule finds, why it matters, how to mend it."""

import argparse

HELP = """What a rule of trunkline dialplan check finds, why it matters, and how to mend it."""

EPILOG = """examples:
  trunkline dialplan explain              all rules, one line each
  trunkline dialplan explain FS037"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The numbers of rules."""
    parser.add_argument("rules", nargs="*", metavar="FS000", help="rules (default: a list of all)")


def run(args: argparse.Namespace) -> int:
    """Print the texts of the rules, or one line each."""
    from rich.console import Console
    from rich.text import Text

    from engine.dialplan.rules import all_rules, named

    console = Console(highlight=False, soft_wrap=True)
    if not args.rules:
        for one in all_rules():
            console.print(Text.assemble((one.id, "bold"), f" {one.severity:<8}{one.level:<10}{one.title}"))
        return 0
    for one in named(args.rules):
        console.print(Text.assemble((one.id, "bold"), f" ({one.severity}, {one.level}): {one.title}"))
        console.print(Text(f"\n{one.why}\n\nmend: {one.mend}\n"))
        console.print(Text(f"waive: <!-- check: allow {one.id} the reason --> before the element"))
        console.print()
    return 0
