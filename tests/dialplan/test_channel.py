"""``${...}`` in a text, and the api commands a hunt can answer by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialplan.api import answering, cond, regex
from engine.dialplan.apps import run, run_inline
from engine.dialplan.channel import Channel


def channel(**variables: str) -> Channel:
    """A call to 100 with these variables, and a global one."""
    made = Channel({"destination_number": "100", "context": "public"}, {"domain": "example.com"}, answering({}))
    for name, value in variables.items():
        made.set(name, value)
    return made


@pytest.mark.parametrize(("text", "expected"), [
    ("${a}", "alpha"), ("x${a}y", "xalphay"), ("${A}", "alpha"), ("${missing}", ""), ("$a", "$a"), ("$", "$"),
    ("${destination_number}", "100"), ("${domain}", "example.com"), ("$${a}", "alpha"), ("${a}${b}", "alphabeta"),
    ("${a:1}", "lpha"), ("${a:0:2}", "al"), ("${a:-2}", "ha"), ("${a:-9}", "alpha"), ("${a:9}", ""), ("${a:1:2}", "lp"),
    ("${a:-3:2}", "ph"), ("${a:x}", "alpha"), ("${${name}}", "alpha"), ("${na${me}}", "a"), ("${indirect}", "alpha"),
    ("\\${a}", "${a}"), ("${b}\\${a}", "beta\\alpha"), ("${a}\\\\", "alpha\\\\"), ("\\\\x", "\\x"), ("it\\'s", "its"),
    ("\\n${b}", "\\nbeta"), ("${list}", "ARRAY::1|:2"), ("${list[1]}", "2"), ("${list[5]}", ""), ("${a[0]}", "alpha"),
    ("${unclosed", ""), ("$$$ ${b}", "$$ beta"), ("${}", ""), ("${cond(1 == 1 ? yes : no)}", "yes"),
    ("${cond(${destination_number} > 99 ? big : small)}", "big"), ("${cond 1 == 2 ? yes : no}", "no"),
    ("${nobody(knows)}", ""), ("${regex(100|^1(.)|%1)}", "0"),
])
def test_expansion(text, expected):
    """Step by step as FreeSWITCH does it; the first character after a variable is copied as it is."""
    made = channel(a="alpha", b="beta", name="a", me="me", indirect="${a}", list="ARRAY::1|:2")
    assert made.expand(text) == expected


def test_what_was_not_known_is_remembered():
    """The reader of a trace has to see what it rests on."""
    made = channel()
    made.expand("${missing} ${hash(select/a/${destination_number})}")
    assert list(made.asked) == ["missing"]
    assert list(made.unanswered) == ["hash(select/a/100)"]


def test_answers_can_be_given():
    """For one call of a command, or for the command whatever it is asked."""
    made = Channel({}, {}, answering({"hash(a)": "1", "db": "2"}))
    assert made.expand("${hash(a)}${hash(b)}${db(x)}") == "12"


def test_variables_that_hold_themselves_end():
    """Given by hand this is possible, and doubles at every level."""
    made = channel()
    made.variables["a"] = ["${a}${a}"]
    assert len(made.expand("${a}")) <= 100_000


@pytest.mark.parametrize(("argument", "answer"), [
    ("1 == 1 ? a : b", "a"), ("1 == 2 ? a : b", "b"), ("1 == 2 ? a", ""), ("a == a ? x : y", "x"),
    ("a != b ? x : y", "x"),
    ("10 > 9 ? x : y", "x"), ("abc > 2 ? x : y", "x"), ("'a b' == 'a b' ? x : y", "x"), ("'1' == 1 ? x : y", "x"),
    ("'7' == 1 ? x : y", "x"), ("1.50 >= 1.5 ? x : y", "x"), ("a ~ b ? x : y", "-ERR"), ("a", "-ERR"), ("", "-ERR"),
    ("1 ==1 ? x : y", "-ERR"), ("1 == 1 ? 'a : b' : c", "a : b"), (" == a ? x : y", "y"), ("a = a ? x : y", "-ERR"),
    ("1 <= 0 ? x : y", "y"), ("1 == 1 ? x : y : z", "x"), ("1 == 2 ? x : y : z", "y : z"),
])
def test_cond(argument, answer):
    """mod_commands' ``cond``: a quoted text counts as its length beside a number."""
    assert cond(argument) == answer


@pytest.mark.parametrize(("argument", "answer"), [
    ("abc|b", "true"), ("abc|x", "false"), ("abc|(.)$|<%1>", "<c>"), ("abc|x|y", "abc"), ("abc|x|y|n", ""),
    ("abc|x|y|b", "false"), ("m:~a|b~a.b", "true"), ("abc", "-ERR"), ("abc|(", "false"),
])
def test_regex(argument, answer):
    """mod_commands' ``regex``."""
    assert regex(argument) == answer


@pytest.mark.parametrize(("app", "data", "name", "value"), [
    ("set", "x=1", "x", "1"), ("set", "x=${domain}", "x", "example.com"), ("set", "x,1", "x", "1"),
    ("set", "a=", "a", None),
    ("set", "x=a=b", "x", "a=b"), ("multiset", "x=1 y=2", "y", "2"), ("multiset", "^^:x=1:y=2 3", "y", "2 3"),
    ("multiset", "x='1 2' y=3", "x", "1 2"), ("unset", "a", "a", None), ("multiunset", "a b", "a", None),
    ("export", "x=1", "export_vars", "x"), ("export", "nolocal:x=1", "x", None),
    ("push", "a=2", "a", "ARRAY::alpha|:2"),
    ("unshift", "a=2", "a", "ARRAY::2|:alpha"), ("set_profile_var", "caller_id_name=x", "caller_id_name", "x"),
    ("set_global", "x=1", "x", "1"),
])
def test_applications_that_set(app, data, name, value):
    """What a later condition of the hunt may read."""
    made = channel(a="alpha")
    run(made, app, data)
    assert made.get(name) == value


def test_applications_that_are_not_run_inline():
    """FreeSWITCH refuses most of them inline; a trace that pretended otherwise would be wrong."""
    assert "not run" in run_inline(channel(), "sleep", "1")
    assert "not known" in run_inline(channel(), "curl", "http://x")
    assert run_inline(channel(), "eval", "x") == ""


@given(st.text(alphabet="${}()[]:\\'ab01 -,|", max_size=60))
def test_any_text_expands(text):
    """No text of a dialplan may stop a trace."""
    made = channel(a="${b}", b="x")
    assert isinstance(made.expand(text), str)
    for app in ("set", "multiset", "export", "push"):
        run(made, app, text)
    assert isinstance(cond(text), str)
