"""To whom callers are to be connected whose stream was closed for it: the carrier's flow asks when it goes on.

    transfers_of(engine).take(call_sid)     # Wanted, once; None: the agent was done, nobody is to be connected
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from engine.service import Engine

WAIT_S = 120.0
"""A flow goes on within seconds of the end of a stream."""

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """``number``: in E.164, or a SIP address; ``target``: its name in the agent's file; ``ring_s``: how long it may
    ring; ``summary``: what the human should know."""

    number: str
    target: str
    ring_s: float
    summary: str = ""


class Transfers:
    """Those of one engine, by the carrier's id of the call."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock``: seconds; tests bring their own."""
        self._clock = clock
        self._wanted: OrderedDict[str, tuple[float, Wanted]] = OrderedDict()

    def want(self, call_sid: str, wanted: Wanted) -> None:
        """This is to be asked for soon."""
        self._wanted.pop(call_sid, None)
        while len(self._wanted) >= MOST:
            self._wanted.popitem(last=False)
        self._wanted[call_sid] = self._clock() + WAIT_S, wanted

    def take(self, call_sid: str) -> Wanted | None:
        """To whom this call goes, told once."""
        until, wanted = self._wanted.pop(call_sid, (0.0, None))
        return wanted if until > self._clock() else None


_TRANSFERS: "WeakKeyDictionary[Engine, Transfers]" = WeakKeyDictionary()


def transfers_of(engine: Engine) -> Transfers:
    """Those of an engine: the same, whoever asks."""
    found = _TRANSFERS.get(engine)
    if found is None:
        found = _TRANSFERS[engine] = Transfers()
    return found


def number_for(engine: Engine) -> Callable[[str], str]:
    """What ``/exotel/connect`` asks: the number for the call of this id, "" for none; told once."""
    def number(call_sid: str) -> str:
        wanted = transfers_of(engine).take(call_sid)
        return wanted.number if wanted is not None else ""
    return number


__all__ = ["Transfers", "Wanted", "number_for", "transfers_of"]
