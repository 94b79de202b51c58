"""Conversations in writing, with the agents that also take calls: for ``POST /ai/process`` and chat completions."""
