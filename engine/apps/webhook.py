"""The event ``realtime.call.incoming``: body, signature (Standard Webhooks, as OpenAI signs), headers. Pure.

    signature = base64(HMAC-SHA256(key, "<webhook-id>.<webhook-timestamp>.<body>"))
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping

from engine.apps.errors import AppError
from engine.arrival import Arrival

INCOMING = "realtime.call.incoming"
PREFIX = "whsec_"
SHORTEST_KEY = 16
"""Bytes; shorter secrets can be guessed from one event."""

MOST_HEADERS = 64
LONGEST_VALUE = 1024
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_KNOWN = {"sip_full_from": "From", "sip_full_to": "To", "sip_call_id": "Call-ID", "sip_user_agent": "User-Agent",
          "sip_P-Asserted-Identity": "P-Asserted-Identity", "sip_contact_uri": "Contact"}
"""Channel variables that FreeSWITCH makes of the INVITE."""

_OWN = "sip_h_"
"""What its variables of all other headers begin with."""

_SECRET = frozenset({"authorization", "proxy-authorization"})


def key_of(secret: str) -> bytes:
    """The key in a secret: what ``whsec_`` is followed by, in base64; of another text its bytes, as OpenAI's SDKs take
    it. Raises ``AppError``."""
    try:
        key = base64.b64decode(secret[len(PREFIX):], validate=True) if secret.startswith(PREFIX) else secret.encode()
    except (binascii.Error, ValueError):
        raise AppError(f"what follows {PREFIX} is not base64") from None
    if len(key) < SHORTEST_KEY:
        raise AppError(f"the secret has {len(key)} bytes; {SHORTEST_KEY} are the least")
    return key


def incoming(event_id: str, call_id: str, headers: list[dict[str, str]], now_s: int) -> bytes:
    """The body of the event for one call. ``now_s`` in Unix seconds."""
    event = {"id": event_id, "object": "event", "created_at": now_s, "type": INCOMING,
             "data": {"call_id": call_id, "sip_headers": headers}}
    return json.dumps(event, separators=(",", ":")).encode()


def signed(key: bytes, event_id: str, body: bytes, now_s: int) -> dict[str, str]:
    """The HTTP headers that go with ``body``. Each try is signed with its own time; the id stays."""
    digest = hmac.new(key, f"{event_id}.{now_s}.".encode() + body, hashlib.sha256).digest()
    return {"Content-Type": "application/json", "webhook-id": event_id, "webhook-timestamp": str(now_s),
            "webhook-signature": "v1," + base64.b64encode(digest).decode()}


def sip_headers(arrival: Arrival) -> list[dict[str, str]]:
    """Headers of the INVITE as far as FreeSWITCH tells them, ``{name, value}`` each; what the caller wrote, in one
    line, cut to ``LONGEST_VALUE``. A call that did not come by SIP has the numbers as From and To."""
    found: dict[str, str] = {}
    variables: Mapping[str, str] = arrival.variables
    for variable, value in variables.items():
        name = _KNOWN.get(variable) or (variable[len(_OWN):] if variable.startswith(_OWN) else "")
        if name.lower() not in _SECRET and _TOKEN.fullmatch(name):
            found[name] = _one_line(value)
    found.setdefault("From", _one_line(arrival.caller_number))
    found.setdefault("To", _one_line(arrival.destination))
    return [{"name": name, "value": value} for name, value in list(found.items())[:MOST_HEADERS]]


def _one_line(text: str) -> str:
    plain = "".join(character for character in text if character.isprintable())
    return plain.encode("utf-8", "replace").decode()[:LONGEST_VALUE]


__all__ = ["incoming", "key_of", "signed", "sip_headers"]
