"""The questions that are put to a trunk, in the order in which one would ask them.

    for finding in look(SwitchSide(client), "twilio", Options(local_udp={5060: "..."})): ...

Nothing is changed, and nothing waits longer than ``wait_s`` for each question.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import gevent

from engine.config import Config
from engine.errors import TrunklineError
from engine.trunks import addresses, certificates, media
from engine.trunks.carriers import Carrier, carrier_of
from engine.trunks.errors import NoAnswer, TrunkError
from engine.trunks.finding import Finding, failed, passed, skipped, warned
from engine.trunks.lookup import Lookup, Route, is_address
from engine.trunks.probe import ask_options
from engine.trunks.sofia import Gateway, Profile
from engine.trunks.switchside import SwitchSide

WAIT_S = 6.0
SKEW_WARN_S, SKEW_FAIL_S = 5.0, 300.0
"""Call records of two clocks cannot be joined; certificates are judged wrongly, and carriers refuse signatures."""


@dataclass(frozen=True, slots=True)
class Options:
    """``caller_id``: the number shown; "" takes ``<gateway>_caller_id`` of ``vars.xml``. ``ca_file``: PEM of those whom
    to trust, "" for this machine's authorities. ``lookup``: name servers, this machine's where None. ``taken``: UDP
    ports of this machine that must stay out of the RTP range, with whose they are. ``max_calls``: of the engine."""

    caller_id: str = ""
    ca_file: str = ""
    lookup: Lookup | None = None
    taken: dict[int, str] = field(default_factory=dict)
    max_calls: int = 0
    wait_s: float = WAIT_S


def options_of(config: Config, **more: object) -> Options:
    """What the configuration says of them; ``more`` are the rest. The engine's own UDP ports count where FreeSWITCH is
    on this machine."""
    taken: dict[int, str] = {}
    if config.switch.host in ("127.0.0.1", "::1", "localhost"):
        taken = {config.sip.port: "SIP of the engine", config.rtp.port: "RTP of the engine"}
        taken.pop(0, None)  # a free one is taken when it is needed
    return Options(taken=taken, max_calls=config.event_socket.max_calls, **more)  # type: ignore[arg-type]


@dataclass(slots=True)
class _Trunk:
    """What the questions have found out so far."""

    switch: SwitchSide
    gateway: Gateway
    profile: Profile | None
    carrier: Carrier
    options: Options
    now: Callable[[], float]
    route: Route | None = None
    remote_clock: float | None = None


def look(switch: SwitchSide, name: str, options: Options, now: Callable[[], float]) -> Iterator[Finding]:
    """All findings, as they come. ``now`` is this machine's clock, seconds since 1970. Raises ``TrunkError`` where
    there is no such gateway, ``EslError`` when FreeSWITCH is away."""
    gateway = switch.gateway(name)
    carrier = carrier_of(gateway.name, gateway.host)
    trunk = _Trunk(switch, gateway, switch.profile(gateway.profile), carrier, options, now)
    for check, question in _QUESTIONS.items():
        yield from _asked(check, question, trunk)


def _asked(check: str, question: Callable[[_Trunk], Iterable[Finding]], trunk: _Trunk) -> list[Finding]:
    """The findings of one question; its failure, or its lasting too long, is a finding as well."""
    found: list[Finding] = []
    try:
        with gevent.Timeout(trunk.options.wait_s * 2):
            found.extend(question(trunk))
    except gevent.Timeout:
        found.append(skipped(check, f"not known after {trunk.options.wait_s * 2:.0f} s", "try again"))
    except TrunklineError as fault:
        found.append(skipped(check, str(fault)))
    return found


def _gateway(trunk: _Trunk) -> Iterator[Finding]:
    it = trunk.gateway
    calls = f"{it.calls_out} calls out ({it.failed_out} failed), {it.calls_in} in ({it.failed_in} failed)"
    text = f"{it.name} of profile {it.profile}: {it.state} {it.status}; {calls}"
    if it.in_service:
        yield passed("gateway", text)
    elif it.state in ("NOREG", "REGED"):
        yield failed("gateway", f"{text}: calls by it end with GATEWAY_DOWN",
                     "its pings fail: the findings below say why; when that is mended it comes back by itself")
    else:
        yield failed("gateway", f"{text}: it is not registered",
                     "compare username, password and realm; sofia profile "
                     f"{it.profile} siptrace on, and look for the answer to REGISTER")


def _ping(trunk: _Trunk) -> Iterator[Finding]:
    it, carrier = trunk.gateway, trunk.carrier
    if not it.ping_every_s:
        if carrier.answers_options:
            yield warned("ping", "off: calls are tried for 32 s on a trunk that is gone",
                         '<param name="ping" value="30"/> in the gateway, then killgw and rescan')
        else:
            yield skipped("ping", f"off; {carrier.name} does not say whether it answers OPTIONS",
                          "switch it on when the finding on OPTIONS below is a pass")
    elif it.ping_every_s < carrier.shortest_ping_s:
        yield warned("ping", f"every {it.ping_every_s} s: {carrier.name} wants {carrier.shortest_ping_s} s or more",
                     '<param name="ping" value="30"/>')
    elif not it.ping_ms:
        yield skipped("ping", f"every {it.ping_every_s} s; none has been answered yet")
    else:
        yield passed("ping", f"every {it.ping_every_s} s, answered after {it.ping_ms:.0f} ms")


def _transport(trunk: _Trunk) -> Iterator[Finding]:
    it, carrier = trunk.gateway, trunk.carrier
    if it.transport not in carrier.ports:
        others = " or ".join(carrier.ports)
        yield failed("transport", f"{it.transport}: {carrier.name} takes {others} only",
                     f'<param name="register-transport" value="{next(iter(carrier.ports))}"/> in the gateway, also '
                     "where it does not register")
    elif it.transport == "tls" and trunk.profile and not trunk.profile.tls:
        yield failed("transport", f"tls, but profile {it.profile} has none",
                     "tls=on for the profile, with agent.pem and cafile.pem in its folder of certificates")
    elif it.port and it.port != carrier.ports[it.transport] and carrier.codecs:
        yield warned("transport", f"{it.transport}, port {it.port}: {carrier.name} names {carrier.ports[it.transport]}",
                     "correct proxy in the gateway, unless onboarding gave you this port")
    else:
        yield passed("transport", f"{it.transport}, port {it.port or carrier.ports[it.transport]}")


def _dns(trunk: _Trunk) -> Iterator[Finding]:
    it, carrier = trunk.gateway, trunk.carrier
    default = carrier.ports.get(it.transport, 5061 if it.transport == "tls" else 5060)
    if not it.host:
        yield failed("dns", "the gateway has no proxy that can be read", "sofia status gateway shows what it has")
        return
    try:
        trunk.route = (trunk.options.lookup or Lookup()).route(it.host, it.port, it.transport, default)
    except NoAnswer as fault:
        yield failed("dns", str(fault), "correct proxy in the gateway; dig NAPTR, SRV, A of the name")
        return
    places = ", ".join(f"{address}:{port}" for address, port in trunk.route.places)
    if carrier.needs_name and is_address(it.host):
        yield failed("dns", f"{it.host} is an address: {carrier.name} answers 403 to requests without its name",
                     f"proxy is the trunk's name, ….{carrier.domains[0]}")
    elif carrier.needs_name and it.port and trunk.route.how == "name":
        yield warned("dns", f"{it.host} leads to {places}; with a port in proxy, SRV is not asked",
                     "leave the port out: SRV gives all addresses, and the next one is tried when one fails")
    else:
        yield passed("dns", f"{it.host} leads to {places} (by {trunk.route.how})")


def _options(trunk: _Trunk) -> Iterator[Finding]:
    it, route = trunk.gateway, trunk.route
    if route is None:
        yield skipped("options", "there is nobody to ask")
        return
    if it.transport not in ("udp", "tcp", "tls"):
        yield skipped("options", f"not over {it.transport}")
        return
    try:
        answer, took_ms = ask_options(route.places[0], it.host, it.transport, trunk.options.wait_s)
    except TrunkError as fault:
        todo = "a firewall, the wrong port or transport, or an address that the carrier does not know: it may drop " \
               "what comes from elsewhere than FreeSWITCH"
        one = failed if not it.in_service and trunk.carrier.answers_options else warned
        yield one("options", str(fault), todo)
        return
    if answer.date:
        trunk.remote_clock = answer.date.timestamp() - trunk.now()
    text = f"{answer.status} {answer.reason} from {route.places[0][0]}:{route.places[0][1]} after {took_ms:.0f} ms" + (
        f" ({answer.server})" if answer.server else "")
    if answer.status in (403, 407, 401):
        yield passed("options", f"{text}: it is there; it does not know this program, as opposed to FreeSWITCH")
    elif answer.status >= 500:
        yield warned("options", f"{text}: it is there, and takes no calls", "ask the carrier; see its status page")
    else:
        yield passed("options", text)


def _clock(trunk: _Trunk) -> Iterator[Finding]:
    """Both machines' clocks against this one's: the switch's, and the trunk's where it told its own."""
    for whose, skew in (("FreeSWITCH's", trunk.switch.clock() - trunk.now()), ("the trunk's", trunk.remote_clock)):
        if skew is None:
            continue
        text = f"{whose} is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} this machine's"
        todo = "timedatectl set-ntp true, on whichever of them is wrong"
        if abs(skew) >= SKEW_FAIL_S:
            yield failed("clock", f"{text}: TLS and signatures are refused", todo)
        elif abs(skew) >= SKEW_WARN_S:
            yield warned("clock", f"{text}: call records of both cannot be joined", todo)
        else:
            yield passed("clock", text)


def _caller_id(trunk: _Trunk) -> Iterator[Finding]:
    name = f"{trunk.gateway.name}_caller_id"
    number = trunk.options.caller_id or trunk.switch.variable(name)
    if not number:
        yield skipped("caller id", "not known which number calls show", f"--caller-id NUMBER, or {name} in vars.xml")
    elif trunk.carrier.takes_caller_id(number):
        yield passed("caller id", f"{number}: the form that {trunk.carrier.name} takes")
    else:
        yield failed("caller id", f"{number}: {trunk.carrier.name} takes {trunk.carrier.caller_id_form}",
                     f"correct {name} in vars.xml, or origination_caller_id_number in the dial string")


def _tls(trunk: _Trunk) -> Iterable[Finding]:
    if trunk.gateway.transport != "tls":
        return []
    if trunk.route is None:
        return [skipped("tls", "there is nobody to ask")]
    options = trunk.options
    return certificates.judge(trunk.route.places[0], trunk.gateway.host, options.wait_s, options.ca_file, trunk.now())


def _codecs(trunk: _Trunk) -> Iterable[Finding]:
    offered = trunk.switch.gateway_variable(trunk.gateway.name, "absolute_codec_string")
    ours = offered.split(",") if offered else trunk.profile.codecs if trunk.profile else ()
    secured = trunk.switch.gateway_variable(trunk.gateway.name, "rtp_secure_media")
    return media.codecs(trunk.carrier, tuple(ours), trunk.gateway.transport, secured)


def _rtp(trunk: _Trunk) -> Iterable[Finding]:
    switch, options = trunk.switch, trunk.options
    taken = dict(options.taken)
    if trunk.profile and trunk.profile.sip_port:
        taken[trunk.profile.sip_port] = f"SIP of profile {trunk.profile.name}"
    span = switch.variable("rtp_start_port"), switch.variable("rtp_end_port")
    return media.ports(span, taken, options.max_calls, trunk.carrier.media)


def _addresses(trunk: _Trunk) -> Iterable[Finding]:
    if trunk.profile is None:
        return [skipped("address", f"FreeSWITCH does not tell of profile {trunk.gateway.profile}")]
    return addresses.judge(trunk.profile, [address for address, _ in trunk.route.places] if trunk.route else [])


_QUESTIONS: dict[str, Callable[[_Trunk], Iterable[Finding]]] = {
    "gateway": _gateway, "ping": _ping, "transport": _transport, "dns": _dns, "options": _options, "tls": _tls,
    "codecs": _codecs, "caller id": _caller_id, "address": _addresses, "rtp": _rtp, "clock": _clock,
}  # fmt: skip

__all__ = ["Options", "look", "options_of"]
