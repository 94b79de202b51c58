"""From a question to passages: what is looked for, where, and how well it fits."""
