"""What CloudFormation and IAM mean by an error. Their clients raise the same ``ClientError`` for everything."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError


def is_denied(error: ClientError) -> bool:
    """Return whether the caller lacks the permission: ``AccessDenied``, or ``AccessDeniedException`` in newer APIs."""
    return bool(error.response["Error"]["Code"].startswith("AccessDenied"))


@contextmanager
def unless_absent() -> Iterator[None]:
    """End the block early if it asks CloudFormation for a stack or resource that does not exist.

    CloudFormation then returns a ``ValidationError`` ("DescribeStacks", CloudFormation API reference), as it does for
    other reasons, so only the text tells: "Stack with id … does not exist".
    """
    try:
        yield
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
