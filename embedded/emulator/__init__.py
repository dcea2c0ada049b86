"""The process of the embedded AWS: ministack with reliable saving and Cognito's rules.

It imports only what ``.venv-embedded`` has.
"""

NOT_SAVED = 4
"""The exit status when the state could not be saved."""
STATUS = "/_roster/saved"
"""The path that reports when the state was last saved (``at``) and why the latest save failed (``error``)."""
PAUSE = "save-pause"
"""A file in the state folder. Tests that need no saved state write the seconds between two saves into it: each save
takes a tenth of a second, as much as several requests."""
