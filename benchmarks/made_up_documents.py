"""Folders of documents of any size: passages of 60 to 70 words, put together from the sentences of the sample."""

import random
from pathlib import Path

from engine.knowledge.filling.ingest import SAMPLE
from engine.knowledge.reading import onefile


def write(folder: Path, files: int, passages: int, seed: int = 0) -> None:
    """``files`` Markdown files of ``passages`` sections each. Every passage is different from every other."""
    chance = random.Random(seed)
    sentences = sorted({sentence for path in SAMPLE.rglob("*.md") for passage in onefile.read(path, SAMPLE).passages
                        for sentence in passage.statements})
    for number in range(files):
        path = folder / f"part-{number // 100:03}" / f"document-{number:05}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        sections = [f"## Section {section} of {number}\n\n{_passage(chance, sentences, number * 100 + section)}\n"
                    for section in range(passages)]
        path.write_text("\n".join([f"# Document {number}\n", *sections]), encoding="utf-8")


def _passage(chance: random.Random, sentences: list[str], number: int) -> str:
    chosen = [f"This is case {number}."]
    while sum(len(sentence.split()) for sentence in chosen) < 60:
        chosen.append(chance.choice(sentences))
    return " ".join(chosen)
