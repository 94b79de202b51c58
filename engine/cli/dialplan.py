"""``trunkline dialplan``: what engineers do with a FreeSWITCH configuration, without a FreeSWITCH.

Each sub-command is a module of this package, ``dialplan_<name>``, with ``HELP``, ``EPILOG``, ``add_arguments`` and
``run``.
"""

import argparse
import importlib

HELP = """Read a FreeSWITCH configuration as FreeSWITCH reads it, and say what it does.

Nothing is executed: no command of the configuration, no application, no call."""

SUBCOMMANDS = {
    "check": "everything that can be known to be wrong without placing a call",
    "explain": "what a rule of the check finds, why it matters, how to mend it",
    "trace": "what a number does in a context: every condition, and the actions that run",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every sub-command."""
    commands = parser.add_subparsers(dest="dialplan_command", metavar="COMMAND", required=True)
    for name, text in SUBCOMMANDS.items():
        module = importlib.import_module(f"engine.cli.dialplan_{name}")
        sub = commands.add_parser(name, help=text, description=module.HELP, epilog=module.EPILOG,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(sub)


def run(args: argparse.Namespace) -> int:
    """Run the sub-command."""
    return int(importlib.import_module(f"engine.cli.dialplan_{args.dialplan_command}").run(args))
