"""How well a collection answers, and what it lacks."""
