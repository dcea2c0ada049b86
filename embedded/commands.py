"""Commands that messages suggest, written so that they can be pasted into a shell, whatever the values.

Standard library and syntax of Python 3.6 only: ``make clean`` uses it before anything is installed.
"""

import shlex

DEFAULTS = {"STATE_DIR": ".local", "EMBEDDED_AWS_PORT": "4566"}
"""As in the Makefile."""


def make_command(target: str, **settings: object) -> str:
    """Return the command line that makes ``target`` with ``settings``. Those that are the default are left out."""
    values = {name: str(value) for name, value in settings.items() if str(value) != DEFAULTS.get(name)}
    # make drops blanks at the start of a value on its command line, but not in the environment.
    environment = [f"{name}={quoted(value)}" for name, value in values.items() if value[:1].isspace()]
    arguments = [f"{name}={quoted(value)}" for name, value in values.items() if not value[:1].isspace()]
    return " ".join([*environment, "make", target, *arguments])


def quoted(value: object) -> str:
    """Return ``value`` as one word of a shell."""
    # Older versions of bash, at a prompt, replace "!" even between single quotes, if these are within double quotes.
    return shlex.quote(str(value)).replace("!", r"'\!'")
