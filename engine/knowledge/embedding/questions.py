"""Vectors of callers' questions: kept, because partial transcripts of a turn repeat themselves, and computed once when
several ask for the same at once."""

from collections import OrderedDict
from collections.abc import Sequence

from gevent.event import AsyncResult

from engine.errors import TrunklineError
from engine.knowledge.embedding.interface import Embedder, Floats, is_remote
from engine.offhub import off_hub

KEPT = 1024
"""Questions whose vectors are kept: 1.5 MB of MiniLM's."""


class Questions:
    """Of one embedder. Called in the hub; any number of greenlets at once."""

    def __init__(self, embedder: Embedder, kept: int = KEPT) -> None:
        """``kept``: how many questions, at most; those asked for longest ago are forgotten."""
        self.embedder = embedder
        self._most = kept
        self._known: OrderedDict[str, Floats] = OrderedDict()
        self._coming: dict[str, AsyncResult] = {}

    def known(self, text: str) -> Floats | None:
        """The vector, shape (dim,), if it is known already; never waits."""
        vector: Floats | None = self._known.get(tidy(text))
        if vector is not None:
            self._known.move_to_end(tidy(text))
        return vector

    def vectors(self, texts: Sequence[str]) -> list[Floats]:
        """Vectors of all texts, in order; what is not known is computed at once. Waits without holding the hub.

        Raises what the embedder raises: ``ProviderFault`` of an endpoint; search goes on with keywords then.
        """
        wanted = list(dict.fromkeys(tidy(text) for text in texts))
        found: dict[str, Floats] = {}
        for text in wanted:
            if (vector := self.known(text)) is not None:
                found[text] = vector
        coming = {text: self._coming[text] for text in wanted if text not in found and text in self._coming}
        missing = [text for text in wanted if text not in found and text not in coming]
        if missing:
            found.update(self._compute(missing))
        for text, result in coming.items():
            vector = result.get()
            found[text] = self.vector(text) if vector is None else vector
        return [found[tidy(text)] for text in texts]

    def vector(self, text: str) -> Floats:
        """As ``vectors``, of one."""
        return self.vectors([text])[0]

    def _compute(self, texts: list[str]) -> dict[str, Floats]:
        results: dict[str, AsyncResult] = {text: AsyncResult() for text in texts}
        self._coming.update(results)
        try:
            rows = (self.embedder.encode_now(texts) if is_remote(self.embedder)
                    else off_hub(self.embedder.encode, texts))
            found: dict[str, Floats] = dict(zip(texts, rows, strict=True))
            for text, vector in found.items():
                self._known[text] = vector
                results[text].set(vector)
        except TrunklineError as fault:
            for result in results.values():
                result.set_exception(fault)
            raise
        finally:
            for text, result in results.items():
                self._coming.pop(text, None)
                if not result.ready():
                    result.set(None)  # this greenlet was ended: whoever waits computes for himself
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return found


def tidy(text: str) -> str:
    """Without the blanks that recognisers add: the same words are the same question."""
    return " ".join(text.split())
