"""Options of the knowledge base."""

from typing import Literal

from pydantic import Field

from engine.config.base import Options


class KnowledgeOptions(Options):
    """What the agent knows, and when it says so. Figures behind the thresholds: ``docs/knowledge.md``."""

    collection: str = "sample"
    """Which collection answers (``trunkline ingest PATH --collection NAME`` fills it)."""

    store: str = "local"
    """Where passages and vectors are looked up: ``local``, the collection on this machine's disk, or the name of an
    entry under ``vector_stores``."""

    embedding: Literal["auto", "none"] = "auto"
    """``auto``: search by meaning where the model is installed (``trunkline models install``); ``none``: keywords."""

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
