"""S3's events in the queue's messages ("Event message structure", S3 user guide)."""

import json
import logging
from typing import Any
from urllib.parse import unquote_plus

from chalicelib.media import objects

log = logging.getLogger("roster")


def uploads(body: str, bucket: str) -> list[str]:
    """Return the keys of the uploads into ``bucket`` that a message reports.

    Anything else is logged and dropped, because a retry would not help: S3's test event, a message that is not S3's,
    another bucket.
    """
    try:
        message: Any = json.loads(body)
        if message.get("Event") == "s3:TestEvent":  # sent when the bucket's notifications are configured
            return _dropped("test event")
        return [key for record in message["Records"] if (key := _upload(record, bucket))]
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return _dropped("not an event of S3")


def _upload(record: Any, bucket: str) -> str | None:
    if record["eventSource"] != "aws:s3" or not record["eventName"].startswith("ObjectCreated:"):
        _dropped("not an upload")
    elif record["s3"]["bucket"]["name"] != bucket:
        _dropped("another bucket")
    else:
        key = unquote_plus(record["s3"]["object"]["key"])
        if key.startswith(objects.INCOMING) and objects.owned(key):
            return key
        _dropped("another key")
    return None


def _dropped(reason: str) -> list[str]:
    log.warning("message_dropped", extra={"reason": reason})
    return []
