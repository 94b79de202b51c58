"""Talking to providers over HTTP: streaming client, deadlines, event streams, and what their errors mean."""
