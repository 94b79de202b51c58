"""Rules about text that callers choose: in commands, in headers, in logs; and about files that are not there."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from engine.dialplan.rules import tables
from engine.dialplan.rules.patterns import GROUP, group_source, only_digits, pattern
from engine.dialplan.rules.rule import At, Severity, rule
from engine.dialplan.rules.view import Act, View, variables_in

CALLERS = re.compile(
    r"^(caller_id_(name|number)|effective_caller_id_(name|number)|destination_number|ani|rdnis|sip_(from|to|req|contact)_"
    r"(user|display|uri|host|params|full_.*)|sip_(full_from|full_to|user_agent|subject|refer_to|h_.*|p-.*)|digits|"
    r"dialed_extension|switch_r_sdp)$", re.IGNORECASE)
SHELL = frozenset({"system", "bgsystem", "bg_system"})
POWERFUL = frozenset({"lua", "luarun", "python", "pyrun", "perl", "perlrun", "js", "jsrun", "javascript", "curl",
                      "originate", "bgapi", "expand", "eval", "load", "sched_api", "fsctl"})
API = re.compile(r"\$\{([a-z_0-9]+)\s*\(((?:[^(){}]|\{[^{}]*\}|\([^()]*\))*)\)\}", re.IGNORECASE)
API_NAME = re.compile(r"(?<![\\$])\$\{([a-z_][a-z_0-9]*)\s*\(", re.IGNORECASE)
SIP_HEADER = re.compile(r"^sip_h_(.+)$", re.IGNORECASE)
KEPT = re.compile(r"^(x-|p-|on|k-|user-to-user|accept-language|diversion|identity)", re.IGNORECASE)
SOUND = re.compile(r"^(?:/|[\w.-]+/)[^$|!:{}()\s]*\.(?:wav|mp3|ogg|ul|al|raw|sln|g722|gsm|opus)$", re.IGNORECASE)
PLAYERS = frozenset({"playback", "endless_playback", "displace_session", "play_and_get_digits"})


def from_caller(act: Act, text: str) -> str:
    """The first piece of ``text`` whose characters a caller chooses freely; empty if there is none."""
    for name in sorted(variables_in(text)):
        if CALLERS.match(name):
            return f"${{{name}}}"
    fields = act.condition.field or ""
    of_caller = bool(CALLERS.match(fields.strip("${}")))
    for match in GROUP.finditer(text):
        if of_caller and not only_digits(group_source(pattern(act.condition.expression).body, int(match.group(1)))):
            return match.group()
    return ""


@rule("FS030", "dialplan", "error", "text of the caller in a command",
      why="A caller chooses his name, his headers and, by SIP, every character of the number he dials. In a shell "
          "command that is remote code execution, in an API command it is whatever the command can do.",
      mend=r"Let only digits through (an expression with \d), hand the text over as a channel variable, or do the "
           "work in the engine.")
def injection(view: View) -> Iterator[At]:
    """system and ${system()} are errors; scripts and other powerful commands are warnings."""
    for extension in view.extensions:
        for act in extension.all_acts:
            for command, text in _commands(act):
                piece = from_caller(act, text)
                if piece:
                    yield At(act.data_place, f"{piece} comes from the caller and goes into {command}",
                             severity=None if command in SHELL else "warning")
                    break


def _commands(act: Act) -> Iterator[tuple[str, str]]:
    if act.application in SHELL | POWERFUL:
        yield act.application, act.data
    for match in API.finditer(act.data):
        if match.group(1).lower() in SHELL | POWERFUL:
            yield match.group(1).lower(), match.group(2)


@rule("FS075", "dialplan", "error", "an API command that is not there",
      why="${name(...)} runs an API command and puts in what it answers. For one that FreeSWITCH does not have "
          "nothing is put in, with no message: the number to dial is missing, the variable is cleared.",
      mend="Correct the name, or load its module in autoload_configs/modules.conf.xml.")
def unknown_api(view: View) -> Iterator[At]:
    """Commands in ${...} of fields, expressions and data, against the table of FreeSWITCH's."""
    for extension in view.extensions:
        texts = [(test.field or "", test.element.where("field")) for test in extension.tests]
        texts += [(test.expression, test.expression_place) for test in extension.tests]
        texts += [(act.data, act.data_place) for act in extension.all_acts]
        for text, place in texts:
            for name in API_NAME.findall(text):
                module = tables.apis().get(name.lower())
                if module is None:
                    near = get_close_matches(name.lower(), tables.apis(), 1, 0.8)
                    yield At(place, f"FreeSWITCH has no command {name!r}", f"Did you mean {near[0]}?" if near else "",
                             "warning" if view.foreign_modules else None)
                elif module and view.modules is not None and module not in view.modules:
                    yield At(place, f"command {name} is in {module}, which is not loaded", severity="warning")


@rule("FS047", "security", "warning", "keyed digits in a log",
      why="What callers key in can be a card number, a PIN or a birth date. Logs are kept, copied and read by many; "
          "PCI DSS forbids card data in them.",
      mend="Log that digits came, not which. FreeSWITCH itself logs each key (RECV DTMF) unless the channel has "
           "sensitive_dtmf=true.")
def logged_digits(view: View) -> Iterator[At]:
    """log and info with a variable that holds keys. An error for the profile pci."""
    severity: Severity | None = "error" if "pci" in view.profiles_asked else None
    for extension in view.extensions:
        digits = {"digits", "digits_dialed", "dtmf_digits", "pin", "card_number", *_digit_variables(extension.all_acts)}
        for act in extension.all_acts:
            read = variables_in(act.data) & digits if act.application in ("log", "event", "info") else set()
            if read:
                yield At(act.data_place, f"${{{min(read)}}} holds what the caller has keyed in", severity=severity)


def _digit_variables(acts: list[Act]) -> set[str]:
    found = set()
    for act in acts:
        words = act.data.split()
        position = {"play_and_get_digits": 7, "read": 3}.get(act.application)
        if position is not None and len(words) > position:
            found.add(words[position].lower())
    return found


@rule("FS052", "dialplan", "warning", "a SIP header that never becomes a variable",
      why="mod_sofia makes a variable sip_h_Name of headers that begin with X- or P-, and of Diversion, "
          "User-to-User, Accept-Language and Identity. Of any other the variable is empty for every call.",
      mend="Let the peer send an X- header, or set parse-all-invite-headers=true in the profile and read sip_i_name.")
def header_not_kept(view: View) -> Iterator[At]:
    """sip_h_ variables that are read and that nothing here sets."""
    own = {name.lower() for extension in view.extensions for act in extension.all_acts for name, _ in act.assigned}
    for extension in view.extensions:
        for test in extension.tests:
            for name in sorted(variables_in((test.field or "") + test.expression)):
                header = SIP_HEADER.match(name)
                if header and not KEPT.match(header.group(1)) and name not in own:
                    yield At(test.element.where("field"), f"${{{name}}} is never set by mod_sofia")


@rule("FS027", "dialplan", "warning", "a sound file that is not there",
      why="playback of a missing file logs an error and goes on: the caller hears silence.",
      mend="Put the file there, or correct the path. Relative paths are below sound_prefix.")
def missing_sound(view: View) -> Iterator[At]:
    """Files below folders that are on this machine; where the folder is not, nothing can be said."""
    prefix = view.configuration.variables.get("sound_prefix")
    root = Path(prefix.value) if prefix and prefix.known and prefix.value.startswith("/") else None
    for extension in view.extensions:
        for act in extension.all_acts:
            if act.application not in PLAYERS:
                continue
            for word in act.data.split():
                if SOUND.match(word) and not _there(word, root):
                    yield At(act.data_place, f"there is no sound file {word}")
                    break


def _there(word: str, root: Path | None) -> bool:
    path = Path(word)
    if path.is_absolute():
        return path.exists() or not path.parent.is_dir()
    if root is None or not root.is_dir():
        return True
    rates = [child for child in (root / path.parent).glob("*000") if child.is_dir()]
    return (root / path).exists() or any((rate / path.name).exists() for rate in rates)
