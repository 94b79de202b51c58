"""Rules about who can do what: toll fraud, open profiles, passwords everybody knows."""

import ipaddress
import re
from collections.abc import Iterator

from engine.dialplan.rules.actions import transfer_target
from engine.dialplan.rules.patterns import GROUP, group_source, longest, pattern
from engine.dialplan.rules.rule import At, Severity, rule
from engine.dialplan.rules.view import Act, Ext, Param, View, tests_of, variables_in

CHOSEN = frozenset({"destination_number", "sip_to_user", "sip_req_user", "sip_to_uri", "sip_req_uri", "sip_refer_to",
                    "digits", "rdnis", "dialed_extension"})
"""Variables that a caller fills with what he likes to dial."""
LISTENING = frozenset({"eavesdrop", "userspy", "three_way", "intercept", "att_xfer", "disa"})
WRITTEN_BY_CALLERS = ("sip_h_", "sip_from", "sip_to", "sip_req", "sip_contact", "caller_")
INSIDE = 6
"""A number of so few digits is an extension of the house, not somebody who costs money."""
OUTSIDE = re.compile(r"sofia/|loopback/|verto|freetdm/|\$\{(?:lcr_auto_route|enum_auto_route)", re.IGNORECASE)
AUTOMATIC = frozenset(f"{name}.auto" for name in ("loopback", "rfc1918", "localnet", "nat", "wan", "wan_v4", "wan_v6",
                                                   "any_v4", "any_v6", "rfc6598", "lan"))
ADDRESS = re.compile(r"^[\da-f.:/]+$", re.IGNORECASE)
LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})


def chosen(act: Act) -> str:
    """The piece of an action's data with which a caller chooses whom to dial; empty if there is none."""
    dialled = _dialled(act)
    for name in sorted(variables_in(dialled)):
        if name in CHOSEN or name.startswith("sip_h_"):
            bound = _bound(act, name)
            if bound > INSIDE:
                return f"${{{name}}}"
    field = (act.condition.field or "").strip("${}").lower()
    if field in CHOSEN or field.startswith("sip_h_"):
        body = pattern(act.condition.expression).body
        for match in GROUP.finditer(dialled):
            if longest(group_source(body, int(match.group(1)))) > INSIDE:
                return match.group()
    return ""


def _dialled(act: Act) -> str:
    """The data without the ``{variables}`` in front of a dial string."""
    text = act.data
    while text[:1] in ("{", "[", "<"):
        depth, closing = 0, {"{": "}", "[": "]", "<": ">"}[text[0]]
        for position, char in enumerate(text):
            depth += (char == text[0]) - (char == closing)
            if not depth:
                text = text[position + 1:]
                break
        else:
            return ""
    return text


def _bound(act: Act, name: str) -> int:
    """The most characters a variable can have here: a condition of the extension may say so."""
    widths = [longest(pattern(test.expression).body.strip("^$")) for test in act.extension.tests
              if (test.field or "").strip("${}").lower() == name and pattern(test.expression).anchored]
    return min(widths, default=99)


def guarded(extension: Ext) -> bool:
    """Whether more is asked of a call than what its caller can write: an authorised user, an address, a variable of
    ours."""
    for condition in extension.extension.everything():
        for test in tests_of(condition):
            field = test.field or ""
            names = variables_in(field)
            if field in ("network_addr", "source", "username") or "${acl(" in field or "limit_usage" in field:
                return True
            if any(name not in CHOSEN and not name.startswith(WRITTEN_BY_CALLERS)
                   for name in names) and test.expression not in ("", ".*", "^(.*)$", "^$"):
                return True
    return False


@rule("FS037", "security", "error", "strangers can dial out",
      why="Anybody on the internet can call a context that an open profile leads to. If it dials a number the "
          "caller has chosen, or hands him to a context that does, machines find it within hours and call expensive "
          "numbers at your cost (toll fraud).",
      mend="Dial only numbers that are written here, bound the expression to your own (at most six digits: "
           "^(10[01][0-9])$), or let authorised users only come by: a profile with auth-calls and a context of its "
           "own.")
def toll_fraud(view: View) -> Iterator[At]:
    """bridge, transfer and listening-in that an outsider steers, in contexts that outsiders reach."""
    for name in _reachable(view):
        severity = _how_bad(view, name)
        for extension in view.contexts.get(name, []):
            if guarded(extension):
                continue
            for act in extension.all_acts:
                piece = chosen(act)
                if act.application in LISTENING:
                    yield At(act.place, f"{act.application} in context {name!r}, which strangers reach",
                             severity=severity)
                elif act.application in ("bridge", "originate") and piece and OUTSIDE.search(act.data):
                    yield At(act.data_place, f"strangers reach context {name!r} and choose {piece}, which is dialled",
                             severity=severity)
                elif act.application in ("transfer", "execute_extension") and piece:
                    target = (transfer_target(act) or ("", ""))[1].lower()
                    if target != name and _dials_out(view, target):
                        yield At(act.data_place, f"strangers reach context {name!r} and go on to {target!r} with a "
                                                 f"number of their choice ({piece})", severity=severity)


def _how_bad(view: View, context: str) -> Severity | None:
    """A warning where only addresses of a list come in: carriers, whose callers choose among your numbers only."""
    ways = [one for one in view.profiles if one.open and one.get("context", "default").lower() == context]
    by_gateway = any(gateway.get("context").lower() == context for gateway in view.gateways)
    return "warning" if ways and all(profile.acls for profile in ways) and not by_gateway else None


def _reachable(view: View) -> list[str]:
    """Contexts strangers come into, also by gateways."""
    names = {name.lower() for name in view.public_contexts}
    names |= {gateway.get("context").lower() for gateway in view.gateways if gateway.get("context")}
    return sorted(names & view.contexts.keys())


def _dials_out(view: View, context: str) -> bool:
    """Whether a context dials numbers that are handed to it; one that is not here may."""
    if context not in view.contexts:
        return True
    return any(act.application in ("bridge", "originate") and chosen(act) and OUTSIDE.search(act.data)
               for extension in view.contexts[context] for act in extension.all_acts)


@rule("FS038", "security", "warning", "a profile that lets everybody in",
      why="With auth-calls=false and no apply-inbound-acl every address of the internet can place calls into the "
          "profile's context; what it offers is then the only barrier, and call floods have none.",
      mend='Add <param name="apply-inbound-acl" value="trunks"/> with the addresses of your carriers in '
           "acl.conf.xml, or set auth-calls=true.")
def open_profile(view: View) -> Iterator[At]:
    """No password and no address list. An error for the profile public."""
    for profile in view.profiles:
        if profile.open and not profile.acls and profile.get("sip-ip") not in LOCAL:
            given = profile.params.get("auth-calls")
            yield At(given.place if given else profile.place, f"profile {profile.name!r} asks nobody who he is",
                     severity="error" if "public" in view.profiles_asked else None)


@rule("FS039", "security", "error", "a gateway with a context of its own",
      why="A call whose address says ;gw=name or gw+name gets the context of that gateway, after and over the "
          "address list of the profile. Anybody can write that into an INVITE.",
      mend="Leave context out of the gateway: it then has the one of its profile.")
def gateway_context(view: View) -> Iterator[At]:
    """A gateway's context that is not its profile's."""
    for gateway in view.gateways:
        context = gateway.params.get("context")
        if context is None or gateway.profile is None:
            continue
        if context.value != gateway.profile.get("context", "default"):
            yield At(context.place, f"gateway {gateway.name!r} leads into context {context.value!r}; its profile into "
                                    f"{gateway.profile.get('context', 'default')!r}")


@rule("FS040", "security", "warning", "a password everybody knows, or an event socket open to others",
      why="ClueCon and 1234 are in every copy of FreeSWITCH and tried first. The event socket can run any command "
          "of the system.",
      mend="Set a password of your own by env-set; listen-ip 127.0.0.1, or apply-inbound-acl with your engine's "
           "address.")
def known_password(view: View) -> Iterator[At]:
    """ClueCon, 1234, and where the event socket listens. Errors for the profile public, and where a list lets others
    than this host in."""
    settings = view.settings("event_socket.conf")
    acl = settings.get("apply-inbound-acl")
    listen = settings.get("listen-ip")
    wide = listen is not None and listen.value not in LOCAL and acl is not None and acl.value != "loopback.auto"
    severity: Severity | None = "error" if wide or "public" in view.profiles_asked else None
    password = settings.get("password")
    if password is not None and password.value == "ClueCon":
        yield At(password.place, "the event socket has the password of every FreeSWITCH, ClueCon", severity=severity)
    if listen is not None and listen.value not in LOCAL and acl is None:
        yield At(listen.place, f"the event socket listens on {listen.value} and has no apply-inbound-acl")
    severity = "error" if "public" in view.profiles_asked else None
    for directive in view.configuration.directives:
        name, _, value = directive.data.partition("=")
        if directive.cmd.lower() == "set" and name.strip() == "default_password" and value.strip() == "1234":
            yield At(directive.place, "default_password is 1234, as in every FreeSWITCH", severity=severity)
    for param in _user_passwords(view):
        if param.raw in ("1234", "0000", "password", "12345"):
            yield At(param.place, f"a user's password is {param.raw}", severity=severity)


def _user_passwords(view: View) -> list[Param]:
    return [Param(element) for element in view.tagged("param") if element.get("name") in ("password", "vm-password")
            and element.parent is not None and element.parent.parent is not None
            and element.parent.parent.tag == "user" and element.get("name") == "password"]


@rule("FS046", "security", "warning", "ext-rtp-ip or ext-sip-ip that callers cannot use",
      why="FreeSWITCH writes this address into its messages. A host name is not resolved there, and a private "
          "address cannot be reached from the internet: the call is set up and nobody hears anything.",
      mend="Write the public address, auto-nat, stun:host or host:name; on a cloud machine its elastic address.")
def unusable_address(view: View) -> Iterator[At]:
    """Host names, and private addresses that differ from the one the profile listens on."""
    for profile in view.profiles:
        for name, own in (("ext-rtp-ip", "rtp-ip"), ("ext-sip-ip", "sip-ip")):
            param = profile.params.get(name)
            if param is None or not param.value or "{" in param.value:
                continue
            text = param.value.partition(":")[2] if param.value.startswith("autonat:") else param.value
            if text.startswith(("auto", "stun:", "host:")):
                continue
            try:
                address = ipaddress.ip_address(text)
            except ValueError:
                yield At(param.place, f"{name} is {text!r}, a host name",
                         f"Write host:{text}, or its address." if "." in text else "")
                continue
            if address.is_private and profile.open and text != profile.get(own) and profile.get(own) not in LOCAL:
                yield At(param.place, f"{name} is the private address {text}, on a profile for the outside")


@rule("FS063", "security", "error", "an address list that does not exist",
      why="An ACL that acl.conf.xml does not have lets nobody in: every call is answered 403.",
      mend="Add the list to autoload_configs/acl.conf.xml, or correct the name.")
def unknown_acl(view: View) -> Iterator[At]:
    """Lists named by profiles and by the event socket, against acl.conf and FreeSWITCH's own."""
    if not view.whole or not view.tagged("network-lists"):
        return
    event_socket = view.settings("event_socket.conf").get("apply-inbound-acl")
    used = [acl for profile in view.profiles for acl in profile.acls] + ([event_socket] if event_socket else [])
    for param in used:
        for name in param.value.split(","):
            name = name.strip().partition(":")[0]
            if name and "{" not in name and name not in view.acls | AUTOMATIC and not ADDRESS.match(name):
                yield At(param.place, f"there is no address list {name!r}")


@rule("FS064", "security", "error", "a profile whose context is not there",
      why="Every call that comes in by the profile is rejected: FreeSWITCH finds no context of that name and none "
          "called global.",
      mend="Correct the name, or add the context to the dialplan.")
def profile_without_context(view: View) -> Iterator[At]:
    """Contexts of profiles against the dialplan."""
    if not view.has_dialplan or "global" in view.contexts:
        return
    for profile in view.profiles:
        context = profile.params.get("context")
        dialplan = profile.get("dialplan", "XML")
        if context is None or "{" in context.value or "xml" not in dialplan.lower():
            continue
        if context.value.lower() not in view.contexts:
            yield At(context.place,
                     f"profile {profile.name!r} leads into context {context.value!r}, which does not exist")
