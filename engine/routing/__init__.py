"""Routing: which language is spoken, and which provider hears, thinks and speaks; what it costs; fail-over."""
