"""Rules about what is done with a call: applications, their data, and what comes after what."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import pairwise

from engine.dialplan.model import Condition
from engine.dialplan.rules import tables
from engine.dialplan.rules.patterns import GROUP, pattern
from engine.dialplan.rules.rule import At, rule
from engine.dialplan.rules.view import Act, Ext, View

ENDS = frozenset({"hangup", "transfer", "socket_resume"})
TALKS = frozenset({"playback", "say", "speak", "phrase", "play_and_get_digits", "read", "ivr", "endless_playback",
                   "gentones", "voicemail", "record"})
ANSWERS = frozenset({"answer", "pre_answer", "ring_ready", "socket", "bridge", "conference", "park", "fifo",
                     "callcenter", "transfer", "execute_extension", "eavesdrop", "lua", "python", "javascript",
                     "httapi", "voicemail"})
CALLS_SOMEBODY = frozenset({"bridge", "originate", "transfer", "execute_extension", "socket", "voicemail"})
FALLBACK = frozenset({"continue_on_fail", "hangup_after_bridge", "transfer_on_fail", "failure_causes",
                      "park_after_bridge", "transfer_after_bridge", "exec_after_bridge_app"})


@rule("FS016", "dialplan", "error", "$1 that no group of the expression gives",
      why="$1 to $9 are put in only when the expression of the same condition has brackets, and only in its "
          "actions; in an anti-action, or without that group, nothing or the text $1 is handed on, and dialled.",
      mend="Put ( ) around the part that is meant, in the expression of this very condition.")
def missing_group(view: View) -> Iterator[At]:
    """``$N`` beyond the groups of the condition; an error where it is dialled."""
    for extension in view.extensions:
        for act in extension.all_acts:
            numbers = [int(match.group(1)) for match in GROUP.finditer(act.data)]
            wanted = max(numbers, default=0)
            groups = _groups(act.condition)
            if not wanted or groups < 0:
                continue
            if act.action.anti:
                yield At(act.data_place, f"${wanted} in an anti-action is never put in: nothing has matched",
                         severity=None if act.application in CALLS_SOMEBODY else "warning")
            elif wanted > groups:
                has = f"has {groups} group{'s' * (groups != 1)}" if groups else "has no group"
                yield At(act.data_place, f"${wanted}, but the expression of this condition {has}",
                         severity=None if act.application in CALLS_SOMEBODY else "warning")


def _groups(condition: Condition) -> int:
    """The groups that ``$N`` of this condition's actions can mean; -1 where that is not known."""
    if condition.combination:
        counts = [pattern(test.expression).groups for test in condition.regexes if "(" in test.expression]
        return -1 if -1 in counts else max(counts, default=0)
    if condition.field is None:
        return 0
    read = pattern(condition.expression)
    return -1 if read.dynamic or read.fault else read.groups


@rule("FS020", "dialplan", "error", "an application that is not there",
      why="FreeSWITCH hangs the call up with DESTINATION_OUT_OF_ORDER when it comes to an application that it does "
          "not know, or whose module is not loaded.",
      mend="Correct the name, or load the module in autoload_configs/modules.conf.xml.")
def unknown_application(view: View) -> Iterator[At]:
    """Names against the table of FreeSWITCH's applications, modules against modules.conf."""
    for extension in view.extensions:
        for act in extension.all_acts:
            name = act.application
            if not name or "{" in name or "$" in name:
                continue
            at = act.action.element.where("application")
            known = tables.application(name)
            if known is None:
                near = get_close_matches(name, tables.application_names(), 1, 0.7)
                foreign = bool(view.foreign_modules)
                yield At(at, f"no application is called {act.action.app!r}",
                         f"Did you mean {near[0]}?" if near else "", "warning" if foreign else None)
            elif known[0] and view.modules is not None and known[0] not in view.modules:
                # Somebody may load it by hand, so this is no error.
                yield At(at, f"{name} is in {known[0]}, which is not loaded",
                         f'Add <load module="{known[0]}"/> to autoload_configs/modules.conf.xml.', "warning")


@rule("FS021", "dialplan", "error", "a transfer to a context that is not there",
      why="FreeSWITCH looks for the context, then for one called global, and ends the call when there is neither.",
      mend="Correct the name, or write the context.")
def missing_context(view: View) -> Iterator[At]:
    """Targets of transfers that are written out."""
    if not view.has_dialplan or "global" in view.contexts:
        return
    for extension in view.extensions:
        for act in extension.all_acts:
            target = transfer_target(act)
            if target is None or "{" in target[1] or target[1].lower() in view.contexts:
                continue
            if target[1] and target[1] != "inline":
                yield At(act.data_place, f"{act.application} to context {target[1]!r}, which does not exist")


def transfer_target(act: Act) -> tuple[str, str] | None:
    """Number and context a ``transfer`` or ``execute_extension`` goes to (context: that of the extension where none
    is named, empty if unknown); None for another dialplan than XML."""
    offset = {"transfer": 0, "execute_extension": 0, "sched_transfer": 1}.get(act.application)
    if offset is None:
        return None
    words = act.data.split()[offset:]
    if words and words[0] in ("-bleg", "-both"):
        words = words[1:]
    if not words or (len(words) > 1 and words[1].upper() != "XML"):
        return None
    context = words[2] if len(words) > 2 else "${context}"
    return words[0], (act.extension.context or "") if context == "${context}" else context


@rule("FS022", "dialplan", "error", "transfers that go round in a circle",
      why="Every round takes a hop of the call until FreeSWITCH gives up (70 by default) and hangs up; the caller "
          "hears nothing all the while.",
      mend="Let one of them end: answer, play something, hang up, or transfer elsewhere.")
def transfer_loop(view: View) -> Iterator[At]:
    """Chains of unconditional transfers to written-out numbers that come back to where they began."""
    reported: set[int] = set()
    for hunt in view.hunts:
        for extension in hunt:
            seen: list[Ext] = []
            step: Ext | None = extension
            while step is not None and step.element not in [s.element for s in seen]:
                seen.append(step)
                step = _next(view, step)
            if step is not None and step.element is extension.element and id(extension.element) not in reported:
                reported.update(id(one.element) for one in seen)
                names = " > ".join(one.name for one in [*seen, extension])
                act = next(act for act in extension.acts if transfer_target(act))
                yield At(act.data_place, f"these transfers go round: {names}")


def _next(view: View, extension: Ext) -> Ext | None:
    """Where a call that matches this extension goes at once, if it is sure."""
    acts = extension.acts
    quick = ("set", "export", "multiset", "unset", "log", "info", "transfer", "sched_cancel")
    if not acts or len(acts) < len(extension.all_acts) or any(act.application not in quick for act in acts):
        return None
    act = next((act for act in acts if act.application == "transfer"), None)
    target = transfer_target(act) if act else None
    if target is None or re.search(r"[${]", target[0] + target[1]):
        return None
    hunt = view.contexts.get(target[1].lower()) if target[1] else next((h for h in view.hunts if extension in h), None)
    for candidate in hunt or []:
        verdict = _takes(candidate, target[0])
        if verdict is None:
            return None
        if verdict and not candidate.goes_on:
            return candidate
    return None


def _takes(extension: Ext, number: str) -> bool | None:
    """Whether an extension takes a number, None where it depends on more than the number."""
    sure = True
    if not extension.conditions:
        return False
    for condition in extension.conditions:
        if condition.field is None and not condition.times and not condition.combination:
            continue
        matched = pattern(condition.expression).matches(number) if condition.field == "destination_number" else None
        if matched is False:
            return False
        if matched is None or condition.conditions:
            sure = False
    return True if sure else None


@rule("FS023", "dialplan", "warning", "actions that are not run when they are meant to be",
      why="Nothing runs after hangup or transfer. A bridge that fails hangs up unless continue_on_fail is set, so "
          "what stands after it is only run when a bridge has gone well and is over.",
      mend="Before the bridge: set continue_on_fail=true for what is to happen on failure, and "
           "hangup_after_bridge=true so that it does not happen after a good call. Remove what stands after hangup "
           "or transfer.")
def dead_actions(view: View) -> Iterator[At]:
    """Actions after an end, and after a bridge that nothing was said about."""
    for hunt in view.hunts:
        on_the_way = {name for one in hunt if one.goes_on for act in one.acts for name, _ in act.assigned}
        for extension in hunt:
            yield from _after_end(extension)
            yield from _after_bridge(extension, on_the_way)


def _after_end(extension: Ext) -> Iterator[At]:
    for act, after in pairwise(extension.acts):
        ends = act.application in ENDS and not act.data.startswith("-bleg")
        if ends and act.condition is after.condition:
            yield At(after.place, f"{after.application} is never run: it stands after {act.application}")
            return


def _after_bridge(extension: Ext, on_the_way: set[str]) -> Iterator[At]:
    acts = extension.acts
    said = {name for act in acts for name, _ in act.assigned} | on_the_way
    for position, act in enumerate(acts[:-1]):
        rest = [later for later in acts[position + 1:] if later.condition is act.condition]
        if act.application != "bridge" or not rest or rest[0].application == "hangup":
            continue
        if any(name in act.data for name in FALLBACK) or said & FALLBACK:
            continue
        yield At(act.place, f"{rest[0].application} after this bridge is not run when the bridge fails")
        return


@rule("FS026", "dialplan", "info", "sound before the call is answered",
      why="Sound on an unanswered call goes out as early media (183): many trunks do not pass it on, and end it "
          "after a minute. Who pays for what the caller hears is not clear either.",
      mend="answer first, or pre_answer where early media is what you want.")
def unanswered_sound(view: View) -> Iterator[At]:
    """Extensions that play with no answer, pre_answer or ring_ready before, in a hunt that has none on the way."""
    for hunt in view.hunts:
        on_the_way = any(act.application in ANSWERS for one in hunt if one.goes_on for act in one.acts)
        for extension in hunt:
            for act in extension.acts:
                if act.application in ANSWERS or on_the_way:
                    break
                if act.application in TALKS:
                    yield At(act.place, f"{act.application} before the call is answered")
                    break


@rule("FS028", "dialplan", "warning", "a recording that nobody announces",
      why="In most countries both parties must know before a call is recorded. In this extension nothing is said "
          "before the recording starts.",
      mend="Play an announcement first, or waive this rule with the reason (a contract, a consent in another "
           "extension).")
def unannounced_recording(view: View) -> Iterator[At]:
    """record_session with no prompt before it."""
    for extension in view.extensions:
        told = False
        for act in extension.acts:
            told = told or (act.application in TALKS and act.application != "record")
            starts = act.application == "record_session" or any(
                name.startswith("execute_on_") and "record_session" in text for name, text in act.assigned)
            if starts and not told:
                yield At(act.place, "the call is recorded, and nothing is said before")
                break


@rule("FS029", "dialplan", "warning", "a call that can last for ever",
      why="echo, park and endless music hold a channel until the caller hangs up; a trunk that loses the BYE leaves "
          "it there, paid by the minute.",
      mend='Before it: <action application="sched_hangup" data="+600 ALLOTTED_TIMEOUT"/>.')
def endless(view: View) -> Iterator[At]:
    """Applications without an end of their own, with no limit before them in the extension."""
    for extension in view.extensions:
        bounded = False
        for act in extension.acts:
            bounded = bounded or act.application in ("sched_hangup", "sched_transfer") or any(
                name == "park_timeout" for name, _ in act.assigned)
            forever = (act.application in ("echo", "delay_echo", "park", "endless_playback")
                       or (act.application == "playback" and "loops=-1" in act.data)
                       or (act.application == "sleep" and act.data.strip().isdigit() and int(act.data) > 600_000))
            if forever and not bounded:
                yield At(act.place, f"{act.application} with no end")


@rule("FS071", "dialplan", "error", "an action without an application",
      why="FreeSWITCH looks for an application with an empty name, does not find it and hangs up.",
      mend='Write application="...".')
def no_application(view: View) -> Iterator[At]:
    """Actions with no or an empty ``application``."""
    for extension in view.extensions:
        for act in extension.all_acts:
            if not act.application.strip():
                yield At(act.place, "an action without an application")


@rule("FS072", "dialplan", "error", "an application that cannot run inline",
      why="inline runs an application during the hunt; FreeSWITCH allows that to a few quick ones and passes over "
          "any other with a line in the log.",
      mend="Remove inline, or use one of set, unset, export, multiset, log, info, event, eval.")
def not_inline(view: View) -> Iterator[At]:
    """inline on what FreeSWITCH's table does not allow it to."""
    for extension in view.extensions:
        for act in extension.all_acts:
            known = tables.application(act.application)
            if act.action.inline and known is not None and not known[1]:
                yield At(act.action.element.where("inline"), f"{act.application} cannot run inline and is passed over")


@rule("FS073", "dialplan", "warning", "set without a value",
      why="set without = clears the variable; with a blank around the = the blank becomes part of the name or value.",
      mend="Write name=value; to clear one, unset name.")
def set_without_value(view: View) -> Iterator[At]:
    """``set`` and ``export`` whose data has no ``=``, or blanks before it."""
    for extension in view.extensions:
        for act in extension.all_acts:
            if act.application not in ("set", "export") or not act.data.strip():
                continue
            name, equals, _ = act.data.partition("=")
            if not equals and "," not in act.data:
                yield At(act.data_place, f"{act.application} {act.data!r} clears the variable")
            elif equals and name != name.rstrip():
                yield At(act.data_place, f"{act.application} {act.data!r}: the blank is part of the variable's name")


@rule("FS074", "dialplan", "warning", "a loop that never runs",
      why="loop is a number of times. A word, or 0, is no time at all: the action is left out.",
      mend="Write a number from 1 up, or remove loop.")
def no_loop(view: View) -> Iterator[At]:
    """``loop`` of nothing."""
    for extension in view.extensions:
        for act in extension.all_acts:
            if act.action.loop <= 0:
                given = act.action.element.get("loop")
                yield At(act.action.element.where("loop"), f"loop={given!r}: the action is never run")
