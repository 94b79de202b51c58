"""Small collections with questions that they answer, and as many that they nearly do: ``data/near_misses/*.md``.

    python -m benchmarks.near_misses              how many of each are refused, collection by collection

The evaluation halves have 30 questions without an answer, one of which is 3 points; here are 612, all of the hard kind.
So this tells small changes of refusing apart. Weights may be chosen on it, collections against collections.
"""

from gevent import monkey

monkey.patch_all()

import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.knowledge import temporary_home
from engine.config import KnowledgeOptions
from engine.knowledge.base import KnowledgeBase
from engine.knowledge.embedding import choose
from engine.knowledge.filling.ingest import ingest
from engine.knowledge.measure.evaluate import Evaluation, Question, evaluate

FOLDER = Path(__file__).parent / "data/near_misses"
COMMAND = "python -m benchmarks near_misses"
LANGUAGES = {"autoecole": "fr", "mariage": "fr", "aspataal": "hi"}
"""Of those that are not in English."""

FORM = "## title, its text, '? ' before a question that it answers, '! ' before one that nothing answers"
REFUSED, WRONGLY_REFUSED = 0.90, 0.07
"""The aims of the question sets, for a comparison."""


@dataclass(frozen=True, slots=True)
class NearMisses:
    """One collection: its documents by id, in Markdown, and the questions about it."""

    name: str
    documents: dict[str, str]
    questions: tuple[Question, ...]

    def write(self, folder: Path) -> None:
        """The documents, a file each."""
        for name, text in self.documents.items():
            (folder / f"{name}.md").write_text(text, encoding="utf-8")


def collections() -> list[NearMisses]:
    """All of them, by name."""
    return [read(path) for path in sorted(FOLDER.glob("*.md")) if path.stem != "README"]


def read(path: Path) -> NearMisses:
    """One of them. Raises ``ValueError`` naming the file and what is wrong."""
    documents: dict[str, str] = {}
    questions: list[Question] = []
    language = LANGUAGES.get(path.stem, "en")
    for block in re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, _, rest = block.partition("\n")
        name = re.sub(r"\W+", "-", title.lower()).strip("-")
        lines = rest.splitlines()
        questions += [Question(line[2:], (name,), None, "clean", language) for line in lines if line.startswith("? ")]
        questions += [Question(line[2:], (), None, "none", language) for line in lines if line.startswith("! ")]
        text = "\n".join(line for line in lines if not line.startswith(("? ", "! "))).strip()
        if not text or name in documents:
            raise ValueError(f"{path}: '{title}' has no text, or is there twice: {FORM}")
        documents[name] = f"# {title}\n\n{text}\n"
    if not documents:
        raise ValueError(f"{path}: there is no document in it: {FORM}")
    return NearMisses(path.stem, documents, tuple(questions))


def ask() -> dict[str, Evaluation]:
    """Every question, typed, put to its collection. A right answer is one from the right document."""
    options = KnowledgeOptions()
    model = choose.embedder(options)
    if model is None:
        print("the embedding model is not installed: by words alone", file=sys.stderr)
    found = {}
    with temporary_home(), tempfile.TemporaryDirectory(prefix="trunkline-near-") as folder:
        for one in collections():
            place = Path(folder) / one.name
            place.mkdir()
            one.write(place)
            ingest([place], one.name, model, options=options)
            found[one.name] = evaluate(KnowledgeBase.open(one.name, options, model), one.questions, spoken=False)
    return found


def figures() -> list[Figure]:
    """Of all collections together."""
    return rows(ask())


def rows(found: dict[str, Evaluation]) -> list[Figure]:
    """The figures, with their aims."""
    whole = Evaluation([entry for evaluation in found.values() for entry in evaluation.outcomes])
    refused, wrongly = whole.rate("refused", answerable=False), whole.rate("refused")
    return [Figure("near misses: questions without an answer refused", round(refused, 3), "share", f">= {REFUSED}",
                   refused >= REFUSED, COMMAND),
            Figure("near misses: questions with an answer wrongly refused", round(wrongly, 3), "share",
                   f"<= {WRONGLY_REFUSED}", wrongly <= WRONGLY_REFUSED, COMMAND)]


def main() -> None:
    """Ask, print."""
    found = ask()
    print(f"{'':14}{'with':>6}{'right':>8}{'wrong':>8}{'back':>8}{'refused':>9}{'without':>10}{'refused':>9}")
    for name, own in found.items():
        answerable = sum(bool(entry.question.documents) for entry in own.outcomes)
        rates = [own.rate(outcome) for outcome in ("right", "wrong", "asked_back", "refused")]
        print(f"{name:14}{answerable:>6}" + "".join(f"{rate:>8.2f}" for rate in rates)
              + f"{len(own.outcomes) - answerable:>11}{own.rate('refused', answerable=False):>9.2f}")
    for row in rows(found):
        print(f"{row.figure}: {row.value}")


if __name__ == "__main__":
    main()
