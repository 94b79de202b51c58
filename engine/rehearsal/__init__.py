"""Scripted conversations with an agent on a virtual clock: does it say and do what its operator expects?"""
