"""``trunkline agent``: what it finds, and what it says."""

import json

import pytest

from engine.agents.check import check, check_agent
from engine.agents.known import Known
from engine.agents.load import SHIPPED, Agents, load_agent
from engine.cli.main import main
from engine.knowledge.filling.ingest import BUILT_IN, ingest

WHOLE = """
languages:
  en:
    greeting: Hello.
    voice: flite:slt
persona: You are kind.
model: {provider: openai, name: small}
collections: [okti]
skills: [search, transfer_to_human]
transfer:
  desk: {destination: user/1001}
"""


THERE = Known(providers=("openai",))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path / "home"))
    ingest([BUILT_IN["okti"]], "okti", None)


@pytest.fixture
def load(tmp_path):
    def load(text, name="desk"):
        file = tmp_path / "agents" / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return load_agent(file)

    return load


def test_an_agent_without_fault_has_no_findings(load):
    """The base of the cases below: each of them adds one fault."""
    assert check_agent(load(WHOLE), THERE) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "serious", "said"),
    [
        ("flite:slt", "flight:slt", 5, True, "there is no provider 'flight'; known are flite, espeak-ng"),
        ("flite:slt", "flite:bob", 5, True, "flite has no voice 'bob'"),
        ("flite:slt", "flite", 5, True, "write flite:NAME"),
        ("flite:slt", "elevenlabs:x", 5, False, "the provider 'elevenlabs' is not configured yet"),
        ("voice: flite:slt", "recogniser: ears", 5, True, "there is no provider 'ears'; known are pocketsphinx"),
        ("  en:", "  cy:", 3, True, "these phrases would be said in English: go_ahead"),
        ("openai, name", "opeani, name", 7, True, "there is no provider 'opeani'"),
        ("[okti]", "[kerala]", 8, True, "trunkline ingest kerala --collection kerala"),
        ("[okti]", "[a b]", 8, True, "cannot be the name of a collection"),
        ("[search,", "[serach,", 9, True, "no skill 'serach'"),
        ("collections: [okti]\n", "\n", 9, True, "search needs collections"),
        ("[search,", "['crm_*', search,", 9, True, "no skill 'crm_*'"),
        (", transfer_to_human", "", 10, False, "transfer_to_human is missing"),
        (", transfer_to_human", ", transfer_to_human, set_language", 9, False, "a second language"),
        ("transfer:\n  desk: {destination: user/1001}", "", 9, True, "needs a target"),
        ("{destination", "{hold_music: /no.wav, destination", 11, True, "there is no file /no.wav"),
        ("persona: You are kind.\n", "\n", 2, False, "not told who it is"),
        ("model: {provider: openai, name: small}", "", 6, False, "persona: is for a model"),
    ],
)  # fmt: skip
def test_a_fault_is_found(load, old, new, line, serious, said):
    """Everything that can be known before the first caller is told before the first caller."""
    assert old in WHOLE
    findings = [finding for finding in check_agent(load(WHOLE.replace(old, new)), THERE) if said in str(finding)]
    assert [finding.serious for finding in findings] == [serious]
    assert findings[0].problem.where.line == line


def test_numbers_that_never_reach_their_agent(load):
    """The same number twice is an error, two that overlap a warning, one within another is how it is meant."""
    text = "languages: {en: {greeting: Hi}}\ncollections: [okti]\n"
    one = load(text + "dids: [123, 55x, 9*]\ndefault: true\n", "one")
    two = load(text + "dids: [123, 5x5, 98*]\n", "two")
    found = check(Agents({"one": one, "two": two}))
    numbers = [(finding.serious, finding.problem.text) for finding in found if "dids" in finding.problem.text]
    assert numbers == [
        (True, "dids.0: 123 never reaches 'two': 'one' has the same number"),
        (False, "dids.1: 5x5 overlaps with 55x of 'one', which wins by its name alone"),
    ]


def test_the_shipped_agents_are_sound():
    """With their collections ingested, as `trunkline ingest` of their names does."""
    for name in ("kerala", "sample"):
        ingest([BUILT_IN[name]], name, None)
    assert [str(finding) for finding in check(Agents.load(SHIPPED), THERE)] == []


def test_check_ends_with_1_on_errors_and_names_the_place(load, capsys):
    """For a hook before a commit."""
    good = load(WHOLE, "good").file
    assert main(["agent", "check", str(good)]) == 0
    bad = load(WHOLE.replace("[search,", "[serach,"), "bad").file
    assert main(["agent", "check", str(good), str(bad)]) == 1
    assert f"error: {bad}:9:" in capsys.readouterr().out
    bad.write_text(WHOLE + "oops: 1\n", encoding="utf-8")
    assert main(["agent", "check", str(bad)]) == 2
    assert f"{bad}:12:1: oops: no such field" in capsys.readouterr().err


def test_list_and_show(capsys):
    """What a call would get, to be read by people and by programs."""
    assert main(["agent", "list"]) == 0
    assert "support (default)" in capsys.readouterr().out
    assert main(["agent", "show", "okti", "--variant", "court", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["phrases"]["greeting"].startswith("Bonjour, ici OKTI")
    assert shown["turns"]["away_ms"] == 12000
    assert main(["agent", "show", "kerala", "--language", "ta"]) == 0
    assert "வணக்கம்" in capsys.readouterr().out
    assert main(["agent", "show", "okti", "--language", "de"]) == 2
    assert "does not speak 'de'" in capsys.readouterr().err
