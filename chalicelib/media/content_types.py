"""The media types of pictures."""

JPEG, PNG, WEBP, GIF = "image/jpeg", "image/png", "image/webp", "image/gif"
ACCEPTED = (JPEG, PNG, WEBP, GIF)
"""Pictures that people send."""
MADE = (JPEG, PNG, WEBP)
"""Pictures that Roster makes."""
