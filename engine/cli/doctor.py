"""``trunkline doctor``: what is wrong on this machine, and what to do about it."""

import argparse
import json
import os
from pathlib import Path

HELP = """\
Looks at everything that a call needs: configuration, Python and its packages, ports, loopback addresses, socket
buffers, disk, model data, voices, the knowledge base, FreeSWITCH if there is one, and its trunks. It changes nothing.
Each line is pass, warn (works, but not well) or fail (calls will fail), and says what to do.
"""

EPILOG = """\
examples:
  trunkline doctor                          with the defaults and the environment
  trunkline doctor --config trunkline.yaml  with your configuration; every mistake in it is listed
  trunkline doctor --production             secrets, database, HTTPS, limits, draining, retention, monitoring, too
  trunkline doctor --json                   for scripts
  TRUNKLINE_SWITCH__ENABLED=true TRUNKLINE_SWITCH__PASSWORD=... trunkline doctor
                                            also logs in to FreeSWITCH's event socket

exit code: 0 when nothing failed, 1 otherwise
"""

STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red", "skip": "dim"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``doctor [--config FILE] [--production] [--json]``."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration (default: the defaults)")
    parser.add_argument("--production", action="store_true", help="and the checklist for production")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Exit code 0 when nothing failed, else 1."""
    from engine.cli import checks, production_checks

    findings = checks.examine(args.config, os.environ)
    if args.production:
        config, _ = checks.configuration(args.config, os.environ)
        findings += [checks.Finding(*row) for row in production_checks.look(config, args.config)]
    failed = sum(finding.status == "fail" for finding in findings)
    if args.json:
        rows = [{name: getattr(finding, name) for name in finding.__slots__} for finding in findings]
        print(json.dumps({"ok": not failed, "findings": rows}, indent=2, ensure_ascii=False))
    else:
        _print(findings)
    return 1 if failed else 0


def _print(findings: "list[checks.Finding]") -> None:  # type: ignore[name-defined]  # noqa: F821
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for finding in findings:
        console.print(Text.assemble((f"{finding.status:5}", STYLES[finding.status]), (f"{finding.check:14}", "bold"),
                                    finding.text), soft_wrap=True)
        if finding.todo:
            console.print(Text.assemble(" " * 19, ("→ ", "bold"), finding.todo), soft_wrap=True)
    counts = {status: sum(finding.status == status for finding in findings) for status in STYLES}
    summary = f"{counts['pass']} pass, {counts['warn']} warn, {counts['fail']} fail"
    summary += f", {counts['skip']} for you to look at" if counts["skip"] else ""
    console.print(Text(summary, STYLES["fail" if counts["fail"] else "warn" if counts["warn"] else "pass"]))
