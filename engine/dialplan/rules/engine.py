"""Rules about calls for the engine: the ``socket`` application and what has to stand around it."""

import ipaddress
import re
from collections.abc import Iterator
from difflib import get_close_matches

from engine.dialplan.rules import tables
from engine.dialplan.rules.rule import At, rule
from engine.dialplan.rules.view import Act, Ext, View, variables_in

DEFAULT_PORT = 8084
"""Where ``socket`` connects to when no port is written (facts: mod_event_socket)."""
WATCHDOGS = ("sched_hangup", "sched_transfer")
CANCELS = re.compile(r"sched_del\s*\(|sched_cancel", re.IGNORECASE)
ONCE = frozenset({"limit", "limit_hash", "limit_execute", "limit_hash_execute", "playback", "say", "speak", "phrase",
                  "ivr", "play_and_get_digits", "read", "record_session", "curl", "voicemail", "callcenter"})
TAKES_TIME = frozenset({"bridge", "playback", "answer", "voicemail", "ivr", "callcenter", "fifo", "conference", "park",
                        "sleep", "endless_playback", "say", "speak", "phrase", "record", "play_and_get_digits", "read"})


def sockets(view: View) -> Iterator[tuple[Ext, list[Act], int]]:
    """Every ``socket``: its extension, the actions of it, and which of them it is."""
    for extension in view.extensions:
        acts = extension.acts
        for position, act in enumerate(acts):
            if act.application == "socket":
                yield extension, acts, position


def hosts(act: Act) -> list[tuple[str, int]]:
    """Hosts and ports of a ``socket``'s data; a host that is only known in a call is left out."""
    found = []
    target = act.data.split()[0] if act.data.split() else ""
    for part in target.split("|"):
        part = part.partition("/")[0]
        host, colon, port = part.rpartition(":") if part.count(":") == 1 else (part, "", "")
        host = host if colon else part
        if host and "{" not in part:
            found.append((host, int(port) if port.isdigit() else DEFAULT_PORT))
    return found


@rule("FS031", "engine", "error", "socket without async full",
      why="Without async the engine cannot take the call's audio: the unicast of FreeSWITCH runs in the park of an "
          "async socket only. Without full it gets no events after the hang-up, no api, no event, no linger.",
      mend='Write data="host:port async full".')
def not_async_full(view: View) -> Iterator[At]:
    """Both words have to be there."""
    for _, acts, position in sockets(view):
        words = [word.lower() for word in acts[position].data.split()[1:]]
        missing = [word for word in ("async", "full") if word not in words]
        if missing and "{" not in acts[position].data.partition(" ")[2]:
            yield At(acts[position].data_place, f"socket without {' and '.join(missing)}")


@rule("FS032", "engine", "warning", "nothing behind the engine",
      why="When no engine takes the connection, or the engine dies in a call, FreeSWITCH runs the next action after "
          "socket. There is none, and no second engine: the caller is hung up.",
      mend="Add a second host (socket a:8084|b:8084 async full), or an action after it: a transfer to people, a "
           "message.")
def no_rescue(view: View) -> Iterator[At]:
    """One host, and nothing after it in any condition."""
    for _, acts, position in sockets(view):
        if position == len(acts) - 1 and "|" not in acts[position].data:
            yield At(acts[position].place, "one engine, and nothing after socket")


@rule("FS033", "engine", "error", "socket without a watchdog, or with park_timeout",
      why="An engine that takes the connection and then says nothing leaves the caller in silence for ever: "
          "FreeSWITCH has no timeout for that. park_timeout is no watchdog: it ends healthy calls too, for it is "
          "read once when the park begins.",
      mend="Before socket: sched_transfer +5 <rescue> XML <context> (or sched_hangup +30). The engine takes it away "
           "when it has the call. Do not set park_timeout.")
def no_watchdog(view: View) -> Iterator[At]:
    """A scheduled transfer or hang-up before the socket, and no park_timeout."""
    for _, acts, position in sockets(view):
        before = acts[:position]
        if not any(act.application in WATCHDOGS or "sched_" in act.data for act in before):
            yield At(acts[position].place, "nothing ends the wait for an engine that says nothing")
        for act in before:
            if any(name == "park_timeout" for name, _ in act.assigned):
                yield At(act.data_place, "park_timeout ends every call of the engine after that time",
                         "Remove it and use sched_transfer before socket.")


@rule("FS034", "engine", "warning", "the engine's connection leaves the private network",
      why="The event socket has no encryption and no password towards the engine: who reads the line hears numbers "
          "and digits, who answers on it commands the call.",
      mend="Run the engine on the same host (127.0.0.1), in a private network, or through a tunnel.")
def public_engine(view: View) -> Iterator[At]:
    """Addresses of the public internet."""
    for _, acts, position in sockets(view):
        for host, _ in hosts(acts[position]):
            try:
                address = ipaddress.ip_address(host.strip("[]"))
            except ValueError:
                continue
            if address.is_global:
                yield At(acts[position].data_place, f"{host} is a public address")


@rule("FS035", "engine", "error", "the engine's port is that of FreeSWITCH's own event socket",
      why="FreeSWITCH would connect to itself: its event socket asks for a password first, so the call is parked "
          "until the watchdog ends it.",
      mend="Give the engine another port (8084 is what everybody uses), FreeSWITCH's event socket keeps 8021.")
def own_event_socket(view: View) -> Iterator[At]:
    """The same port on this host."""
    settings = view.settings("event_socket.conf")
    port = settings["listen-port"].value if "listen-port" in settings else "8021"
    own = {"127.0.0.1", "localhost", "::1", settings["listen-ip"].value if "listen-ip" in settings else "127.0.0.1"}
    for _, acts, position in sockets(view):
        if any(host in own and str(at) == port for host, at in hosts(acts[position])):
            yield At(acts[position].data_place, f"port {port} is FreeSWITCH's own event socket")


@rule("FS036", "engine", "warning", "a trunkline_ variable that the engine does not know",
      why="The engine reads its variables by name; a misspelt one is not seen, and the call gets the agent of its "
          "number, or no recording.",
      mend="Correct the name. The engine reads " + ", ".join(sorted(tables.ENGINE_VARIABLES)) + "; others begin with "
           "another word.")
def unknown_engine_variable(view: View) -> Iterator[At]:
    """Set here, known neither to the engine nor to a condition or action of this dialplan."""
    read: set[str] = set()
    for extension in view.extensions:
        for test in extension.tests:
            read |= variables_in((test.field or "") + " " + test.expression)
        for act in extension.all_acts:
            read |= variables_in(act.data)
    for extension in view.extensions:
        for act in extension.all_acts:
            for name, _ in act.assigned:
                known = name.lower() in tables.ENGINE_VARIABLES or name.lower() in read
                near = _near(name.lower()) if name.lower().startswith("trunkline_") and not known else []
                if near and not near[0].startswith(name.lower()) and not name.lower().startswith(near[0]):
                    yield At(act.data_place, f"the engine knows no variable {name}", f"Did you mean {near[0]}?")


def _near(name: str) -> list[str]:
    """The engine's variable that is meant, told by what comes after ``trunkline_``."""
    words = {known.removeprefix("trunkline_"): known for known in tables.ENGINE_VARIABLES}
    return [words[word] for word in get_close_matches(name.removeprefix("trunkline_"), words, 1, 0.75)]


@rule("FS050", "engine", "warning", "the watchdog goes on after the engine has let go",
      why="What stands after socket runs when no engine came. The watchdog set before is still there and transfers "
          "or hangs up in the middle of it: the rescue is cut off.",
      mend='First of all after socket: <action application="sched_cancel"/>. In a rescue that is transferred to, '
           "there.")
def watchdog_goes_on(view: View) -> Iterator[At]:
    """Something that takes time after the socket, before the watchdog is taken away."""
    for _, acts, position in sockets(view):
        if not any(act.application in WATCHDOGS for act in acts[:position]):
            continue
        for act in acts[position + 1:]:
            if act.application in ("sched_cancel", "transfer", "hangup") or CANCELS.search(act.data):
                break
            if act.application in TAKES_TIME:
                yield At(act.place, f"{act.application} after socket, with the watchdog still set")
                break


@rule("FS051", "engine", "warning", "something that may happen only once, before socket",
      why="The engine sends a call through this extension a second time when its audio has to be attached anew: a "
          "limit counts twice, a prompt is heard again, a recording starts twice.",
      mend="Put it into an extension before, which transfers to the one that holds socket.")
def only_once(view: View) -> Iterator[At]:
    """Applications with a lasting effect before the socket, in its extension."""
    for _, acts, position in sockets(view):
        for act in acts[:position]:
            if act.application in ONCE:
                yield At(act.place, f"{act.application} in the extension that holds socket is run again in mid-call")
                break
