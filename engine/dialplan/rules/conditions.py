"""Rules about the hunt: conditions that never match, match too much, or say something FreeSWITCH does not read."""

import re
from collections.abc import Iterator
from difflib import get_close_matches

from engine.dialplan.model import BREAKS, TIME_ATTRIBUTES, Condition
from engine.dialplan.rules import tables
from engine.dialplan.rules.patterns import alternatives, pattern
from engine.dialplan.rules.rule import At, rule
from engine.dialplan.rules.view import Ext, View, always, tests_of, variables_in
from engine.dialplan.times import day_matches

NUMBER_FIELDS = ("destination_number", "${destination_number}", "${sip_to_user}", "${sip_req_user}")
DOTTED = re.compile(r"(?<!\\)[0-9]\.(?=[0-9])")
PLUS = re.compile(r"(?<![\\\])}d.])[0-9]\+(?=[0-9]{2})")
CONDITION_ATTRIBUTES = frozenset({"field", "expression", "break", "regex", "require-nested", *TIME_ATTRIBUTES})
ATTRIBUTES = {
    "context": frozenset({"name"}),
    "extension": frozenset({"name", "continue", "require-nested", "uuid"}),
    "condition": CONDITION_ATTRIBUTES,
    "regex": frozenset({"field", "expression", *TIME_ATTRIBUTES}),
    "action": frozenset({"application", "data", "inline", "loop"}),
    "anti-action": frozenset({"application", "data", "inline", "loop"}),
}
CHILDREN = {
    "context": ("extension",), "extension": ("condition",), "regex": ("expression",),
    "condition": ("condition", "action", "anti-action", "regex", "expression"),
}


@rule("FS011", "dialplan", "error", "an extension without a condition",
      why="Only conditions carry actions. An extension without one never matches and never does anything.",
      mend="Put the actions into a <condition>; one without field is true for every call.")
def no_condition(view: View) -> Iterator[At]:
    """Extensions with no condition at all."""
    for extension in view.extensions:
        if not extension.conditions:
            yield At(extension.place, f"extension {extension.name!r} has no condition and does nothing")


@rule("FS012", "dialplan", "error", "a misspelt break, regex or boolean",
      why="FreeSWITCH takes a break it does not know for on-false, a regex for any, and a boolean for false, "
          "without a word.",
      mend="break is on-false, on-true, always or never; regex is all, any or xor; booleans are true or false.")
def misspelt(view: View) -> Iterator[At]:
    """Values of break, regex, continue, inline and require-nested."""
    for extension in view.extensions:
        elements = [extension.element, *(c.element for c in extension.extension.everything()),
                    *(act.action.element for act in extension.all_acts)]
        for element in elements:
            for name, known in (("break", BREAKS), ("regex", ("all", "any", "xor"))):
                given = element.attributes.get(name)
                if given is not None and given.value.lower() not in known:
                    meant = "on-false" if name == "break" else "any"
                    yield At(given.place, f"{name}={given.value!r} is read as {meant}",
                             f"Write one of {', '.join(known)}.")
            for name in ("continue", "inline", "require-nested"):
                given = element.attributes.get(name)
                if given is not None and tables.truth(given.value) is None:
                    yield At(given.place, f"{name}={given.value!r} is read as false", "Write true or false.")


@rule("FS013", "dialplan", "error", "a field that FreeSWITCH does not know",
      why="A field without ${} is one of a fixed list (destination_number, caller_id_number, network_addr ...). Any "
          "other word is empty for every call, with no warning, so the condition does not match.",
      mend="For a channel variable write ${name}; else one of the fields FreeSWITCH knows.")
def unknown_field(view: View) -> Iterator[At]:
    """Bare words that are no field of a caller profile."""
    own = {act.data.partition("=")[0].strip().lower() for extension in view.extensions for act in extension.acts
           if act.application == "set_profile_var"}
    known = tables.caller_fields()
    for extension in view.extensions:
        for test in extension.tests:
            word = test.field
            if word is None or "$" in word or "{" in word or word.lower() in known or word.lower() in own:
                continue
            near = get_close_matches(word.lower(), known, 1, 0.75)
            hint = f"Did you mean {near[0]}?" if near else f"For the channel variable write ${{{word}}}."
            raw = test.element.attributes["field"].raw
            if "$${" in raw:
                hint = f"$${{}} has put its value here: write {raw.replace('$$', '$')}, which is read in the call."
            yield At(test.element.where("field"), f"field {word!r} is none that FreeSWITCH knows: it is always empty",
                     hint)


@rule("FS014", "dialplan", "error", "an expression that does not compile",
      why="FreeSWITCH logs COMPILE ERROR at every call that comes by, and the condition does not match.",
      mend=r"Close what is open, and escape what is meant as itself: \+ \* \( \).")
def bad_expression(view: View) -> Iterator[At]:
    """Faults of an expression that PCRE has too."""
    for extension in view.extensions:
        for test in extension.tests:
            fault = pattern(test.expression).fault
            if fault:
                yield At(test.expression_place, f"expression {test.expression!r} does not compile: {fault}")


@rule("FS015", "dialplan", "warning", "an expression for numbers without ^ and $",
      why="Expressions match anywhere in the number: 100 matches 91009 and 1001 too.",
      mend="Write ^ before and $ after it; with alternatives ^(100|200)$.")
def unanchored(view: View) -> Iterator[At]:
    """Expressions on a dialled number that are not tied to its ends."""
    for extension in view.extensions:
        for test in extension.tests:
            read = pattern(test.expression)
            if test.field not in NUMBER_FIELDS or not test.expression or read.fault or read.dynamic:
                continue
            if not read.anchored and not test.expression.startswith("_") and _tight_anywhere(read.body):
                yield At(test.expression_place, f"expression {test.expression!r} matches anywhere in the number")


def _tight_anywhere(body: str) -> bool:
    """A pattern whose end is open on purpose (``^00``, ``^sip:.*``) is a prefix, which is a way to write."""
    return not all(part.startswith("^") and not part.endswith("$") and re.fullmatch(r"(\\\+)?[0-9]*", part[1:])
                   for part in alternatives(body))


@rule("FS017", "dialplan", "warning", "a . or + that is not escaped",
      why="In an expression . is any character and + repeats what stands before it: ^10.0.0.1$ lets in 10x0y0z1, "
          "and 91+80 is no number with a plus in it.",
      mend=r"Write \. and \+ where the character itself is meant.")
def unescaped(view: View) -> Iterator[At]:
    """Dots between digits and pluses between digits, on numbers and addresses."""
    for extension in view.extensions:
        for test in extension.tests:
            if test.field is None or pattern(test.expression).fault:
                continue
            body = re.sub(r"\[[^\]]*\]|\\Q.*?\\E", "", test.expression)
            if DOTTED.search(body):
                yield At(test.expression_place,
                         f"expression {test.expression!r}: the . between digits is any character")
            elif PLUS.search(body):
                yield At(test.expression_place,
                         f"expression {test.expression!r}: the + between digits repeats the digit")


@rule("FS018", "dialplan", "warning", "a condition reads what is set only later",
      why="The whole hunt is run before the first action is: a variable that an action of the same hunt sets is not "
          "there yet when a later condition reads it.",
      mend='Set it with inline="true", or transfer in between.')
def set_too_late(view: View) -> Iterator[At]:
    """A variable that an extension above sets without inline, that nothing sets inline, and that a condition reads."""
    for hunt in view.hunts:
        late: dict[str, str] = {}
        known: set[str] = set()
        for extension in hunt:
            for condition in extension.extension.everything():
                for test in tests_of(condition):
                    for name in sorted(variables_in((test.field or "") + test.expression)):
                        if name in late and name not in known:
                            at = test.element.where("field") if name in variables_in(test.field or "") \
                                else test.expression_place
                            yield At(at, f"${{{name}}} is set by extension {late[name]!r} of this hunt, which is after "
                                         "this condition is tried")
                for action in condition.actions + condition.anti_actions:
                    if action.app.lower() not in ("set", "export"):
                        continue
                    name = action.data.partition("=")[0].strip().lower()
                    known.update([name] if action.inline else [])
                    if not action.inline and (extension.goes_on or condition is not extension.conditions[-1]):
                        late.setdefault(name, extension.name)


@rule("FS019", "dialplan", "warning", "an extension that no call reaches",
      why="An extension before it matches every call and has no continue, so the hunt ends there.",
      mend='Move the one that catches everything to the end of the context, or give it continue="true".')
def unreachable(view: View) -> Iterator[At]:
    """What stands behind a catch-all."""
    for hunt in view.hunts:
        catcher: Ext | None = None
        for extension in hunt:
            if catcher is not None:
                yield At(extension.place, f"extension {extension.name!r} is never tried: {catcher.name!r} "
                                          f"(line {catcher.place.line}) matches every call")
            elif _catches_all(extension):
                catcher = extension


def _catches_all(extension: Ext) -> bool:
    if extension.goes_on or not extension.conditions:
        return False
    return all(always(condition) and not _empty_field(condition) and not condition.conditions
               for condition in extension.conditions)


def _empty_field(condition: Condition) -> bool:
    """``^(.*)$`` on a variable is true for every call too, but ``.+`` is how most people mean it: numbers count."""
    return condition.field is not None and condition.field not in NUMBER_FIELDS


@rule("FS068", "dialplan", "error", "a time that never comes",
      why="A time attribute outside its range is never true: wday counts from Sunday = 1 to 7, mon from 1 to 12, "
          "hour from 0 to 23.",
      mend="Correct the number; ranges are written 2-6 or mon-fri, lists 1,7.")
def time_out_of_range(view: View) -> Iterator[At]:
    """Numbers of time attributes that the clock never shows."""
    for extension in view.extensions:
        for condition in extension.extension.everything():
            for test in [condition, *condition.regexes]:
                for name, (low, high) in tables.TIME_RANGES.items():
                    given = test.element.attributes.get(name)
                    if given is not None and "{" not in given.value and not _comes(name, given.value, low, high):
                        yield At(given.place, f"{name}={given.value!r}: {name} is {low} to {high}")


def _comes(name: str, text: str, low: int, high: int) -> bool:
    """Whether the clock shows what is written, every number of it; days of the week have names too."""
    numbers = [int(number[:12]) for number in re.findall(r"\d+", text)]
    if name == "wday" and not numbers:
        return any(day_matches(text, day) for day in range(low, high + 1))
    return bool(numbers) and all(low <= number <= high for number in numbers)


@rule("FS069", "dialplan", "warning", "an attribute that FreeSWITCH does not read",
      why="FreeSWITCH looks attributes up by name and never complains of others: a condition with expresion= has no "
          "expression, and one without an expression matches every call.",
      mend="Correct the name.")
def unknown_attribute(view: View) -> Iterator[At]:
    """Attributes of dialplan elements that are none of theirs."""
    for extension in view.extensions:
        for element in extension.element.walk():
            for name, given in element.attributes.items():
                known = ATTRIBUTES.get(element.tag)
                if known is None or name in known:
                    continue
                near = get_close_matches(name, known, 1, 0.6)
                yield At(given.name_place, f"<{element.tag}> has no attribute {name!r}",
                         f"Did you mean {near[0]}?" if near else "Remove it, or correct its name.")


@rule("FS070", "dialplan", "error", "an element where FreeSWITCH does not look for it",
      why="Actions count only inside a condition, conditions only inside an extension, extensions only inside a "
          "context. Anything else, and any other tag, is passed over in silence.",
      mend="Move it into the element it belongs to, or correct the tag.")
def misplaced(view: View) -> Iterator[At]:
    """Children of dialplan elements that FreeSWITCH does not look at."""
    for element in [*view.tagged("context"), *(extension.element for extension in view.extensions)]:
        waiting = [element]
        while waiting:
            parent = waiting.pop(0)
            for child in parent.children:
                if child.tag not in CHILDREN.get(parent.tag, (child.tag,)):
                    yield At(child.place, f"<{child.tag}> in <{parent.tag}> is not read")
                elif child.tag != "extension":
                    waiting.append(child)
