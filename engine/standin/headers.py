"""Headers of FreeSWITCH's events: which ones, in which order. Pure.

Order and form are those of FreeSWITCH 1.11.2 as recorded in ``tests/data/esl``.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.standin.wire import Header

# Where FreeSWITCH raises each event: file, function, line.
_ORIGIN = {
    "CHANNEL_DATA": ("mod_event_socket.c", "parse_command", 2029),
    "CHANNEL_EXECUTE": ("switch_core_session.c", "switch_core_session_exec", 2949),
    "CHANNEL_EXECUTE_COMPLETE": ("switch_core_session.c", "switch_core_session_exec", 2972),
    "CHANNEL_ANSWER": ("switch_channel.c", "switch_channel_perform_mark_answered", 3848),
    "CHANNEL_PROGRESS_MEDIA": ("switch_channel.c", "switch_channel_perform_mark_pre_answered", 3524),
    "CHANNEL_PARK": ("switch_ivr.c", "switch_ivr_park", 1002),
    "CHANNEL_UNPARK": ("switch_ivr.c", "switch_ivr_park", 1213),
    "CHANNEL_HOLD": ("switch_channel.c", "switch_channel_mark_hold", 876),
    "CHANNEL_UNHOLD": ("switch_channel.c", "switch_channel_mark_hold", 876),
    "CHANNEL_HANGUP": ("switch_channel.c", "switch_channel_perform_hangup", 3447),
    "CHANNEL_STATE": ("switch_channel.c", "switch_channel_perform_set_running_state", 2409),
    "CHANNEL_HANGUP_COMPLETE": ("switch_core_state_machine.c", "switch_core_session_reporting_state", 943),
    "CHANNEL_BRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", 1689),
    "CHANNEL_UNBRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", 1879),
    "DTMF": ("switch_channel.c", "switch_channel_dequeue_dtmf", 678),
    "RECORD_START": ("switch_ivr_async.c", "record_callback", 1482),
    "RECORD_STOP": ("switch_ivr_async.c", "send_record_stop_event", 1241),
    "MEDIA_BUG_START": ("switch_core_media_bug.c", "switch_core_media_bug_add", 1014),
    "MEDIA_BUG_STOP": ("switch_core_media_bug.c", "switch_core_media_bug_destroy", 84),
    "BACKGROUND_JOB": ("mod_event_socket.c", "api_exec", 1580),
}

WITHOUT_VARIABLES = frozenset({"CHANNEL_STATE", "DTMF", "BACKGROUND_JOB"})
"""Events that carry no channel variables."""

# What ``myevents`` subscribes to (mod_event_socket.c:2090).
MY_EVENTS = frozenset(
    f"CHANNEL_{name}"
    for name in (
        "ANSWER", "APPLICATION", "BRIDGE", "CREATE", "DATA", "DESTROY", "EXECUTE", "EXECUTE_COMPLETE", "HANGUP",
        "HANGUP_COMPLETE", "ORIGINATE", "UUID", "OUTGOING", "PARK", "PROGRESS", "PROGRESS_MEDIA", "STATE", "UNBRIDGE",
        "UNPARK",
    )
) | {"DETECTED_SPEECH", "DTMF", "NOTALK", "TALK"}  # fmt: skip

EXECUTE, ROUTING, PARK, HANGUP, REPORTING = 4, 2, 6, 10, 11
STATE_NAMES = {EXECUTE: "CS_EXECUTE", ROUTING: "CS_ROUTING", PARK: "CS_PARK", HANGUP: "CS_HANGUP",
               REPORTING: "CS_REPORTING"}  # fmt: skip
"""Channel states, by FreeSWITCH's numbers."""

EVENT_NAMES = MY_EVENTS | frozenset(_ORIGIN) | {
    "ALL", "CUSTOM", "API", "HEARTBEAT", "CHANNEL_CALLSTATE", "PLAYBACK_START",
    "PLAYBACK_STOP", "CALL_UPDATE", "MESSAGE", "PRESENCE_IN", "RE_SCHEDULE", "ADD_SCHEDULE", "DEL_SCHEDULE",
    "EXE_SCHEDULE", "SHUTDOWN", "STARTUP", "LOG", "MODULE_LOAD", "MODULE_UNLOAD", "RELOADXML", "CODEC",
    "SESSION_HEARTBEAT", "RECV_RTCP_MESSAGE", "SEND_RTCP_MESSAGE", "MEDIA_BUG_START", "MEDIA_BUG_STOP",
}  # fmt: skip
"""Names that ``event`` accepts. A selection of FreeSWITCH's list."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec of the caller's leg. ``rate`` is what FreeSWITCH decodes to, in Hz; ``clock`` is SDP's rate."""

    name: str
    payload: int
    rate: int
    clock: int = 8000
    bit_rate: int = 64000
    module: str = "CORE_PCM_MODULE"


CODECS = {
    "PCMU": Codec("PCMU", 0, 8000),
    "PCMA": Codec("PCMA", 8, 8000),
    "G722": Codec("G722", 9, 16000, module="mod_spandsp"),
}


@dataclass(frozen=True, slots=True)
class Profile:
    """A caller profile: who calls whom, and when what happened (microseconds since 1970, 0 = not yet)."""

    username: str
    name: str
    number: str
    destination: str
    uuid: str
    channel_name: str
    created: int
    channel_created: int
    index: int = 1
    answered: int = 0
    progress: int = 0
    hangup: int = 0
    bridged: int = 0
    shown: str = ""
    """Caller ID number where it is not ``number`` (``origination_caller_id_number``)."""

    callee: str = ""
    transfer_source: str = ""
    rdnis: str = ""
    direction: str = "inbound"
    logical_direction: str = "inbound"

    def at(self, **times: int) -> "Profile":
        """The same profile with other times."""
        return replace(self, **times)  # type: ignore[arg-type]


def event_head(name: str, stamp: int, sequence: int, core_uuid: str) -> list[Header]:
    """The first headers of every event. ``stamp``: microseconds since 1970; dates are written in UTC."""
    file, function, line = _ORIGIN[name]
    moment = time.gmtime(stamp // 1_000_000)
    return [
        ("Event-Name", name),
        ("Core-UUID", core_uuid),
        ("FreeSWITCH-Hostname", "standin"),
        ("FreeSWITCH-Switchname", "standin"),
        ("FreeSWITCH-IPv4", "127.0.0.1"),
        ("FreeSWITCH-IPv6", "::1"),
        ("Event-Date-Local", time.strftime("%Y-%m-%d %H:%M:%S", moment)),
        ("Event-Date-GMT", time.strftime("%a, %d %b %Y %H:%M:%S GMT", moment)),
        ("Event-Date-Timestamp", str(stamp)),
        ("Event-Calling-File", file),
        ("Event-Calling-Function", function),
        ("Event-Calling-Line-Number", str(line)),
        ("Event-Sequence", str(sequence)),
    ]


def profile_headers(prefix: str, profile: Profile) -> list[Header]:
    """A caller profile under ``prefix`` (``Caller``, ``Channel``, ``Other-Leg``)."""
    callee = [("Callee-ID-Name", "Outbound Call"), ("Callee-ID-Number", profile.callee)] if profile.callee else []
    transfer = [("Transfer-Source", profile.transfer_source)] if profile.transfer_source else []
    rdnis = [("RDNIS", profile.rdnis)] if profile.rdnis else []
    index = [("Profile-Index", str(profile.index))] if profile.index else []
    fields: list[Header] = [
        ("Direction", profile.direction),
        ("Logical-Direction", profile.logical_direction),
        ("Username", profile.username),
        ("Dialplan", "XML"),
        ("Caller-ID-Name", profile.name),
        ("Caller-ID-Number", profile.shown or profile.number),
        ("Orig-Caller-ID-Name", profile.name),
        ("Orig-Caller-ID-Number", profile.number),
        *callee,
        ("Network-Addr", "127.0.0.1"),
        ("ANI", profile.number),
        ("Destination-Number", profile.destination),
        ("Unique-ID", profile.uuid),
        ("Source", "mod_sofia"),
        *transfer,
        ("Context", "default"),
        *rdnis,
        ("Channel-Name", profile.channel_name),
        *index,
        ("Profile-Created-Time", str(profile.created)),
        ("Channel-Created-Time", str(profile.channel_created)),
        ("Channel-Answered-Time", str(profile.answered)),
        ("Channel-Progress-Time", str(profile.progress)),
        ("Channel-Progress-Media-Time", "0"),
        ("Channel-Hangup-Time", str(profile.hangup)),
        ("Channel-Transfer-Time", "0"),
        ("Channel-Resurrect-Time", "0"),
        ("Channel-Bridged-Time", str(profile.bridged)),
        ("Channel-Last-Hold", "0"),
        ("Channel-Hold-Accum", "0"),
        ("Screen-Bit", "true"),
        ("Privacy-Hide-Name", "false"),
        ("Privacy-Hide-Number", "false"),
    ]
    return [(f"{prefix}-{name}", value) for name, value in fields]


@dataclass(frozen=True, slots=True)
class ChannelView:
    """What the basic headers of a channel's events say."""

    running_state: str
    call_state: str
    state_number: int
    answer_state: str
    cause: str
    codec: Codec
    profile: Profile
    other: Profile | None = None


def channel_headers(view: ChannelView) -> list[Header]:
    """The basic data of a channel, as in every event of one."""
    profile, codec = view.profile, view.codec
    cause = [("Hangup-Cause", view.cause)] if view.cause else []
    other = [("Other-Type", "originatee"), *profile_headers("Other-Leg", view.other)] if view.other else []
    return [
        ("Channel-State", view.running_state),
        ("Channel-Call-State", view.call_state),
        ("Channel-State-Number", str(view.state_number)),
        ("Channel-Name", profile.channel_name),
        ("Unique-ID", profile.uuid),
        ("Call-Direction", "inbound"),
        ("Presence-Call-Direction", "inbound"),
        ("Channel-HIT-Dialplan", "true"),
        ("Channel-Call-UUID", profile.uuid),
        ("Answer-State", view.answer_state),
        *cause,
        ("Channel-Read-Codec-Name", codec.name),
        ("Channel-Read-Codec-Rate", str(codec.rate)),
        ("Channel-Read-Codec-Bit-Rate", str(codec.bit_rate)),
        ("Channel-Write-Codec-Name", codec.name),
        ("Channel-Write-Codec-Rate", str(codec.rate)),
        ("Channel-Write-Codec-Bit-Rate", str(codec.bit_rate)),
        *profile_headers("Caller", profile),
        *other,
    ]


def variable_headers(variables: Iterable[tuple[str, str]]) -> list[Header]:
    """Channel variables as event headers."""
    return [(f"variable_{name}", value) for name, value in variables]
