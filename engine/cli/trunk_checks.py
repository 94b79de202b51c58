"""What ``trunkline doctor`` says of the trunks: the findings of ``trunkline trunk test`` for every gateway there is."""

import time
from collections.abc import Iterator
from typing import Literal

from engine.config import Config
from engine.errors import TrunklineError
from engine.esl.inbound import InboundClient
from engine.trunks import checks
from engine.trunks.lookup import Lookup
from engine.trunks.switchside import SwitchSide

Row = tuple[Literal["pass", "warn", "fail"], str, str]
"""Status, text, what to do."""

MOST = 10
"""Gateways looked at; `trunkline trunk test NAME` looks at any."""


def look(config: Config, wait_s: float, lookup: Lookup | None = None) -> Iterator[Row]:
    """Rows for all gateways, without what could not be looked at. None where the engine has no inbound event socket, or
    FreeSWITCH is away, which has a finding of its own."""
    if not config.switch.enabled:
        return
    client = InboundClient.from_options(config.switch)
    client.start()
    try:
        client.wait_connected(wait_s)
        switch = SwitchSide(client, wait_s)
        options = checks.options_of(config, lookup=lookup, wait_s=wait_s)
        for gateway in switch.gateways()[:MOST]:
            for finding in checks.look(switch, gateway.name, options, time.time):
                if finding.status != "skip":
                    yield finding.status, f"{gateway.name}: {finding.check}: {finding.text}", finding.todo
    except TrunklineError:
        return
    finally:
        client.close()
