"""What applications do to the channel that a hunt can follow: those that set variables.

``inline="true"`` runs an application during the hunt. FreeSWITCH allows it for few (facts: ``SAF_ROUTING_EXEC`` in its
modules); an application that is not one of them is not run then.
"""

from engine.dialplan.api import split
from engine.dialplan.channel import Channel, needs_expansion

INLINE = frozenset((
    "check_acl", "verbose_events", "novideo", "cng_plc", "early_hangup", "eval", "set_media_stats", "stop",
    "set_zombie_exec", "presence", "log", "info", "event", "export", "bridge_export", "set", "multiset", "push",
    "unshift", "set_global", "set_profile_var", "unset", "multiunset", "set_user",
    "smpp_send", "curl", "curl_sendfile", "easyroute", "translate", "cidlookup", "hiredis_raw", "enum", "nibblebill",
    "lcr", "osplookup", "ospnext", "distributor",
))
"""Applications that FreeSWITCH 1.10 and 1.11 run inline; the last two lines are of modules that may not be loaded."""

SILENT = frozenset(("eval", "log", "info", "event", "stop", "verbose_events", "novideo", "cng_plc", "early_hangup",
                    "set_media_stats", "set_zombie_exec", "presence"))
"""Those that leave the variables of the channel as they are."""


def run_inline(channel: Channel, app: str, data: str) -> str:
    """Run an application as the hunt does; returns what to say about it, empty where it is silent."""
    if app not in INLINE:
        return f"{app} is not run: FreeSWITCH runs few applications inline, and this is none of them"
    return run(channel, app, data)


def run(channel: Channel, app: str, data: str) -> str:
    """Do what the application does to the variables; returns what was set, or that nobody here knows."""
    if (channel.get("app_disable_expand_variables") or "").lower() not in ("true", "yes", "on", "1"):
        data = channel.expand(data)
    effect = EFFECTS.get(app)
    if effect is not None:
        return effect(channel, data)
    if app in SILENT:
        return ""
    return f"what {app} does is not known here"


def _set(channel: Channel, data: str) -> str:
    name, value = _pair(data)
    value = channel.expand(value) if needs_expansion(value) else value
    channel.set(name, value)
    return f"{name}={value}" if value else f"{name} unset"


def _push(channel: Channel, data: str, front: bool = False) -> str:
    name, value = _pair(data)
    value = channel.expand(value)
    if value:
        channel.push(name, value, front)
    else:
        channel.set(name, None)
    return f"{name}={channel.get(name) or ''}"


def _multiset(channel: Channel, data: str) -> str:
    return ", ".join(_set(channel, part) for part in _parts(data))


def _unset(channel: Channel, data: str) -> str:
    channel.set(data, None)
    return f"{data} unset"


def _multiunset(channel: Channel, data: str) -> str:
    return ", ".join(_unset(channel, part) for part in _parts(data))


def _export(channel: Channel, data: str, exports: str = "export_vars") -> str:
    name, _, value = data.partition("=")
    channel.set(name, value)
    if value:
        known = channel.get(exports)
        channel.set(exports, f"{known},{name}" if known else name)
    return f"{name}={value}"


def _bridge_export(channel: Channel, data: str) -> str:
    return _export(channel, data, "bridge_export_vars")


def _profile(channel: Channel, data: str) -> str:
    name, _, value = data.partition("=")
    channel.fields[name.lower()] = value
    return f"{name}={value}"


def _global(channel: Channel, data: str) -> str:
    name, _, value = data.partition("=")
    channel.globals_ = {**channel.globals_, name.lower(): value}
    return f"global {name}={value}"


def _pair(data: str) -> tuple[str, str]:
    """``name=value``; without ``=``, ``name,value``."""
    name, equals, value = data.partition("=")
    return (name, value) if equals else (data.partition(",")[0], data.partition(",")[2])


def _parts(data: str) -> list[str]:
    """``a=1 b=2``, or with a separator of one's own: ``^^:a=1:b=2``."""
    if data.startswith("^^") and len(data) > 3:
        return split(data[3:], data[2], 256)
    return [part for part in split(data, " ", 256) if part]


EFFECTS = {
    "set": _set, "multiset": _multiset, "push": _push, "unset": _unset, "multiunset": _multiunset, "export": _export,
    "unshift": lambda channel, data: _push(channel, data, front=True), "bridge_export": _bridge_export,
    "set_profile_var": _profile, "set_global": _global,
}
