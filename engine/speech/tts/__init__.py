"""Text to speech: voices, and the cache of fixed phrases."""
