"""The images function: Lambda calls it with messages of the queue. It does not import ``app.py``.

``app.py`` imports this module, to declare the function. What handles messages is imported with the first one, because
every cold start of the API would pay for it.
"""

import logging
import os
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from chalicelib.errors import Misconfigured, RosterError
from chalicelib.media.settings import MediaSettings
from chalicelib.settings import Settings
from chalicelib.web import logs
from chalicelib.web.blueprint import Blueprint

if TYPE_CHECKING:
    from chalice.app import SQSEvent

    from chalicelib.media.images.processing import Processing

QUEUE = os.environ.get("MEDIA_QUEUE_ARN", "arn:aws:sqs:us-east-1:123456789012:media")
"""Read by plain ``chalice deploy``. infra/media/api.yaml has the queue of a stack."""
BATCH_SIZE = 1
"""For plain ``chalice deploy``, with which a message that fails would make those before it in its batch return, too."""

log = logging.getLogger("roster")
blueprint = Blueprint(__name__, section="Media")


class MessagesFailed(RosterError):
    """All messages of a batch have failed."""


@blueprint.on_sqs_message(queue_arn=QUEUE, batch_size=BATCH_SIZE, name="images")
def images(event: "SQSEvent") -> dict[str, Any]:
    """Make the pictures of the uploads that the messages report.

    Returns which messages have failed, because SQS delivers only these again ("Implementing partial batch responses",
    Lambda developer guide). Raises ``MessagesFailed`` if all have.
    """
    messages = event.to_dict()["Records"]
    failed = failures(messages, processing())
    if len(failed) == len(messages):
        raise MessagesFailed("All messages of the batch have failed.")
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def failures(messages: Iterable[Mapping[str, Any]], uploads: "Processing") -> list[str]:
    """Handle messages, as Lambda gets them: with ``messageId`` and ``body``. Return the ids of those that failed."""
    return [message["messageId"] for message in messages if not _handled(message, uploads)]


def _handled(message: Mapping[str, Any], uploads: "Processing") -> bool:
    from chalicelib.media.images import events

    with logs.of_request(message["messageId"]):
        try:
            for key in events.uploads(message["body"], uploads.bucket.name):
                uploads.take(key)
        except RosterError as error:
            reason = error.detail if isinstance(error, Misconfigured) else type(error).__name__
            log.warning("upload_failed", extra={"reason": reason})
            return False
        except Exception as error:  # noqa: BLE001  (one message must not keep the others from being handled)
            logs.bug(error)
            return False
    return True


@cache
def processing() -> "Processing":
    """Return what handles the uploads, with the settings in the environment."""
    from chalicelib.media.images.processing import Processing
    from chalicelib.media.index import Index
    from chalicelib.storage.dynamodb import DynamoDB
    from chalicelib.storage.s3 import Bucket

    settings, media = Settings.from_environ(os.environ), MediaSettings.from_environ(os.environ)
    logs.configure(settings.log_level, on_terminal=settings.chalice_cli, as_json=settings.logs_are_text)
    return Processing(Index(DynamoDB(media.region), media.table), Bucket(media.region, media.bucket))
