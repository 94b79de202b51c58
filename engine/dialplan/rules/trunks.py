"""Rules about gateways: what FreeSWITCH reads of them, and what Twilio's and Exotel's SIP trunks take."""

import ipaddress
import re
from collections.abc import Iterator
from difflib import get_close_matches

from engine.dialplan.rules import tables
from engine.dialplan.rules.rule import At, rule
from engine.dialplan.rules.view import Gateway, View, children_of
from engine.dialplan.source import Place

GATEWAY_NAME = re.compile(r"^[\w.\-]+$", re.ASCII)
TRANSPORTS = frozenset({"udp", "tcp", "tls", "sctp", "ws", "wss"})
IN_VARIABLES = {"codec-prefs": "absolute_codec_string", "dtmf-type": "dtmf_type", "cid-type": "sip_cid_type",
                "transport": "the parameter register-transport"}
MEDIA_TIMEOUTS = ("media_timeout", "media_timeout_audio")
"""Channel variables, which may be global ones (facts: ``switch_core_media.c``; a channel falls back to them)."""
SHORTEST_MEDIA_TIMEOUT_MS = 5_000
"""Less was meant as seconds: phones that send nothing while their user is silent pause longer."""
CARRIERS = {"twilio": "Twilio", "exotel": "Exotel"}


def _address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _host(gateway: Gateway) -> str:
    """The host calls go to, without port and parameters."""
    text = (gateway.get("proxy") or gateway.get("realm") or gateway.name).removeprefix("sip:").removeprefix("sips:")
    return text.partition(";")[0].rpartition("]")[2].partition(":")[0] or text


@rule("FS041", "trunks", "error", "an Exotel gateway by UDP",
      why="Exotel's trunks have no UDP: SIP is TCP on port 5070 or TLS on 443. A gateway without register-transport "
          "uses UDP, whatever its port, and every call ends in a timeout.",
      mend='<param name="register-transport" value="tcp"/> with proxy host:5070, or tls with host:443. It counts '
           "even with register=false.")
def exotel_by_udp(view: View) -> Iterator[At]:
    """The transport of gateways to Exotel."""
    for gateway in view.gateways:
        if gateway.carrier != "exotel":
            continue
        transport = gateway.params.get("register-transport")
        if transport is None:
            yield At(gateway.place, f"gateway {gateway.name!r} has no register-transport, which means UDP")
        elif transport.value.lower() == "udp":
            yield At(transport.place, f"gateway {gateway.name!r} uses UDP")


@rule("FS042", "trunks", "error", "a TLS gateway on a profile without TLS",
      why='FreeSWITCH skips the gateway with "unsupported transport": it does not exist, and calls over it fail.',
      mend='In the profile <param name="tls" value="true"/>, with certificates in tls-cert-dir.')
def tls_without_tls(view: View) -> Iterator[At]:
    """register-transport tls or wss, and the tls of the profile."""
    for gateway in view.gateways:
        transport = gateway.params.get("register-transport")
        if transport is None or gateway.profile is None:
            continue
        if transport.value.lower() in ("tls", "wss") and tables.truth(gateway.profile.get("tls", "false")) is not True:
            yield At(transport.place,
                     f"gateway {gateway.name!r} is skipped: profile {gateway.profile.name!r} has no tls")
        elif transport.value.lower() not in TRANSPORTS:
            yield At(transport.place, f"gateway {gateway.name!r} is skipped: there is no transport {transport.value!r}",
                     "Write udp, tcp or tls.")


@rule("FS043", "trunks", "error", "a name in a gateway that FreeSWITCH does not take",
      why="A gateway with a bad or a second name does not exist; a parameter of another name is passed over in "
          "silence; a variable whose direction is neither inbound nor outbound is never set.",
      mend="Names are letters, digits, . _ and -. What is no parameter goes into <variables>. Without direction a "
           "variable counts both ways.")
def bad_names(view: View) -> Iterator[At]:
    """Names of gateways, of their parameters and the directions of their variables."""
    seen: set[tuple[int, str]] = set()
    for gateway in view.gateways:
        at = gateway.element.where("name")
        if not GATEWAY_NAME.match(gateway.name):
            yield At(at, f"gateway {gateway.name!r} is ignored: its name has characters beside letters, digits, . _ -")
        key = (id(gateway.profile), gateway.name)
        if gateway.profile is not None and key in seen:
            yield At(at, f"a second gateway {gateway.name!r} in this profile is ignored")
        seen.add(key)
        known = tables.gateway_params()
        for name, param in gateway.params.items():
            if name in known:
                continue
            near = get_close_matches(name, known, 1, 0.8)
            hint = f"Did you mean {near[0]}?" if near else ""
            hint = f"Set it in <variables>: {IN_VARIABLES[name]}." if name in IN_VARIABLES else hint
            yield At(param.element.where("name"), f"a gateway has no parameter {name!r}; it is ignored", hint,
                     "warning")
        for variable in children_of(gateway.element, "variables", "variable"):
            direction = variable.attributes.get("direction")
            if direction is not None and direction.value.lower() not in ("inbound", "outbound"):
                yield At(direction.place, f"direction {direction.value!r}: the variable is never set",
                         "Write inbound or outbound, or leave direction out for both.")


@rule("FS044", "trunks", "error", "RTP ports that collide",
      why="FreeSWITCH takes the ports of calls from this range by itself: where a SIP profile listens inside it, or "
          "it is upside down, calls have no audio now and then, or at all.",
      mend="rtp-start-port 16384 and rtp-end-port 32768 in switch.conf.xml; SIP ports outside of it.")
def rtp_range(view: View) -> Iterator[At]:
    """The RTP range against itself and the profiles' ports; too few ports are a warning."""
    settings = view.settings("switch.conf")
    start, end = settings.get("rtp-start-port"), settings.get("rtp-end-port")
    if start is None and end is None:
        return
    at = start or end
    assert at is not None
    first = int(start.value) if start and start.value.isdigit() else 16384
    last = int(end.value) if end and end.value.isdigit() else 32768
    if first >= last or last > 65535:
        yield At(at.place, f"the RTP range {first} to {last} has no ports")
        return
    for profile in view.profiles:
        for name in ("sip-port", "tls-sip-port"):
            port = profile.params.get(name)
            if port is not None and port.value.isdigit() and first <= int(port.value) <= last:
                yield At(port.place, f"{name} {port.value} of profile {profile.name!r} is inside the RTP range "
                                     f"{first} to {last}")
    sessions = settings.get("max-sessions")
    needed = 4 * int(sessions.value) if sessions is not None and sessions.value.isdigit() else 0
    if needed > last - first + 1:
        yield At(at.place, f"{last - first + 1} RTP ports for {needed // 4} sessions, which take up to {needed}",
                 "Four ports a session (RTP and RTCP of two legs): widen the range or lower max-sessions.", "warning")


@rule("FS045", "trunks", "error", "a codec that is not there",
      why="FreeSWITCH leaves out what it does not know; when nothing is left, or the peer takes nothing else, the "
          "call fails with INCOMPATIBLE_DESTINATION (488).",
      mend="Correct the name (PCMU, PCMA, G722, opus ...), or load its module.")
def unknown_codec(view: View) -> Iterator[At]:
    """Codec strings of profiles, gateways and dialplans."""
    for text, at in _codec_strings(view):
        for part in text.split(","):
            name = part.strip().partition("@")[0].rpartition(".")[2]
            if not name or "{" in name:
                continue
            module = tables.codecs().get(name.lower())
            if module is None:
                yield At(at, f"there is no codec {name!r}", severity="warning" if view.foreign_modules else None)
            elif module and view.modules is not None and module not in view.modules:
                yield At(at, f"codec {name} is in {module}, which is not loaded",
                         f'Add <load module="{module}"/> to autoload_configs/modules.conf.xml.', "warning")


def _codec_strings(view: View) -> Iterator[tuple[str, Place]]:
    for profile in view.profiles:
        for name in ("codec-prefs", "inbound-codec-prefs", "outbound-codec-prefs"):
            param = profile.params.get(name)
            if param is not None:
                yield param.value, param.place
    for gateway in view.gateways:
        for variable in children_of(gateway.element, "variables", "variable"):
            if variable.get("name") in ("absolute_codec_string", "codec_string"):
                yield variable.get("value") or "", variable.where("value")
    for extension in view.extensions:
        for act in extension.all_acts:
            for name, text in act.assigned:
                if name in ("absolute_codec_string", "codec_string"):
                    yield text, act.data_place


@rule("FS054", "trunks", "error", "a gateway that does not say where to",
      why="Without proxy and realm, calls go to a host that is called like the gateway.",
      mend='<param name="proxy" value="host of the carrier"/>.')
def no_host(view: View) -> Iterator[At]:
    """Neither proxy nor realm, and a name that is no host."""
    for gateway in view.gateways:
        if not gateway.get("proxy") and not gateway.get("realm") and "." not in gateway.name:
            empty = gateway.params.get("proxy") or gateway.params.get("realm")
            yield At(empty.place if empty else gateway.place, f"gateway {gateway.name!r} has no proxy")


@rule("FS055", "trunks", "error", "a ping that is refused",
      why="FreeSWITCH takes ping from 5 seconds up; below, it logs an error and does not ping, so a dead trunk "
          "stays UP and calls go to it.",
      mend="30 is usual; Twilio wants no more than one in 15 s.")
def refused_ping(view: View) -> Iterator[At]:
    """ping below 5; below 15 for Twilio is a warning."""
    for gateway in view.gateways:
        ping = gateway.params.get("ping")
        if ping is None or not ping.value.strip().isdigit() or int(ping.value) == 0:
            continue
        if int(ping.value) < 5:
            yield At(ping.place, f"ping {ping.value}: FreeSWITCH does not ping more often than every 5 s, and here not "
                                 "at all")
        elif int(ping.value) < 15 and gateway.carrier == "twilio":
            yield At(ping.place, f"ping {ping.value}: Twilio asks for one in 10 to 15 s at most", severity="warning")


@rule("FS056", "trunks", "error", "a gateway that is to register and has no user or password",
      why="register is true unless it is written otherwise, and FreeSWITCH then skips a gateway without them "
          '("param is REQUIRED").',
      mend='<param name="register" value="false"/> for a carrier that goes by address, or username and password.')
def register_without_user(view: View) -> Iterator[At]:
    """register with empty username or password."""
    for gateway in view.gateways:
        if tables.truth(gateway.get("register", "true")) is not True:
            continue
        for name in ("username", "password"):
            if not gateway.get(name):
                given = gateway.params.get(name)
                yield At(given.place if given else gateway.place,
                         f"gateway {gateway.name!r} is to register and has no {name}")
                break


@rule("FS057", "trunks", "error", "a registration that the carrier does not have",
      why="Twilio and Exotel trunks know no REGISTER: the gateway never comes up, and calls over it fail with "
          "GATEWAY_DOWN.",
      mend='<param name="register" value="false"/>; username and password are then for the challenge of calls.')
def carrier_without_register(view: View) -> Iterator[At]:
    """register to Twilio or Exotel."""
    for gateway in view.gateways:
        if gateway.carrier and tables.truth(gateway.get("register", "true")) is True:
            given = gateway.params.get("register")
            yield At(given.place if given else gateway.place, f"gateway {gateway.name!r} registers with "
                                                              f"{CARRIERS[gateway.carrier]}")


@rule("FS058", "trunks", "error", "a Twilio gateway to an address instead of a trunk",
      why="Twilio answers 403 unless the host of the request is the trunk's own name, and its addresses change.",
      mend="proxy is {trunk}.pstn.twilio.com, without a port: SRV then finds all of its addresses.")
def twilio_by_address(view: View) -> Iterator[At]:
    """proxy of a Twilio gateway that is an address or no name of a trunk."""
    for gateway in view.gateways:
        proxy = gateway.params.get("proxy")
        if gateway.carrier != "twilio" or proxy is None:
            continue
        host = _host(gateway)
        if _address(host) or not host.lower().endswith(".twilio.com") or host.lower() == "pstn.twilio.com":
            yield At(proxy.place, f"proxy {proxy.value!r} is not the name of a Twilio trunk")


@rule("FS060", "trunks", "warning", "SIP is encrypted, the voice is not",
      why="With TLS the keys of SRTP are safe to send, and both carriers refuse calls without SRTP on a secure "
          "trunk.",
      mend="<variable name=\"rtp_secure_media\" value=\"mandatory:AES_CM_128_HMAC_SHA1_80\"/> in the gateway's "
           "<variables>.")
def tls_without_srtp(view: View) -> Iterator[At]:
    """TLS gateways to carriers with no rtp_secure_media."""
    for gateway in view.gateways:
        if not gateway.carrier or gateway.get("register-transport").lower() != "tls":
            continue
        names = {variable.get("name") for variable in children_of(gateway.element, "variables", "variable")}
        if not names & {"rtp_secure_media", "rtp_secure_media_outbound"}:
            yield At(gateway.params["register-transport"].place, f"gateway {gateway.name!r} has TLS and no SRTP")


@rule("FS061", "trunks", "warning", "the caller's number is not in From",
      why="Twilio and Exotel take the caller's number from From and refuse a call whose number is not one of yours; "
          "without caller-id-in-from the user name of the gateway stands there.",
      mend='<param name="caller-id-in-from" value="true"/>.')
def caller_not_in_from(view: View) -> Iterator[At]:
    """caller-id-in-from of gateways to carriers."""
    for gateway in view.gateways:
        if gateway.carrier and tables.truth(gateway.get("caller-id-in-from", "false")) is not True:
            given = gateway.params.get("caller-id-in-from")
            yield At(given.place if given else gateway.place,
                     f"gateway {gateway.name!r} writes its user name into From")


@rule("FS062", "trunks", "warning", "a carrier that you said you use is not set up",
      why="Asked for by --profile: calls of that carrier come from addresses that must be in the list of the "
          "profile, or they are answered 403 on some days and not on others.",
      mend="Add the carrier's gateway, and its published addresses to acl.conf.xml.")
def carrier_not_set_up(view: View) -> Iterator[At]:
    """For the profiles twilio and exotel: a gateway; for Twilio its blocks in a list of that gateway's profile."""
    if not view.whole:
        return
    for carrier, name in CARRIERS.items():
        if carrier not in view.profiles_asked:
            continue
        if not any(gateway.carrier == carrier for gateway in view.gateways) and view.profiles:
            yield At(view.profiles[0].place, f"no gateway leads to {name}")
    if "twilio" not in view.profiles_asked:
        return
    allowed = _networks(view)
    for profile in view.profiles:
        leads_there = any(gateway.carrier == "twilio" for gateway in profile.gateways)
        if not leads_there or not profile.open or not profile.acls:
            continue
        given = [network for acl in profile.acls for part in acl.value.split(",")
                 for network in allowed.get(part.partition(":")[0], [])]
        missing = [block for block in tables.TWILIO_SIGNALLING
                   if not any(_covers(network, block) for network in given)]
        if missing:
            yield At(profile.acls[0].place, f"Twilio also calls from {', '.join(missing)}")


def _networks(view: View) -> dict[str, list[str]]:
    return {element.get("name") or "": [cidr.strip() for node in element.all("node") if node.get("type") == "allow"
                                        for cidr in (node.get("cidr") or "").split(",")]
            for element in view.tagged("list")}


def _covers(network: str, block: str) -> bool:
    try:
        outer, inner = ipaddress.ip_network(network, strict=False), ipaddress.ip_network(block)
    except ValueError:
        return False
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]


@rule("FS059", "trunks", "warning", "nobody notices that the caller has gone",
      why="When a BYE is lost, or a caller's network is, nothing ends the call: it is held, and paid, until somebody "
          "looks. media_timeout is in milliseconds; what is meant as seconds ends calls at the first pause.",
      mend='<X-PRE-PROCESS cmd="set" data="media_timeout=300000"/> in vars.xml: five minutes without a packet. The '
           "profile's rtp-timeout-sec does the same in seconds, with a warning in the log.")
def no_media_timeout(view: View) -> Iterator[At]:
    """Neither rtp-timeout-sec in an open profile nor media_timeout anywhere; and a media_timeout in seconds."""
    variables = view.configuration.variables
    given = [(variable.value, variable.place) for name, variable in variables.items() if name in MEDIA_TIMEOUTS]
    given += [(text, act.data_place) for extension in view.extensions for act in extension.all_acts
              for name, text in act.assigned if name in MEDIA_TIMEOUTS]
    for text, place in given:
        if place is not None and text.isdigit() and 0 < int(text) < SHORTEST_MEDIA_TIMEOUT_MS:
            yield At(place, f"a media timeout of {text} ms ends calls at the first pause", severity="error")
    for profile in view.profiles:
        if not given and profile.open and "rtp-timeout-sec" not in profile.params:
            yield At(profile.place, f"profile {profile.name!r} has no time after which a call without sound ends")


@rule("FS066", "trunks", "info", "a full switch says that all is well",
      why="Proxies and carriers ask with OPTIONS whether to send calls. FreeSWITCH answers 200 when it is paused or "
          "full too, so calls keep coming and get 503.",
      mend='<param name="sip-options-respond-503-on-busy" value="true"/> in the profile.')
def options_always_well(view: View) -> Iterator[At]:
    """Open profiles without sip-options-respond-503-on-busy."""
    for profile in view.profiles:
        if profile.open and tables.truth(profile.get("sip-options-respond-503-on-busy", "false")) is not True:
            yield At(profile.place, f"profile {profile.name!r} answers OPTIONS with 200 when FreeSWITCH is full")
