"""The stand-in FreeSWITCH with its edges: real TCP and UDP, and a clock that is real or moved by hand.

    with StandIn() as standin:
        call = standin.place("127.0.0.1:8084")
        call.wait(lambda call: call.answered is not None)
        call.say("question.wav")
        ...

What it is not: ``docs/standin.md``.
"""

import contextlib
import heapq
import itertools
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType

import gevent
from gevent import Greenlet
from gevent import socket as gsocket
from gevent.queue import Queue

from engine.standin.actions import Close, Connect, Crash, Send, StartSip, StartUnicast, StopSip, StopUnicast
from engine.standin.call import Call
from engine.standin.channel import FRAME_S
from engine.standin.clock import Clock, ManualClock, RealClock
from engine.standin.core import Switch
from engine.standin.errors import StandInError
from engine.standin.headers import CODECS
from engine.standin.session import Session
from engine.standin.setup import Bridge, PlanAction, Setup
from engine.standin.sipleg import SipLeg
from engine.standin.udp import Sink, UdpPlane

TICK_S, PHASES = 0.005, 4
"""Every 5 ms a quarter of the calls gets its frame, so that the load is even and no call waits long."""

OUTBOX = 10_000
"""Messages that wait for a controller that does not read; then the connection is dropped."""

_SETTLE_S, _GLANCE_S = 0.002, 0.0005
"""Real time given to sockets before and after each ``advance`` of a virtual clock, and at each of its frames."""

_READ_BYTES = 65536


class StandIn:
    """Places calls at engines. One tick greenlet serves all calls; ``clock`` None = real pace."""

    def __init__(self, clock: Clock | None = None, seed: int | None = None, connected: bool = False) -> None:
        """``seed`` repeats random values. ``connected``: the load generator's way with UDP, see ``UdpPlane``."""
        self.clock: Clock = clock or RealClock()
        self.switch = Switch(epoch=time.time() - self.clock.now(), seed=seed)
        self.calls: list[Call] = []
        """Calls that are not over."""

        self.late_ticks = 0
        """Ticks that came more than 20 ms after their time: this machine, not the engine, was late."""

        self.stopped = False
        self._udp = UdpPlane(connected)
        self._sockets: dict[str, socket.socket] = {}
        self._sip: dict[SipLeg, socket.socket] = {}  # their RTP
        self._phases: list[list[Call]] = [[] for _ in range(PHASES)]
        self._jobs: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._connections: dict[Session, _Connection] = {}
        self._greenlets: set[Greenlet] = set()
        self._tick_number = 0
        self._virtual = isinstance(self.clock, ManualClock)
        if not self._virtual:
            self._spawn(self._run)

    def __enter__(self) -> "StandIn":
        """The stand-in itself; it runs already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        """Stop."""
        self.stop()

    def place(
        self,
        target: str,
        *,
        caller: str = "15550100",
        caller_name: str = "Test Caller",
        called: str = "1000",
        codec: str = "PCMU",
        rate: int | None = None,
        variables: Mapping[str, str] | None = None,
        before: Iterable[str] = (),
        dialplan: Iterable[str] = (),
        extensions: Mapping[str, Iterable[str]] | None = None,
        bridges: Mapping[str, Bridge] | None = None,
        mode: str = "async full",
        asserted: str = "",
        record: bool = True,
        sink: Sink | None = None,
    ) -> Call:
        """A call whose extension is ``before``, then ``socket target mode``, then ``dialplan``.

        ``target``: ``host:port``, or several as ``a:1|b:2``. Dialplan actions are ``"application data"``;
        ``extensions`` are what transfers can reach besides ``called``. ``rate`` 8000 or 16000 Hz picks PCMU or G722.
        ``bridges``: legs that ``bridge`` reaches. ``record``: keep what the caller hears. ``sink``: takes the
        controller's datagrams, with their times, instead of the caller's ear. Raises ``StandInError``.
        """
        codec = {None: codec, 8000: codec if codec != "G722" else "PCMU", 16000: "G722"}.get(rate, "")
        if codec not in CODECS:
            raise StandInError(f"no codec {codec or rate!r}: the phone has {', '.join(CODECS)} (8000 or 16000 Hz)")
        if "async" not in mode.split():
            raise StandInError(f"mode {mode!r}: the stand-in has only async (unicast needs it); say 'async full'")
        _check_target(target)
        plan = [*map(_action, before), ("socket", f"{target} {mode}"), *map(_action, dialplan)]
        others = {name: [_action(text) for text in actions] for name, actions in (extensions or {}).items()}
        setup = Setup(
            caller=caller, caller_name=caller_name, called=called, codec=CODECS[codec], variables=dict(variables or {}),
            asserted=asserted, extensions={called: plan, **others}, bridges=dict(bridges or {}),
        )  # fmt: skip
        if self.switch.crashed:
            raise StandInError(f"FreeSWITCH has aborted and takes no calls: {self.switch.crashed}")
        call = Call(self, self.switch.place(setup, self.clock.now()), record, sink)
        self.calls.append(call)
        self._phases[next(self._count) % PHASES].append(call)
        return call

    def at(self, seconds: float, job: Callable[[], None]) -> None:
        """Run ``job`` at the first tick after ``seconds``."""
        heapq.heappush(self._jobs, (self.clock.now() + seconds, next(self._count), job))

    def advance(self, seconds: float) -> None:
        """Move a virtual clock, ticking as time passes. Sockets get a moment of real time before, after and at each
        frame: what the other side answers at once has arrived when this returns."""
        if not isinstance(self.clock, ManualClock):
            raise StandInError("advance() needs a virtual clock: StandIn(ManualClock())")
        end = self.clock.time + seconds
        gevent.sleep(_SETTLE_S)
        while (self._tick_number + 1) * TICK_S <= end + 1e-9 and not self.stopped:
            self.clock.time = (self._tick_number + 1) * TICK_S
            self._tick(self.clock.time)
            if not self._tick_number % PHASES:
                gevent.sleep(_GLANCE_S)
        self.clock.time = end
        gevent.sleep(_SETTLE_S)

    def pass_time(self, seconds: float) -> None:
        """Let this much of the stand-in's time pass, real or virtual."""
        if self._virtual:
            self.advance(seconds)
        else:
            gevent.sleep(seconds)

    def stop(self) -> None:
        """Drop everything: connections, sockets, greenlets. Idempotent."""
        self.stopped = True
        for connection in list(self._connections.values()):
            connection.abort()
        self._connections.clear()
        greenlets = [greenlet for greenlet in self._greenlets if greenlet is not gevent.getcurrent()]
        gevent.killall(greenlets, block=True, timeout=5)
        for call in self.calls:
            self._close_udp(call)
        self.calls.clear()
        for leg in list(self._sip):
            self._stop_sip(leg)
        self._udp.close_all()

    # ---- the tick

    def _run(self) -> None:
        while not self.stopped:
            due = (self._tick_number + 1) * TICK_S
            wait = due - self.clock.now()
            self.late_ticks += wait < -FRAME_S
            gevent.sleep(max(0.0, wait))
            self._tick(due)

    def _tick(self, now: float) -> None:
        self._tick_number += 1
        self._udp.drain()
        while self._jobs and self._jobs[0][0] <= now:
            heapq.heappop(self._jobs)[2]()
        calls, over = self._phases[self._tick_number % PHASES], False
        for call in calls:
            call.tick(now)
            if call.channel.actions:
                self.carry_out(call)
            if self.switch.crashed:
                return
            over |= call.channel.ended and not call.channel.sessions
        if over:
            for call in [call for call in calls if call.channel.ended and not call.channel.sessions]:
                calls.remove(call)
                self._forget(call)

    def _forget(self, call: Call) -> None:
        self._close_udp(call)
        self.switch.forget(call.channel)
        if call in self.calls:
            self.calls.remove(call)

    # ---- what the channels ask for

    def carry_out(self, call: Call) -> None:
        """Do what the call's channel asks for."""
        for action in call.channel.take_actions():
            if isinstance(action, Send):
                connection = self._connections.get(action.session)
                if connection is not None:
                    connection.send(action.data)
            elif isinstance(action, Close):
                connection = self._connections.pop(action.session, None)
                if connection is not None:
                    connection.finish()
            elif isinstance(action, Connect):
                self._spawn(self._connect, call, action.hosts)
            elif isinstance(action, StartUnicast):
                self._open_udp(call, action)
            elif isinstance(action, StopUnicast):
                self._close_udp(call)
            elif isinstance(action, StartSip):
                self._start_sip(action.leg)
            elif isinstance(action, StopSip):
                self._stop_sip(action.leg)
            elif isinstance(action, Crash):
                self._crash()

    def _open_udp(self, call: Call, action: StartUnicast) -> None:
        unicast = action.unicast
        try:
            opened = self._udp.open(unicast.local, unicast.remote, call.sink)
        except (OSError, OverflowError) as fault:
            call.channel.unicast_failed(self.clock.now(), unicast, str(fault))
            return
        self._sockets[call.uuid] = opened
        call.send_up = self._udp.sender(opened, unicast.remote)

    def _close_udp(self, call: Call) -> None:
        opened = self._sockets.pop(call.uuid, None)
        if opened is not None:
            call.send_up = None
            self._udp.close(opened)

    def _start_sip(self, leg: SipLeg) -> None:
        opened = self._sip[leg] = self._udp.open(("127.0.0.1", 0), leg.peer, leg)
        greenlet = leg.start(opened.getsockname(), lambda remote: lambda frame: opened.sendto(frame, remote))
        self._greenlets.add(greenlet)
        greenlet.link(self._greenlets.discard)

    def _stop_sip(self, leg: SipLeg) -> None:
        leg.stop()
        opened = self._sip.pop(leg, None)
        if opened is not None:
            self._udp.close(opened)

    def _crash(self) -> None:
        """FreeSWITCH is gone: every connection ends, every call with it."""
        for connection in self._connections.values():
            connection.finish()
        self._connections.clear()
        for call in self.calls:
            self._close_udp(call)
        self.calls.clear()
        self._phases = [[] for _ in range(PHASES)]
        self.switch.channels.clear()

    def _connect(self, call: Call, hosts: tuple[tuple[str, int], ...]) -> None:
        """The greenlet of one controller's connection."""
        for host, port in hosts:
            try:
                # No timeout of its own: FreeSWITCH waits for the kernel (135 s when nobody answers the SYN).
                opened = gsocket.create_connection((host, port))
            except OSError as fault:
                call.channel.note(f"[ERR] socket {host}:{port}: {fault.strerror or fault}")
                continue
            session = None if self.stopped else call.channel.connected(self.clock.now(), host)
            if session is None:
                opened.close()
                return
            self._connections[session] = _Connection(opened, self._spawn)
            self.carry_out(call)
            self._read(call, session, opened)
            return
        call.channel.refused(self.clock.now())
        self.carry_out(call)

    def _read(self, call: Call, session: Session, opened: gsocket.socket) -> None:
        while True:
            try:
                data = opened.recv(_READ_BYTES)
            except OSError:
                data = b""
            if not data:
                break
            if session.closed or self.switch.crashed:
                continue
            try:
                call.channel.receive(self.clock.now(), session, data)
            except ValueError as fault:
                call.channel.note(f"[ERR] {fault}: the connection is dropped")
                break
            self.carry_out(call)
        call.channel.dropped(self.clock.now(), session)
        connection = self._connections.pop(session, None)
        if connection is not None:
            connection.abort()
        self.carry_out(call)

    def _spawn(self, job: Callable[..., None], *arguments: object) -> Greenlet:
        greenlet = gevent.spawn(job, *arguments)
        self._greenlets.add(greenlet)
        greenlet.link(self._greenlets.discard)
        return greenlet


class _Connection:
    """Writes to one controller without ever holding up the tick."""

    def __init__(self, opened: gsocket.socket, spawn: Callable[..., Greenlet]) -> None:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as mod_event_socket does
        self._socket = opened
        self._outbox: Queue[bytes | None] = Queue(OUTBOX)
        self._writer = spawn(self._write)

    def send(self, data: bytes) -> None:
        if self._outbox.full():
            self.abort()
        else:
            self._outbox.put_nowait(data)

    def finish(self) -> None:
        """Close after what waits has been written."""
        if self._outbox.full():
            self.abort()
        else:
            self._outbox.put_nowait(None)

    def abort(self) -> None:
        """Close at once. The reader notices."""
        self._writer.kill(block=False)
        self._close()

    def _write(self) -> None:
        with contextlib.suppress(OSError):  # the reader sees the end of the connection too
            while (data := self._outbox.get()) is not None:
                self._socket.sendall(data)
        self._close()

    def _close(self) -> None:
        with contextlib.suppress(OSError):  # closed by the other side already
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _action(text: str) -> PlanAction:
    application, _, data = text.strip().partition(" ")
    return application, data.strip()


def _check_target(target: str) -> None:
    for host in target.split("|"):
        name, colon, port = host.partition("/")[0].rpartition(":")
        if not (colon and name and port.isdigit() and 0 < int(port) < 65536):
            raise StandInError(f"{host!r} is not HOST:PORT, as in 127.0.0.1:8084")
