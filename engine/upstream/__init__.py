"""A speech-to-speech model behind the OpenAI Realtime API (GA), as a client of it: OpenAI or Azure."""
