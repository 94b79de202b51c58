"""What ``trunkline doctor`` says of hand-over: whom agents may hand callers to, and whether that would work now.

Looks at the default agent and the operator's own: nobody has to use the others that come with Trunkline. Nobody is
called. A target that cannot be reached is a warning, not a failure: the agent goes on with the caller.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from engine.agents.agent import Agent
from engine.agents.load import SHIPPED, Agents
from engine.agents.options import Transfer
from engine.config import Config
from engine.errors import TrunklineError
from engine.esl.errors import CommandRefused, EslError
from engine.esl.inbound import InboundClient
from engine.media.errors import MediaError
from engine.media.waves import read_sound_at
from engine.telephony import queue

Row = tuple[Literal["pass", "warn", "fail"], str, str]
"""Status, text, what to do."""

MUSIC_RATE = 8000
GATEWAY, USER = "sofia/gateway/", "user/"
REGISTERED = frozenset({"REGED", "NOREG"})


def look(config: Config, wait_s: float) -> Iterator[Row]:
    """Rows for all targets; none where no agent hands callers over. FreeSWITCH may take ``wait_s`` to answer."""
    try:
        agents = Agents.of(config.agents)
    except TrunklineError as fault:
        yield "fail", str(fault), "mend what is named; trunkline agent check tries again"
        return
    looked_at = [agent for agent in agents
                 if agent.transfer and (agent.name == agents.default or agent.file.parent.resolve() != SHIPPED)]
    if not looked_at:
        return
    yield from _music(looked_at)
    names = ", ".join(agent.name for agent in looked_at)
    if not config.switch.enabled:
        yield ("warn", f"{names}: nobody can be reached: the engine has no inbound event socket",
               "set switch.enabled, switch.port and switch.password (docs/engineer/handover.md)")
        return
    client = InboundClient.from_options(config.switch)
    client.start()
    try:
        client.wait_connected(wait_s)
        for agent in looked_at:
            for name, target in agent.transfer.items():
                yield _target(client, f"{agent.name}: {name}", target)
    except EslError as fault:
        yield "warn", f"{names}: FreeSWITCH cannot be asked: {fault}", "see freeswitch below"
    finally:
        client.close()


def _music(agents: Iterable[Agent]) -> Iterator[Row]:
    """Whether the hold music is there and can be played; without it callers hear a ringing tone."""
    for agent in agents:
        for name, target in agent.transfer.items():
            if not target.hold_music:
                continue
            try:
                seconds = len(read_sound_at(target.hold_music, MUSIC_RATE)) / MUSIC_RATE
            except MediaError as fault:
                yield ("warn", f"{agent.name}: {name}: hold music: {fault}; callers hear a ringing tone",
                       f"put it there, or correct transfer.{name}.hold_music in {agent.file}")
            else:
                yield "pass", f"{agent.name}: {name}: {seconds:.0f} s of hold music", ""


def _target(client: InboundClient, who: str, target: Transfer) -> Row:
    where = f"{who}: {target.destination}"
    if "${" in target.destination:
        return "pass", f"{where}: known only in a call, by its channel variables", ""
    if target.kind == "queue":
        return _queue(client, where, target.destination)
    if target.destination.startswith(GATEWAY):
        return _gateway(client, where, target.destination[len(GATEWAY):].partition("/")[0])
    if target.destination.startswith(USER):
        return _user(client, where, target.destination[len(USER):])
    return "pass", f"{where}: cannot be looked at without calling it", ""


def _queue(client: InboundClient, where: str, name: str) -> Row:
    wrong = queue.problem(client, name)
    if not wrong:
        return "pass", f"{where}: people are there", ""
    todo = "callcenter_config agent set status NAME Available" if wrong == queue.NOBODY else \
        "load mod_callcenter, and write the queue into autoload_configs/callcenter.conf.xml"
    return "warn", f"{where}: {wrong}", todo


def _gateway(client: InboundClient, where: str, name: str) -> Row:
    """By ``sofia status gateway``: a table of names and values, or "Invalid Gateway!"."""
    answer = _ask(client, "sofia", f"status gateway {name}")
    fields = dict(line.split(None, 1) for line in answer.splitlines() if len(line.split(None, 1)) == 2)
    state, status = fields.get("State", "").strip(), fields.get("Status", "").split(" ")[0].strip()
    if not state:
        return "warn", f"{where}: FreeSWITCH has no gateway {name}", "sofia status lists the gateways there are"
    if state not in REGISTERED or status == "DOWN":
        return ("warn", f"{where}: gateway {name} is not in service ({state}, {status or 'status unknown'})",
                f"sofia status gateway {name} tells more: address, user, password")
    return "pass", f"{where}: gateway {name} is in service ({state})", ""


def _user(client: InboundClient, where: str, address: str) -> Row:
    """By ``user_exists`` and ``sofia_contact``; a user without a domain is one of the domain of ``vars.xml``."""
    user, _, domain = address.partition("@")
    domain = domain or _ask(client, "global_getvar", "domain")
    if not domain:
        return "warn", f"{where}: in which domain?", f"write {USER}{user}@DOMAIN, or set domain in vars.xml"
    if _ask(client, "user_exists", f"id {user} {domain}") != "true":
        return "warn", f"{where}: there is no user {user} in the domain {domain}", "write one into directory/"
    if "/sip:" not in _ask(client, "sofia_contact", f"{user}@{domain}"):
        return "warn", f"{where}: no phone is registered as {user}@{domain}", "register one; hand-overs fail until then"
    return "pass", f"{where}: a phone is registered", ""


def _ask(client: InboundClient, command: str, args: str) -> str:
    """FreeSWITCH's answer; "" where it refuses one, as for a variable that is not set."""
    try:
        return client.api(command, args).strip()
    except CommandRefused:
        return ""
