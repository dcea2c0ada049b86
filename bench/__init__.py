"""Measurements of Roster, compared with other implementations of the same API: ``make bench``, ``load``, ``soak``."""
