"""Figures of speed, load and accuracy: ``make bench``."""
