"""Connections to other services: HTTP streams, WebSockets, deadlines, and what providers' errors mean."""
