"""The error that ends a command with one sentence instead of a traceback."""


class Failure(Exception):
    """An error that the user can fix. The text says what is wrong and what to do."""
