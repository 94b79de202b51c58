"""FreeSWITCH's own record of a channel (mod_json_cdr) as a row of ``switch_records``. Pure.

The record is JSON with ``variables``, ``callflow``, ``app_log``, ``callStats``, or the field ``cdr`` of a form, in
base64 or URL-encoded. The Content-Type says nothing: with ``disable-100-continue`` curl puts its own there. Values of
variables are URL-encoded text. What is URL-encoded as a whole (``encode=true``) cannot always be read: FreeSWITCH
leaves a ``%22`` that is in a value as it is, so that it looks like the end of that value.
"""

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import unquote

from engine import lifecycle
from engine.carriers.errors import Unreadable
from engine.carriers.normal import names_of_call

LONGEST = 300
MOST_HEADERS = 40
_HEADER = "sip_h_X-"
_SECRET = ("token", "password", "auth", "secret")


def read(body: bytes) -> dict[str, Any]:
    """The row, without ``received_at``. Raises ``Unreadable``."""
    record = _record(body)
    variables = record.get("variables")
    if not isinstance(variables, dict):
        raise Unreadable("the record has no variables")
    known = {str(name): unquote(str(value), errors="replace") for name, value in variables.items()}
    uuid = known.get("uuid") or known.get("call_uuid") or ""
    if not uuid or len(uuid) > 128 or not uuid.isprintable():
        raise Unreadable("the record names no channel: variables.uuid is missing")
    row = _facts(known, _profile(record))
    row.update(fs_uuid=uuid, leg="b" if known.get("originator") or known.get("is_outbound") == "true" and
               known.get("originating_leg_uuid") else "a")
    return row


def _record(body: bytes) -> Mapping[str, Any]:
    try:
        text = body.decode()
        if text.lstrip()[:4] == "cdr=":
            text = text.lstrip()[4:]
            text = unquote(text) if "%" in text else base64.b64decode(text, validate=False).decode()
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("the record is no JSON; json_cdr.conf.xml must say encode=false, because FreeSWITCH's own "
                         "URL-encoding loses quotation marks of values") from None
    if not isinstance(found, dict):
        raise Unreadable("the record is no JSON object")
    return found


def _profile(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The caller profile with which the channel began: the last of the list."""
    flow = record.get("callflow")
    flow = flow[-1] if isinstance(flow, list) and flow else flow
    profile = flow.get("caller_profile") if isinstance(flow, dict) else None
    return profile if isinstance(profile, dict) else {}


def _facts(known: Mapping[str, str], profile: Mapping[str, Any]) -> dict[str, Any]:
    def text(*names: str) -> str | None:
        for name in names:
            value = known.get(name) or str(profile.get(name) or "")
            plain = "".join(letter for letter in value[:LONGEST] if letter.isprintable())
            if plain:
                return plain.encode("utf-8", "replace").decode()
        return None

    answered = _time(known, "answer")
    cause = text("hangup_cause") or ""
    names = names_of_call(known)
    carrier, call = names[0] if names else (None, None)
    disposition = known.get("sip_hangup_disposition", "")
    return {
        "state": lifecycle.end_of(answered is not None, cause), "direction": text("direction"),
        "other_uuid": text("bridge_uuid", "signal_bond", "originator"),
        "from_number": text("caller_id_number", "sip_from_user"), "carrier": carrier, "carrier_call_id": call,
        "to_number": text("destination_number", "sip_req_user", "sip_to_user"), "context": text("context"),
        "gateway": text("sip_gateway_name", "sip_gateway"), "sip_call_id": text("sip_call_id"),
        "hangup_cause": cause or None,
        "hangup_by": "caller" if disposition.startswith("recv_") else "switch" if disposition else None,
        "codec": text("read_codec", "rtp_use_codec_name"), "q850": _whole(known.get("hangup_cause_q850")),
        "duration_s": _whole(known.get("duration")), "billable_s": _whole(known.get("billsec")),
        "mos": _number(known.get("rtp_audio_in_mos")),
        "quality_percent": _number(known.get("rtp_audio_in_quality_percentage")),
        "jitter_loss_rate": _number(known.get("rtp_audio_in_jitter_loss_rate")),
        "headers": _headers(known), "started_at": _time(known, "start"), "answered_at": answered,
        "ended_at": _time(known, "end"),
    }


def _headers(known: Mapping[str, str]) -> dict[str, str]:
    """The X- headers of the INVITE, which say what the carrier knows; none that looks like a secret."""
    found = {name[len("sip_h_"):][:80]: value[:LONGEST].replace("\0", "").encode("utf-8", "replace").decode()
             for name, value in known.items() if name.startswith(_HEADER)}
    return {name: value for name, value in list(found.items())[:MOST_HEADERS]
            if name.isprintable() and not any(word in name.lower() for word in _SECRET)}


def _time(known: Mapping[str, str], name: str) -> datetime | None:
    microseconds = _number(known.get(f"{name}_uepoch"))
    seconds = microseconds / 1e6 if microseconds else _number(known.get(f"{name}_epoch"))
    if not seconds or not 946_684_800 < seconds < 4_102_444_800:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc)


def _number(text: str | None) -> float | None:
    try:
        found = float(text) if text and len(text) < 32 else None
    except ValueError:
        return None
    return found if found is not None and abs(found) < 1e18 else None


def _whole(text: str | None) -> int | None:
    found = _number(text)
    return int(min(max(found, 0.0), 2e9)) if found is not None else None
