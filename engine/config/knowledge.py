"""Options of the knowledge base."""

from pydantic import Field

from engine.config.base import Options


class KnowledgeOptions(Options):
    """What the agent knows, and when it says so. Figures behind the thresholds: ``docs/knowledge.md``."""

    collection: str = "sample"
    """Which collection answers (``trunkline ingest PATH --collection NAME`` fills it)."""

    embedding: str = Field("auto", min_length=1)
    """What makes vectors, for search by meaning. ``auto``: MiniLM where it is installed (``trunkline models install``),
    else keywords alone; ``none``: keywords alone; ``minilm``, ``minilm-int8``: that or an error; the name of a folder
    ``models/embedding-...``; or the name of a provider of kind ``openai_embeddings`` or ``azure_embeddings``. After a
    change, ingest again. Which one when: ``docs/operator/embeddings.md``."""

    reranker: str = ""
    """Name of a folder ``models/reranker-...`` with a model that reads question and passages together; empty: none."""

    rerank_timeout_ms: int = Field(150, ge=1)
    """A reranker that takes longer than this for a question is not waited for: the order stays as it was found."""

    answer_score: float = Field(0.44, ge=0, le=1)
    """Spoken questions below this score are not answered."""

    unsure_below: float = Field(0.7, ge=0, le=1)
    """Confidence of the recogniser below which a spoken question needs a higher score: a recogniser makes words of the
    collection out of anything."""

    unsure_raise: float = Field(0.4, ge=0, le=2)
    """How much higher: by this part of what the confidence lacks. With 0.4, a confidence of 0.5 raises the score that
    is needed by 0.08."""

    typed_score: float = Field(0.45, ge=0, le=1)
    """The same for typed questions, which have keywords in their score."""

    ask_back_margin: float = Field(0.05, ge=0, le=1)
    """Two documents closer than this to a spoken question: the caller is asked which one is meant."""

    typed_margin: float = Field(0.03, ge=0, le=1)
    """The same for typed questions."""

    answer_words: float = Field(0.5, ge=0, le=1)
    """Spoken questions, keyword search alone: least share of the question's words, rare ones counting more."""

    typed_words: float = Field(0.4, ge=0, le=1)
    """The same for typed questions."""

    words_margin: float = Field(0.06, ge=0, le=1)
    """Keyword search alone: closer than this, it is asked back."""

    words_weight: float = Field(0.1, ge=0, le=0.3)
    """Share of keywords in the score of typed questions: names and part numbers, which vectors blur. Spoken questions
    go by meaning alone, because misheard words are worse than none."""

    offer_more: bool = True
    """Offer a second sentence where one also fits ("Shall I tell you more?"). Never after a document's ``say``."""
