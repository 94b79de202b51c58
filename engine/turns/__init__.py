"""Whose turn it is: endpointing, barge-in, generations, history. Pure: no clock, no I/O, no greenlets."""
