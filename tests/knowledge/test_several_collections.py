"""An agent who knows several collections searches them as one."""

from engine.knowledge.base import KnowledgeBase
from engine.knowledge.ingest import ingest
from engine.knowledge.several import SeveralBases


def test_the_best_passages_of_all_collections_come_first(tmp_path, desk):
    """Where a fact stands is the operator's business, not the caller's."""
    for name, text in (("teas", "# Tea\n\nGreen tea costs four dollars.\n"),
                       ("hours", "# Hours\n\nWe open at nine.\n")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.md").write_text(text)
        ingest([folder], name, desk.embedder)
    both = SeveralBases([KnowledgeBase.open(name, None, desk.embedder) for name in ("teas", "hours")])
    for question, word in (("what does green tea cost", "dollars"), ("when do we open", "nine")):
        first, second = both.search(question, 2)
        assert word in first.text and first.score > second.score
        assert len(both.search(question, 1)) == 1
        found = both.passage(first.citation.chunk_id)
        assert found is not None and found.text == first.text
    assert both.passage("none") is None
