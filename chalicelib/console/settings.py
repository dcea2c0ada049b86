"""The settings of the console: what the page must know before anybody signs in.

They belong to the core and to other capabilities, which validate them. If one is missing, the console does without.
"""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from chalicelib.json.strict_json import JsonObject
from chalicelib.settings import Reader


class ConsoleSettings(NamedTuple):
    """``bucket`` is the origin of the bucket with the pictures, or ``None`` if there is none.

    ``password_policy`` is a minimum length and kinds of characters, such as ``12,lowercase,numbers``. ``sign_up`` says
    whether people can sign up themselves, and ``totp`` whether they can use an authenticator app.
    """

    bucket: str | None
    password_policy: str
    sign_up: bool
    totp: bool
    admin_group: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "ConsoleSettings":
        """Read the settings."""
        reader = Reader(environ)
        return cls(
            bucket=_bucket_origin(environ, reader),
            password_policy=environ.get("PASSWORD_POLICY", ""),
            sign_up=environ.get("SELF_SIGN_UP") == "true",
            totp=environ.get("MFA", "OFF") != "OFF",
            admin_group=reader.admin_group(),
        )

    def as_json(self) -> JsonObject:
        """Return the settings for the page. Nothing in them is secret."""
        return {**self._asdict()}


def _bucket_origin(environ: Mapping[str, str], reader: Reader) -> str | None:
    """Return the origin of the addresses that the API signs for pictures and uploads.

    botocore would know it too, but loading it takes much longer than the whole request. A test compares the two.
    """
    bucket = environ.get("MEDIA_BUCKET", "").strip()
    if not bucket:
        return None
    endpoint = reader.endpoint("S3")
    if endpoint:
        parts = urlsplit(endpoint)
        return f"{parts.scheme}://{parts.netloc}"
    region = reader.region(reader.pool_id().partition("_")[0])
    if region == "us-east-1":
        return f"https://{bucket}.s3.amazonaws.com"
    return f"https://{bucket}.s3.{region}.{'amazonaws.com.cn' if region.startswith('cn-') else 'amazonaws.com'}"
