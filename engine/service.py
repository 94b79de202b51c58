"""The engine as a service: what its calls share, started, watched, drained and stopped in one place."""

import logging
import platform
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from typing import Protocol

from gevent.event import Event as Flag

from engine import embedded, endofturn, paths, vitals
from engine.agents.options import AppOptions
from engine.arrival import Arrival
from engine.backends.backends import Backends
from engine.call import Call
from engine.cast import Cast, FixedCast
from engine.casting import Casting
from engine.config import Config, TransferTarget
from engine.disk import DiskWriter
from engine.embedded import Providers
from engine.esl.inbound import InboundClient
from engine.esl.reconcile import Reconciler
from engine.esl.server import Application, OutboundESLServer
from engine.esl.session import OutboundSession
from engine.heap import Heap
from engine.media.clock import FrameClock
from engine.senses import Hearing, Senses
from engine.speech.ears import Ears
from engine.store.store import Store
from engine.surroundings import Live, Surroundings
from engine.telemetry.aftercall import AfterCall
from engine.telemetry.eventlog import EventLog
from engine.telemetry.figures import Figures
from engine.telemetry.hubwatch import HubWatch
from engine.telemetry.state import Component, Snapshot
from engine.telephony.handover import Telephony
from engine.telephony.switch import Switch
from engine.timers import Timers
from engine.upstream.model import SpeechModel
from engine.upstream.service import Upstream

log = logging.getLogger(__name__)

CALLS_END_S = 3.0
"""How long calls that were let go have to close."""


class Session(Protocol):
    """What an engine holds beside telephone calls: a client of the Realtime server."""

    uuid: str

    def let_go(self, why: str) -> None:
        """End it soon, and say why to its client. Returns at once."""


class Engine:
    """One engine: ``start``, then calls come; ``drain`` and ``stop`` end it.

    ``providers``: who hears, thinks and speaks instead of the embedded set (benchmarks, other installations).
    """

    def __init__(self, config: Config, providers: Providers | None = None) -> None:
        """Nothing is opened yet."""
        self.config = config
        self.calls: dict[str, Call] = {}
        self.sessions: dict[str, Session] = {}
        """Clients of the Realtime server, by the id of their session; ``session_began`` and ``session_ended`` keep it.
        """
        self._others: dict[str, Live] = {}  # calls behind sessions
        self.targets: Callable[[Arrival], Mapping[str, TransferTarget]] = lambda channel: {}
        """Whom callers of a channel may be handed over to, by name."""
        self.app: Callable[[Arrival], AppOptions | None] = lambda channel: None
        """The program that is asked to take calls of a channel, where ``providers`` are given."""

        self.speech: SpeechModel | None = None
        """The speech-to-speech model that holds calls, where ``providers`` are given."""

        self.closing: list[Callable[[], None]] = []
        """What ends with the engine, before anything that it may use."""

        self.figures = Figures()
        """What all calls since the start were like."""

        self.began: list[Callable[[Live], object]] = [lambda call: self.figures.follow(call.events)]
        """Each is told of every call before its first line, to follow its event log. They may not wait."""

        self.components: dict[str, Callable[[], Component]] = {}
        """Further parts of the service for ``/health``, by name; each is asked how it is, and answers at once."""

        self.told_to_drain = Flag()
        """Set when somebody asks over HTTP what SIGTERM asks: whoever runs the engine waits for it."""

        self.store: Store | None = None
        """Sessions in the database, from ``start`` on; None where ``store.enabled`` is off."""

        self._humans: set[str] = set()
        self._second, self._folders = "", set[Path]()  # folders that were given away in this second
        self._given = providers
        self._draining = False
        self._call_ended = Flag()
        self._disk: DiskWriter | None = None
        self._after_call: AfterCall | None = None
        self._providers: Providers | None = None
        self._casting: Casting | None = None
        self._clock: FrameClock | None = None
        self._backends: Backends | None = None
        self._server: OutboundESLServer | None = None
        self._switch: InboundClient | None = None
        self._reconciler: Reconciler | None = None
        self._hubwatch = HubWatch()
        self._heap = Heap(lambda: not self.calls and not self.sessions)
        self._timers = Timers()

    def start(self) -> None:
        """Open everything, then take calls. Raises ``TrunklineError`` saying what is missing; nothing is open then."""
        try:
            self._open()
        except BaseException:
            self.stop()
            raise

    def _open(self) -> None:
        config = self.config
        disk = self._disk = DiskWriter()
        self._after_call = AfterCall(disk, config.record.page)
        if config.store.enabled:
            self.store = Store(config.store, paths.calls())
        given = self._providers = self._given or embedded.providers(config)
        hearing = Hearing(Ears(given.vad, config.vad, config.media.frame_ms))
        clock = self._clock = FrameClock(config.media.frame_ms)
        clock.hear = hearing.hear
        clock.every_tick(self._timers.run)
        backends = self._backends = Backends(config, clock)
        cast = self._caster(given, hearing)
        self._hubwatch.start()
        clock.start()
        self._heap.start()
        server = self._server = OutboundESLServer.from_options(config.event_socket, self._take)
        server.start()
        if self.store is not None:
            self.store.start(self.node)
        self.surroundings = Surroundings(
            config, self.node, cast, backends, disk, self._folder, lambda: not self._draining, self._expect,
            self._telephony(given), self._finished, self._live_began, self._live_over,
            self._casting.voice if self._casting is not None else None,
        )
        if self._switch is not None:
            self._switch.start()
            self._reconciler = Reconciler(
                self._switch, self.node, self._channels, self._gone, every_s=config.switch.reconcile_every_s
            )
            self._reconciler.start()

    def _caster(self, given: Providers, hearing: Hearing) -> Callable[[Arrival, EventLog], Cast]:
        """Who makes the cast of calls: the agents' files, or always the providers that were given."""
        score = endofturn.load()
        if self._given is not None:
            senses = Senses(self.config, hearing, given.recogniser, given.voice, given.brain, self._timers, score)
            return lambda channel, events: FixedCast(senses, self.targets(channel), self.speech, self.app(channel))
        casting = self._casting = Casting(self.config, given, hearing, self._timers, score)
        casting.start()
        return casting.for_call

    def _telephony(self, given: Providers) -> Telephony:
        """What hand-overs share. Without the inbound event socket there are none."""
        config = self.config
        if config.switch.enabled:
            self._switch = InboundClient.from_options(config.switch)
        switch = Switch(self._switch) if self._switch is not None else None
        return Telephony(config, self.node, given.voice, switch, self._humans)

    @property
    def casting(self) -> Casting | None:
        """Agents, providers and collections; None before ``start``, and where the providers were given."""
        return self._casting

    @property
    def node(self) -> str:
        """Which engine this is, for FreeSWITCH's channels: host and port of the event socket. The same after a restart,
        so that it finds the channels that it left behind; another one for another engine on this host."""
        return f"{platform.node() or 'trunkline'}:{self._bound_port}"

    @property
    def event_socket_address(self) -> str:
        """``host:port`` of the event socket, for the dialplan's ``socket`` application."""
        return f"{self.config.event_socket.host}:{self._bound_port}"

    @property
    def _bound_port(self) -> int | None:
        assert self._server is not None, "start() first"
        return self._server.bound_port

    def drain(self) -> bool:
        """Take no more calls, wait up to ``drain_s`` for those there are, let go of the rest. True: all had ended."""
        assert self._server is not None, "start() first"
        log.info("draining: %d calls and %d sessions, up to %g s", len(self.calls), len(self.sessions),
                 self.config.drain_s)
        return self._end_calls(self.config.drain_s, "the engine is draining")

    def stop(self) -> None:
        """Close everything, in the order in which calls use it. Idempotent; also after a start that failed."""
        for close in self.closing:
            close()
        if self._reconciler is not None:
            self._reconciler.close()
        if self._server is not None:
            self._end_calls(0.0, "the engine stops")
        if self._switch is not None:
            self._switch.close()
        if self._clock is not None:
            self._clock.stop()
        if self._backends is not None:
            self._backends.close()
        if self._casting is not None:
            self._casting.close()
        if self._providers is not None:
            self._providers.close()
        if self._after_call is not None and not self._after_call.close():
            log.warning("some ended calls have no report yet; `python -m engine.telemetry.aftercall FOLDER` makes it")
        if self.store is not None:
            self.store.close()
        if self._disk is not None and not self._disk.close():
            log.error("the disk did not take everything within 10 s; some of the last lines are lost")
        self._hubwatch.stop()
        self._heap.stop()

    def _end_calls(self, patience_s: float, why: str) -> bool:
        assert self._server is not None
        self._draining = True
        self._server.stop()
        clean = self._wait_idle(patience_s)
        if not clean:
            log.warning("%s: %d calls go on to the dialplan's next action, %d sessions end", why, len(self.calls),
                        len(self.sessions))
            for held in [*self.calls.values(), *self.sessions.values()]:
                held.let_go(why)
            self._wait_idle(CALLS_END_S)
        self._server.drain(CALLS_END_S)  # connections that are no calls yet, and calls that do not end
        return clean

    def _wait_idle(self, seconds: float) -> bool:
        """Wait until no call and no session is left, at most ``seconds``."""
        deadline = time.monotonic() + seconds
        while self.calls or self.sessions:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._call_ended.clear()
            self._call_ended.wait(left)
        return True

    # ------------------------------------------------------------ health

    def snapshot(self) -> Snapshot:
        """The state of the service, for ``/health``."""
        clock = self._clock.stats() if self._clock is not None else {}
        components = {
            "event_socket": vitals.of_event_socket(self._server),
            "frame_clock": vitals.of_frame_clock(clock.get("late_p99_ms", 0)),
            "media": vitals.of_media(self._backends),
            "disk": vitals.of_disk(self._disk),
        }
        if self.store is not None:
            components["db"] = self.store.component()
        if self._switch is not None:
            components["switch"] = vitals.of_switch(self._switch)
        components |= self.figures.components()
        components |= {name: ask() for name, ask in self.components.items()}
        status = vitals.whole(components.values(), self._draining)
        active = len(self.calls) + len(self.sessions)
        return Snapshot(status, active, self.config.event_socket.max_calls, components, clock,
                        self._hubwatch.snapshot())

    # ------------------------------------------------------------ for sessions

    @property
    def accepting(self) -> bool:
        """Whether new calls and sessions are taken."""
        return not self._draining and self._clock is not None

    @property
    def clock(self) -> FrameClock:
        """The frame clock, once started."""
        assert self._clock is not None, "start() first"
        return self._clock

    @property
    def timers(self) -> Timers:
        """Call-backs of calls and sessions, made by the frame clock."""
        return self._timers

    def session_began(self, session: Session) -> None:
        """It is held from now on."""
        self.sessions[session.uuid] = session

    def session_ended(self, session: Session) -> None:
        """It is over."""
        if self.sessions.pop(session.uuid, None) is not None:
            self._call_ended.set()

    @property
    def live(self) -> dict[str, Live]:
        """All calls that go on, of telephones and of sessions in which somebody has spoken, by their id."""
        return {**self.calls, **self._others}

    def _live_began(self, call: Live) -> None:
        self._others[call.uuid] = call
        self._follow(call)

    def _live_over(self, call: Live) -> None:
        self._others.pop(call.uuid, None)
        if self.store is not None:
            self.store.filing.finished(call.folder)
        if self._after_call is not None:
            self._after_call.submit(call.folder)

    def _follow(self, call: Live) -> None:
        for told in self.began:
            told(call)
        if self.store is not None:
            self.store.filing.follow(call.events, call.folder)

    @property
    def upstream(self) -> Upstream | None:
        """The speech-to-speech model behind the engine, if there is one."""
        if self._casting is not None:
            return self._casting.upstream
        return self.speech.upstream if self.speech is not None else None

    def speech_for(self, arrival: Arrival) -> SpeechModel | None:
        """The same with the instructions and skills of the agent that ``arrival`` is for. Raises ``TrunklineError``."""
        return self._casting.speech_for(arrival) if self._casting is not None else self.speech

    # ------------------------------------------------------------ for the calls

    def _take(self, session: OutboundSession) -> Application:
        """Who handles this connection: the call that it belongs to already, or a new one."""
        assert session.channel is not None
        known = self.calls.get(session.channel.uuid)
        if known is not None and known.moving:
            return _Adoption(known, session)
        call = Call(session, self.surroundings)
        self.calls[call.uuid] = call
        self._follow(call)
        return call

    def _expect(self, uuid: str, on: bool) -> None:
        assert self._server is not None
        if on:
            self._server.expect(uuid)
        else:
            self._server.expect_no_more(uuid)

    def _channels(self) -> set[str]:
        """Channels that belong to calls of this engine: callers, and humans who are being called."""
        return {*self.calls, *self._humans}

    def _folder(self, uuid: str) -> Path:
        """``calls/2026-11-21/041502-<uuid>`` (UTC). The uuid is FreeSWITCH's, so it is made safe for a file name; a
        call that comes back within a second gets ``-2`` after it."""
        now = datetime.now(timezone.utc)
        safe = re.sub(r"[^0-9A-Za-z._-]", "_", uuid).lstrip(".")[:80]
        day, name = paths.calls() / f"{now:%Y-%m-%d}", f"{now:%H%M%S}-{safe}"
        if self._second != f"{now:%H%M%S}":
            self._second, self._folders = f"{now:%H%M%S}", set()
        names = (day / (name if n == 1 else f"{name}-{n}") for n in count(1))
        # The disk's own thread makes a folder some time after it was given away.
        folder = next(one for one in names if one not in self._folders and not one.exists())
        self._folders.add(folder)
        return folder

    def _finished(self, call: Live) -> None:
        if self.calls.get(call.uuid) is call:
            del self.calls[call.uuid]
            self._call_ended.set()
        if self.store is not None:
            self.store.filing.finished(call.folder)
        if self._after_call is not None:
            self._after_call.submit(call.folder)

    def _gone(self, uuid: str) -> None:
        """FreeSWITCH does not know the channel of this call any more."""
        call = self.calls.get(uuid)
        if call is not None:
            call.let_go("its channel is gone from FreeSWITCH")


@dataclass(frozen=True)
class _Adoption:
    """A connection that belongs to a call in progress."""

    call: Call
    session: OutboundSession

    def run(self) -> None:
        """Hold the call on from here."""
        self.call.adopt(self.session)
