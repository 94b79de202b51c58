"""Twilio's REST API, as far as a call in progress is concerned: another TwiML for it, or its end. Pure.

``POST /2010-04-01/Accounts/{AccountSid}/Calls/{CallSid}.json`` with ``Twiml`` (at most 4,000 characters) or ``Status``.
Source: twilio.com/docs/voice/api/call-resource (update a call), twilio.com/docs/voice/twiml/dial.
"""

import base64
import re
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape, quoteattr

from engine.carriers.errors import CarrierError

LONGEST_TWIML = 4000
LEAST_RING_S, MOST_RING_S = 5, 600
"""What ``<Dial timeout>`` takes, in seconds."""

FORM = "application/x-www-form-urlencoded"

_NUMBER = re.compile(r"\+[1-9][0-9]{5,14}")
_SIP = re.compile(r"sips?:[A-Za-z0-9+._~%-]{1,64}@[A-Za-z0-9.-]{1,120}(:[0-9]{1,5})?(;[a-z]+=[A-Za-z0-9]+)*")


def call_path(account_sid: str, call_sid: str) -> str:
    """The resource of a call."""
    return f"/2010-04-01/Accounts/{quote(account_sid, safe='')}/Calls/{quote(call_sid, safe='')}.json"


def basic(user: str, password: str) -> dict[str, str]:
    """The header that signs a request in: account SID and auth token, or API key and its secret."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def is_dialable(number: str) -> bool:
    """Whether this is what ``<Dial>`` may be given: a number in E.164 with ``+``, or a SIP address."""
    return bool(_NUMBER.fullmatch(number) or _SIP.fullmatch(number))


def dial(number: str, ring_s: float, *, action: str = "", caller_id: str = "") -> bytes:
    """The body that has the call dial ``number``. ``action``: URL that Twilio asks when the dialled call is over, for
    what comes next; empty: the call ends then. ``caller_id``: what the dialled phone shows; empty: as Twilio does.
    Raises ``CarrierError`` for what cannot be dialled."""
    if not is_dialable(number):
        raise CarrierError(f"{number!r} is neither a number in E.164 (+4930555) nor a SIP address")
    noun = f"<Sip>{escape(number)}</Sip>" if number.startswith("sip") else f"<Number>{escape(number)}</Number>"
    fields = {"answerOnBridge": "true", "timeout": str(min(MOST_RING_S, max(LEAST_RING_S, round(ring_s)))),
              "action": action, "callerId": caller_id}
    told = "".join(f" {name}={quoteattr(value)}" for name, value in fields.items() if value)
    twiml = f"<Response><Dial{told}>{noun}</Dial></Response>"
    if len(twiml) > LONGEST_TWIML:
        raise CarrierError(f"the TwiML has {len(twiml)} characters, and Twilio takes {LONGEST_TWIML}")
    return urlencode({"Twiml": twiml}).encode()


def complete() -> bytes:
    """The body that ends the call."""
    return urlencode({"Status": "completed"}).encode()
