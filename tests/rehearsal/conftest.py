"""A small agent and its collection in a temporary home; scripts are written as text and played."""

from pathlib import Path

import pytest

from engine.config import Config
from engine.knowledge.filling.ingest import ingest
from engine.rehearsal.run import Rehearsals

AGENT = """
languages:
  en: {greeting: Hello there.}
  fr: {greeting: Bonjour.}
persona: You are the desk.
model: {provider: openai, name: small}
collections: [desk]
knowledge: {embedding: none, answer_score: 0.1}
skills: [search, create_ticket, set_language, transfer_to_human, end_call]
transfer:
  boss:
    destination: user/1001
    announcement: {en: The boss is coming.}
"""

FEE = """---
title: The late fee
utterances: [how much is the late fee]
say: The late fee is six dollars and ninety cents, and it is charged after fourteen days without payment.
---

The late fee is six dollars and ninety cents, and it is charged after fourteen days without payment.
"""

PARKING = """---
title: Parking
utterances: [where can I park my car]
say: Park behind the house.
---

Park behind the house.
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path / "home"))
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "fee.md").write_text(FEE, encoding="utf-8")
    (documents / "parking.md").write_text(PARKING, encoding="utf-8")
    ingest([documents], "desk", None)
    return tmp_path


@pytest.fixture
def write(home):
    """Write a script file beside its agent; its path."""

    def write(text: str) -> Path:
        folder = home / "agents"
        folder.mkdir(exist_ok=True)
        (folder / "desk.yaml").write_text(AGENT, encoding="utf-8")
        path = folder / "desk.tests.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def play(write):
    """Play one test, given from below its name; its result."""

    def play(text: str):
        lines = "\n".join(f"    {line}" for line in text.strip("\n").splitlines())
        rehearsals = Rehearsals(write(f"tests:\n  - name: it\n{lines}\n"), Config())
        try:
            (result,) = rehearsals.run()
        finally:
            rehearsals.close()
        return result

    return play
