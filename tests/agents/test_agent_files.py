"""An agent's file: what it may hold, and that every mistake is named with its line."""

import re

import pytest

from engine.agents.errors import AgentError, NoSuchAgent
from engine.agents.load import SHIPPED, Agents, load_agent
from engine.config import AgentOptions, AgentsOptions, KnowledgeOptions, TurnOptions

PLAIN = """
languages:
  en:
    greeting: Hello there.
collections: [sample]
"""
SAYS = "languages:\n  en:\n    greeting: Hi\n    phrases:\n"


@pytest.fixture
def write(tmp_path):
    def write(name, text, folder="agents"):
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (PLAIN + "persnoa: x\n", 6, "persnoa: no such field; did you mean persona?"),
        (PLAIN + "turns:\n  away_m: 5\n", 7, "turns.away_m: no such field; did you mean away_ms?"),
        (PLAIN + "turns:\n  away_ms: soon\n", 7, "turns.away_ms: .*integer.*, not 'soon'"),
        (PLAIN + "turns:\n  away_ms: 5\n", 7, "turns.away_ms: .*greater than or equal to 1000"),
        (PLAIN + "languages:\n  fr:\n    greeting: Bonjour\n", 6, "languages: given twice, first at .*:2:1"),
        ("languages:\n  en:\n    voice: flite:slt\n", 2, "languages.en.greeting: is missing"),
        ("languages:\n  english:\n    greeting: Hello\n", 2, "languages.english: .*pattern"),
        (SAYS + "      gooodbye: Bye\n", 5, "gooodbye"),
        (SAYS + "      ask_back: This or that?\n", 4, "'ask_back' must have"),
        (SAYS + "      away: Hello {name}?\n", 4, "'away' must have no braces"),
        (PLAIN + "dids: [12a]\n", 6, "dids.0: .*pattern"),
        (PLAIN + "transfer:\n  desk:\n    kind: phone\n    destination: user/1\n", 8, "'blind', 'warm' or 'queue'"),
        (PLAIN + "transfer:\n  desk:\n    destination: user/1 user/2\n", 8, "one dial string or queue, without ' '"),
        (PLAIN + 'transfer:\n  desk:\n    destination: "user/1\\napi hangup"\n', 8, r"without '\\n'"),
        (PLAIN + "transfer:\n  desk:\n    destination: user/$(x)\n", 8, "without '\\$'"),
        (PLAIN + "persona: a\npersona_file: b\n", 2, "not both"),
        (PLAIN + "persona_file: nowhere.md\n", 6, "persona_file: .*nowhere.md cannot be read"),
        (PLAIN + "variants:\n  b:\n    languages:\n      ta:\n        greeting: x\n", 9, "does not speak 'ta'"),
        ("languages: [\n", 2, "not YAML"),
        ("", 0, "is empty"),
        ("just a text\n", 1, "."),
    ],
)
def test_a_mistake_is_named_with_its_line(write, text, line, said):
    """Whoever edits the file must find the place without knowing the code."""
    file = write("desk.yaml", text)
    with pytest.raises(AgentError) as caught:
        load_agent(file)
    problem = caught.value.problems[0]
    assert re.search(said, problem.text)
    assert problem.where.source == str(file)
    assert problem.where.line == line


def test_all_mistakes_of_all_files_come_at_once(write):
    """An operator mends a folder in one go."""
    write("one.yaml", PLAIN + "wrong: 1\nbad: 2\n")
    folder = write("two.yaml", PLAIN + "evil: 3\n").parent
    with pytest.raises(AgentError) as caught:
        Agents.load(folder)
    assert len(caught.value.problems) == 3


def test_words_stay_words(write):
    """YAML takes ``no`` for false and 0471 for a number; lists of words and of numbers are texts here."""
    agent = load_agent(write("desk.yaml", PLAIN + "turns:\n  stop_words: [no, off]\n  barge_in: false\ndids: [0471]\n"))
    turns = agent.turns(TurnOptions())
    assert turns.stop_words == ("no", "off")
    assert turns.barge_in is False
    assert agent.options.dids == ("0471",)


def test_an_alias_that_repeats_itself_is_refused(write):
    """A kilobyte of YAML must not become a gigabyte."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(AgentError, match="more than"):
        load_agent(write("desk.yaml", "\n".join(lines)))


def test_what_the_file_says_goes_over_the_configuration(write):
    """The nearer one wins; the rest stays as it was."""
    agent = load_agent(write("desk.yaml", """
languages:
  en:
    greeting: Hello there.
    phrases: {goodbye: So long.}
  fr:
    greeting: Bonjour.
    greeting_interruptible: false
collections: [desk, other]
knowledge: {embedding: none, typed_score: 0.7}
turns: {away_ms: 9000, away_limit: 5}
"""))
    base = TurnOptions(endpoint_min_ms=333, away_ms=1000)
    assert agent.turns(base).away_ms == 9000
    assert agent.turns(base).away_limit == 5
    assert agent.turns(base).endpoint_min_ms == 333
    knowledge = agent.knowledge(KnowledgeOptions(answer_score=0.6))
    assert (knowledge.collection, knowledge.embedding, knowledge.typed_score) == ("desk", "none", 0.7)
    assert knowledge.answer_score == 0.6
    assert agent.phrases("en").goodbye == "So long."
    assert agent.phrases("en").away == AgentOptions().away
    assert agent.phrases("fr").greeting == "Bonjour."
    assert agent.phrases("fr").greeting_interruptible is False
    assert "toujours là" in agent.phrases("fr").away
    assert agent.phrases("xx") == agent.phrases("en")


@pytest.mark.parametrize(("phrase", "said"), [
    ("brief: Take it.", "'brief' must have {summary}"),
    ("brief: \"{summary} {number}\"", "'brief' must have {summary}"),
    ("position: Wait.", "'position' must have {position}"),
    ("ask_back: \"\"", "'ask_back' must have {first} and {second}"),
    ("brief: \"{summary} Press {accept}.\"", ""),
    ("position: \"\"", ""),
])
def test_phrases_with_places_are_checked(write, phrase, said):
    """A briefing without the summary would tell nobody anything; keys are given by the configuration, and may be in it.
    """
    file = write("desk.yaml", SAYS + f"      {phrase}\n")
    if not said:
        load_agent(file)
        return
    with pytest.raises(AgentError, match=re.escape(said)):
        load_agent(file)


CLINIC = PLAIN + """transfer:
  nurse: {kind: warm, destination: "user/${nurse}", number: "+4930555001", timeout_s: 12}
  desk: {kind: queue, destination: desk@default, announcement: {en: To the desk.}}
"""


REFUSED = "transfer.nurse: the destination must be one dial string or queue,"


@pytest.mark.parametrize(
    ("variables", "without"),
    [
        ({"nurse": "1001"}, []),
        ({}, ["transfer.nurse: the channel variable 'nurse' is not set"]),
        ({"nurse": "1001 {x=y}"}, [f"{REFUSED} without ' '"]),
        ({"nurse": "1\napi hangup"}, [f"{REFUSED} without '\\n'"]),
        ({"nurse": "${caller}"}, [f"{REFUSED} without '{{'"]),
    ],
)
def test_destinations_take_channel_variables_that_are_harmless(write, variables, without):
    """A caller may have set them (a SIP header): what means more to FreeSWITCH than a number leaves the target out."""
    targets, why = load_agent(write("desk.yaml", CLINIC)).targets("en", variables)
    assert why == without
    assert ("nurse" in targets) == (not without)
    assert (targets["desk"].kind, targets["desk"].announcement) == ("queue", "To the desk.")
    if not without:
        nurse = targets["nurse"]
        assert (nurse.kind, nurse.destination, nurse.timeout_s) == ("human", "user/1001", 12)
        assert nurse.number == "+4930555001"  # for callers of a carrier's stream
        assert nurse.announcement == AgentOptions().transferring
        assert nurse.failed == AgentOptions().transfer_failed


def test_own_agents_lie_in_the_home_folder(tmp_path, monkeypatch):
    """Dropping a file there is enough; a folder that is named must be there."""
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "mine.yaml").write_text(PLAIN, encoding="utf-8")
    assert [agent.name for agent in Agents.of(AgentsOptions(shipped=False))] == ["mine"]
    with pytest.raises(AgentError, match="no such folder"):
        Agents.of(AgentsOptions(folder="elsewhere"))


def test_a_later_folder_replaces_agents_and_the_default(write):
    """An operator's own ``support`` takes the place of the shipped one, and his default that of the shipped default."""
    write("support.yaml", PLAIN + "default: true\ndescription: shipped\n", "shipped")
    shipped = write("other.yaml", PLAIN, "shipped").parent
    own = write("mine.yaml", PLAIN + "default: true\n", "own").parent
    agents = Agents.load(shipped, own)
    assert [agent.name for agent in agents] == ["mine", "other", "support"]
    assert agents.default == "mine"
    write("support.yaml", PLAIN + "description: own\n", "own")
    assert Agents.load(shipped, own).get("support").options.description == "own"
    assert Agents.load(shipped, own, default="other").default == "other"
    with pytest.raises(NoSuchAgent, match=r"agents.default: .*nobody.*mine, other, support"):
        Agents.load(shipped, own, default="nobody")


def test_two_defaults_in_a_folder_are_a_mistake(write):
    """Which of them would take the calls?"""
    write("a.yaml", PLAIN + "default: true\n")
    folder = write("b.yaml", PLAIN + "default: true\n").parent
    with pytest.raises(AgentError, match="a is the default already"):
        Agents.load(folder)


def test_scripts_of_tests_are_no_agents(write):
    """``NAME.tests.yaml`` lies next to its agent."""
    folder = write("desk.yaml", PLAIN).parent
    write("desk.tests.yaml", "tests: []\n")
    assert [agent.name for agent in Agents.load(folder)] == ["desk"]


def test_shipped_agents_speak_their_languages_fully():
    """No caller of a shipped agent hears English in between."""
    agents = Agents.load(SHIPPED)
    assert [agent.name for agent in agents] == ["kerala", "okti", "support"]
    assert agents.default == "support"
    english = AgentOptions()
    for agent in agents:
        for language in agent.languages:
            assert not agent.missing_phrases(language)
            if language != "en":
                said = agent.phrases(language).model_dump(exclude={"brain"})
                assert not [name for name, text in said.items()
                            if isinstance(text, str) and text == getattr(english, name)]


@pytest.mark.parametrize(("language", "first", "last"), [("hi", 0x900, 0x97F), ("ml", 0xD00, 0xD7F),
                                                         ("ta", 0xB80, 0xBFF)])
def test_phrases_are_in_native_script(language, first, last):
    """A voice spells out what is written in another script."""
    phrases = Agents.load(SHIPPED).get("kerala").phrases(language).model_dump(exclude={"brain"})
    for name, text in phrases.items():
        if isinstance(text, str):
            letters = re.sub(r"\{\w+\}", "", text)
            assert not re.search(r"[A-Za-z]", letters), name
            assert all(first <= ord(char) <= last for char in letters if char.isalpha() and char != "\u0964"), name
