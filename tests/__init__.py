"""Roster's tests. The list of their names reads as the specification: `pytest --collect-only -q`."""
