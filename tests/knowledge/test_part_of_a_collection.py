"""An agent kept to a part of its collection: by tags, by language, and always by date."""

from datetime import date

import pytest

from engine.agents.load import load_agent
from engine.config import AgentOptions, KnowledgeOptions
from engine.dialog.brain import Request, Text
from engine.dialog.knowledge_brain import KnowledgeBrain
from engine.knowledge.base import KnowledgeBase
from engine.knowledge.scope import Scope


class Calendar:
    def __init__(self, day):
        self.day = date.fromisoformat(day)

    def __call__(self):
        return self.day


@pytest.fixture
def calendar():
    return Calendar("2026-06-30")


@pytest.fixture
def fees(desk):
    desk.write("old.md", "---\ntitle: Fee\nvalid_until: 2026-06-30\n---\n\nThe late fee is six dollars.\n")
    desk.write("new.md", "---\ntitle: Fee\nvalid_from: 2026-07-01\n---\n\nThe late fee is nine dollars from July.\n")
    desk.write("staff.md", "---\ntitle: Staff\ntags: [staff]\n---\n\nThe cellar key hangs behind the green door.\n")
    desk.write("fr.md", "# Les frais\n\nLa carte de la bibliothèque coûte douze euros par an pour les étudiants, et "
                        "elle est valable dans toutes les salles.\n")
    desk.ingest()
    return desk


def said(brain, text):
    return "".join(part.text for part in brain.reply(Request(text, (), 1, False)) if isinstance(part, Text))


def test_what_has_expired_is_never_said(fees, calendar):
    """A call at midnight gets the new fee without anybody restarting or ingesting anything."""
    base = KnowledgeBase.open("desk", KnowledgeOptions(answer_score=0.2), fees.embedder, today=calendar)
    brain = KnowledgeBrain(base, AgentOptions())
    assert "six dollars" in said(brain, "how high is the late fee")
    calendar.day = date(2026, 7, 1)
    assert "nine dollars" in said(brain, "how high is the late fee")
    calendar.day = date(2026, 6, 30)
    assert "six dollars" in said(brain, "how high is the late fee")
    found = [hit.citation.document for hit in base.search("late fee", scope=Scope(on="2027-01-01"))]
    assert "old" not in found and "new" in found


def test_expired_documents_do_not_crowd_out_the_one_that_holds(desk, calendar):
    """Years of old price lists say the same words: the current one must be found behind all of them."""
    for year in range(1900, 2026):
        text = f"---\ntitle: Fee\nvalid_until: {year}-12-31\n---\n\nThe late fee is {year} dollars.\n"
        desk.write(f"{year}.md", text)
    desk.write("now.md", "---\ntitle: Prices\n---\n\nSince lately there is one fee more, which is six dollars.\n")
    desk.ingest()
    base = KnowledgeBase.open("desk", None, desk.embedder, today=calendar)
    assert [hit.citation.document for hit in base.search("the late fee")] == ["now"]


def agent(tmp_path, knowledge):
    path = tmp_path / "clerk.yaml"
    path.write_text("languages: {en: {greeting: Hello}}\ncollections: [desk]\n" + f"knowledge: {knowledge}\n")
    return load_agent(path)


def documents(fees, options, scope=None):
    base = KnowledgeBase.open("desk", options, fees.embedder, today=Calendar("2026-01-01"))
    found = [base.search(text, 10, **({"scope": scope} if scope else {})) for text in (
        "where is the cellar key", "how high is the late fee", "combien coûte la carte")]
    return {hit.citation.document for hits in found for hit in hits}


def test_an_agents_file_keeps_it_to_tags_and_languages(fees, tmp_path):
    """Callers must not hear what is meant for the staff, nor French passages read by an English voice."""
    base = KnowledgeOptions()
    assert documents(fees, agent(tmp_path, "{}").knowledge(base)) == {"old", "staff", "fr"}
    assert documents(fees, agent(tmp_path, "{tags: [staff, more]}").knowledge(base)) == {"staff"}
    assert documents(fees, agent(tmp_path, "{languages: [en]}").knowledge(base)) >= {"old", "staff"}
    assert "fr" not in documents(fees, agent(tmp_path, "{languages: [en]}").knowledge(base))


def test_a_question_can_narrow_what_the_agent_may_know_and_not_widen_it(fees):
    """The agent's file is the operator's word."""
    staff = KnowledgeOptions(tags=("staff",))
    assert documents(fees, staff, Scope(tags=frozenset({"staff", "x"}))) == {"staff"}
    assert documents(fees, staff, Scope(tags=frozenset({"x"}))) == set()
    assert documents(fees, KnowledgeOptions(languages=("fr",)), Scope(languages=frozenset({"fr"}))) >= {"fr"}


def test_a_recogniser_is_told_only_words_of_its_language(fees):
    """French words in the model of an English recogniser are heard where English ones were said."""
    base = fees.open()
    english, french, all_of_it = (" ".join(sum(base.language_material(of), ())) for of in ("en", "fr", ""))
    assert "late fee" in english and "bibliothèque" not in english and "frais" not in english
    assert "bibliothèque" in french and "cellar" not in french
    assert "bibliothèque" in all_of_it and "cellar" in all_of_it
