"""Runs the rows on every implementation, each in a process of its own, and reports the ratios."""
