"""Roster's parts. ``app.py`` composes them; ``docs/architecture.md`` draws how they depend on each other."""

__version__ = "0.2.0"
