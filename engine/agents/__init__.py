"""Agents: who answers a call, what it knows, how it speaks, and whom it hands over to. One YAML file an agent."""
