"""Session timers (RFC 4028): how the call of a peer that died without a BYE comes to its end."""

from collections.abc import Callable

from engine.sip.errors import BadMessage
from engine.sip.fields import parameter, parse_number, parse_parameters
from engine.sip.message import Request
from engine.timers import Timer, Timers

MIN_SE = 90
"""The shortest interval that may be asked for, in seconds (RFC 4028, 4)."""


class TooShort(BadMessage):
    """The peer asks for a shorter interval than we allow."""

    def __init__(self) -> None:
        """Answered with 422 and Min-SE."""
        super().__init__("Session Interval Too Small", 422)


class SessionTimer:
    """One call's timer. Where the peer refreshes, ``on_expired`` is called shortly before the time is over without a
    refresh; where we do, ``on_refresh`` at half of it."""

    def __init__(
        self, timers: Timers, interval_s: int, ours: bool, asked: bool, on_expired: Callable[[float], None],
        on_refresh: Callable[[float], None],
    ) -> None:  # fmt: skip
        """``ours``: we refresh. ``asked``: the peer supports timers, so it may be required to keep them."""
        self.interval_s = interval_s
        self.ours = ours
        self._asked = asked
        self._timers = timers
        self._on_expired, self._on_refresh = on_expired, on_refresh
        self._expiry: Timer | None = None
        self._refresh: Timer | None = None

    def fields(self) -> list[tuple[str, str]]:
        """What the answer says of it."""
        said = [("Session-Expires", f"{self.interval_s};refresher={'uas' if self.ours else 'uac'}")]
        return [*said, ("Require", "timer")] if self._asked else said

    def start(self, now: float) -> None:
        """The call begins, or somebody has said that it lives."""
        self.stop()
        # RFC 4028, 10 has a third of short intervals: FreeSWITCH's refreshes come at 60 s and later of 90 s (seen).
        margin = min(32.0, self.interval_s / 10)
        self._expiry = self._timers.at(now + self.interval_s - margin, self._on_expired)
        if self.ours:
            self._refresh = self._timers.at(now + self.interval_s / 2, self._on_refresh)

    def stop(self) -> None:
        """The call is over."""
        for timer in (self._expiry, self._refresh):
            if timer:
                timer.cancel()


def wanted(request: Request, default_s: int) -> tuple[int, bool, bool] | None:
    """Interval, whether we are to refresh, and whether the peer supports timers, for a session-making request; None
    where there is to be no timer. We refresh only where the peer asks for that, by UPDATE: a peer that does not allow
    UPDATE is answered as if we had no timers (RFC 4028, 9). Raises ``BadMessage``, ``TooShort``."""
    headers = request.headers
    supported = "timer" in headers.tokens("supported")
    if "session-expires" not in headers:
        return (max(MIN_SE, default_s), False, True) if supported and default_s else None
    text = headers.get("session-expires")
    interval = parse_number(text, "Session-Expires", 2**31)
    if interval < MIN_SE:
        if supported:
            raise TooShort
        interval = MIN_SE  # a proxy asked, and the caller could not understand 422
    if default_s:
        interval = min(interval, max(MIN_SE, default_s))  # we may shorten it
    refresher = parameter(parse_parameters(text.split(";")[1:]), "refresher")
    ours = refresher == "uas" or not supported
    if ours and "update" not in headers.tokens("allow"):
        return None
    return interval, ours, supported
