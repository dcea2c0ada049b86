"""When S3's objects are stored, by the emulator's clock."""

from datetime import UTC, datetime

from ministack.services import s3

from embedded.emulator.clock import now


def install() -> None:
    """Replace the clock of ministack's S3."""
    s3.now_iso = _now_iso


def _now_iso() -> str:
    return datetime.fromtimestamp(now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
