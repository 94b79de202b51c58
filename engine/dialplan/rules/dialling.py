"""Rules about dial strings: gateways they name, numbers they send, and how they are written."""

import re
from collections.abc import Iterator

from engine.dialplan.rules.patterns import group_source, pattern
from engine.dialplan.rules.rule import At, rule
from engine.dialplan.rules.trunks import CARRIERS
from engine.dialplan.rules.view import Act, Gateway, View

WITH_DIAL_STRINGS = frozenset({"bridge", "originate", "att_xfer", "conference_set_auto_outcall"})


@rule("FS024", "trunks", "error", "a gateway that does not exist",
      why="FreeSWITCH ends the attempt with INVALID_GATEWAY: the caller hears nothing, or the next action runs at "
          "once.",
      mend="Correct the name, or add the gateway to sip_profiles/external/.")
def missing_gateway(view: View) -> Iterator[At]:
    """Names of gateways in dial strings against those of profiles and users."""
    if not view.profiles:
        return
    elsewhere = bool(view.modules and view.modules & {"mod_xml_curl", "mod_xml_ldap"})
    for extension in view.extensions:
        for act in extension.all_acts:
            for name, _ in view.destinations(act):
                if "{" not in name and "$" not in name and view.gateway(name) is None:
                    yield At(act.data_place, f"there is no gateway {name!r}", severity="warning" if elsewhere else None)


@rule("FS025", "trunks", "warning", "a number in a form the trunk does not take",
      why="Twilio and Exotel take E.164 with the plus, +14155550100 or +919876543210; without it they answer 400, "
          "404 or 484.",
      mend=r"Dial +$1 with an expression like ^\+?(\d{8,15})$, or set destination-prefix in the gateway.")
def number_form(view: View) -> Iterator[At]:
    """What is dialled over gateways to carriers."""
    for extension in view.extensions:
        for act in extension.all_acts:
            for name, number in view.destinations(act):
                gateway = view.gateway(name)
                if gateway is None or not gateway.carrier or gateway.get("destination-prefix"):
                    continue
                wrong = _wrong(act, gateway, number)
                if wrong:
                    carrier = CARRIERS[gateway.carrier]
                    yield At(act.data_place,
                             f"{wrong} is dialled over {gateway.name!r}; {carrier} wants a number with +")


def _wrong(act: Act, gateway: Gateway, number: str) -> str:
    number = number.partition(";")[0].partition("@")[0]
    if not number or number.startswith("+"):
        return ""
    if number.isdigit():
        return number
    match = re.match(r"\$(\d)", number)
    if match is None or act.condition.combination or act.condition.field is None:
        return ""
    read = pattern(act.condition.expression)
    source = group_source(read.body, int(match.group(1)))
    if not source or source.startswith((r"\+", "[+]")) and not source.startswith((r"\+?", "[+]?")):
        return ""
    return match.group() if read.compiled is not None else ""


@rule("FS053", "trunks", "error", ";transport= behind a gateway's number",
      why="The transport of a gateway is its register-transport. FreeSWITCH refuses a call with another one in the "
          "dial string (DESTINATION_OUT_OF_ORDER).",
      mend="Remove ;transport= from the dial string and set register-transport in the gateway.")
def transport_in_dial_string(view: View) -> Iterator[At]:
    """;transport= after sofia/gateway/name/."""
    for extension in view.extensions:
        for act in extension.all_acts:
            for name, number in view.destinations(act):
                match = re.search(r";transport=(\w+)", number)
                gateway = view.gateway(name)
                if match is None:
                    continue
                own = gateway.get("register-transport", "udp").lower() if gateway else ""
                if match.group(1).lower() != own:
                    yield At(act.data_place, f"{match.group()} in a call over gateway {name!r}"
                                             + (f", which uses {own}" if own else ""))


@rule("FS067", "dialplan", "error", "a dial string whose brackets do not close",
      why="Without its closing bracket the whole dial string is taken for variables, and nothing is dialled.",
      mend="{a=1,b=2}sofia/... for all, [a=1]sofia/... for one of several.")
def open_bracket(view: View) -> Iterator[At]:
    """``{``, ``[`` and ``<`` at the beginning of a dial string."""
    for extension in view.extensions:
        for act in extension.all_acts:
            text = act.data.strip()
            if act.application in WITH_DIAL_STRINGS and text[:1] in ("{", "[", "<") and not _closes(text):
                yield At(act.data_place, f"the {text[0]} at the beginning of this dial string is never closed")


def _closes(text: str) -> bool:
    opening, closing = text[0], {"{": "}", "[": "]", "<": ">"}[text[0]]
    depth = 0
    for char in text:
        depth += (char == opening) - (char == closing)
        if not depth:
            return True
    return False
