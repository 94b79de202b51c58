"""Exotel's webhooks, and answers as its applets take them. Pure.

One reading for all that Exotel sends: the Passthru applet (GET), status callbacks (form or JSON), ExoML's Gather, and
the plain ``CallSid``/``digits`` of older adapters. Sources: support.exotel.com/48283, developer.exotel.com/docs.
"""

import json
from xml.sax.saxutils import escape, quoteattr

from engine import lifecycle
from engine.carriers.message import Message
from engine.carriers.normal import CarrierEvent, Kind, call_id, kept, keys, seconds, url
from engine.carriers.numbers import e164
from engine.carriers.times import carrier_time

_DIGITS = ("digits", "DigitsPressed", "dtmf")


def event(message: Message, country: str = "91", asks: bool = False) -> CarrierEvent:
    """What the request means. ``asks``: it came where the caller waits for an answer. Raises ``Unreadable``."""
    get = message.get
    word = get("Status", "Call.Status", "CallStatus", "DialCallStatus", "CallType", "detailedstatus", "EventType")
    state = _state(message)
    direction = get("Direction", "Call.Direction").lower()
    ends = state in lifecycle.ENDS
    stamp = carrier_time(get("EndTime", "Call.EndTime")) if ends else None
    stamp = stamp or carrier_time(get("DateUpdated", "CurrentTime", "Call.DateUpdated", "StartTime", "Created"))
    return CarrierEvent(
        "exotel", call_id(get("CallSid", "call_sid", "Call.Sid", "Sid"), "CallSid"), _kind(message, asks), state,
        word[:40], e164(get("CallFrom", "From", "Call.From"), country), e164(get("CallTo", "To", "Call.To"), country),
        "outbound" if direction.startswith("outbound") else "inbound" if direction else "",
        digits=keys(get(*_DIGITS)), cause=_cause(message),
        seconds=seconds(get("ConversationDuration", "DialCallDuration", "Duration", "Call.Duration")),
        recording=url(get("RecordingUrl", "Call.RecordingUrl", "Stream.RecordingUrl")), at=stamp, raw=kept(message))


def _state(message: Message) -> str:
    """The first field that says one: what ends a call says more than what kind it was."""
    for name in ("Status", "Call.Status", "CallStatus", "DialCallStatus", "EventType", "CallType"):
        if state := lifecycle.of("exotel", message.get(name)):
            return state
    return ""


def _kind(message: Message, asks: bool) -> Kind:
    if message.get(*_DIGITS):
        return "digits"
    if message.has("StreamSid", "stream.streamsid") or message.get("EventType").startswith("stream"):
        return "stream"
    return "call" if asks else "status"


def _cause(message: Message) -> str:
    told = message.get("detailedstatus", "Stream.DetailedStatus", "error", "Stream.Error", "Cause", "disconnectedby")
    return "".join(letter for letter in told if letter.isprintable())[:100]


def spoken(text: str, action: str = "", max_digits: int = 0) -> str:
    """ExoML that says ``text``; with ``action`` it then waits for keys, which go there."""
    said = f"<Say>{escape(_plain(text))}</Say>"
    if action:
        most = f" numDigits=\"{max_digits}\"" if max_digits else ""
        said = f"<Gather action={quoteattr(action)} method=\"POST\"{most}>{said}</Gather>"
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{said}</Response>'


def gather(text: str, max_digits: int = 1) -> str:
    """JSON for the Gather applet's dynamic URL."""
    return json.dumps({"gather_prompt": {"text": _plain(text)}, "max_input_digits": max_digits, "finish_on_key": "#",
                       "input_timeout": 6, "repeat_menu": 1}, ensure_ascii=False)


def connect(numbers: list[str], record: bool = True) -> dict[str, object]:
    """JSON for the Connect applet's dynamic URL: who is called."""
    return {"fetch_after_attempt": False, "destination": {"numbers": numbers}, "record": record}


def _plain(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable() or letter == "\n")
