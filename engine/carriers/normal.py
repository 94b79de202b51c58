"""One event of a call, whichever carrier told it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from engine.carriers.errors import Unreadable
from engine.carriers.message import Message

Carrier = Literal["twilio", "exotel"]
Kind = Literal["call", "status", "digits", "speech", "recording", "stream", "dial"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_NO_KEY = re.compile(r"[^0-9*#A-Da-d]")
MOST_KEYS = 64
KEPT_FIELDS = 60
KEPT_LETTERS = 300

ID_VARIABLES: Mapping[str, Carrier] = {
    "sip_h_X-Exotel-CallSid": "exotel", "sip_h_X-Twilio-CallSid": "twilio", "sip_h_X-Trunkline-Twilio": "twilio",
    "exotel_call_sid": "exotel", "twilio_call_sid": "twilio"}
"""Variables of a call that say which one it is to its carrier: headers of the INVITE, parameters of a stream."""

_SECRET = re.compile(r"token|password|secret|auth", re.I)


@dataclass(frozen=True, slots=True)
class CarrierEvent:
    """What happened, in our words.

    ``kind``: ``call`` asks what to do with a call, ``digits`` and ``speech`` bring what the caller pressed and said,
    the others only tell. ``state``: one of ``engine.lifecycle.STATES``, "" where it tells none; ``word``: the carrier's
    own. Numbers are E.164, "" hidden. ``at``: UTC. ``seconds``: length of the call, -1 where it is not told.
    ``raw``: the fields as they came, so many and so long at most, without what looks like a secret.
    """

    carrier: Carrier
    call: str
    kind: Kind
    state: str = ""
    word: str = ""
    caller: str = ""
    called: str = ""
    direction: Literal["", "inbound", "outbound"] = ""
    digits: str = ""
    speech: str = ""
    cause: str = ""
    seconds: float = -1.0
    recording: str = ""
    at: datetime | None = None
    raw: Mapping[str, str] = field(default_factory=dict)


def call_id(text: str, name: str) -> str:
    """The carrier's id of a call. Raises ``Unreadable`` where it is none."""
    if not text:
        raise Unreadable(f"{name} is missing")
    if not _ID.fullmatch(text):
        raise Unreadable(f"{name} is no id of a call: letters, digits and . _ -, 80 at most")
    return text


def keys(text: str) -> str:
    """What was pressed, without the quotation marks that Exotel puts around it."""
    return _NO_KEY.sub("", text)[:MOST_KEYS].upper()


def seconds(text: str) -> float:
    """A length in seconds; -1 where it is none."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1.0


def url(text: str) -> str:
    """An http(s) URL, in one line; "" where it is none."""
    return text if re.fullmatch(r"https?://[!-~]{1,2000}", text) else ""


def kept(message: Message) -> dict[str, str]:
    """The fields that are kept, bounded."""
    found = {name: value[:KEPT_LETTERS] for name, value in message.fields.items() if value and not _SECRET.search(name)}
    return dict(list(found.items())[:KEPT_FIELDS])


def names_of_call(variables: Mapping[str, str]) -> list[tuple[Carrier, str]]:
    """Which calls of carriers a call of ours is, by its variables."""
    found = [(carrier, variables[name]) for name, carrier in ID_VARIABLES.items() if name in variables]
    return [(carrier, one) for carrier, one in found if _ID.fullmatch(one)]
