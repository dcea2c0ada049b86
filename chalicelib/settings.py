"""The settings, read once from the environment into a frozen object. No other module reads the environment.

``docs/configuration.md`` explains each variable to operators.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
POOL_ID = re.compile(r"(?P<region>[a-z]{2,}(?:-[a-z]+)+-\d+)_[A-Za-z0-9]+")
POOL_ARN = re.compile(r"arn:aws[a-z-]*:cognito-idp:[a-z0-9-]+:\d{12}:userpool/(?P<pool>[\w-]+)")
CLIENT_ID = re.compile(r"[\w+]{1,128}", re.ASCII)
GROUP_NAME = re.compile(r"\S{1,128}")


class SettingsError(Exception):
    """Settings are missing or malformed. The message names all of them."""


class Settings(NamedTuple):
    """Roster's settings.

    ``issuer`` is the ``iss`` of the pool's tokens and ``jwks_url`` the address of its signing keys (see "Verifying
    JSON web tokens" in the Cognito developer guide). ``chalice_cli`` is true while a Chalice command runs.
    ``logs_are_text`` is true in a Lambda function whose log format is text, which is Lambda's default.
    """

    users_table: str
    profiles_table: str
    user_pool_id: str
    user_pool_arn: str
    client_ids: frozenset[str]
    admin_group: str
    cors_origin: str
    log_level: str
    region: str
    issuer: str
    jwks_url: str
    chalice_cli: bool
    logs_are_text: bool

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and check all settings. Raise ``SettingsError``, which names every invalid one."""
        reader = Reader(environ)
        pool_id = reader.pool_id()
        pool = POOL_ID.fullmatch(pool_id)
        pool_region = pool["region"] if pool else ""
        pool_arn = reader.read("USER_POOL_ARN", POOL_ARN.fullmatch, "the ARN of the user pool")
        arn = POOL_ARN.fullmatch(pool_arn)
        if pool and arn and arn["pool"] != pool_id:
            reader.faults.append(f"USER_POOL_ARN is {pool_arn!r}: expected the ARN of USER_POOL_ID, {pool_id}")
        clients = reader.read("APPLICATION_CLIENT_ID", are_client_ids, "one or more app client ids, comma-separated")
        issuer = f"https://cognito-idp.{pool_region}.{_dns_suffix(pool_region)}/{pool_id}"
        # AWS SDKs send all requests to AWS_ENDPOINT_URL, if it is set. The pool's keys are there, too.
        endpoint = environ.get("AWS_ENDPOINT_URL", "").strip().rstrip("/")
        keys_base = f"{endpoint}/{pool_id}" if endpoint else issuer
        settings = cls(
            users_table=reader.table("USERS_TABLE"),
            profiles_table=reader.table("PROFILES_TABLE"),
            user_pool_id=pool_id,
            user_pool_arn=pool_arn,
            client_ids=frozenset(split(clients)),
            admin_group=reader.admin_group(),
            cors_origin=reader.read("CORS_ORIGIN", _is_origin, "* or one origin such as https://app.example.com", "*"),
            log_level=reader.read("LOG_LEVEL", LOG_LEVELS.__contains__, "one of " + ", ".join(LOG_LEVELS), "INFO"),
            region=reader.region(pool_region),
            issuer=issuer,
            jwks_url=reader.read(
                "JWKS_URL",
                _is_secure_url,
                "an https:// URL (http:// only for this machine)",
                f"{keys_base}/.well-known/jwks.json",
            ),
            chalice_cli="AWS_CHALICE_CLI_MODE" in environ,
            logs_are_text="AWS_LAMBDA_FUNCTION_NAME" in environ and environ.get("AWS_LAMBDA_LOG_FORMAT") != "JSON",
        )
        reader.require_no_faults()
        return settings


class Reader:
    """Reads environment variables and collects what is wrong with them. Capabilities read their settings with it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.faults: list[str] = []

    def read(self, name: str, valid: Callable[[str], object], expected: str, default: str | None = None) -> str:
        """Return a variable's value, or ``default``. If it is missing or not ``valid``, note that it should be
        ``expected``."""
        value = self._environ.get(name, "").strip() or default
        if value is None:
            self.faults.append(f"{name} is missing: expected {expected}")
            return ""
        if not valid(value):
            self.faults.append(f"{name} is {value!r}: expected {expected}")
        return value

    def pool_id(self) -> str:
        """Return the id of the user pool."""
        return self.read("USER_POOL_ID", POOL_ID.fullmatch, "a user pool id such as eu-west-1_AbCdEf123")

    def region(self, pool_region: str) -> str:
        """Return the function's region or, where it has none, the user pool's."""
        return self._environ.get("AWS_REGION") or self._environ.get("AWS_DEFAULT_REGION") or pool_region

    def endpoint(self, service: str) -> str | None:
        """Return the address of a service's API, unless it is AWS's.

        ``service`` is its name in the variable ``AWS_ENDPOINT_URL_<service>``. AWS SDKs read the
        same variables ("Service-specific endpoints", AWS SDKs and tools reference).
        """
        return self._environ.get(f"AWS_ENDPOINT_URL_{service}") or self._environ.get("AWS_ENDPOINT_URL")

    def table(self, name: str) -> str:
        """Return the name of a DynamoDB table."""
        return self.read(name, TABLE_NAME.fullmatch, "the name of a DynamoDB table")

    def admin_group(self) -> str:
        """Return the name of the group of administrators."""
        return self.read("ADMIN_GROUP_NAME", GROUP_NAME.fullmatch, "the name of a Cognito group", "apiAdmins")

    def require_no_faults(self) -> None:
        """Raise ``SettingsError`` if anything was missing or malformed."""
        if self.faults:
            raise SettingsError(
                "Roster can't start because settings are missing or invalid:\n  " + "\n  ".join(self.faults)
            )


def split(value: str) -> list[str]:
    """Return the parts of a comma-separated value."""
    return [part.strip() for part in value.split(",")]


def are_client_ids(value: str) -> bool:
    """Return whether ``value`` is one or more app client ids, comma-separated."""
    return all(CLIENT_ID.fullmatch(part) for part in split(value))


def _is_origin(value: str) -> bool:
    if value == "*":
        return True
    parts = urlsplit(value)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and value == f"{parts.scheme}://{parts.netloc}"


def _is_secure_url(value: str) -> bool:
    parts = urlsplit(value)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


def _dns_suffix(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
