"""``trunkline dial``: the engine calls somebody."""

import argparse
import json
import os
from pathlib import Path

HELP = """\
Call a number by a gateway of FreeSWITCH and connect whoever answers with an agent.

The command asks FreeSWITCH by its inbound event socket (`switch.*` of the configuration) and ends when the call is
answered, or is known not to be. The call itself is held by the engine that runs: the one that the dialplan's
`trunkline_engine` names.
"""

EPILOG = """\
examples:
  trunkline dial +4930555100 --gateway mytrunk --agent support
  trunkline dial +4930555100 --gateway mytrunk --agent support --variable order=4711 --variable "customer=Ms Rao" --json

exit code 0: answered; 1: busy, no answer, refused, wrong number or failed; 2: wrong input, or FreeSWITCH is not there.
"""

CONNECT_TIMEOUT_S = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``trunkline dial``."""
    parser.add_argument("number", metavar="NUMBER", help="digits, with or without a plus before them")
    parser.add_argument("--gateway", metavar="NAME", default="", help="gateway of FreeSWITCH's sip profile")
    parser.add_argument("--agent", metavar="NAME", default="", help="who talks (channel variable trunkline_agent)")
    parser.add_argument("--variable", metavar="NAME=VALUE", action="append", default=[],
                        help="channel variable that the agent sees; may be given several times")  # fmt: skip
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration (default: the defaults)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Place the call; see the module's EPILOG for the exit codes."""
    from engine import configfile
    from engine.esl.inbound import InboundClient
    from engine.telephony.outbound import BadCall, channel_variables, dial, endpoint_of

    config = configfile.load(args.config, os.environ)
    variables: dict[str, str] = {}
    for text in args.variable:
        name, equals, value = text.partition("=")
        if not equals:
            raise BadCall(f"--variable {text!r}: write NAME=VALUE")
        variables[name] = value
    # Wrong input is said before the switch is asked for anything.
    endpoint_of(config.telephony, args.number, args.gateway)
    channel_variables(args.agent, args.number, variables)
    client = InboundClient.from_options(config.switch)
    client.start()
    try:
        client.wait_connected(CONNECT_TIMEOUT_S)
        result = dial(client, config.telephony, args.number, gateway=args.gateway, agent=args.agent,
                      variables=variables)  # fmt: skip
    finally:
        client.close()
    if args.json:
        print(json.dumps({"result": result.result, "cause": result.cause, "why": result.why, "uuid": result.uuid,
                          "ms": result.ms}))  # fmt: skip
    else:
        print(f"{args.number}: {result.result.replace('_', ' ')} after {result.ms / 1000:.1f} s"
              + (f", call {result.uuid}" if result.result == "answered" else f" ({result.why}; {result.cause})"))
    return 0 if result.result == "answered" else 1
