"""Twilio's webhooks and TwiML: its parameters to ``CarrierEvent``, and the answers. Pure.

Source: twilio.com/docs/voice/twiml (request parameters, StatusCallback), /docs/voice/twiml/stream.
"""

from collections.abc import Mapping
from datetime import timezone
from xml.sax.saxutils import escape, quoteattr

from engine import lifecycle
from engine.carriers.message import Message
from engine.carriers.normal import CarrierEvent, Kind, call_id, kept, keys, seconds, url
from engine.carriers.numbers import e164
from engine.carriers.times import carrier_time

XML = "text/xml"
LONGEST_SPEECH = 2000
LONGEST_PARAMETER = 499
"""Letters of a parameter's name and value together; Twilio refuses more."""

_TELLING = ("CallbackSource", "SequenceNumber", "CallDuration")
"""Parameters that only callbacks have: who sends them does not wait for TwiML."""


def event(message: Message, country: str = "91") -> CarrierEvent:
    """What the request means. Raises ``Unreadable``."""
    get = message.get
    word = get("CallStatus", "StreamEvent", "RecordingStatus")
    state = lifecycle.of("twilio", get("CallStatus"))
    direction = get("Direction").lower()
    stamp = carrier_time(get("Timestamp", "RecordingStartTime"), timezone.utc)
    return CarrierEvent(
        "twilio", call_id(get("CallSid"), "CallSid"), _kind(message, state), state, word[:40],
        e164(get("From", "Caller"), country), e164(get("To", "Called"), country),
        "outbound" if direction.startswith("outbound") else "inbound" if direction else "",
        digits=keys(get("Digits")), speech=get("SpeechResult", "UnstableSpeechResult")[:LONGEST_SPEECH],
        cause=_cause(message), seconds=seconds(get("CallDuration", "DialCallDuration")),
        recording=url(get("RecordingUrl")), at=stamp, raw=kept(message))


def _kind(message: Message, state: str) -> Kind:
    if message.has("StreamEvent", "StreamSid"):
        return "stream"
    if message.has("RecordingSid"):
        return "recording"
    if message.has("DialCallStatus"):
        return "dial"
    if message.get("Digits"):
        return "digits"
    if message.get("SpeechResult"):
        return "speech"
    return "call" if state in ("ringing", "answered", "created") and not message.has(*_TELLING) else "status"


def _cause(message: Message) -> str:
    """Why it ended, as far as Twilio tells: SIP's status, its own error."""
    sip, error = message.get("SipResponseCode", "DialSipResponseCode"), message.get("ErrorCode", "StreamError")
    told = [f"SIP {sip[:3]}"] if sip.isdigit() and sip != "200" else []
    return ", ".join([*told, *([f"Twilio {error[:100]}"] if error else [])])


def stream(address: str, parameters: Mapping[str, str], status_url: str = "") -> str:
    """TwiML that connects the call's audio, in both directions, to the WebSocket ``address``."""
    short = {name: _plain(value)[:LONGEST_PARAMETER - len(name)] for name, value in parameters.items()}
    named = "".join(f"<Parameter name={quoteattr(name)} value={quoteattr(value)}/>"
                    for name, value in short.items() if value)
    status = f" statusCallback={quoteattr(status_url)}" if status_url else ""
    return _response(f"<Connect><Stream url={quoteattr(address)}{status}>{named}</Stream></Connect>")


def sip(uri: str, call: str, action: str) -> str:
    """TwiML that puts the call through to FreeSWITCH, which learns from a header which call it is."""
    sep = "&" if "?" in uri else "?"
    return _response(f"<Dial answerOnBridge=\"true\" action={quoteattr(action)}>"
                     f"<Sip>{escape(f'{uri}{sep}X-Trunkline-Twilio={call}')}</Sip></Dial>")


def ask(text: str, action: str, language: str = "") -> str:
    """TwiML that says ``text``, then waits for keys or words, which go to ``action``."""
    return _response(f"<Gather input=\"dtmf speech\" action={quoteattr(action)} method=\"POST\" "
                     f"actionOnEmptyResult=\"true\">{_say(text, language)}</Gather>")


def say(text: str, language: str = "") -> str:
    """TwiML that says ``text`` and hangs up."""
    return _response(f"{_say(text, language)}<Hangup/>")


def nothing() -> str:
    """TwiML that does nothing more: the call ends."""
    return _response("")


def _say(text: str, language: str) -> str:
    return f"<Say{f' language={quoteattr(language)}' if language else ''}>{escape(_plain(text))}</Say>"


def _plain(text: str) -> str:
    """What XML can hold."""
    return "".join(letter for letter in text if letter.isprintable() or letter == "\n")


def _response(inner: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inner}</Response>'
