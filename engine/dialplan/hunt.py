"""The hunt: which extensions a call passes, and which actions it collects, as mod_dialplan_xml does it.

Two things surprise people and are therefore followed to the letter: actions of a condition that passed are kept even if
a later condition of the extension fails, and a condition with a time *and* a field runs its actions when either passes
(facts: FreeSWITCH 1.11 ``src/mod/dialplans/mod_dialplan_xml/mod_dialplan_xml.c``). Pure: the time is given.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from engine.dialplan.apps import run_inline
from engine.dialplan.channel import Channel, needs_expansion
from engine.dialplan.model import BREAKS, Action, Condition, Context, Extension, Test, is_number, is_true, leading_int
from engine.dialplan.pcre import BadExpression, Match, compiled, substituted
from engine.dialplan.reader import Configuration
from engine.dialplan.source import Place
from engine.dialplan.times import time_matches

Kind = Literal["extension", "regex", "time", "absolute", "nested", "action", "anti-action", "note"]

MAX_LOOP = 1_000
"""Of ``loop=``: FreeSWITCH has no bound, a trace needs one."""

MAX_NESTED = 100

CAPTURE = re.compile(r"\$\{?[0-9]")


@dataclass(frozen=True)
class Step:
    """One thing the hunt did, with what it is about. ``passed`` is None where nothing was compared.

    ``rule`` is ``break=...`` of a condition, ``match=...`` of a ``<regex>``. ``note`` says what an inline application
    did, or what is wrong. ``groups`` are the captures of an expression that passed.
    """

    kind: Kind
    place: Place
    extension: str
    depth: int = 0
    passed: bool | None = None
    field: str = ""
    value: str = ""
    expression: str = ""
    rule: str = ""
    groups: tuple[str | None, ...] = ()
    app: str = ""
    data: str = ""
    inline: bool = False
    note: str = ""

    def line(self, channel: str) -> str:
        """The line FreeSWITCH logs for it at level debug; ``channel`` is the channel's name. Empty for a note."""
        indent = "|" + "-" * (4 * self.depth - 1) + " " if self.depth else ""
        verdict = "PASS" if self.passed else "FAIL"
        body = {
            "extension": f"{channel} parsing [{self.value}->{self.extension}] continue={self.rule}",
            "nested": f"Processing recursive conditions level:{self.depth} [{self.extension}] "
                      f"require-nested={self.rule}",
            "regex": f"{channel} Regex ({verdict}) [{self.extension}] {self.field}({self.value}) =~ "
                     f"/{self.expression}/ {self.rule}",
            # A regex of a condition that fails by its time is written without a blank by FreeSWITCH.
            "time": f"{channel} Date/Time{' ' if self.passed else ''}Match ({verdict}) [{self.extension}]"
                    f"{' ' + self.rule if self.rule else ''}",
            "absolute": f"{channel} Absolute Condition [{self.extension}]{' ' + self.rule if self.rule else ''}",
            "action": f"{channel} Action {self.app}({self.data}) {'INLINE' if self.inline else ''}",
            "anti-action": f"{channel} ANTI-Action {self.app}({self.data}) {'INLINE' if self.inline else ''}",
            "note": "",
        }[self.kind]
        return f"{indent}Dialplan: {body}" if body else ""


@dataclass(frozen=True)
class Chosen:
    """An action that the hunt collected: captures put in, ``${...}`` not yet; that is done when it runs."""

    app: str
    data: str
    place: Place


@dataclass
class Hunt:
    """What came out. ``context`` None: there is none, the call is refused. ``extension``: the name FreeSWITCH gives
    the list of actions; None where there is no list, and the call is refused too."""

    number: str
    asked_context: str
    context: Context | None
    steps: list[Step] = field(default_factory=list)
    actions: list[Chosen] = field(default_factory=list)
    extension: str | None = None


def hunt(configuration: Configuration, channel: Channel, now: datetime) -> Hunt:
    """Hunt for the channel's ``destination_number`` in its ``context``. ``now`` is aware, in the machine's time zone.

    The channel gets what inline applications set, and ``DP_MATCH``.
    Raises NotTheSame where an expression needs libpcre2 and there is none.
    """
    name = channel.fields.get("context") or "default"
    number = channel.fields.get("destination_number", "")
    context = configuration.context(name) or configuration.context("global") or _loose(configuration)
    work = Hunt(number, name, context)
    if context is None:
        return work
    extensions = context.extensions
    if is_true(channel.get("auto_hunt")):
        named = [index for index, one in enumerate(extensions) if (one.name or "").lower() == number.lower()
                 and one.name is not None]
        extensions = extensions[named[0] :] if named else extensions
    for extension in extensions:
        shown = "UNKNOWN" if extension.name is None else extension.name
        goes_on = extension.element.get("continue")
        work.steps.append(Step("extension", extension.place, shown, value=name,
                               rule="false" if goes_on is None else goes_on))
        if _Run(work, channel, now, shown).extension(extension) and not extension.goes_on:
            break
    return work


def _loose(configuration: Configuration) -> Context | None:
    """Of a fragment, the extensions that an include would put into a context."""
    return next((context for context in configuration.contexts() if context.loose), None)


@dataclass
class _Compared:
    """What a condition leaves for its actions. ``expression`` None: FreeSWITCH has forgotten it."""

    proceed: int
    anti: bool = True
    field: str | None = None
    value: str = ""
    expression: str | None = None
    match: Match | None = None
    stale: bool = False
    """The captures belong to a text that FreeSWITCH has freed by the time of the actions."""

    @property
    def captures(self) -> bool:
        return self.field is not None and self.expression is not None and "(" in self.expression


@dataclass
class _Run:
    """The hunt through one extension."""

    work: Hunt
    channel: Channel
    now: datetime
    name: str

    def extension(self, extension: Extension) -> int:
        """Whether it matched."""
        return self._conditions(extension.conditions, self.name, 0, True)

    def _conditions(self, conditions: list[Condition], name: str, depth: int, required: bool) -> int:
        proceed = 0
        for condition in conditions:
            compared = self._compare(condition, name, depth, proceed)
            self._act(condition, compared, name, depth)
            proceed = compared.proceed
            stops = "on-false" if compared.anti else "on-true"
            if condition.breaks in (stops, "always"):
                break
            if proceed and condition.conditions:
                proceed = self._nested(condition, depth + 1)
                if not proceed and condition.breaks != "never":
                    break
        return proceed if required else 1

    def _nested(self, condition: Condition, depth: int) -> int:
        name = f"{self.name}_recur_{depth}"[:127]
        if depth > MAX_NESTED:
            return 0
        self._step(Step("nested", condition.place, name, depth, rule="TRUE" if condition.require_nested else "FALSE"))
        return self._conditions(condition.conditions, name, depth, condition.require_nested)

    def _step(self, step: Step) -> None:
        self.work.steps.append(step)

    def _note(self, place: Place, name: str, depth: int, text: str) -> None:
        self._step(Step("note", place, name, depth, note=text))

    def _in_time(self, test: Test) -> bool | None:
        offset = self.channel.get("tod_tz_offset")
        hours = leading_int(offset) if offset and is_number(offset) else None
        return time_matches(test.times, self.now, hours, self.channel.get("timezone") or "")

    def _compare(self, condition: Condition, name: str, depth: int, proceed: int) -> _Compared:
        rule = f"break={_break_text(condition)}"
        compared = _Compared(proceed, field=condition.field)
        in_time = self._in_time(condition)
        if in_time is not None:
            self._step(Step("time", condition.place, name, depth, in_time, rule=rule))
            compared.anti = not in_time
            compared.proceed = int(in_time)
        if condition.combination:
            self._combine(condition, compared, name, depth)
        else:
            compared.expression = self.channel.expand(condition.expression)
            if condition.field is not None:
                self._match(condition, compared, name, depth, rule)
                if compared.match:
                    compared.anti = False
            elif in_time is None:
                self._step(Step("absolute", condition.place, name, depth))
                compared.anti = False
                compared.proceed = 1
        return compared

    def _match(self, test: Test, compared: _Compared, name: str, depth: int, rule: str) -> None:
        """Compare a field with an expression that is expanded already."""
        assert test.field is not None and compared.expression is not None
        compared.field = test.field
        compared.value = (self.channel.expand(test.field) if "$" in test.field
                          else self.channel.get_field(test.field) or "")
        try:
            compared.match = compiled(compared.expression).search(compared.value)
        except BadExpression as fault:
            compared.match = None
            self._note(test.expression_place, name, depth, f"the expression does not compile, and so never matches: "
                       f"{fault} at character {fault.offset + 1}")
        compared.proceed = len(compared.match.groups) if compared.match else 0
        self._step(Step("regex", test.place, name, depth, compared.match is not None, test.field, compared.value,
                        compared.expression, rule, compared.match.groups if compared.match else ()))

    def _combine(self, condition: Condition, compared: _Compared, name: str, depth: int) -> None:
        """``regex="all|any|xor"``: the last expression with brackets that was kept gives the captures."""
        kind = condition.combination
        rule = f"match={'all' if kind == 'all' else 'any'}"
        passes = fails = 0
        kept: _Compared | None = None
        self.channel.remove_prefix("DP_REGEX_MATCH")
        for number, test in enumerate(condition.regexes, 1):
            in_time = self._in_time(test)
            if in_time is not None:
                self._step(Step("time", test.place, name, depth, in_time))
            compared.field, compared.match = test.field, None
            compared.expression = self.channel.expand(test.expression)
            if test.field is not None:
                self._match(test, compared, name, depth, rule)
                passed = compared.match is not None
            else:
                if in_time is None:
                    self._step(Step("absolute", test.place, name, depth, rule=rule))
                passed = in_time is not False
                compared.proceed = 1 if passed else compared.proceed
            passes, fails = passes + passed, fails + (not passed)
            if (passed and kind == "any") or (not passed and kind == "all"):
                compared.expression = None if needs_expansion(test.expression) else compared.expression
                break
            if compared.captures:
                self._capture(f"DP_REGEX_MATCH_{number}", compared)
                kept = _Compared(compared.proceed, True, compared.field, compared.value, compared.expression,
                                 compared.match)
            compared.match = None
            compared.expression = None if needs_expansion(test.expression) else compared.expression
        true = passes == 1 if kind == "xor" else not fails if kind == "all" else passes > 0
        compared.anti = compared.anti and not true
        if kept is not None and kept.match is not None:
            compared.field, compared.value, compared.expression = kept.field, kept.value, kept.expression
            compared.match, compared.proceed = kept.match, kept.proceed
        compared.stale = compared.match is not None and "$" in (compared.field or "")

    def _capture(self, name: str, compared: _Compared) -> None:
        self.channel.set(name, None)
        for group in compared.match.groups if compared.match else ():
            if group is not None:
                self.channel.push(name, group)

    def _act(self, condition: Condition, compared: _Compared, name: str, depth: int) -> None:
        if compared.anti:
            for action in condition.anti_actions:
                self._add(action, action.data, name, depth)
                compared.proceed = 1
            return
        if compared.captures:
            self._capture("DP_MATCH", compared)
        for action in condition.actions:
            data = action.data
            if compared.captures:
                if compared.match is None:
                    self._note(action.place, name, depth, "the expression has brackets but did not match, and the "
                               "action runs all the same: "
                               + ("FreeSWITCH 1.11 crashes at the $ in its data" if CAPTURE.search(data) else
                                  "FreeSWITCH writes beyond its memory here"))
                else:
                    if compared.stale:
                        self._note(action.place, name, depth, "FreeSWITCH from 1.10.12 on reads these captures from "
                                   "memory that it has given back: name the field without ${}, or test it in a "
                                   "condition of its own")
                    room = _size(data) + _size(compared.value) + 10
                    data = substituted(compared.match, data, room * compared.proceed)
            self._add(action, data, name, depth)

    def _add(self, action: Action, data: str, name: str, depth: int) -> None:
        if self.work.extension is None:
            self.work.extension = name
        if action.loop > MAX_LOOP:
            self._note(action.place, name, depth, f"loop={action.loop}; shown {MAX_LOOP} times")
        for _ in range(min(action.loop, MAX_LOOP)):
            note = run_inline(self.channel, action.app, data) if action.inline else ""
            self._step(Step("anti-action" if action.anti else "action", action.place, name, depth, app=action.app,
                            data=data, inline=action.inline, note=note))
            if action.inline:
                continue
            if "\\'" in data:
                self._note(action.place, name, depth, "FreeSWITCH drops this action, because of \\' in its data")
            else:
                self.work.actions.append(Chosen(action.app, data, action.place))


def _break_text(condition: Condition) -> str:
    """As it is written where FreeSWITCH knows the word."""
    text = condition.element.get("break")
    return text if text is not None and text.lower() in BREAKS else "on-false"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))
