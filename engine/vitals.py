"""How each part of the service does, in the words of ``/health``; and what that means for the whole. Nothing is asked
that waits: each part is looked at as it is.
"""

from collections.abc import Iterable

from engine.backends.backends import Backends
from engine.disk import DiskWriter
from engine.esl.inbound import InboundClient
from engine.esl.server import OutboundESLServer
from engine.telemetry.state import Component, Status

LATE_MS = 10.0
"""Frames later than this at the 99th percentile are a degraded service: callers begin to hear it."""


def whole(components: Iterable[Component], draining: bool) -> Status:
    """The service is as well as the worst of its parts; one that drains takes nothing, however well it is."""
    worst = {component.status for component in components}
    if draining:
        return "draining"
    if "down" in worst:
        return "down"
    return "degraded" if "degraded" in worst else "ok"


def of_event_socket(server: OutboundESLServer | None) -> Component:
    """Where FreeSWITCH's calls come in."""
    if server is None or server.bound_port is None:
        return Component("down", detail="not listening yet")
    detail = f"full: {server.connection_count} calls; new ones are refused" if server.refusing else ""
    return Component("degraded" if server.refusing else "ok", detail=detail)


def of_frame_clock(late_p99_ms: float) -> Component:
    """The clock of all audio."""
    return Component("degraded" if late_p99_ms > LATE_MS else "ok")


def of_media(backends: Backends | None) -> Component:
    """The audio of telephone calls. What strangers send is told, and hurts nobody."""
    if backends is None:
        return Component("down", detail="not open yet")
    counts = backends.counts()
    return Component("ok", detail=", ".join(f"{number} {what}" for what, number in counts.items() if number))


def of_disk(disk: DiskWriter | None) -> Component:
    """Logs and recordings: calls go on without them."""
    if disk is not None and disk.error:
        return Component("degraded", detail=f"{disk.error}; {disk.dropped} bytes were dropped")
    return Component("ok")


def of_switch(client: InboundClient) -> Component:
    """Calls need only the outbound socket, so a switch that cannot be asked is a degraded service."""
    return Component("ok") if client.connected else Component("degraded", detail=client.error)
