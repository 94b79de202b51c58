"""Options of the knowledge base."""

from typing import Annotated

from pydantic import Field, StringConstraints

from engine.config.base import Options

Tag = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]


class KnowledgeOptions(Options):
    """What the agent knows, and when it says so. Figures behind the thresholds: ``docs/knowledge.md``."""

    collection: str = "sample"
    """Which collection answers (``trunkline ingest PATH --collection NAME`` fills it)."""

    store: str = "local"
    """Where passages and vectors are looked up: ``local``, the collection on this machine's disk, or the name of an
    entry under ``vector_stores``."""

    embedding: str = Field("auto", min_length=1)
    """What makes vectors, for search by meaning. ``auto``: MiniLM where it is installed (``trunkline models install``),
    else keywords alone; ``none``: keywords alone; ``minilm``, ``minilm-int8``: that or an error; the name of a folder
    ``models/embedding-...``; or the name of a provider of kind ``openai_embeddings`` or ``azure_embeddings``. After a
    change, ingest again. Which one when: ``docs/operator/embeddings.md``."""

    gloss: bool = True
    """Put texts and questions of other languages into English words before MiniLM, which knows English only, makes
    vectors of them. Other models are given what was written. After a change, ingest again."""

    tags: tuple[Tag, ...] = ()
    """Only documents with at least one of these tags are used; empty: all. An agent's file may give it as well."""

    languages: tuple[LanguageCode, ...] = ()
    """Only passages in these languages (ISO 639) are used, and those whose language cannot be told; empty: all."""

    reranker: str = ""
    """Name of a folder ``models/reranker-...`` with a model that reads question and passages together; empty: none."""

    rerank_timeout_ms: int = Field(150, ge=1)
    """A reranker that takes longer than this for a question is not waited for: the order stays as it was found."""

    answer_score: float = Field(0.5, ge=0, le=1)
    """Spoken questions whose best passage is less likely to answer than this are not answered."""

    typed_score: float = Field(0.5, ge=0, le=1)
    """The same for typed questions."""

    ask_back_margin: float = Field(0.05, ge=0, le=1)
    """Two passages of different names that fit a spoken question so nearly alike: the caller is asked which one is
    meant."""

    typed_margin: float = Field(0.015, ge=0, le=1)
    """The same for typed questions."""

    offer_more: bool = True
    """Offer a second sentence where one also fits ("Shall I tell you more?"). Never after a document's ``say``."""

    passage_words: int = Field(120, ge=20, le=2000)
    """Words of a passage at most: about 40 seconds of speech, and well within what the embedding model sees."""

    passage_chars: int = Field(1000, ge=100, le=20_000)
    """Characters of a passage at most: in Malayalam or Tamil, 120 words are twice as long as in English."""

    passage_overlap_chars: int = Field(0, ge=0, le=5000)
    """How much of a passage the next one of its section repeats, in whole sentences. Passages that are spoken need
    none; for large ones that a model reads, 2000 characters with 500 of overlap are usual."""

    read_workers: int = Field(2, ge=1, le=32)
    """Processes that parse documents, each on one core."""

    read_seconds: int = Field(30, ge=1, le=3600)
    """Computing time that a document may take; twice that on the clock. A 500-page PDF takes 10 seconds."""

    read_memory_mb: int = Field(1024, ge=256, le=65_536)
    """Memory that the parsing of a document may take, as address space of the process."""

    max_file_mb: int = Field(64, ge=1, le=2048)
    """Size of a document at most."""
