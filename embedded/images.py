"""Takes the events of uploads from the queue and calls the images function, as Lambda's event source does.

    python -m embedded.leash embedded/images.py

``chalice local`` takes no messages. So ``make run`` runs this beside it.
"""

import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from embedded.processes import ON_LEASH, Process

BATCH_SIZE = 1
"""As in infra/media/api.yaml."""
VISIBILITY_TIMEOUT = 90
"""Seconds until a message that was not handled is taken again. On AWS, it is a multiple of the function's timeout."""
WAIT = 1
"""Seconds that a request waits for messages, and so that stopping may take."""

Handler = Callable[[dict[str, Any]], Mapping[str, Any]]
"""The function: from an event to ``batchItemFailures``."""


def start(environ: Mapping[str, str], log: Path | None = None, program: str = __file__) -> Process:
    """Start the program with the environment of ``chalice local`` (``stack.environ``).

    It logs to the file ``log``, or else to the terminal.
    """
    command = [sys.executable, "-m", "embedded.leash", program]
    cli = {"AWS_CHALICE_CLI_MODE": "true", "PYTHONUNBUFFERED": "1"}
    return Process("The images function", command, {**environ, **cli}, log, **ON_LEASH)


def poll(sqs: Any, queue: str, handle: Handler, wait: int = WAIT) -> int:
    """Take one batch of messages, and delete those that were handled. Return how many were taken.

    A message that was not handled returns to the queue, and after the last try goes to the dead letters.
    """
    received = sqs.receive_message(
        QueueUrl=queue,
        MaxNumberOfMessages=BATCH_SIZE,
        WaitTimeSeconds=wait,
        VisibilityTimeout=VISIBILITY_TIMEOUT,
    ).get("Messages", [])
    if received:
        failed = {failure["itemIdentifier"] for failure in handle(event_of(received))["batchItemFailures"]}
        for message in received:
            if message["MessageId"] not in failed:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return len(received)


def event_of(messages: list[Mapping[str, str]]) -> dict[str, Any]:
    """Return the event that Lambda makes of messages ("Using Lambda with Amazon SQS", Lambda developer guide)."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": {},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
            }
            for message in messages
        ]
    }


def handle(event: dict[str, Any]) -> Mapping[str, Any]:
    """Call the function. If it fails as a whole, no message was handled."""
    from chalicelib.media.images.handler import images
    from chalicelib.web.events import EventFailed

    context = SimpleNamespace(aws_request_id=str(uuid.uuid4()), function_name="images")
    try:
        answer: Mapping[str, Any] = images(event, context)
    except EventFailed:  # it has been logged
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}
    return answer


def main(sqs: Any, queue: str) -> None:
    """Handle messages until SIGTERM, which lets the current batch finish."""
    from chalicelib.media.images import handler, pictures  # noqa: F401  (the first upload need not wait for Pillow)

    handler.processing()
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    while not stopped:
        try:
            poll(sqs, queue, handle)
        except (BotoCoreError, ClientError) as error:
            print(f"The queue of uploads does not respond ({type(error).__name__}).", file=sys.stderr)
            time.sleep(WAIT)


def run() -> None:
    """Handle the messages of the queue that the environment names."""
    client = boto3.client("sqs")
    name = os.environ["MEDIA_QUEUE_ARN"].rpartition(":")[2]
    main(client, client.get_queue_url(QueueName=name)["QueueUrl"])


if __name__ == "__main__":
    run()
