"""The hunt, on dialplans of a few lines. That it is FreeSWITCH's own is shown by tests/switch/test_trace.py, on a real
one; here are the rules by themselves, and what only a trace says."""

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialplan.api import answering
from engine.dialplan.channel import Channel
from engine.dialplan.follow import MAX_HUNTS, Executed, Journey, follow
from engine.dialplan.hunt import Hunt, hunt
from engine.dialplan.reader import Configuration, read

NOW = datetime(2026, 11, 21, 18, 30, tzinfo=timezone.utc)


@pytest.fixture
def dialplan(tmp_path):
    """Makes a configuration of the contexts that are given."""

    def make(text: str) -> Configuration:
        path = tmp_path / "freeswitch.xml"
        path.write_text(f'<document>\n<section name="dialplan">\n{text}\n</section>\n</document>')
        return read(path)

    return make


def call(number: str = "100", context: str = "public", **variables: str) -> Channel:
    made = Channel({"destination_number": number, "context": context, "dialplan": "XML"}, {}, answering({}))
    for name, value in variables.items():
        made.set(name, value)
    return made


def context(*extensions: str, name: str = "public") -> str:
    return f'<context name="{name}">\n' + "\n".join(extensions) + "\n</context>"


def extension(body: str, name: str = "one", attributes: str = "") -> str:
    return f'<extension name="{name}" {attributes}>\n{body}\n</extension>'


def chosen(found: Hunt) -> list[str]:
    return [f"{action.app}({action.data})" for action in found.actions]


ACTION = '<action application="eval" data="{}"/>'


def run(configuration: Configuration, channel: Channel) -> Hunt:
    return hunt(configuration, channel, NOW)


def test_the_first_extension_that_matches_ends_the_hunt(dialplan):
    """Unless it says continue; then its actions come first and the list keeps its name."""
    found = run(dialplan(context(extension(f'<condition>{ACTION.format("a")}</condition>', "a", 'continue="true"'),
                                 extension(f'<condition>{ACTION.format("b")}</condition>', "b"),
                                 extension(f'<condition>{ACTION.format("c")}</condition>', "c"))), call())
    assert chosen(found) == ["eval(a)", "eval(b)"]
    assert found.extension == "a"


def test_actions_stay_although_a_later_condition_fails(dialplan):
    """The list is filled while hunting: nothing takes an action back."""
    body = (f'<condition field="destination_number" expression="^1">{ACTION.format("kept")}</condition>\n'
            '<condition field="destination_number" expression="^2"/>')
    found = run(dialplan(context(extension(body), extension(f'<condition>{ACTION.format("next")}</condition>', "two"))),
                call())
    assert chosen(found) == ["eval(kept)", "eval(next)"]


def test_time_and_field_in_one_condition_are_an_or(dialplan):
    """Against all expectation; and in FreeSWITCH 1.11 a capture then ends the process, which has to be said."""
    body = ('<condition field="destination_number" expression="^(2)$" year="2026">'
            f'{ACTION.format("$1")}{ACTION.format("plain")}</condition>')
    found = run(dialplan(context(extension(body))), call())
    assert chosen(found) == ["eval($1)", "eval(plain)"]
    assert ["crashes" in step.note for step in found.steps if step.kind == "note"] == [True, False]


def test_captures_of_a_field_with_a_variable_in_a_combination_are_not_to_be_trusted(dialplan):
    """FreeSWITCH reads them from memory that it has freed."""
    body = ('<condition regex="all"><regex field="${destination_number}" expression="^(1)"/>'
            f'{ACTION.format("$1")}</condition>')
    found = run(dialplan(context(extension(body))), call())
    assert any("given back" in step.note for step in found.steps)


def test_a_set_counts_for_the_hunt_only_when_it_is_inline(dialplan):
    """The two phases of a dialplan: hunt everything, then run."""
    text = context(
        extension('<condition><action application="set" data="a=1"/>'
                  '<action application="set" data="b=1" inline="true"/></condition>', "sets", 'continue="true"'),
        extension(f'<condition field="${{a}}${{b}}" expression="^(.*)$">{ACTION.format("[$1]")}</condition>'))
    channel = call()
    found = run(dialplan(text), channel)
    assert chosen(found)[-1] == "eval([1])"
    assert list(channel.asked) == ["a"]


def test_an_unknown_context_is_global(dialplan):
    """FreeSWITCH tries ``global`` before it refuses."""
    with_global = dialplan(context(extension(f'<condition>{ACTION.format("g")}</condition>'), name="global"))
    assert chosen(run(with_global, call(context="nowhere"))) == ["eval(g)"]
    nothing = run(dialplan(context(name="public")), call(context="nowhere"))
    assert nothing.context is None and nothing.extension is None


def test_an_expression_that_does_not_compile_never_matches_and_is_said(dialplan):
    """FreeSWITCH says it once in its log, at the call."""
    found = run(dialplan(context(extension('<condition field="destination_number" expression="^(1"/>'))), call())
    assert [(step.kind, step.passed) for step in found.steps[1:]] == [("note", None), ("regex", False)]
    assert "does not compile" in found.steps[1].note


def test_loops_are_bounded(dialplan):
    """``loop`` has no bound in FreeSWITCH; a trace of a slip must end."""
    found = run(dialplan(context(extension('<condition><action application="eval" loop="999999999"/></condition>'))),
                call())
    assert len(found.actions) == 1000


def test_steps_have_places(dialplan):
    """From the trace to the line in the editor."""
    found = run(dialplan(context(extension(f'<condition>\n  {ACTION.format("a")}</condition>'))), call())
    assert [(step.kind, step.place.line) for step in found.steps] == [("extension", 4), ("absolute", 5), ("action", 6)]


def executed(journey: Journey) -> list[str]:
    return [f"{one.app}({one.data})" for one in journey.entries if isinstance(one, Executed)]


def test_following_a_transfer(dialplan):
    """The call goes on in another context, with the variables that were set on the way."""
    text = (context(extension('<condition field="destination_number" expression="^(1).*$">'
                              '<action application="set" data="a=$1"/>'
                              '<action application="transfer" data="2${a} XML second"/>'
                              f'{ACTION.format("never")}</condition>')) + "\n"
            + context(extension('<condition field="destination_number" expression="^21$">'
                                f'{ACTION.format("${a}${rdnis}")}<action application="hangup"/></condition>'),
                      name="second"))
    journey = follow(dialplan(text), call(), NOW)
    assert executed(journey) == ["set(a=1)", "transfer(21 XML second)", "eval(1100)", "hangup()"]
    assert journey.end == "ends with hangup"
    assert [found.number for found in journey.hunts] == ["100", "21"]


def test_following_execute_extension(dialplan):
    """It comes back: what follows runs too, with the number of before."""
    text = context(
        extension('<condition field="destination_number" expression="^100$">'
                  '<action application="execute_extension" data="sub"/>'
                  f'{ACTION.format("${destination_number} ${b}")}</condition>'),
        extension('<condition field="destination_number" expression="^sub$">'
                  '<action application="set" data="b=back"/></condition>', "sub"))
    journey = follow(dialplan(text), call(), NOW)
    assert executed(journey) == ["execute_extension(sub)", "set(b=back)", "eval(100 back)"]
    assert "last action" in journey.end


@pytest.mark.parametrize(("application", "data", "hunts"), [
    ("transfer", "100", 2), ("transfer", "1${destination_number}", MAX_HUNTS), ("execute_extension", "100", MAX_HUNTS),
])
def test_a_call_that_goes_round_is_said(dialplan, application, data, hunts):
    """The slip that FreeSWITCH lets run 70 times: the same call again, or one that only grows."""
    text = context(extension(f'<condition><action application="{application}" data="{data}"/></condition>'))
    journey = follow(dialplan(text), call(), NOW)
    assert "goes round" in journey.end and len(journey.hunts) == hunts


def test_no_route_is_an_end(dialplan):
    """The caller hears of it; so does the reader."""
    assert "no route" in follow(dialplan(context()), call(), NOW).end


FIELD = st.sampled_from(['field="destination_number"', 'field="${a}"', "", 'year="2026"', 'year="1999"',
                         'field="destination_number" year="2026"'])
EXPRESSION = st.sampled_from(["^1", "^(1)(0)?", "^2", "(", "${a}", ".", "^(x)|1"])
CONDITION = st.deferred(lambda: st.builds(
    lambda test, expression, breaks, combination, inner, nested: (
        f'<condition {test} expression="{expression}" {breaks} {combination} {nested}>'
        f'<regex {test} expression="{expression}"/><action application="set" data="a=$1" inline="true"/>'
        f'<action application="eval" data="$1"/><anti-action application="eval" data="anti"/>{"".join(inner)}'
        "</condition>"),
    FIELD, EXPRESSION, st.sampled_from(["", 'break="never"', 'break="on-true"', 'break="always"']),
    st.sampled_from(["", 'regex="all"', 'regex="any"', 'regex="xor"']), st.lists(CONDITION, max_size=2),
    st.sampled_from(["", 'require-nested="false"'])))


@given(st.lists(CONDITION, min_size=1, max_size=3), st.sampled_from(["", "1", "100", "x"]))
def test_any_nesting_of_conditions(tmp_path_factory, conditions, number):
    """Every hunt ends, whatever is combined; a list of actions exists exactly when some action was reached."""
    path = tmp_path_factory.getbasetemp() / "freeswitch.xml"
    inside = context(extension("".join(conditions)))
    path.write_text(f'<document><section name="dialplan">{inside}</section></document>')
    found = run(read(path), call(number))
    acted = [step for step in found.steps if step.kind in ("action", "anti-action")]
    assert (found.extension is None) == (not acted)
    assert len(found.actions) == sum(not step.inline for step in acted)
