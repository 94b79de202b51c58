"""Calls as their carriers tell them: an account of each, from webhooks, beside the session that holds the call.

    calls = CarrierCalls(engine)
    calls.deliver(event)                         # a CarrierEvent that is proven and came for the first time

The account of a call is an event log and a session of its own: it is there before any audio, and also of calls that
never get any. When the call comes to the engine (a stream, SIP, a conversation in writing), the account is *joined* to
that session, which from then on has the carrier's words in its own log, too. ``GET /sessions/CallSid`` finds the one
that holds the call; the account stands there under ``carrier_accounts``.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, get_args
from weakref import ReferenceType, ref

from gevent.pool import Group

from engine import calllog, lifecycle
from engine.arrival import Visitor
from engine.carriers.normal import Carrier, CarrierEvent, names_of_call
from engine.config.carriers import CarriersOptions
from engine.service import Engine
from engine.surroundings import Live
from engine.telemetry.eventlog import Event, EventLog

log = logging.getLogger(__name__)

T = TypeVar("T")

CARRIERS: tuple[str, ...] = get_args(Carrier)

Name = tuple[str, str]
"""Carrier, and its id of the call."""

REMEMBERED = 20_000
"""Calls that are over, and of which something may still come: the recording, a second report."""

SWEEP_S = 60.0
END_S = 5.0
"""How long the end of the engine waits for the accounts' ends."""

LATE = frozenset({"recording", "stream", "dial"})
"""Kinds of webhooks that come when all is over."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A session of the engine, and its log while there is one."""

    session: str
    log: "ReferenceType[EventLog]"


class CarrierCalls:
    """Those of one engine. All methods but ``close`` return at once."""

    def __init__(self, engine: Engine, options: CarriersOptions, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` in seconds. Follows the calls of ``engine`` from now on."""
        self._engine = engine
        self._options = options
        self._clock = clock
        self._open: OrderedDict[Name, CarrierAccount] = OrderedDict()
        self._over: OrderedDict[Name, str] = OrderedDict()  # with the session that it was
        self._held: OrderedDict[Name, _Held] = OrderedDict()  # sessions of the engine; carrier "" under their own ids
        self._ending = Group()
        self._swept = clock()
        engine.began.append(self._began)
        engine.closing.append(self.close)

    def __len__(self) -> int:
        """How many accounts are open."""
        return len(self._open)

    def deliver(self, event: CarrierEvent) -> None:
        """This happened. What comes late, twice or in another order changes nothing that is settled."""
        self._sweep()
        name = event.carrier, event.call
        account = self._open.get(name)
        if account is None:
            late = name in self._over
            if late and event.kind not in LATE and not event.recording:
                return
            account = self._begin(name, event, late)
        self._open.move_to_end(name)
        held = self._session(name)
        if held is not None and (events := held.log()) is not None:
            events.write("carrier_told", **told(event))
        if account.tell(event):
            self._end(name)

    def state(self, carrier: str, call: str) -> str:
        """Of the account that is open; "" where there is none."""
        account = self._open.get((carrier, call))
        return account.events.state if account is not None else ""

    def session(self, carrier: str, call: str) -> str:
        """The session that this call of the carrier is; "" where it never came to the engine."""
        held = self._session((carrier, call))
        return held.session if held is not None else ""

    def close(self) -> None:
        """End all accounts: the engine stops."""
        for name in list(self._open):
            self._end(name, "the engine stops")
        self._ending.join(END_S)
        self._ending.kill()

    # ------------------------------------------------------------ accounts

    def _begin(self, name: Name, event: CarrierEvent, late: bool) -> "CarrierAccount":
        while len(self._open) >= self._options.max_calls:
            self._end(next(iter(self._open)), "another one needed its place (carriers.max_calls)")
        account = self._open[name] = CarrierAccount(self._engine, event, self._clock, late)
        held = self._session(name)
        if held is not None:
            self._join(name, account, held)
        elif late:
            account.join(self._over[name])
        return account

    def _join(self, name: Name, account: "CarrierAccount | None", held: _Held) -> None:
        """Tell both logs of each other."""
        events = held.log()
        if events is not None:
            events.write("carrier_joined", carrier=name[0], call=name[1],
                         session=account.uuid if account is not None else "",
                         state=account.events.state if account is not None else "")
        if account is not None:
            account.join(held.session)

    def _end(self, name: Name, cause: str = "") -> None:
        account = self._open.pop(name)
        self._ending.spawn(account.close(cause))  # closing waits for who listens, a webhook does not
        _remember(self._over, name, account.joined or account.uuid)

    def _sweep(self) -> None:
        """End what was quiet for too long, now and then."""
        now = self._clock()
        if now - self._swept < SWEEP_S:
            return
        self._swept = now
        for name, account in list(self._open.items()):
            if now - account.heard < self._options.quiet_s:
                return
            self._end(name, f"not mentioned for {self._options.quiet_s:g} s (carriers.quiet_s)")

    # ------------------------------------------------------------ the engine's calls

    def _session(self, name: Name) -> _Held | None:
        return self._held.get(name) or self._held.get(("", name[1]))

    def _began(self, call: Live) -> None:
        """A call of the engine begins: which one is it to a carrier?"""
        held = _Held(call.uuid, ref(call.events))
        names: list[Name] = [*names_of_call(call.channel.variables)]
        for name in (("", call.uuid), *names):
            _remember(self._held, name, held)
        known = next((name for name in (*names, *((each, call.uuid) for each in CARRIERS)) if name in self._open),
                     names[0] if names else None)
        if known is not None:
            found = known
            call.events.listen(lambda event: self._started(found, held, event))

    def _started(self, name: Name, held: _Held, event: Event) -> None:
        if event["event"] == "call_started":
            self._join(name, self._open.get(name), held)


class CarrierAccount:
    """What one carrier told of one call: an event log, filed as those of calls are."""

    def __init__(self, engine: Engine, event: CarrierEvent, clock: Callable[[], float], late: bool) -> None:
        """Begins with this event, which is not written yet. ``late``: the call itself is over."""
        around = engine.surroundings
        self.uuid = event.call
        self.joined = ""
        self.heard = clock()
        self.folder = around.folder(event.call)
        self._engine = engine
        self._late = late
        self._cause = ""
        self._clock = clock
        self._began = clock()
        self.events = EventLog(self.folder / "events.jsonl", around.disk, lambda: clock() - self._began, held=False)
        if engine.store is not None:
            engine.store.filing.follow(self.events, self.folder)
        calllog.began(self.events, Visitor(event.call, event.caller, event.called), around.node, None,
                      transport=event.carrier, direction=event.direction or None)

    def tell(self, event: CarrierEvent) -> bool:
        """One more word. Whether it was the last one: the call is over."""
        self.heard = self._clock()
        self._cause = event.cause or self._cause
        self.events.write("carrier_told", **told(event))
        if event.state in lifecycle.ENDS:
            self._cause = self._cause or event.word
        return self._late or event.state in lifecycle.ENDS

    def join(self, session: str) -> None:
        """The call is this session of the engine."""
        if not self.joined:
            self.joined = session
            self.events.write("joined", session=session, state=self.events.state)

    def close(self, cause: str) -> Callable[[], None]:
        """Nothing more is told. What is left to be done waits for others: the caller runs what this returns."""
        self.events.write("hangup", cause=cause or self._cause, by="switch")
        calllog.ended(self.events, self._clock() - self._began, None, None)

        def finish() -> None:
            self.events.close()
            if self._engine.store is not None:
                self._engine.store.filing.finished(self.folder)

        return finish


def told(event: CarrierEvent) -> dict[str, object]:
    """The fields of the line ``carrier_told``."""
    fields: dict[str, object] = {
        "carrier": event.carrier, "call": event.call, "word": event.word, "means": event.state, "kind": event.kind,
        "caller": event.caller, "called": event.called, "cause": event.cause, "recording": event.recording,
        "at": event.at.isoformat() if event.at else "", "more": {"digits": event.digits} if event.digits else None}
    if event.seconds >= 0:
        fields["seconds"] = event.seconds
    return {name: value for name, value in fields.items() if value not in ("", None)}


def _remember(kept: "OrderedDict[Name, T]", name: Name, value: T) -> None:
    kept[name] = value
    kept.move_to_end(name)
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)
