"""Which agent, and which variant of it, a call gets."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.agents.agent import Agent
from engine.agents.dids import Did, digits
from engine.agents.errors import NoSuchAgent
from engine.agents.load import Agents, variant_of
from engine.agents.options import AgentFile
from engine.agents.yamlfile import Places
from engine.telemetry.vocabulary import FIELDS


def agent(name, **fields):
    file = {"languages": {"en": {"greeting": f"This is {name}."}}, "collections": ["sample"]} | fields
    return Agent(name, Path(f"{name}.yaml"), AgentFile.model_validate(file), Places(Path(f"{name}.yaml")))


def agents(*each):
    return Agents({one.name: one for one in each})


HOUSE = agents(
    agent("support", default=True),
    agent("kerala", dids=["+91471*", "1076"]),
    agent("city", dids=["+914712xxx*"]),
    agent("mayor", dids=["00914712518000"]),
)


@pytest.mark.parametrize(
    ("did", "variable", "name", "why"),
    [
        ("+91 471 3000", "", "kerala", "(+91471*)"),
        ("0091-471-2000", "", "city", "(+914712xxx*)"),
        ("914712518000", "", "mayor", "(00914712518000)"),
        ("914712518001", "", "city", "(+914712xxx*)"),
        ("1076", "", "kerala", "(1076)"),
        ("10766", "", "support", "the default"),
        ("", "", "support", "the default"),
        ("1076", "mayor", "mayor", "trunkline_agent is mayor"),
        ("1076", "nobody", "kerala", "trunkline_agent is 'nobody', which is no agent; 1076"),
        ("5", " city ", "city", "trunkline_agent is city"),
    ],
)
def test_variable_then_number_then_default(did, variable, name, why):
    """The dialplan's word counts most, then the most specific number; and the log says why."""
    picked = HOUSE.pick(did=did, variable=variable, caller="1")
    assert picked.name == name
    assert why in picked.why
    assert set(picked.picked()) == FIELDS["agent_picked"]


def test_without_a_default_nobody_answers_other_numbers():
    """The call then goes to the dialplan's next action, and the error says what is missing."""
    with pytest.raises(NoSuchAgent, match="no agent has the number '77', and none is the default"):
        agents(agent("kerala", dids=["1076"])).pick(did="77")


TRIED = agent("tried", variants={
    "a": {"weight": 3}, "b": {"weight": 1, "languages": {"en": {"greeting": "Hi!", "phrases": {"away": "Hm?"}}}},
})  # fmt: skip


@given(st.integers(10**9, 10**10 - 1))
def test_a_caller_always_gets_the_same_variant(number):
    """With country code, with 0 or spaced out: it is the same caller, in every process."""
    ways = (f"+91{number}", f"0{number}", f"0091 {number}", str(number))
    assert len({variant_of(TRIED, way) for way in ways}) == 1


def test_variants_get_their_shares_and_keep_their_callers():
    """Three to one; and when a third one comes, nobody moves from one of the old to the other."""
    callers = [f"+4930{number:07d}" for number in range(4000)]
    before = {caller: variant_of(TRIED, caller) for caller in callers}
    share = Counter(before.values())["a"] / len(callers)
    assert 0.72 < share < 0.78
    wider = agent("tried", variants={"a": {"weight": 3}, "b": {"weight": 1}, "c": {"weight": 1}})
    assert {variant_of(wider, caller) for caller, variant in before.items()
            if variant_of(wider, caller) != variant} == {"c"}


def test_a_variant_changes_only_what_it_names():
    """The rest is the agent's."""
    plain, other = TRIED.as_variant("a"), TRIED.as_variant("b", "because")
    assert plain.phrases().greeting == "This is tried."
    assert (other.phrases().greeting, other.phrases().away, other.why) == ("Hi!", "Hm?", "because")
    assert other.phrases().goodbye == plain.phrases().goodbye


PATTERNS = st.builds(lambda body, star: body + star, st.text("012x", max_size=4), st.sampled_from(["", "*"])).filter(
    bool
)


@given(PATTERNS, PATTERNS, st.text("012", min_size=1, max_size=6))
def test_covers_and_overlaps_are_what_matching_says(one, two, number):
    """``agent check`` stands on them: a number of both means overlap; one that only the smaller has, no cover."""
    first, second = Did(one, "a"), Did(two, "b")
    if first.matches(number) and second.matches(number):
        assert first.overlaps(second)
        assert second.overlaps(first)
    if second.matches(number) and not first.matches(number):
        assert not first.covers(second)


def test_what_counts_of_a_number():
    """Trunks write numbers in every way."""
    assert digits("+49 (30) 5550-1") == digits("0049 30 55501") == "4930" + "55501"
