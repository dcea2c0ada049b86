"""How fast Roster starts and runs, beside the same API written in other ways. ``make bench``."""
