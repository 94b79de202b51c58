"""Small collections with questions that they answer and questions that they nearly do: ``data/near_misses/*.md``."""

import re
from dataclasses import dataclass
from pathlib import Path

from engine.knowledge.measure.evaluate import Question

FOLDER = Path(__file__).parent / "data/near_misses"
LANGUAGES = {"autoecole": "fr", "mariage": "fr", "aspataal": "hi"}
"""Of those that are not in English."""

FORM = "## title, its text, '? ' before a question that it answers, '! ' before one that nothing answers"


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
