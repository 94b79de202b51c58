"""The commands, rates and links of the knowledge base's pages are those that there are."""

import re
import shlex
from pathlib import Path

import pytest

from engine.cli import ask, ingest, kb, kb_eval, kb_gaps, search
from engine.cli.main import build_parser
from engine.knowledge.measure.evaluate import Evaluation

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / name for name in ("knowledge.md", "operator/kb-commands.md", "operator/collections.md",
                                           "developer/question-sets.md")]
COMMAND = re.compile(r"^ +(trunkline (?:ask|search|ingest|kb) .*)$", re.MULTILINE)


def commands(text):
    for line in COMMAND.findall(text):
        for one in re.split(r" && | {2,}|\s+#", line):
            if one.startswith("trunkline "):
                yield one.partition(" > ")[0]


@pytest.mark.parametrize("text", [*(page.read_text(encoding="utf-8") for page in PAGES),
                                  *(module.EPILOG for module in (ask, search, ingest, kb, kb_eval, kb_gaps))],
                         ids=[*(page.stem for page in PAGES), "ask", "search", "ingest", "kb", "eval", "gaps"])
def test_every_example_is_understood(text):
    """An operator copies them."""
    found = list(commands(text))
    for line in found:
        words = shlex.split(line)[1:]
        try:
            build_parser(words[0]).parse_args(words)
        except SystemExit:
            pytest.fail(line)
    assert found


def test_every_rate_is_explained():
    page = (ROOT / "docs/operator/kb-commands.md").read_text(encoding="utf-8")
    names = set(Evaluation().summary()) - {"questions"}
    for name in names:
        assert f"`{name}`" in page or f"`@{name.partition('@')[2]}`" in page, name
        assert name in kb_eval.EPILOG, name


def test_links_lead_somewhere():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+\.md)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).is_file(), f"{page.name}: {link}"
