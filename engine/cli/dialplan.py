"""``trunkline dialplan``: what a FreeSWITCH configuration does, told without a FreeSWITCH. One module a sub-command."""

import argparse
import importlib

HELP = """\
FreeSWITCH configurations, read as FreeSWITCH reads them, without one.

check finds what is wrong and says how to mend it; explain tells about a rule.
How to use it in CI: docs/engineer/dialplan-check.md. All rules: docs/engineer/dialplan-rules.md.
"""

EPILOG = """\
examples:
  trunkline dialplan check                                 the configuration that comes with Trunkline
  trunkline dialplan check /etc/freeswitch --profile public,twilio
  trunkline dialplan check dialplans/ --format github      annotations for a pull request
  trunkline dialplan explain FS037

exit codes of check: 0 nothing as bad as --fail-on (default: error); 1 something is; 2 the configuration cannot be read
"""

COMMANDS = {
    "check": "everything that can be known to be wrong without placing a call",
    "explain": "what a rule finds, why it matters, how to mend it",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Every sub-command is the module ``engine.cli.dialplan_<name>`` with ``add_arguments`` and ``run``."""
    commands = parser.add_subparsers(dest="dialplan_command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        module = importlib.import_module(f"engine.cli.dialplan_{name}")
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        module.add_arguments(sub)
        sub.set_defaults(run_dialplan=module.run)


def run(args: argparse.Namespace) -> int:
    """Run the sub-command; its exit code."""
    return int(args.run_dialplan(args))
