"""An embedding model for more languages than it knows: texts in others are put into English words first.

A language in Latin letters, such as French, the model half understands by itself: there the vectors of the text and of
its gloss are added, which finds more than either (``docs/knowledge.md``).
"""

from collections.abc import Sequence

import numpy as np

from engine.knowledge.embedding.interface import Embedder, Floats, PassageText, PassageVectors
from engine.knowledge.embedding.tokens import unit
from engine.knowledge.words.gloss import VERSION, gloss
from engine.knowledge.words.question import language_of

HALF_UNDERSTOOD = frozenset({"fr"})
"""Languages whose words an English model has met."""


JOINT = "+"
"""Between the model's name and that of what was done to the texts."""


class Glossed:
    """A model that knows English, by way of ``engine.knowledge.words.gloss``."""

    def __init__(self, model: Embedder) -> None:
        """``model`` may be shared."""
        self.plain = model
        self.name = f"{model.name}{JOINT}gloss{VERSION}"
        self.dim = model.dim
        self.languages = model.languages

    def encode(self, texts: Sequence[str]) -> Floats:
        """See ``Embedder``."""
        languages = [language_of(text)[0] for text in texts]
        vectors = self.plain.encode([gloss(text, of) for text, of in zip(texts, languages, strict=True)])
        half = [place for place, language in enumerate(languages) if language in HALF_UNDERSTOOD]
        if half:
            vectors = vectors.copy()
            vectors[half] = unit(vectors[half] + self.plain.encode([texts[place] for place in half]))
        return vectors

    def encode_passages(self, passages: Sequence[PassageText]) -> list[PassageVectors]:
        """See ``Embedder``. The whole passage tells the language of its sentences."""
        languages = [language_of(" ".join(passage.statements))[0] for passage in passages]
        found = self.plain.encode_passages([
            PassageText(gloss(passage.above, of), tuple(gloss(text, of) for text in passage.statements))
            for passage, of in zip(passages, languages, strict=True)])
        half = [place for place, language in enumerate(languages) if language in HALF_UNDERSTOOD]
        for place, own in zip(half, self.plain.encode_passages([passages[place] for place in half]), strict=True):
            whole = unit((found[place].whole + own.whole)[np.newaxis])[0]
            found[place] = PassageVectors(whole, unit(found[place].statements + own.statements))
        return found
