"""Scenarios: programs of tasks, and what is to be observed of them, for both faces."""
