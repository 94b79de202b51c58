"""How a call leaves the agent: what a carrier is asked for when a caller is handed over, or the agent is done."""

import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from engine.carriers import twilio_calls
from engine.carriers.errors import CarrierError
from engine.config.carrier_streams import TwilioStreamOptions
from engine.config.carriers import TwilioOptions
from engine.dialog.actions import Outcome
from engine.errors import ProviderFault
from engine.net.http import HttpClient
from engine.streams.transfers import Transfers, Wanted

log = logging.getLogger(__name__)

LONGEST_ANSWER = 1 << 16


class WayOut(Protocol):
    """One call's. Both may wait for the carrier, seconds at most, and raise nothing."""

    def hand_over(self, wanted: Wanted) -> Outcome:
        """Have the caller connected. ``ok``: the carrier has them now, and ends the stream."""

    def hang_up(self) -> None:
        """End the call."""


class TwilioApi:
    """Twilio's REST API with the account's credentials; one an engine."""

    def __init__(self, options: TwilioStreamOptions, account: TwilioOptions, environ: Mapping[str, str]) -> None:
        """Nothing is asked yet."""
        self.options, self.account = options, account
        self.account_sid = environ.get(account.account_sid_env, "")
        key, secret = environ.get(options.api_key_env, ""), environ.get(options.api_secret_env, "")
        token = environ.get(account.auth_token_env, "")
        self._login = (key, secret) if key and secret else (self.account_sid, token) if token else None
        self._http = HttpClient("twilio", options.api_url, connect_timeout_s=2.0, first_byte_timeout_s=4.0,
                                total_timeout_s=5.0)

    @property
    def usable(self) -> bool:
        """Whether there are credentials."""
        return self._login is not None

    def update(self, account_sid: str, call_sid: str, body: bytes) -> None:
        """Change a call in progress. Raises ``ProviderFault``."""
        assert self._login is not None
        headers = {"Content-Type": twilio_calls.FORM, **twilio_calls.basic(*self._login)}
        path = twilio_calls.call_path(account_sid, call_sid)
        with self._http.stream("POST", path, body, headers=headers) as answer:
            answer.read_all(LONGEST_ANSWER)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()


class TwilioWayOut:
    """By the REST API, or by the end of the stream."""

    def __init__(self, api: TwilioApi, account_sid: str, call_sid: str, transfers: Transfers,
                 close: Callable[[str], None]) -> None:
        """``close(why)`` ends the stream: the verb after ``<Connect>`` runs."""
        self._api, self._transfers, self._close = api, transfers, close
        self._account_sid, self._call_sid = account_sid, call_sid

    def hand_over(self, wanted: Wanted) -> Outcome:
        """See ``WayOut``."""
        options = self._api.options
        if options.hand_over == "close":
            self._transfers.want(self._call_sid, wanted)
            self._close("handed over")
            return Outcome(True)
        if not self._api.usable:
            return Outcome(False, "callers of this line cannot be handed over: the engine has no credentials for "
                                  f"Twilio's API ({self._api.account.account_sid_env} and "
                                  f"{self._api.account.auth_token_env})")
        try:
            body = twilio_calls.dial(wanted.number, wanted.ring_s, action=options.after_dial_url,
                                     caller_id=options.caller_id)
            self._api.update(self._account_sid, self._call_sid, body)
        except (CarrierError, ProviderFault) as fault:
            return Outcome(False, f"{wanted.target} could not be reached: {fault}")
        return Outcome(True)

    def hang_up(self) -> None:
        """See ``WayOut``. Without the API the end of the stream has to do: the verb after ``<Connect>`` runs."""
        if self._api.usable:
            try:
                self._api.update(self._account_sid, self._call_sid, twilio_calls.complete())
            except ProviderFault as fault:
                log.warning("the call %s is not ended by Twilio's API, but by the end of its stream: %s",
                            self._call_sid, fault)
        self._close("the agent is done")


class ExotelWayOut:
    """By the end of the stream: the flow's next applet runs, and asks to whom (``/exotel/connect``)."""

    def __init__(self, call_sid: str, transfers: Transfers, close: Callable[[str], None]) -> None:
        """``close(why)`` ends the stream."""
        self._call_sid, self._transfers, self._close = call_sid, transfers, close

    def hand_over(self, wanted: Wanted) -> Outcome:
        """See ``WayOut``."""
        if wanted.number.startswith("sip"):
            return Outcome(False, f"{wanted.target} cannot be reached: Exotel connects callers to numbers, and its "
                                  "number is a SIP address")
        self._transfers.want(self._call_sid, wanted)
        self._close("handed over")
        return Outcome(True)

    def hang_up(self) -> None:
        """See ``WayOut``. The flow goes on: nothing is to come after the Voicebot applet but the Connect applet, which
        is told that nobody is to be connected."""
        self._close("the agent is done")


__all__ = ["ExotelWayOut", "TwilioApi", "TwilioWayOut", "WayOut"]
