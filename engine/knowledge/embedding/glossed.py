"""An embedding model for more languages than it knows: texts in others are put into English words first."""

from collections.abc import Sequence

from engine.knowledge.embedding.interface import Embedder, Floats, PassageText, PassageVectors
from engine.knowledge.gloss import VERSION, gloss
from engine.language.identify import identify


class Glossed:
    """A model that knows English, by way of ``engine.knowledge.gloss``."""

    def __init__(self, model: Embedder) -> None:
        """``model`` may be shared."""
        self._model = model
        self.name = f"{model.name}+gloss{VERSION}"
        self.dim = model.dim
        self.languages = frozenset({"en"})

    def encode(self, texts: Sequence[str]) -> Floats:
        """See ``Embedder``."""
        return self._model.encode([gloss(text) for text in texts])

    def encode_passages(self, passages: Sequence[PassageText]) -> list[PassageVectors]:
        """See ``Embedder``. The whole passage tells the language of its sentences."""
        return self._model.encode_passages([_glossed(passage) for passage in passages])


def _glossed(passage: PassageText) -> PassageText:
    language = identify(" ".join(passage.statements)).language
    return PassageText(gloss(passage.above, language), tuple(gloss(text, language) for text in passage.statements))
