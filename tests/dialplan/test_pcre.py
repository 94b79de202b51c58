"""Expressions as FreeSWITCH matches them, and what stands in for libpcre2 where it is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialplan import pcre
from engine.dialplan.pcre import BadExpression, Expression, Match, NotTheSame, substituted, written

needs_pcre = pytest.mark.skipif(pcre._library() is None, reason="no libpcre2-8 on this machine")


@pytest.fixture
def without_pcre(monkeypatch):
    monkeypatch.setattr(pcre, "_library", lambda: None)


ALIKE = [
    (r"^\+?(91\d{10}|1\d{10})$", "919876543210", ("919876543210", "919876543210")),
    (r"100", "91009", ("100",)),
    (r"^(a)?(b)$", "b", ("b", None, "b")),
    (r"^(b)(a)?$", "b", ("b", "b")),
    (r"/^ABC$/i", "abc", ("abc",)),
    (r"/a.b/s", "a\nb", ("a\nb",)),
    (r"a.b", "a\nb", None),
    (r"^a$", "a\n", ("a",)),
    (r"_NXX.", "2345", ("2345",)),
    (r"_NXX.", "1345", None),
    (r"_123", "1234", None),
    (r"^(.)", "é", ("\udcc3", "\udcc3")),
    (r"^é$", "é", ("é",)),
    (r"^(?:x|y)+?(?=z)", "xyz", ("xy",)),
    (r"", "anything", ("",)),
    (r"[]x]", "]", ("]",)),
    (r"\.", ".", (".",)),
]


@pytest.mark.parametrize(("expression", "subject", "groups"), ALIKE)
def test_both_engines_agree_where_they_may(monkeypatch, expression, subject, groups):
    """What needs no libpcre2 must not depend on whether it is there: the same trace on every machine."""
    expected = None if groups is None else Match(groups)
    if pcre._library() is not None:
        assert Expression(expression).search(subject) == expected
    monkeypatch.setattr(pcre, "_library", lambda: None)
    assert Expression(expression).search(subject) == expected


@needs_pcre
@pytest.mark.parametrize(("expression", "subject", "found"), [
    (r"^(?<name>a)$", "a", True), (r"^a++$", "aaa", True), (r"^\Q.*\E$", ".*", True), (r"^[[:digit:]]\h$", "1 ", True),
    (r"^a\Z", "a\n", True), (r"(?|(1)|(2))", "2", True), (r"^a{,2}$", "aa", None), (r"^(?>a+)a$", "aaa", False),
])
def test_what_only_pcre_takes(expression, subject, found):
    """A dialplan may use all of PCRE2; that it is taken is enough, the library is the same one."""
    assert found is None or (Expression(expression).search(subject) is not None) is found


@pytest.mark.parametrize("expression", [
    r"(?<name>a)", r"a++", r"\Qa\E", r"[[:digit:]]", r"a\Z", r"(?|(1)|(2))", r"a{,2}", r"(?>a)", r"\h", r"\K", r"\12",
    r"(*UTF)a", r"a(?i)b", r"\x{41}", r"(?R)", r"\p{L}", r"(?#c)",
])
def test_without_pcre_what_differs_is_refused(without_pcre, expression):
    """Probably right is not good enough for a trace: say what is missing instead."""
    with pytest.raises(NotTheSame, match="libpcre2-8"):
        Expression(expression)


@pytest.mark.parametrize(("expression", "offset"), [("a(b", 3), ("/a(b/i", 4), ("[a", 2), ("a**", 2)])
@needs_pcre
def test_a_bad_expression_says_where(expression, offset):
    """The offset counts in what the engineer wrote, the options' slash included."""
    with pytest.raises(BadExpression) as fault:
        Expression(expression)
    assert fault.value.offset == offset


def test_a_slash_needs_its_partner():
    """FreeSWITCH logs an error and never matches."""
    with pytest.raises(BadExpression, match="end with /"):
        written("/abc")
    assert written("/a/b/i") == pcre.Written("a/b", True, False, 1)


@pytest.mark.parametrize(("data", "expected"), [
    ("$1-$2-$0", "one--all"), ("${1}${2}", "one"), ("$", "$"), ("$$1", "$one"), ("${x}$x", "${x}$x"), ("$3", ""),
    ("$257", ""), ("${1", "${1"), ("\\$1", "\\one"),
])
def test_groups_are_put_into_data(data, expected):
    """What is no group stays: ``${name}`` is for the channel."""
    assert substituted(Match(("all", "one", None)), data, 1000) == expected


def test_freeswitch_cuts_what_outgrows_its_buffer():
    """The room depends on data and subject; beyond it the text ends."""
    assert substituted(Match(("all", "0123456789")), "$1$1", 16) == "012345678901234"


@needs_pcre
@given(st.text(max_size=30), st.text(max_size=30))
def test_any_expression_and_subject(expression, subject):
    """Whatever stands in a dialplan, the answer is a match, no match, or an error that can be shown."""
    try:
        found = Expression(expression)
    except BadExpression:
        return
    match = found.search(subject)
    assert match is None or len(match.groups) <= found.groups + 1
