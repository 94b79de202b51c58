"""What can go wrong with a knowledge base."""

from engine.errors import TrunklineError


class KnowledgeError(TrunklineError):
    """A collection, a document or a question set that cannot be used; the text names it and says what to do."""


class DocumentError(KnowledgeError):
    """A document that cannot be read. The text begins with ``file:line:`` where a line is to blame."""


class CollectionMissing(KnowledgeError):
    """There is no such collection, or it is empty."""
