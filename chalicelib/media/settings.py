"""The settings of media. ``docs/configuration.md`` explains each variable to operators."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from chalicelib.settings import Reader

IDENTITY_POOL_ID = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-\d+:[0-9a-f-]{36}")
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class MediaSettings(NamedTuple):
    """The names of the table with the media items and of the bucket with the pictures, and the region of both.

    ``user_pool`` and ``identity_pool`` are the pools' ids. The endpoints are the addresses of their APIs, if those are
    not AWS's.
    """

    table: str
    bucket: str
    region: str
    user_pool: str
    user_pool_endpoint: str | None
    identity_pool: str
    identity_pool_endpoint: str | None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "MediaSettings":
        """Read and check the settings. Raise ``SettingsError``, which names every invalid one."""
        reader = Reader(environ)
        pool_id = reader.pool_id()
        table = reader.table("MEDIA_TABLE")
        bucket = reader.read("MEDIA_BUCKET", BUCKET_NAME.fullmatch, "the name of an S3 bucket")
        identity_pool = reader.read(
            "MEDIA_IDENTITY_POOL", IDENTITY_POOL_ID.fullmatch, "the id of a Cognito identity pool"
        )
        reader.require_no_faults()
        return cls(
            table=table,
            bucket=bucket,
            region=reader.region(pool_id.partition("_")[0]),
            user_pool=pool_id,
            user_pool_endpoint=reader.endpoint("COGNITO_IDENTITY_PROVIDER"),
            identity_pool=identity_pool,
            identity_pool_endpoint=reader.endpoint("COGNITO_IDENTITY"),
        )
