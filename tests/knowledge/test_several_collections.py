"""An agent who knows several collections searches them as one."""

from engine.config import KnowledgeOptions
from engine.knowledge.answers.phrases import ENGLISH
from engine.knowledge.base import KnowledgeBase
from engine.knowledge.collections import folder_of
from engine.knowledge.filling.ingest import ingest
from engine.knowledge.scope import Scope
from engine.knowledge.several import SeveralBases
from engine.knowledge.store import Model, Store, index


def test_the_best_passages_of_all_collections_come_first(tmp_path, desk):
    """Where a fact stands is the operator's business, not the caller's."""
    for name, text in (("teas", "# Tea\n\nGreen tea costs four dollars.\n"),
                       ("hours", "# Hours\n\nWe open at nine.\n")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.md").write_text(text)
        ingest([folder], name, desk.embedder, reader=desk.reader)
    both = SeveralBases([KnowledgeBase.open(name, None, desk.embedder) for name in ("teas", "hours")])
    for question, word in (("what does green tea cost", "dollars"), ("when do we open", "nine")):
        first, second = both.search(question, 2)
        assert word in first.text and first.score > second.score
        assert len(both.search(question, 1)) == 1
        found = both.passage(first.citation.chunk_id)
        assert found is not None and found.text == first.text
    assert both.passage("none") is None


def test_one_answer_from_several_collections(tmp_path, desk):
    """Agents without a model answer out of all their collections, ask back between them, and mind tags and dates."""
    for name, text in (("teas", "---\ntitle: Green tea\n---\n\nGreen tea costs four dollars.\n"),
                       ("hours", "---\ntitle: Hours\ntags: [public]\n---\n\nWe open at nine. Green trays are free.\n")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.md").write_text(text)
        ingest([folder], name, desk.embedder, reader=desk.reader)
    options = KnowledgeOptions(answer_score=0.25, typed_score=0.25, ask_back_margin=0.0)
    both = SeveralBases([KnowledgeBase.open(name, options, desk.embedder) for name in ("teas", "hours")])
    assert both.by_meaning and both.collection == "teas, hours"
    for question, text in (("what does green tea cost", "Green tea costs four dollars."),
                           ("when do we open", "We open at nine.")):
        answer = both.answer(question, spoken=True)
        assert (answer.decision, answer.text.startswith(text)) == ("answer", True)
    more = both.answer("yes please", spoken=True, context=[
        ("user", "when do we open"), ("agent", f"We open at nine. {ENGLISH.offer}")])
    assert (more.text, more.citations[0].document) == ("Green trays are free.", "hours")
    public = Scope(tags=frozenset({"public"}))
    told = both.answer("what does green tea cost", spoken=True, scope=public)
    assert "teas" not in dict(told.candidates) and "four" not in told.text
    assert [hit.citation.document for hit in both.search("green tea", scope=public)] == ["hours"]
    alternatives = both.search("when do we open", alternatives=["when do we hope"], mode="words")
    assert alternatives[0].citation.document == "hours"
    assert {"We open at nine.", "Green tea costs four dollars."} <= set(both.language_material("en")[0])


def test_agents_with_options_of_their_own_share_the_index(desk):
    """A hundred agents of one collection must not each hold its vectors; what was ingested again is loaded again."""
    desk.write("tea.md", "# Tea\n\nGreen tea costs four dollars.\n")
    desk.ingest()
    store, model = Store(folder_of("desk")), Model("words", 64)
    first, second = index.load(store, model), index.load(Store(folder_of("desk")), model)
    assert first is second and first.count == 1
    desk.write("cake.md", "# Cake\n\nCake costs two dollars.\n")
    desk.ingest()
    assert index.load(store, model).count == 2 and first.count == 1
