"""The routing file: read as operators write it, with every mistake named by line."""

import re

import pytest
from routing_data import MANUAL, SEED

from engine.config.routing import DialectRoute, LanguageRoute, ModelRoute, ProviderRoute, RoutingFile, RuleRoute
from engine.configfile import ConfigError
from engine.routing.conditions import Condition
from engine.routing.errors import RoutingError
from engine.routing.facts import Facts, known
from engine.routing.routesfile import EXAMPLE, load, parse

GOOD = "providers: {x: {models: {m: {capabilities: [stt]}}}}\n"


def problems(text):
    with pytest.raises(ConfigError) as caught:
        parse(text.encode(), "r.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_the_first_routing_file_there_was_is_read_as_it_stands():
    """It is the format that operators know: no key of it may be refused, no value be lost."""
    routes = load(SEED)
    model = routes.tree.providers["proprietary_ml"].models["malayalam_v1"]
    assert model.capabilities == ("conversational_ai", "stt", "tts")
    assert (model.languages, model.cost_per_minute, model.accuracy_score) == (("ml",), 0.02, 0.92)
    assert routes.tree.languages["ml"].dialects["malabar"].priority_providers == (
        "proprietary_ml", "ai4bharat", "generic_cloud")
    rule = routes.tree.routing_rules["kerala_priority"]
    assert (rule.priority_providers, rule.min_confidence) == (("proprietary_ml", "ai4bharat"), 0.80)
    assert routes.conditions["kerala_priority"].holds(known(Facts(language="ml", region="kerala"), "stt"))
    assert not routes.conditions["kerala_priority"].holds(known(Facts(language="ml"), "stt"))


def test_providers_that_are_named_but_have_no_models_are_warnings_with_their_place():
    """The first file names two such providers, so it cannot be an error; a slip must still be seen."""
    warnings = [str(warning) for warning in load(SEED).warnings]
    assert len(warnings) == 5
    assert warnings[0].startswith(f"{SEED}:5:48: ") and "'ai4bharat' has no models" in warnings[0]
    slip = parse((GOOD.replace("x:", "x_voice:") + "priority_providers: [x_voise]\n").encode(), "r.yaml").warnings
    assert "did you mean x_voice?" in str(slip[0])


def test_the_shipped_example_is_without_fault():
    """Operators copy it."""
    routes = load(EXAMPLE)
    assert not routes.warnings
    assert set(routes.tree.languages) == {"ml", "ta", "hi", "en"}


@pytest.mark.parametrize(("text", "line", "says"), [
    ("", 0, "is empty"),
    ("providers: [", 1, "not YAML"),
    ("langauges: {}\n" + GOOD, 1, "did you mean languages?"),
    (GOOD + "languages:\n  ml:\n    priority: [x]\n", 4, "did you mean priority_providers?"),
    (GOOD.replace("[stt]", "[hearing]"), 1, "'stt' or 'tts', not 'hearing'"),
    ("providers:\n  x:\n    models:\n      m:\n        capabilities: [stt]\n        accuracy_score: 92\n", 6,
     "less than or equal to 1, not '92'"),
    ("providers:\n  x:\n    models:\n      m:\n        capabilities: [stt]\n        cost_per_minute: cheap\n", 6,
     "number"),
    ("providers:\n  x:\n    models:\n      m:\n        languages: [ml]\n", 4, "capabilities: is missing"),
    ("providers: {}\n", 1, "at least 1"),
    ("languages: {}\n", 1, "providers: is missing"),
    (GOOD + "languages:\n  ml: {}\n  ml: {}\n", 4, "given twice, first at r.yaml:3:3"),
    (GOOD + "routing_rules:\n  k:\n    priority_providers: [x]\n", 3, "condition: is missing"),
    (GOOD + "routing_rules:\n  k:\n    priority_providers: x\n    condition: region == 'k'\n", 4, "list, not 'x'"),
    (GOOD + "routing_rules:\n  k:\n    priority_providers: [x]\n    condition: regoin == 'k'\n", 5,
     "unknown name 'regoin'; did you mean region?"),
    (GOOD + "routing_rules:\n  k:\n    priority_providers: [x]\n    condition: region == 'k' and\n", 5, "syntax error"),
    (GOOD + "routing_rules:\n  k:\n    priority_providers: [x]\n    condition:\n", 5, "not empty"),
    ("a: &a {b: 1}\nb: &b {x: *a, y: *a, z: *a, w: *a}\n"
     + "".join(f"c{n}: &c{n} {{p: *{'b' if n == 0 else f'c{n - 1}'}, q: *{'b' if n == 0 else f'c{n - 1}'}}}\n"
               for n in range(20)), 0, "repeats itself"),
])
def test_a_mistake_is_named_with_its_line(text, line, says):
    """An operator mends a file by its line, not by a stack trace."""
    found = problems(text)
    where = f"r.yaml:{line}:" if line else "r.yaml: "
    assert any(says in problem and problem.startswith(where) for problem in found), found


def test_all_mistakes_are_found_in_one_pass():
    """One run of the check, one list to work through."""
    found = problems(GOOD + "routing_rules:\n  k:\n    priority_providers: [x]\n    condition: a == 1\n"
                     "  l:\n    priority_providers: [x]\n    condition: b == 1\n")
    assert [problem.split(":")[1] for problem in found] == ["5", "8"]


def test_codes_that_yaml_takes_for_other_things_stay_texts():
    """``no`` is Norwegian, not false."""
    routes = parse(b"languages: {no: {priority_providers: [x]}}\n" + GOOD.encode(), "r.yaml")
    assert list(routes.tree.languages) == ["no"]


@pytest.mark.parametrize(("condition", "facts", "holds"), [
    ("region == 'kerala' and language == 'ml'", {"region": "kerala", "language": "ml"}, True),
    ("language in ['ml', 'ta']", {"language": "ta"}, True),
    ("called =~ '^[+]91484'", {"called": "+914842222222"}, True),
    ("hour >= 20 or hour < 6", {"hour": 3}, True),
    ("hour >= 20 or hour < 6", {"hour": 12}, False),
    ("capability == 'stt' and not code_mixed", {}, True),
    ("region == 'kerala'", {}, False),
    ("region[0] == 'k'", {}, False),
])
def test_conditions_speak_of_the_call(condition, facts, holds):
    """What cannot be computed is false: a call must not fail by a rule."""
    assert Condition(condition).holds(known(Facts(**facts), "stt")) is holds


@pytest.mark.parametrize("condition", ["$now > 3", "region == $random", "region", "'x'", "region > 3", "1",
                                       "region.size == 3", "region =~ '('", "language == 'ml' ;"])
def test_what_is_no_condition_is_refused(condition):
    """A rule that depends on chance or compares nothing is a mistake that would only be seen in calls."""
    with pytest.raises(RoutingError):
        Condition(condition)


def test_the_manual_tells_the_truth():
    """Its file can be used as it stands, its table names every key, its conditions are conditions."""
    manual = MANUAL.read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)
    assert not parse(next(block for block in blocks if "routing_rules" in block).encode(), "manual").warnings
    for model in (DialectRoute, LanguageRoute, ModelRoute, ProviderRoute, RuleRoute, RoutingFile):
        for key in model.model_fields:
            assert f"`{key}" in manual or f".{key}" in manual, f"{key} is not explained"
    conditions = manual.split("without its functions:")[1].split("**Connections.**")[0].strip().splitlines()
    assert len(conditions) == 3
    for condition in conditions:
        Condition(condition.strip())
