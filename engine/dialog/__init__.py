"""What is said: conversation history, brains (what answers), clauses. Touches no frames."""
