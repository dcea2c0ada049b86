"""Times as text: ISO 8601, UTC, with milliseconds. The texts sort as the times do."""

from datetime import UTC, datetime


def of(time: datetime) -> str:
    """Return the text of a time that has a zone, cut to milliseconds."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> str:
    """Return the text of the present time."""
    return of(datetime.now(UTC))
