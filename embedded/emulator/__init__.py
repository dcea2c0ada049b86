"""The embedded AWS's own process: ministack, its store mended. Runs in ``.venv-embedded`` and imports nothing else."""

NOT_SAVED = 4
"""Its exit status when it has ended and could not save all it had."""
STATUS = "/_roster/saved"
"""Where it says when the state was saved last (``at``), and why it could not be since (``error``)."""
