"""The engine as an OpenAI-compatible service, apart from HTTP: chat, transcription, speech, embeddings, models."""
