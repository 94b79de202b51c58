"""API commands (``api`` and ``bgapi``), as far as the stand-in has them. Pure: text in, text out.

Answers are those of FreeSWITCH 1.11.2 (``tests/data/esl``), except ``show`` and ``module_exists``, which were not
recorded and follow the documented form.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.standin.applications import APPLICATIONS
from engine.standin.recording import start_recording, stop_recording

if TYPE_CHECKING:
    from engine.standin.channel import Channel
    from engine.standin.core import Switch

OK, NO_CHANNEL, SUCCESS = "+OK\n", "-ERR No such channel!\n", "+OK Success\n"
_SHOW_COLUMNS = ("uuid", "direction", "created", "created_epoch", "name", "state", "cid_name", "cid_num", "ip_addr",
                 "dest", "application", "application_data", "dialplan", "context", "read_codec", "read_rate",
                 "callstate", "hostname")  # fmt: skip

Command = Callable[["Switch", "Channel", list[str]], str]


def run(switch: "Switch", line: str, now: float) -> str:
    """Run one command line; every answer is text, errors included."""
    name, _, argument = line.strip().partition(" ")
    words = argument.split()
    if name in _GLOBAL:
        return _GLOBAL[name](switch, words, now)
    if name not in _PER_CHANNEL:
        return f"-ERR {name} Command not found!\n"
    command, least, usage = _PER_CHANNEL[name]
    if len(words) < least:
        return f"-USAGE: {usage}\n"
    channel = switch.channels.get(words[1] if name == "uuid_hold" and words[0] in ("off", "toggle") else words[0])
    if channel is None or channel.ended:
        return "-ERR Invalid uuid\n" if name == "uuid_bridge" else NO_CHANNEL
    channel.now = max(channel.now, now)
    return command(switch, channel, words[1:])


# ---- commands of a call


def _kill(switch: "Switch", channel: "Channel", words: list[str]) -> str:
    channel.hangup(words[0] if words else "NORMAL_CLEARING")
    channel.wake()
    return OK


def _transfer(switch: "Switch", channel: "Channel", words: list[str]) -> str:
    words = [word for word in words if word not in ("-bleg", "-both")]
    extension, dialplan, context = [*words, "XML", "default"][:3] if len(words) < 3 else words[:3]
    channel.transfer(extension, context, dialplan)
    return OK


def _park(switch: "Switch", channel: "Channel", words: list[str]) -> str:
    channel.park()
    return OK


def _break(switch: "Switch", channel: "Channel", words: list[str]) -> str:
    channel.broken = True
    if "all" in words:
        channel.messages.clear()
    return OK


def _getvar(switch: "Switch", channel: "Channel", words: list[str]) -> str:
    return channel.variables.get(words[0], "_undef_")


def _setvar(switch: "Switch", channel: "Channel", words: list[str]) -> str:
    channel.variables.put(words[0], " ".join(words[1:]))
    return OK


def _record(switch: "Switch", channel: "Channel", words: list[str]) -> str:
    what, path = words[0], " ".join(words[1:2])
    if what == "start":
        start_recording(channel, path)
        return SUCCESS
    if path not in channel.recordings and path != "all":
        return f"-ERR Cannot {what} recording session!\n"
    if what == "stop":
        stop_recording(channel, path)
    return SUCCESS


def _displace(switch: "Switch", channel: "Channel", words: list[str]) -> str:
    # Recorded: a tone mixed in (flags "m") works, with "w" it is refused, and it has ended before it can be stopped.
    if words[0] == "stop":
        return "-ERR Cannot stop displace session!\n"
    return "-ERR Cannot displace session!\n" if "w" in words[-1] else SUCCESS


def _broadcast(switch: "Switch", channel: "Channel", words: list[str]) -> str:
    app, _, data = words[0].partition("::") if "::" in words[0] else ("playback", "", words[0])
    channel.queue_application(app, data.replace("::", " "))
    return "+OK Message sent\n"


def _done(switch: "Switch", channel: "Channel", words: list[str]) -> str:
    return SUCCESS


def _bridge(switch: "Switch", channel: "Channel", words: list[str]) -> str:
    return "-ERR Invalid uuid\n"


def _dump(switch: "Switch", channel: "Channel", words: list[str]) -> str:
    headers = [*switch.head("CHANNEL_DATA", channel.now), *channel.headers(), *channel.variable_headers()]
    return "".join(f"{name}: {value}\n" for name, value in headers) + "\n"


_PER_CHANNEL: dict[str, tuple[Command, int, str]] = {
    "uuid_kill": (_kill, 1, "<uuid> [cause]"),
    "uuid_transfer": (_transfer, 2, "<uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]"),
    "uuid_park": (_park, 1, "<uuid>"),
    "uuid_break": (_break, 1, "<uuid> [all]"),
    "uuid_getvar": (_getvar, 2, "<uuid> <var>"),
    "uuid_setvar": (_setvar, 2, "<uuid> <var> [value]"),
    "uuid_record": (_record, 3, "<uuid> [start|stop|mask|unmask] <path> [<limit>]"),
    "uuid_displace": (_displace, 3, "<uuid> [start|stop] <path> [<limit>] [mux]"),
    "uuid_broadcast": (_broadcast, 2, "<uuid> <path> [aleg|bleg|holdb|both]"),
    "uuid_hold": (_done, 1, "[off|toggle] <uuid> [<display>]"),
    "uuid_send_dtmf": (_done, 2, "<uuid> <dtmf_data>"),
    "uuid_bridge": (_bridge, 2, "<uuid> <other_uuid>"),
    "uuid_dump": (_dump, 1, "<uuid> [format]"),
}


# ---- commands of the switch


def _exists(switch: "Switch", words: list[str], now: float) -> str:
    channel = switch.channels.get(words[0]) if words else None
    return "true" if channel is not None and not channel.ended else "false"


def _status(switch: "Switch", words: list[str], now: float) -> str:
    seconds = int(now)
    live, microseconds = len(switch.channels), int(now * 1_000_000)
    return (
        f"UP 0 years, {seconds // 86400} days, {seconds // 3600 % 24} hours, {seconds // 60 % 60} minutes, "
        f"{seconds % 60} seconds, {microseconds // 1000 % 1000} milliseconds, {microseconds % 1000} microseconds\n"
        "FreeSWITCH (Version stand-in of Trunkline 64bit) is ready\n"
        f"{switch.placed} session(s) since startup\n"
        f"{live} session(s) - peak {switch.peak}, last 5min {switch.peak} \n"
        f"0 session(s) per Sec out of max 500, peak {switch.peak}, last 5min {switch.peak} \n"
        "2000 session(s) max\nmin idle cpu 0.00/100.00\nCurrent Stack Size/Max 240K/240K\n"
    )


def _sched_del(switch: "Switch", words: list[str], now: float) -> str:
    channel = switch.channels.get(words[0]) if words else None
    count = channel.timers.cancel("sched") if channel else 0
    return f"+OK Deleted: {count}\n"


def _sched_transfer(switch: "Switch", words: list[str], now: float) -> str:
    channel = switch.channels.get(words[1]) if len(words) > 2 else None
    if channel is None:
        return "-USAGE: [+]<time> <uuid> <extension> [<dialplan>] [<context>]\n"
    extension = words[2]
    channel.now = max(channel.now, now)
    channel.later(float(words[0].lstrip("+")), "sched", lambda: channel.transfer(extension))
    return f"+OK Added: {switch.dice.randrange(1, 1000)}\n"


def _sched_hangup(switch: "Switch", words: list[str], now: float) -> str:
    channel = switch.channels.get(words[1]) if len(words) > 1 else None
    if channel is None:
        return "-USAGE: [+]<time> <uuid> [<cause>]\n"
    cause = words[2] if len(words) > 2 else "ALLOTTED_TIMEOUT"
    channel.now = max(channel.now, now)
    channel.later(float(words[0].lstrip("+")), "sched", lambda: channel.hangup(cause))
    return "+OK\n"


def _create_uuid(switch: "Switch", words: list[str], now: float) -> str:
    return switch.new_uuid()


def _originate(switch: "Switch", words: list[str], now: float) -> str:
    if len(words) < 2:
        return ("-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] "
                "[<cid_num>] [<timeout_sec>]\n")  # fmt: skip
    return "-ERR NORMAL_TEMPORARY_FAILURE\n"


def _module_exists(switch: "Switch", words: list[str], now: float) -> str:
    present = {"mod_sofia", "mod_dptools", "mod_commands", "mod_event_socket", "mod_dialplan_xml", "mod_tone_stream"}
    present |= {f"mod_{name}" for name in ("fifo", "callcenter", "conference") if name in APPLICATIONS}
    return "true" if words and words[0] in present else "false"


def _show(switch: "Switch", words: list[str], now: float) -> str:
    if words[:1] not in (["channels"], ["calls"]):
        return "-USAGE: show channels [count] [as json]\n"
    rows = [_show_row(channel) for channel in switch.channels.values()]
    if "json" in words:
        return json.dumps({"row_count": len(rows), "rows": rows} if rows else {"row_count": 0}, separators=(",", ":"))
    total = f"\n{len(rows)} total.\n"
    if "count" in words or not rows:
        return total
    return ",".join(_SHOW_COLUMNS) + "\n" + "".join(",".join(row.values()) + "\n" for row in rows) + total


def _show_row(channel: "Channel") -> dict[str, str]:
    profile, stamp = channel.profile, channel.profile.channel_created
    values = (channel.uuid, "inbound", dict(channel.switch.head("CHANNEL_DATA", channel.now))["Event-Date-Local"],
              str(stamp // 1_000_000), profile.channel_name, dict(channel.headers())["Channel-State"], profile.name,
              profile.number, "127.0.0.1", profile.destination, *channel.last_app, "XML", "default",
              channel.codec.name, str(channel.codec.rate), channel.call_state, "standin")  # fmt: skip
    return dict(zip(_SHOW_COLUMNS, values, strict=True))


_GLOBAL: dict[str, Callable[["Switch", list[str], float], str]] = {
    "uuid_exists": _exists,
    "status": _status,
    "sched_del": _sched_del,
    "sched_transfer": _sched_transfer,
    "sched_hangup": _sched_hangup,
    "create_uuid": _create_uuid,
    "originate": _originate,
    "module_exists": _module_exists,
    "show": _show,
}
