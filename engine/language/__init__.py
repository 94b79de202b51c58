"""Languages as text: scripts, which language a text is in. Pure; knows nothing of calls, documents or providers."""
