"""The embedded AWS's own process: ministack, its store mended. Runs in ``.venv-embedded`` and imports nothing else."""

STATUS = "/_roster/saved"
"""Where it says when the state was saved last (``at``), and why it could not be since (``error``)."""
