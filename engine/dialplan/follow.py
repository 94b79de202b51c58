"""Follow a call after the hunt: run what sets variables, and hunt again where an application sends the call on."""

from dataclasses import dataclass, field
from datetime import datetime

from engine.dialplan.api import split
from engine.dialplan.apps import EFFECTS, SILENT, run
from engine.dialplan.channel import Channel
from engine.dialplan.hunt import Chosen, Hunt, hunt
from engine.dialplan.reader import Configuration
from engine.dialplan.source import Place

MAX_HUNTS = 20
"""Of one call. FreeSWITCH stops at 70 transfers (``max_forwards``); nobody reads that many."""

ENDS = frozenset(("hangup", "respond", "redirect", "deflect", "park", "valet_park"))
OUTSIDE = {
    "bridge": "what comes after it runs when the other side has hung up or was not reached",
    "socket": "what comes after it runs when no engine took the call or the engine let go of it",
    "callcenter": "what comes after it runs when nobody of the queue took the call",
    "ivr": "where it goes depends on the keys",
    "lua": "a script may send the call anywhere",
}


@dataclass(frozen=True)
class Executed:
    """An application that ran: ``data`` with its variables put in. ``depth``: within how many execute_extension."""

    app: str
    data: str
    place: Place
    note: str = ""
    depth: int = 0


@dataclass
class Journey:
    """Hunts and applications in order, and why it ends."""

    entries: list[Hunt | Executed] = field(default_factory=list)
    end: str = ""

    @property
    def hunts(self) -> list[Hunt]:
        """The hunts of it."""
        return [entry for entry in self.entries if isinstance(entry, Hunt)]


def follow(configuration: Configuration, channel: Channel, now: datetime) -> Journey:
    """Hunt, run, and go where ``transfer`` and ``execute_extension`` lead. Raises as ``hunt`` does."""
    journey = Journey()
    seen: set[str] = set()
    going = True
    while going:
        state = repr((sorted(channel.fields.items()), sorted(channel.variables.items())))
        if state in seen:
            journey.end = "the call goes round: it comes to this number a second time, and nothing has changed"
            break
        if len(journey.hunts) >= MAX_HUNTS:
            journey.end = f"stopped after {MAX_HUNTS} hunts: the call goes round"
            break
        seen.add(state)
        found = hunt(configuration, channel, now)
        journey.entries.append(found)
        if found.extension is None:
            journey.end = "no route: the call is refused (NO_ROUTE_DESTINATION, 404 before the answer)"
            break
        going = _run_all(configuration, channel, now, found.actions, journey, 0)
    return journey


def _run_all(
    configuration: Configuration, channel: Channel, now: datetime, actions: list[Chosen], journey: Journey, depth: int,
) -> bool:
    """Run the actions; True where the call was sent on to another hunt."""
    for action in actions:
        data = channel.expand(action.data)
        if action.app == "transfer":
            words = split(data, " ", 5)
            leg = words[0].lower() if words else ""
            note = "only the other leg goes" if leg == "-bleg" else ""
            journey.entries.append(Executed(action.app, data, action.place, note, depth))
            if leg != "-bleg" and words:
                return _transfer(channel, words[1:] if leg == "-both" else words, journey)
            continue
        if action.app == "execute_extension":
            journey.entries.append(Executed(action.app, data, action.place, "", depth))
            if not _execute_extension(configuration, channel, now, split(data, " ", 4), journey, depth):
                return False
            if journey.end == "transferred":
                journey.end = ""
                return True
            continue
        note = run(channel, action.app, action.data) if action.app in EFFECTS or action.app in SILENT else ""
        journey.entries.append(Executed(action.app, data, action.place, OUTSIDE.get(action.app, note), depth))
        if action.app in ENDS:
            journey.end = f"ends with {action.app}"
            return False
    if depth == 0:
        journey.end = "ends with the last action: FreeSWITCH hangs up (NORMAL_CLEARING)"
    return False


def _transfer(channel: Channel, words: list[str], journey: Journey) -> bool:
    """Set the profile for the next hunt, as FreeSWITCH does. False where it is no hunt in XML."""
    number, dialplan, context = (words + ["", "", ""])[:3]
    before = channel.fields.get("destination_number", "")
    dialplan = dialplan or channel.get("force_transfer_dialplan") or channel.fields.get("dialplan") or "XML"
    context = context or channel.get("force_transfer_context") or channel.fields.get("context") or "default"
    if dialplan.upper().split(",")[0].split(":")[0] != "XML":
        journey.end = f"goes on in the dialplan {dialplan}, which is not followed"
        return False
    channel.fields.update({"destination_number": number or "service", "dialplan": dialplan, "context": context,
                           "rdnis": before})
    return True


def _execute_extension(
    configuration: Configuration, channel: Channel, now: datetime, words: list[str], journey: Journey, depth: int,
) -> bool:
    """Hunt for another extension and run it in between. False where the journey ends there."""
    number, dialplan, context = (words + ["", "", ""])[:3]
    if dialplan and dialplan.upper() != "XML":
        journey.end = f"goes on in the dialplan {dialplan}, which is not followed"
        return False
    if len(journey.hunts) >= MAX_HUNTS:
        journey.end = f"stopped after {MAX_HUNTS} hunts: the call goes round"
        return False
    kept = dict(channel.fields)
    channel.fields.update({"destination_number": number, "context": context or kept.get("context", "default")})
    found = hunt(configuration, channel, now)
    journey.entries.append(found)
    if _run_all(configuration, channel, now, found.actions, journey, depth + 1):
        journey.end = "transferred"
        return True
    if journey.end:
        return False
    channel.fields.clear()
    channel.fields.update(kept)
    return True
