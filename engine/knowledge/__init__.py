"""The knowledge base: ingest, chunk, embed, index, search, answer, cite."""
