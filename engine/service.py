"""The engine as a service: what its calls share, started, watched, drained and stopped in one place."""

import gc
import logging
import platform
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from engine import embedded, paths
from engine.call import Call, Surroundings
from engine.config import Config
from engine.conversation import Hearing, Senses
from engine.disk import DiskWriter
from engine.embedded import Providers
from engine.esl.server import Application, OutboundESLServer
from engine.esl.session import OutboundSession
from engine.media.clock import FrameClock
from engine.media.unicast import UnicastSocket
from engine.speech.ears import Ears
from engine.telemetry.aftercall import AfterCall
from engine.telemetry.hubwatch import HubWatch
from engine.telemetry.state import Component, Snapshot
from engine.timers import Timers

log = logging.getLogger(__name__)

LATE_MS = 10.0
"""Frames later than this at the 99th percentile are a degraded service: callers begin to hear it."""


CALLS_END_S = 3.0
"""How long calls that were let go have to close."""


class Engine:
    """One engine: ``start``, then calls come; ``drain`` and ``stop`` end it.

    ``providers``: who hears, thinks and speaks instead of the embedded set (benchmarks, other installations).
    """

    def __init__(self, config: Config, providers: Providers | None = None) -> None:
        """Nothing is opened yet."""
        self.config = config
        self.node = platform.node() or "trunkline"
        self.calls: dict[str, Call] = {}
        self._given = providers
        self._draining = False
        self._disk: DiskWriter | None = None
        self._after_call: AfterCall | None = None
        self._providers: Providers | None = None
        self._clock: FrameClock | None = None
        self._socket: UnicastSocket | None = None
        self._server: OutboundESLServer | None = None
        self._hubwatch = HubWatch()
        self._timers = Timers()

    def start(self) -> None:
        """Open everything, the event socket last: who connects is served. Raises ``TrunklineError``; then, too,
        ``stop`` closes what had been opened."""
        config = self.config
        disk = self._disk = DiskWriter()
        self._after_call = AfterCall(disk, config.record.page)
        given = self._providers = self._given or embedded.providers(config)
        hearing = Hearing(Ears(given.vad, config.vad, config.media.frame_ms))
        clock = self._clock = FrameClock(config.media.frame_ms)
        clock.hear = hearing.hear
        clock.every_tick(self._timers.run)
        socket = self._socket = UnicastSocket(config.media, clock)
        senses = Senses(config, hearing, given.recogniser, given.voice, given.brain, self._timers)
        self._around = Surroundings(config, self.node, senses, socket, disk, self._folder, self._finished)
        self._hubwatch.start()
        clock.start()
        # What is alive now lives as long as the engine: collections need not look at it (they stall the frame clock).
        gc.collect()
        gc.freeze()
        server = OutboundESLServer.from_options(config.event_socket, self._take)
        server.start()
        self._server = server

    @property
    def event_socket_address(self) -> str:
        """``host:port`` of the event socket, for the dialplan's ``socket`` application."""
        assert self._server is not None, "start() first"
        return f"{self.config.event_socket.host}:{self._server.bound_port}"

    def drain(self) -> bool:
        """Take no more calls, wait up to ``drain_s`` for those there are, let go of the rest. True: all had ended."""
        assert self._server is not None, "start() first"
        self._draining = True
        log.info("draining: %d calls, up to %g s", len(self.calls), self.config.drain_s)
        return self._server.drain(self.config.drain_s)

    def stop(self) -> None:
        """Close everything, in the order in which calls use it. Idempotent; also after a start that failed."""
        if self._server is not None:
            self._server.stop()
        for call in list(self.calls.values()):
            call.let_go()
        if self._server is not None:
            self._server.drain(CALLS_END_S)
        if self._clock is not None:
            self._clock.stop()
        if self._socket is not None:
            self._socket.close()
        if self._providers is not None:
            self._providers.close()
        if self._after_call is not None and not self._after_call.close():
            log.warning("some ended calls have no report yet; `python -m engine.telemetry.aftercall FOLDER` makes it")
        if self._disk is not None and not self._disk.close():
            log.error("the disk did not take everything within 10 s; some of the last lines are lost")
        self._hubwatch.stop()
        gc.unfreeze()

    def snapshot(self) -> Snapshot:
        """The state of the service, for ``/health``."""
        clock = self._clock.stats() if self._clock is not None else {}
        components = {
            "event_socket": Component(_socket_status(self._server)),
            "frame_clock": Component("degraded" if clock.get("late_p99_ms", 0) > LATE_MS else "ok"),
            "disk": Component("degraded" if self._disk is not None and self._disk.error else "ok"),
        }
        if self._disk is not None and self._disk.error:
            components["disk"] = Component("degraded", detail=self._disk.error)
        worst = {component.status for component in components.values()}
        status: Literal["ok", "degraded", "draining", "down"] = "ok"
        if self._draining:
            status = "draining"
        elif "down" in worst:
            status = "down"
        elif "degraded" in worst:
            status = "degraded"
        return Snapshot(
            status, len(self.calls), self.config.event_socket.max_calls, components, clock, self._hubwatch.snapshot()
        )

    # ------------------------------------------------------------ for the calls

    def _take(self, session: OutboundSession) -> Application:
        """Who handles this connection: the call that it belongs to already, or a new one."""
        assert session.channel is not None
        known = self.calls.get(session.channel.uuid)
        if known is not None and known.moving:
            return _Adoption(known, session)
        call = Call(session, self._around)
        self.calls[call.uuid] = call
        return call

    def _folder(self, uuid: str) -> Path:
        """``calls/2026-11-21/041502-<uuid>`` (UTC). The uuid is FreeSWITCH's, so it is made safe for a file name."""
        now = datetime.now(timezone.utc)
        safe = re.sub(r"[^0-9A-Za-z._-]", "_", uuid).lstrip(".")[:80]
        return paths.calls() / f"{now:%Y-%m-%d}" / f"{now:%H%M%S}-{safe}"

    def _finished(self, call: Call) -> None:
        if self.calls.get(call.uuid) is call:
            del self.calls[call.uuid]
        if self._after_call is not None:
            self._after_call.submit(call.folder)


@dataclass(frozen=True)
class _Adoption:
    """A connection that belongs to a call in progress."""

    call: Call
    session: OutboundSession

    def run(self) -> None:
        """Hold the call on from here."""
        self.call.adopt(self.session)


def _socket_status(server: OutboundESLServer | None) -> str:
    if server is None:
        return "down"
    return "degraded" if server.refusing else "ok"
