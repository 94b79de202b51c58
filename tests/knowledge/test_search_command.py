"""``trunkline search`` and ``ask`` from outside: what is shown, what is refused, and that no query can do harm."""

import json

import pytest

from engine.cli import collection
from engine.cli.main import main

TEA = "---\ntags: [guides]\nvalid_until: 2126-06-30\n---\n# Tea\n\n## Prices\n\nGreen tea costs four dollars a pot.\n"
THE = "# Le th\u00e9\n\n## Horaires\n\nLe salon de th\u00e9 ouvre \u00e0 neuf heures et ferme \u00e0 dix-huit heures.\n"


@pytest.fixture
def house(desk, monkeypatch):
    """A tea house, searched by meaning as well."""
    monkeypatch.setattr(collection, "model_of", lambda config: desk.embedder)
    desk.write("tea.md", TEA)
    desk.write("salon.md", THE)
    desk.write("coffee.md", "# Coffee\n\nCoffee is served until noon. It costs three dollars a cup.\n")
    desk.ingest()
    return desk


def ask_for(capsys, *words, command="search"):
    assert main([command, *words, "--collection", "desk", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_passages_are_numbered_with_what_an_operator_needs(house, capsys):
    """Score, title, heading, id and snippet: enough to see why this passage and where it came from."""
    assert main(["search", "what", "does", "green", "tea", "cost", "-k", "2", "--collection", "desk"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(" 1. ") and lines[0].endswith("Tea > Prices")
    assert lines[1].split()[0] == "tea" and "Green tea costs four dollars a pot." in lines[2]
    assert sum(line[:3].strip().rstrip(".").isdigit() for line in lines) == 2


def test_why_shows_what_a_score_is_made_of(house, capsys):
    assert main(["search", "green tea", "--why", "--collection", "desk"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("meaning", "words", "bm25", "fused"))
    best = ask_for(capsys, "green tea")["passages"][0]
    assert best["document"] == "tea" and best["features"]["words"] == 1


def test_the_context_is_numbered_and_bounded(house, capsys):
    """What a model is given: as many passages as were asked for, each under its place."""
    assert main(["search", "green tea", "--context", "-k", "1", "--collection", "desk"]) == 0
    assert capsys.readouterr().out == "[1] Tea > Prices\nGreen tea costs four dollars a pot.\n"


def test_a_part_of_the_collection_is_searched(house, capsys):
    """Tags, languages and days confine the answer; what does not hold any more is not told."""
    def found(*words):
        return {hit["document"] for hit in ask_for(capsys, "tea", *words)["passages"]}

    assert found("--tag", "guides") == {"tea"}
    assert found("--language", "fr") == {"salon"}
    assert "tea" in found("--on", "2126-06-30") and "tea" not in found("--on", "2126-07-01")
    assert ask_for(capsys, "what does green tea cost", "--on", "2126-07-01", command="ask")["citations"] == []


def test_one_list_alone_can_be_looked_at(house, capsys):
    """To see which half of the search brought a passage."""
    for mode in ("meaning", "words", "hybrid"):
        found = ask_for(capsys, "green tea", "--mode", mode)
        assert (found["mode"], found["passages"][0]["document"]) == (mode, "tea")
    assert ask_for(capsys, "zzzz", "--mode", "words")["passages"] == []


def test_nothing_found_is_no_fault(house, capsys):
    assert main(["search", "xylophone", "--mode", "words", "--collection", "desk"]) == 0
    assert capsys.readouterr().out == "Nothing was found.\n"


def test_what_was_said_before_is_understood(house, capsys):
    """The operator sees what a question in the middle of a call is taken for."""
    before = ["--after", "caller: do you have green tea", "--after", "agent: Certainly."]
    found = ask_for(capsys, "how much is it", *before, command="ask")
    assert found["question"] == "how much is it" and "green tea" in found["searched"]
    assert found["citations"][0]["document"] == "tea"
    assert ask_for(capsys, "how much is it", *before)["searched"] == found["searched"]
    assert main(["ask", "how much is it", *before, "--collection", "desk"]) == 0
    assert f"understood as: {found['searched']}" in capsys.readouterr().out


def test_a_citation_says_where_the_document_came_from(house, capsys):
    assert main(["ask", "what does green tea cost", "--collection", "desk"]) == 0
    out = capsys.readouterr().out
    assert "Green tea costs four dollars a pot." in out
    assert "from tea (Tea > Prices)" in out and str(house.folder / "tea.md") in out.replace("\n", "")


HOSTILE = [
    "green tea " * 1000,
    "x" * 10_000,
    "\U0001f375\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2615\ufe0f",
    "'; DROP TABLE chunks; --",
    "\" OR 1=1 UNION SELECT * FROM documents --",
    "tea AND (coffee OR NEAR(tea, 5)) NOT words:tea*",
    "words : \"tea\" * ^ { } + - .",
    "{sounds} : tea",
    "% _ \\ \x00 \x1f",
    "\ud800 half a character",
    "[bold]no markup[/bold] [/]",
    "...",
    " ",
    "\u0d1a\u0d3e\u0d2f \u0b9a\u0bbe\u0baf\u0bcd \u091a\u093e\u092f",
]


@pytest.mark.parametrize("command", ["search", "ask"])
def test_no_query_does_harm(house, capsys, command):
    """Queries come from callers: whatever they hold, they are words to look for, and the collection stays whole."""
    for query in HOSTILE:
        found = ask_for(capsys, query, command=command)
        assert {"search": "passages", "ask": "decision"}[command] in found
        assert main([command, query, "--spoken" if command == "ask" else "--why", "--collection", "desk"]) == 0
        capsys.readouterr()
    assert main(["kb", "stats", "desk", "--check"]) == 0
    assert "whole" in capsys.readouterr().out
    assert ask_for(capsys, "green tea")["passages"][0]["document"] == "tea"


@pytest.mark.parametrize("command", ["search", "ask"])
def test_what_cannot_be_done_is_one_line_and_what_to_do(house, capsys, command):
    for words, says in [
        (["--tag", "gides"], "--tag gides: no document of collection 'desk' has it; there are: guides"),
        (["--on", "31.12.2026"], "--on 31.12.2026: a day is written as 2026-05-31"),
        (["--collection", "none"], "there is no collection 'none'"),
        (["--config", "/no/such.yaml"], "/no/such.yaml"),
    ]:
        assert main([command, "tea", *([] if "--collection" in words else ["--collection", "desk"]), *words]) == 2
        err = capsys.readouterr().err
        assert says in err and "Traceback" not in err


def test_without_vectors_meaning_alone_is_refused(desk, capsys):
    desk.write("tea.md", TEA)
    desk.ingest(None)
    assert main(["search", "tea", "--mode", "meaning", "--collection", "desk"]) == 2
    assert "cannot be searched by meaning: the embedding model is not installed" in capsys.readouterr().err


@pytest.mark.parametrize("count", ["0", "-1", "1000", "many"])
def test_a_count_that_is_none_is_refused(count, capsys):
    with pytest.raises(SystemExit) as end:
        main(["search", "tea", "-k", count])
    assert end.value.code == 2 and "a number from 1 to 40" in capsys.readouterr().err
