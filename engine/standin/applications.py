"""Dialplan applications, as far as the stand-in has them. Each is ``(channel, data) -> outcome``. Pure.

Outcome: an ``Activity`` when it lasts, else its ``Application-Response`` or None. An application that is not here hangs
up the call with DESTINATION_OUT_OF_ORDER, as FreeSWITCH does with a name that it does not know.
"""

from collections.abc import Callable

from engine.standin.actions import Connect
from engine.standin.activities import Activity, Away, Connecting, Park, Playback, Sleep
from engine.standin.bridging import bridge
from engine.standin.channel import Channel
from engine.standin.prompts import load_prompt
from engine.standin.recording import start_recording, stop_recording

Outcome = Activity | str | None


def _answer(channel: Channel, data: str) -> Outcome:
    channel.answer()
    return None


def _pre_answer(channel: Channel, data: str) -> Outcome:
    channel.pre_answer()
    return None


def _set(channel: Channel, data: str) -> Outcome:
    name, _, value = data.partition("=")
    channel.variables.put(name.strip(), value)
    return None


def _multiset(channel: Channel, data: str) -> Outcome:
    separator = " "
    if data.startswith("^^"):
        separator, data = data[2], data[3:]
    for pair in data.split(separator):
        _set(channel, pair)
    return None


def _unset(channel: Channel, data: str) -> Outcome:
    channel.variables.pop(data.strip(), None)
    return None


def _respond(channel: Channel, data: str) -> Outcome:
    if channel.answer_state != "answered":  # a final response is out already
        channel.hangup({"486": "USER_BUSY", "404": "UNALLOCATED_NUMBER"}.get(data[:3], "CALL_REJECTED"))
    return None


def _deflect(channel: Channel, data: str) -> Outcome:
    channel.hangup("BLIND_TRANSFER")  # the trunk takes the caller, and says BYE
    return None


def _nothing(channel: Channel, data: str) -> Outcome:
    return None


def _sleep(channel: Channel, data: str) -> Outcome:
    return Sleep(channel.now + int(data or 0) / 1000)


def _park(channel: Channel, data: str) -> Outcome:
    # On a channel that is parked already it returns at once; in the dialplan it parks.
    return None if any(isinstance(entry, Park) for entry in channel.stack) else Park(by_socket=False)


def _hangup(channel: Channel, data: str) -> Outcome:
    channel.hangup(data.strip() or "NORMAL_CLEARING")
    return None


def _socket(channel: Channel, data: str) -> Outcome:
    hosts = []
    for host in data.split()[0].split("|"):  # h1:p1|h2:p2/path async full
        name, _, port = host.partition("/")[0].rpartition(":")
        hosts.append((name or "127.0.0.1", int(port)))
    channel.actions.append(Connect(tuple(hosts)))
    return Connecting()


def _playback(channel: Channel, data: str) -> Outcome:
    channel.stop_unicast()  # switch_core_session_reset (switch_ivr_play_say.c:2071): dead both ways, for good
    prompt = load_prompt(data, channel.codec.rate)
    return "FILE NOT FOUND" if prompt is None else Playback(*prompt, started=channel.now)


def _away(channel: Channel, data: str) -> Outcome:
    channel.stop_unicast()
    return Away()


def _transfer(channel: Channel, data: str) -> Outcome:
    extension, dialplan, context, *_ = [*data.split(), "XML", "default"][:3] if data.count(" ") == 0 else [
        *data.split(), "default"]  # fmt: skip
    channel.transfer(extension, context, dialplan)
    return None


def _sched_transfer(channel: Channel, data: str) -> Outcome:
    when, extension, *_ = data.split()
    channel.later(float(when.lstrip("+")), "sched", lambda: channel.transfer(extension))
    return None


def _sched_hangup(channel: Channel, data: str) -> Outcome:
    when, *cause = data.split()
    why = cause[0] if cause else "NORMAL_CLEARING"
    channel.later(float(when.lstrip("+")), "sched", lambda: channel.hangup(why))
    return None


def _send_dtmf(channel: Channel, data: str) -> Outcome:
    channel.variables.put("last_dtmf_duration", 1500)
    return None


def _record_session(channel: Channel, data: str) -> Outcome:
    start_recording(channel, data.split("+")[0].strip())
    return None


def _stop_record_session(channel: Channel, data: str) -> Outcome:
    stop_recording(channel, data.strip())
    return None


APPLICATIONS: dict[str, Callable[[Channel, str], Outcome]] = {
    "answer": _answer,
    "pre_answer": _pre_answer,
    "set": _set,
    "export": _set,
    "multiset": _multiset,
    "unset": _unset,
    "sleep": _sleep,
    "park": _park,
    "hangup": _hangup,
    "respond": _respond,
    "deflect": _deflect,
    "socket": _socket,
    "playback": _playback,
    "bridge": bridge,
    "transfer": _transfer,
    "sched_transfer": _sched_transfer,
    "sched_hangup": _sched_hangup,
    "send_dtmf": _send_dtmf,
    "record_session": _record_session,
    "stop_record_session": _stop_record_session,
    **dict.fromkeys(("log", "info", "execute_extension", "start_dtmf", "stop_dtmf", "break", "presence",
                     "ring_ready"), _nothing),
    **dict.fromkeys(
        ("callcenter", "fifo", "conference", "echo", "say", "speak", "record", "play_and_get_digits"), _away
    ),
}
