"""Counting instructions: what `instructions.py` is made of."""
