"""What is noted while a configuration is read: faults, directives, global variables and where they are used."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.dialplan.source import Place

FaultKind = Literal["error", "warning"]
How = Literal["set", "env-set", "exec-set", "stun-set", "core"]

CORE_VARIABLES = {
    "hostname": "freeswitch", "local_ip_v4": "127.0.0.1", "local_mask_v4": "255.255.255.0", "local_ip_v6": "::1",
    "base_dir": "/usr", "recordings_dir": "/var/lib/freeswitch/recordings",
    "sound_prefix": "/usr/share/freeswitch/sounds", "sounds_dir": "/usr/share/freeswitch/sounds",
    "conf_dir": "/etc/freeswitch", "log_dir": "/var/log/freeswitch", "run_dir": "/var/run/freeswitch",
    "db_dir": "/var/lib/freeswitch/db", "mod_dir": "/usr/lib/freeswitch/mod",
    "htdocs_dir": "/usr/share/freeswitch/htdocs", "script_dir": "/usr/share/freeswitch/scripts", "temp_dir": "/tmp",
    "grammar_dir": "/usr/share/freeswitch/grammar", "fonts_dir": "/usr/share/freeswitch/fonts",
    "images_dir": "/var/lib/freeswitch/images", "certs_dir": "/etc/freeswitch/tls",
    "storage_dir": "/var/lib/freeswitch/storage", "cache_dir": "/var/cache/freeswitch",
    "data_dir": "/usr/share/freeswitch", "localstate_dir": "/var/lib/freeswitch", "core_uuid": "",
}
"""Set by FreeSWITCH's core before it reads the first file (``src/switch_core.c``). The values are those of the Debian
packages; the true ones are known only where FreeSWITCH runs."""


@dataclass(frozen=True)
class Fault:
    """Something about the text itself. ``error``: FreeSWITCH does not load it, or loads something else than is
    written. ``warning``: FreeSWITCH loads it, other XML readers do not, or it is rarely meant. ``code`` is one of
    few words, for a rule to look for."""

    place: Place
    kind: FaultKind
    message: str
    code: str = ""


@dataclass(frozen=True)
class Directive:
    """One ``X-PRE-PROCESS`` (or ``<!--#``) as FreeSWITCH understands it. ``files``: what an include found, in order."""

    cmd: str
    data: str
    place: Place
    in_comment: bool
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Variable:
    """A global variable. ``known``: the value is what FreeSWITCH would have; False where it comes from a command, a
    server, an environment that is not here, or the core. ``place`` is None for the core's own."""

    name: str
    value: str
    place: Place | None
    how: How
    known: bool = True


@dataclass(frozen=True)
class Use:
    """One ``$${name}``. ``defined``: the variable had been set at that line; if not, FreeSWITCH puts nothing."""

    name: str
    place: Place
    defined: bool
    in_comment: bool = False
