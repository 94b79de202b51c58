"""What FreeSWITCH knows by name, and what carriers publish: the tables that rules look things up in."""

import json
from functools import cache
from importlib import resources
from typing import Any

from engine.dialplan.model import is_number, is_true


@cache
def _freeswitch() -> dict[str, Any]:
    text = resources.files("engine.dialplan.rules").joinpath("freeswitch.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def application(name: str) -> tuple[str, bool] | None:
    """The module of an application (empty: the core) and whether it may run inline; None for an unknown one. Names
    are not case sensitive (facts: the core's hash of applications)."""
    found = _applications().get(name.lower())
    return (found[0], found[1]) if found else None


@cache
def _applications() -> dict[str, tuple[str, bool]]:
    return {name.lower(): (module, inline) for name, (module, inline) in _freeswitch()["applications"].items()}


@cache
def application_names() -> tuple[str, ...]:
    """All applications, for "did you mean"."""
    return tuple(_freeswitch()["applications"])


@cache
def apis() -> dict[str, str]:
    """API commands and their modules."""
    return {name.lower(): module for name, module in _freeswitch()["apis"].items()}


@cache
def codecs() -> dict[str, str]:
    """Codecs by their name in lower case, and the module that has them (empty: the core)."""
    return {name.lower(): module for name, module in _freeswitch()["codecs"].items()}


@cache
def modules() -> frozenset[str]:
    """The modules of FreeSWITCH's own source."""
    return frozenset(_freeswitch()["modules"])


@cache
def gateway_params() -> frozenset[str]:
    """The ``<param>`` names a gateway has; any other is ignored in silence."""
    return frozenset(_freeswitch()["gateway_params"])


@cache
def caller_fields() -> frozenset[str]:
    """The bare words ``field=`` may be."""
    return frozenset(_freeswitch()["caller_fields"])


FALSE_WORDS = frozenset({"no", "off", "false", "f", "disabled", "inactive", "disallow", ""})


def truth(text: str) -> bool | None:
    """A boolean as FreeSWITCH reads it (``switch_true``); None for a word that is neither, which it reads as false."""
    if is_true(text):
        return True
    return False if text.lower() in FALSE_WORDS or is_number(text) else None


TIME_RANGES = {"year": (1970, 9999), "yday": (1, 366), "mon": (1, 12), "mday": (1, 31), "week": (1, 53),
               "mweek": (1, 6), "wday": (1, 7), "hour": (0, 23), "minute": (0, 59), "minute-of-day": (1, 1440)}
"""Time attributes of a condition and the values they have. wday counts from Sunday = 1."""

TWILIO_SIGNALLING = ("54.172.60.0/30", "54.244.51.0/30", "54.171.127.192/30", "35.156.191.128/30", "54.65.63.192/30",
                     "54.169.127.128/30", "54.252.254.64/30", "177.71.206.192/30")
"""Addresses that Twilio's SIP trunking calls from, one block an edge (published, 2026-07)."""

ENGINE_VARIABLES = frozenset({"trunkline_agent", "trunkline_outbound", "trunkline_dialled", "trunkline_queue",
                              "trunkline_return", "trunkline_recording", "trunkline_digits", "trunkline_node",
                              "trunkline_language", "trunkline_record"})
"""Channel variables that the engine reads or sets."""
