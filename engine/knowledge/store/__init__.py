"""A collection's database: what is written, what is read, how."""

from engine.knowledge.store.rows import Pending, chunk_id, digest_of_passage, digest_of_question
from engine.knowledge.store.schema import DATABASE
from engine.knowledge.store.store import LOCK, Known, Look, Store
from engine.knowledge.store.view import Asked, Chunk, Entry, Model, View

__all__ = ["DATABASE", "LOCK", "PASSAGE", "QUESTION", "SENTENCE", "TITLED", "Asked", "Chunk", "Content", "Entry",
           "Known", "Look", "Model", "Pending", "Store", "Text", "View", "chunk_id", "digest_of_passage",
           "digest_of_question"]
