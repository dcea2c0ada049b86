"""What ends a command with one sentence instead of a traceback."""


class Failure(Exception):
    """Something the user can mend; the text says what and how."""
