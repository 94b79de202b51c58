"""What FreeSWITCH tells of its trunks over the inbound event socket, every answer within a deadline."""

import re

import gevent
from gevent.event import AsyncResult

from engine.esl.errors import CommandRefused
from engine.esl.event import Event
from engine.esl.inbound import InboundClient
from engine.trunks import sofia
from engine.trunks.errors import TrunkError

WAIT_S = 5.0
_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)


class SwitchSide:
    """Questions to FreeSWITCH. All raise ``EslError`` when it is away or does not answer."""

    def __init__(self, client: InboundClient, wait_s: float = WAIT_S) -> None:
        """``client`` is connected, and stays the caller's."""
        self.client = client
        self.wait_s = wait_s

    def gateways(self) -> list[sofia.Gateway]:
        """All gateways of all profiles that run."""
        return sofia.gateways(self._ask("sofia", "xmlstatus gateway"))

    def gateway(self, name: str) -> sofia.Gateway:
        """The gateway of this name; ``TrunkError`` names the ones there are."""
        every = {gateway.name: gateway for gateway in self.gateways()}
        if name in every:
            return every[name]
        there = ", ".join(sorted(every)) or "none at all"
        raise TrunkError(f"FreeSWITCH has no gateway {name[:64]!r}; there are: {there}. A gateway whose transport the "
                         "profile has not (TLS!) is left out at the start: see FreeSWITCH's log")

    def profile(self, name: str) -> sofia.Profile | None:
        """The profile of this name."""
        return sofia.profile(self._ask("sofia", f"xmlstatus profile {name}")) if _NAME.fullmatch(name) else None

    def variable(self, name: str) -> str:
        """A variable of ``vars.xml``; "" where there is none."""
        text = self._ask("global_getvar", name) if _NAME.fullmatch(name) else ""
        return "" if text.startswith("-") else text

    def gateway_variable(self, gateway: str, name: str) -> str:
        """A variable that calls out by this gateway get; "" where it has none, or where the login may not ask."""
        text = self._ask("sofia_gateway_data", f"{gateway} ovar {name}") if _NAME.fullmatch(gateway) else ""
        return "" if text.startswith("-") else text

    def clock(self) -> float:
        """FreeSWITCH's time, seconds since 1970: events carry it, and that of a background job comes at once."""
        told: AsyncResult[str] = AsyncResult()

        def heard(event: Event) -> None:
            told.set(event.get("Event-Date-Timestamp") or "")

        self.client.subscribe("BACKGROUND_JOB")
        end = self.client.on("BACKGROUND_JOB", heard)
        try:
            self.client.bgapi("status").cancel()
            text = str(told.get(timeout=self.wait_s))
        except gevent.Timeout:
            raise TrunkError("FreeSWITCH ran a background job and did not tell of it") from None
        finally:
            end()
        if not re.fullmatch(r"[0-9]{1,18}", text):
            raise TrunkError("FreeSWITCH's events carry no time")
        return int(text) / 1e6

    def _ask(self, name: str, args: str) -> str:
        try:
            return self.client.api(name, args, timeout=self.wait_s).strip()
        except CommandRefused:
            return ""


__all__ = ["SwitchSide"]
