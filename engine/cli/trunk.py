"""``trunkline trunk``: the gateways of FreeSWITCH, and whether calls would get out by one."""

import argparse
import json
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import TrunklineError

if TYPE_CHECKING:
    from engine.config import Config
    from engine.trunks.finding import Finding
    from engine.trunks.sofia import Gateway
    from engine.trunks.switchside import SwitchSide

HELP = """\
list: the gateways that FreeSWITCH has, with state, pings and calls.

test: looks at everything between this machine and the carrier: the gateway's state and pings, its transport, DNS
(NAPTR, SRV, addresses), an OPTIONS request to it, the TLS certificate, codecs, the form of the caller's number,
addresses behind NAT, the range of RTP ports, clocks. Each line is pass, warn (works, but not well), fail (calls will
fail) or skip (cannot be looked at), and says what to do. Nothing is changed. With --call a real call is placed, which
the carrier may charge.
"""

EPILOG = """\
examples:
  trunkline trunk list
  trunkline trunk test twilio
  trunkline trunk test twilio --caller-id +14155550100 --json
  trunkline trunk test exotel --call +919876543210

It logs in to FreeSWITCH's event socket: switch.host, switch.port and TRUNKLINE_SWITCH__PASSWORD.

exit code 0: nothing failed; 1: something did; 2: wrong input, no such gateway, or FreeSWITCH is not there.
"""

CONNECT_TIMEOUT_S = 5.0
STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red", "skip": "dim"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``trunk {list,test} ...``."""
    commands = parser.add_subparsers(dest="action", metavar="list|test", required=True)
    listing = commands.add_parser("list", help="the gateways of FreeSWITCH")
    test = commands.add_parser("test", help="whether calls would get out by one")
    test.add_argument("name", metavar="NAME", help="of the gateway")
    test.add_argument("--call", metavar="NUMBER", default="", help="place a short call with a tone, too")
    test.add_argument("--caller-id", metavar="NUMBER", default="", help="number that is shown to those called "
                      "(default: NAME_caller_id of vars.xml)")  # fmt: skip
    test.add_argument("--ca-file", type=Path, metavar="PEM", help="whom to trust for TLS (default: this machine's "
                      "authorities)")  # fmt: skip
    for each in (listing, test):
        each.add_argument("--config", type=Path, metavar="FILE", help="configuration (default: the defaults)")
        each.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """See the module's EPILOG for the exit codes."""
    from engine import configfile
    from engine.esl.inbound import InboundClient
    from engine.trunks.switchside import SwitchSide

    config = configfile.load(args.config, os.environ)
    _validate(args)
    client = InboundClient.from_options(config.switch)
    client.start()
    try:
        client.wait_connected(CONNECT_TIMEOUT_S)
        if args.action == "list":
            return _print_gateways(SwitchSide(client).gateways(), args.json)
        return _print_findings(args.name, _test(SwitchSide(client), args, config), args.json)
    finally:
        client.close()


def _validate(args: argparse.Namespace) -> None:
    """Wrong input is said before anybody is asked for anything."""
    if args.action == "list":
        return
    if not re.fullmatch(r"[\w.-]{1,64}", args.name, re.ASCII):
        raise TrunklineError(f"{args.name[:64]!r} is no name of a gateway: letters, digits, dots, dashes, underscores")
    for option, number in (("--call", args.call), ("--caller-id", args.caller_id)):
        if number and not re.fullmatch(r"\+?[0-9]{2,20}", number):
            raise TrunklineError(f"{option} {number[:40]!r}: 2 to 20 digits, with or without a plus before them")
    if args.ca_file and not args.ca_file.is_file():
        raise TrunklineError(f"--ca-file {args.ca_file}: there is no such file")


def _test(switch: "SwitchSide", args: argparse.Namespace, config: "Config") -> "list[Finding]":
    from engine.trunks import checks, testcall

    options = checks.options_of(config, caller_id=args.caller_id, ca_file=str(args.ca_file or ""))
    found = list(checks.look(switch, args.name, options, time.time))
    if args.call:
        shown = args.caller_id or switch.variable(f"{args.name}_caller_id")
        found.append(testcall.call(switch.client, args.name, args.call, shown))
    return found


def _print_findings(name: str, findings: "Sequence[Finding]", as_json: bool) -> int:
    failed = any(finding.status == "fail" for finding in findings)
    if as_json:
        rows = [{field: getattr(finding, field) for field in finding.__slots__} for finding in findings]
        print(json.dumps({"trunk": name, "ok": not failed, "findings": rows}, indent=2, ensure_ascii=False))
        return int(failed)
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for finding in findings:
        console.print(Text.assemble((f"{finding.status.upper():5}", STYLES[finding.status]),
                                    (f"{finding.check:11}", "bold"), finding.text), soft_wrap=True)
        if finding.todo:
            console.print(Text.assemble(" " * 16, ("→ ", "bold"), finding.todo), soft_wrap=True)
    return int(failed)


def _print_gateways(gateways: "Sequence[Gateway]", as_json: bool) -> int:
    if as_json:
        rows = [{field: getattr(gateway, field) for field in gateway.__slots__} | {"in_service": gateway.in_service}
                for gateway in gateways]
        print(json.dumps({"trunks": rows}, indent=2))
        return 0
    if not gateways:
        print("FreeSWITCH has no gateway: they are files in sip_profiles/external/ (docs/operator/deployment.md)")
        return 0
    print(f"{'name':16}{'in service':12}{'state':16}{'ping':16}{'transport':11}proxy")
    for each in gateways:
        ping = f"{each.ping_ms:.0f} ms / {each.ping_every_s} s" if each.ping_every_s else "off"
        print(f"{each.name:16}{'yes' if each.in_service else 'NO':12}{each.state + ' ' + each.status:16}{ping:16}"
              f"{each.transport:11}{each.proxy}")
    return 0
