"""Roster's packages and modules. ``app.py`` assembles them; ``docs/architecture.md`` shows their dependencies."""

__version__ = "0.2.0"
