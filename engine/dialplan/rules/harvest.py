"""``python -m engine.dialplan.rules.harvest SOURCE > engine/dialplan/rules/freeswitch.json``: what FreeSWITCH knows.

Reads a tree of FreeSWITCH's source and writes which application, API command and codec is in which module, which
applications may run inline, and which parameters a gateway and a profile have. Only names, which are facts; no text is
taken over. What is written differently in the source (names in variables) is in ``BY_HAND``.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CALL = re.compile(r"\b(SWITCH_ADD_APP|SWITCH_ADD_API|SWITCH_ADD_JSON_API|switch_core_codec_add_implementation)\s*\(")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
STRING = re.compile(r'^"([^"]*)"$')
BY_HAND: dict[str, dict[str, Any]] = {
    "applications": {
        "conference": ["mod_conference", False],
        # What mod_skinny looks for in its own hunt, without registering it.
        **{f"skinny-{name}": ["mod_skinny", False] for name in ("process", "drop", "wait", "route")},
    },
    # Third-party modules that people load for voice engines.
    "apis": {"uuid_audio_stream": "mod_audio_stream", "uuid_audio_fork": "mod_audio_fork"},
    "codecs": {"PCMU": "", "PCMA": "", "L16": "", "PROXY": "", "PROXY-VID": "", "VP8": "", "VP9": "",
               "opus": "mod_opus",
               "OPUS": "mod_opus", "G729": "mod_g729", "AMR": "mod_amr", "AMR-WB": "mod_amrwb", "T140": "", "RED": "",
               "G722": "mod_spandsp", "GSM": "mod_spandsp", "H264": "mod_av", "H263": "mod_av",
               "H263-1998": "mod_av", "H261": "mod_av",
               "speex": "mod_speex", "SPEEX": "mod_speex"},
}


def arguments(text: str, start: int) -> list[str]:
    """The arguments of a C call whose opening bracket stands before ``start``."""
    found, depth, current, quoted = [], 1, "", False
    for position in range(start, min(len(text), start + 4000)):
        char = text[position]
        if char == '"' and text[position - 1] != "\\":
            quoted = not quoted
        elif not quoted and char == "(":
            depth += 1
        elif not quoted and char == ")":
            depth -= 1
            if not depth:
                break
        if char == "," and depth == 1 and not quoted:
            found.append(current.strip())
            current = ""
        else:
            current += char
    return [*found, current.strip()]


def calls(text: str) -> Iterator[tuple[str, list[str]]]:
    """Every registration in one file: the macro's name and its arguments."""
    text = COMMENT.sub(" ", text)
    for match in CALL.finditer(text):
        yield match.group(1), arguments(text, match.end())


def module_of(file: Path, source: Path) -> str:
    """The module a file belongs to: the ``mod_...`` folder; nothing for the core."""
    return next((part for part in reversed(file.relative_to(source).parts[:-1]) if part.startswith("mod_")), "")


def compared(file: Path, function: str, last: str) -> list[str]:
    """The words a parser function compares parameter names with (``str[case]cmp(var, "x")``), between two marks."""
    text = file.read_text(encoding="utf-8", errors="replace")
    begin = text.index(function)
    names = re.findall(r'str(?:n?case)?n?cmp\(var, "([^"]+)"', text[begin:text.index(last, begin)])
    return sorted(set(names))


def harvest(source: Path) -> dict[str, Any]:
    """The whole table."""
    table: dict[str, dict[str, Any]] = {"applications": {}, "apis": {}, "codecs": {}}
    modules = set()
    for file in sorted([*source.rglob("src/**/*.c"), *source.rglob("src/**/*.cpp")]):
        module = module_of(file, source)
        text = file.read_text(encoding="utf-8", errors="replace")
        if module and "SWITCH_MODULE_DEFINITION(" in text:
            modules.add(module)
        for macro, args in calls(text):
            name = STRING.match(args[4 if macro.startswith("switch_core") and len(args) > 4 else 1])
            if not name or not name.group(1):
                continue
            if macro == "SWITCH_ADD_APP":
                table["applications"][name.group(1)] = [module, "SAF_ROUTING_EXEC" in args[-1]]
            elif macro == "SWITCH_ADD_API":
                table["apis"][name.group(1)] = module
            elif macro.startswith("switch_core"):
                table["codecs"].setdefault(name.group(1), module)
    for group, entries in BY_HAND.items():
        for key, value in entries.items():
            table[group][key] = value
    sofia = source / "src/mod/endpoints/mod_sofia/sofia.c"
    begin = "static void parse_gateways(sofia_profile_t *profile, switch_xml_t gateways_tag, const char *gwname)\n"
    gateway = compared(sofia, begin, "static void parse_domain_tag")
    caller = (source / "src/switch_caller.c").read_text(encoding="utf-8")
    fields = re.findall(r'strcasecmp\(name, "([^"]+)"', caller)
    return {**{group: dict(sorted(entries.items())) for group, entries in table.items()},
            "modules": sorted(modules), "gateway_params": gateway, "caller_fields": fields}


if __name__ == "__main__":
    json.dump(harvest(Path(sys.argv[1])), sys.stdout, indent=0)
    print()
