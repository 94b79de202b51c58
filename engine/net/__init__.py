"""Connections to other services: what providers of every room need, and no room's own business."""
