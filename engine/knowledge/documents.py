"""Reading one file in this process: for trusted ones, such as the samples. Others go by ``reading.reader.Reader``."""

from engine.knowledge.document import Document, Passage
from engine.knowledge.reading.formats import SUFFIXES
from engine.knowledge.reading.onefile import read
from engine.knowledge.reading.passages import Cut

MAX_WORDS = Cut().words
"""Words of a passage, where nothing else is configured."""

__all__ = ["MAX_WORDS", "SUFFIXES", "Document", "Passage", "read"]
