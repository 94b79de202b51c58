"""Hearing and speaking: VAD, recognisers, voices and their providers. Knows no calls."""
