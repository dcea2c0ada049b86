"""Commands for messages to suggest, quoted so that they can be pasted into a shell whatever the values.

Uses only the standard library and the syntax of Python 3.6, because ``make clean`` runs before anything is installed.
"""

import shlex

DEFAULTS = {"STATE_DIR": ".local", "EMBEDDED_AWS_PORT": "4566"}
"""The Makefile's defaults."""


def make_command(target: str, **settings: object) -> str:
    """Return the command that makes ``target`` with ``settings``, leaving out settings with their default value."""
    values = {name: str(value) for name, value in settings.items() if str(value) != DEFAULTS.get(name)}
    # make strips leading whitespace from values on its command line, but not in the environment.
    environment = [f"{name}={quoted(value)}" for name, value in values.items() if value[:1].isspace()]
    arguments = [f"{name}={quoted(value)}" for name, value in values.items() if not value[:1].isspace()]
    return " ".join([*environment, "make", target, *arguments])


def quoted(value: object) -> str:
    """Return ``value`` quoted as one shell word."""
    # At a prompt, older versions of bash expand "!" even in single quotes, if those are inside double quotes.
    return shlex.quote(str(value)).replace("!", r"'\!'")
