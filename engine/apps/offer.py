"""One call that is offered to a program: the webhook on its way there, and what the program decides.

The call waits in ``verdict``; the program's answer comes by HTTP, in another greenlet, by ``accept`` or ``reject``.
"""

import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import gevent
from gevent.event import Event as Flag

from engine.agents.options import AppOptions
from engine.apps import webhook
from engine.apps.errors import AppError, NotPending
from engine.errors import ProviderFault
from engine.net.http import HttpClient
from engine.telemetry import logs

log = logging.getLogger(__name__)

FIRST_RETRY_S = 0.5
"""Doubled with each try, up to the end of ``wait_s``."""

BEGIN_S = 15.0
"""How long a program that has accepted waits for the call to be answered."""

STATUSES = range(400, 700)
"""SIP statuses by which a call may be rejected."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``nobody``: the program did not take the call, and ``why``; ``status``: of SIP, of a call that is rejected."""

    kind: Literal["accepted", "rejected", "nobody"]
    why: str = ""
    status: int = 0


def key(options: AppOptions, environ: Mapping[str, str] = os.environ) -> bytes:
    """The key that an app's events are signed with. Raises ``AppError``."""
    try:
        secret = environ.get(options.secret_env, "").strip()
        if not secret:
            raise AppError("it is not set")
        return webhook.key_of(secret)
    except AppError as fault:
        raise AppError(f"app.secret_env, the environment variable {options.secret_env}: {fault}") from fault


class Offer:
    """``close`` it with its call. ``prepare``: what an app that has accepted wants done with the call once it is
    answered, given to ``accept``."""

    def __init__(self, options: AppOptions, call_id: str, headers: list[dict[str, str]]) -> None:
        """Sent by ``start``. Raises ``AppError`` where there is no secret."""
        self.options = options
        self.event_id = f"evt_{secrets.token_hex(16)}"
        self.prepare: Callable[[Any], object] | None = None
        self._key = key(options)
        self._body = webhook.incoming(self.event_id, call_id, headers, int(time.time()))
        self._verdict: Verdict | None = None
        self._decided = Flag()
        self._under_way = Flag()
        self._failed = ""
        self._sending: gevent.Greenlet | None = None

    @property
    def accepted(self) -> bool:
        """Whether the app holds the call."""
        return self._verdict is not None and self._verdict.kind == "accepted"

    @property
    def is_under_way(self) -> bool:
        """Whether the call that was accepted is answered, and prepared; or over."""
        return self._under_way.is_set()

    # ------------------------------------------------------------ the call's side

    def start(self) -> None:
        """Send the event."""
        self._sending = logs.spawn(self._send, time.monotonic() + self.options.wait_s)

    def verdict(self, others: Sequence[Any]) -> Verdict:
        """Wait for what the app decides, for its time to be over, or for one of ``others`` (flags)."""
        gevent.wait([self._decided, *others], timeout=self.options.wait_s, count=1)
        self._decide(Verdict("nobody", f"no answer within {self.options.wait_s:g} s"))
        assert self._verdict is not None
        return self._verdict

    def under_way(self) -> None:
        """The call that was accepted is answered, and prepared."""
        self._under_way.set()

    def close(self) -> None:
        """The call is over. Idempotent."""
        self._decide(Verdict("nobody", "the call is over"))
        if not self._under_way.is_set():
            self._failed = "the call has ended"
            self._under_way.set()
        if self._sending is not None:
            self._sending.kill(timeout=1.0)

    # ------------------------------------------------------------ the app's side

    def accept(self, prepare: Callable[[Any], object]) -> None:
        """Take the call; returns when it is answered and ``prepare(call)`` was done. Raises ``NotPending`` where it is
        not waiting any more, ``AppError`` where it could not be answered."""
        self.prepare = prepare
        if not self._decide(Verdict("accepted")):
            raise NotPending("the call does not wait for an answer any more")
        if not self._under_way.wait(BEGIN_S) or self._failed:
            raise AppError(f"the call could not be answered: {self._failed or f'not within {BEGIN_S:g} s'}")

    def reject(self, status: int) -> None:
        """Refuse the call with this SIP status. Raises ``NotPending``."""
        if not self._decide(Verdict("rejected", status=status)):
            raise NotPending("the call does not wait for an answer any more")

    def _decide(self, verdict: Verdict) -> bool:
        """Once; False: it was decided before."""
        if self._verdict is not None:
            return False
        self._verdict = verdict
        self._decided.set()
        return True

    # ------------------------------------------------------------ sending

    def _send(self, until: float) -> None:
        """Try until the app has taken the event, has decided, or the time is over. An app that says no is not asked
        again; one that takes its time (it may well accept before it answers) is asked once."""
        pause_s = FIRST_RETRY_S
        while (left_s := until - time.monotonic()) > 0:
            fault = self._try(left_s)
            if fault is None or self._decided.is_set():
                return
            log.warning("the app at %s did not take the event: %s", _shown(self.options.webhook), fault)
            again = fault.kind == "unavailable" or fault.kind == "rate_limit"
            if not again or time.monotonic() + pause_s >= until:
                self._decide(Verdict("nobody", str(fault)))
                return
            if self._decided.wait(pause_s):
                return
            pause_s *= 2

    def _try(self, left_s: float) -> ProviderFault | None:
        """One try; None: it was taken."""
        parts = urlsplit(self.options.webhook)
        client = HttpClient("app", urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")),
                            query=dict(parse_qsl(parts.query)), connect_timeout_s=min(3.0, left_s),
                            first_byte_timeout_s=left_s, total_timeout_s=left_s)
        headers = webhook.signed(self._key, self.event_id, self._body, int(time.time()))
        try:
            with client.stream("POST", "", self._body, headers=headers):
                return None
        except ProviderFault as fault:
            return fault
        finally:
            client.close()


def _shown(url: str) -> str:
    """An address without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


__all__ = ["Offer", "Verdict", "key"]
