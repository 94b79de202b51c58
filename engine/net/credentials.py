"""How a request is signed: by a key, by an Entra token, or not at all."""

import json
import logging
from collections.abc import Callable
from time import monotonic
from typing import Protocol
from urllib.parse import quote, urlencode

import gevent

from engine.config.providers import EntraOptions
from engine.errors import ProviderFault
from engine.net.http import HttpClient

log = logging.getLogger(__name__)

RETRY_S = 10.0
"""After a renewal that failed while the old token is still good, the next one is not tried before."""

TOKEN_TIMEOUT_S = 5.0
"""For a token, from connecting to the last byte."""


class Credentials(Protocol):
    """Signs requests."""

    def headers(self) -> dict[str, str]:
        """The headers that sign a request made now. Raises ``ProviderFault``."""

    def refused(self) -> None:
        """A request signed so was refused: do not trust what is cached."""

    def warm(self) -> None:
        """Have what signing takes ready. Never raises; returns at once."""

    def close(self) -> None:
        """Free what it holds."""


class Key:
    """A fixed header, or none."""

    def __init__(self, header: str = "", value: str = "") -> None:
        """``Key()`` signs nothing."""
        self._headers = {header: value} if header else {}

    def headers(self) -> dict[str, str]:
        """The header."""
        return dict(self._headers)

    def refused(self) -> None:
        """A key does not get better."""

    def warm(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing is held."""


class EntraToken:
    """A token of Microsoft Entra by client credentials, kept until it is refused or near its end.

    It is renewed by one greenlet at a time: early, while requests go on with the old one; those that come when it has
    expired wait for that same renewal. Source: Microsoft's page "OAuth 2.0 client credentials flow" (form fields,
    ``expires_in`` in seconds, ``error`` and ``error_description``).
    """

    def __init__(
        self, provider: str, options: EntraOptions, secret: str, clock: Callable[[], float] = monotonic
    ) -> None:
        """``secret`` of the application; ``clock`` in seconds."""
        url = options.token_url.replace("{tenant_id}", quote(options.tenant_id, safe=""))
        self._provider = provider
        self._http = HttpClient("Entra", url, connect_timeout_s=TOKEN_TIMEOUT_S,
                                first_byte_timeout_s=TOKEN_TIMEOUT_S, total_timeout_s=TOKEN_TIMEOUT_S)
        self._form = urlencode({"grant_type": "client_credentials", "client_id": options.client_id,
                                "client_secret": secret, "scope": options.scope}).encode()
        self._early_s = options.refresh_before_s
        self._clock = clock
        self._token = ""
        self._renew_at = self._expires_at = clock()
        self._renewal: gevent.Greenlet | None = None

    def headers(self) -> dict[str, str]:
        """``Authorization`` with a token that is good. Raises ``ProviderFault`` where none can be had."""
        now = self._clock()
        if now >= self._renew_at:
            renewal = self._start()
            if now >= self._expires_at:
                renewal.join()
                if isinstance(fault := renewal.value, ProviderFault):
                    raise ProviderFault(self._provider, fault.kind, str(fault), fault.retry_after_s) from fault
        return {"Authorization": f"Bearer {self._token}"}

    def refused(self) -> None:
        """The service does not take the token: the next request asks for another."""
        self._renew_at = self._expires_at = self._clock()

    def warm(self) -> None:
        """Fetch a token ahead of the first request."""
        if self._clock() >= self._renew_at:
            self._start()

    def close(self) -> None:
        """End a renewal that runs."""
        if self._renewal is not None:
            self._renewal.kill()
        self._http.close()

    def _start(self) -> gevent.Greenlet:
        if self._renewal is None:
            self._renewal = gevent.spawn(self._renew)
        return self._renewal

    def _renew(self) -> ProviderFault | None:
        """Fetch a token; the fault if there is none."""
        try:
            self._token, lasts_s = self._fetch()
        except ProviderFault as fault:
            self._renew_at = self._clock() + RETRY_S if self._clock() < self._expires_at else self._expires_at
            log.warning("%s: no new token: %s", self._provider, fault)
            return fault
        else:
            self._expires_at = self._clock() + lasts_s
            self._renew_at = self._expires_at - min(self._early_s, lasts_s / 2)
            return None
        finally:
            self._renewal = None

    def _fetch(self) -> tuple[str, float]:
        """(token, seconds it lasts)."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            with self._http.stream("POST", "", self._form, headers=headers) as answer:
                body = answer.read_all(1 << 16)
        except ProviderFault as fault:
            if fault.kind not in ("auth", "refused"):
                raise
            raise ProviderFault("Entra", "auth", "gives no token: check entra.tenant_id, client_id and the secret "
                                                 f"({fault})") from fault
        try:
            content = json.loads(body)
            return str(content["access_token"]), float(content["expires_in"])
        except (ValueError, KeyError, TypeError) as fault:
            raise ProviderFault("Entra", "broken", "the answer is no token: check entra.token_url") from fault
