"""The settings of accounts. ``docs/configuration.md`` explains each variable to operators."""

from collections.abc import Mapping
from typing import NamedTuple

from chalicelib.accounts.passwords import PasswordPolicy
from chalicelib.settings import CLIENT_ID, Reader, are_client_ids, split

FLAGS = ("true", "false")
MAX_LIMIT = 60
"""Accounts on a page ("ListUsers", Cognito API reference)."""
MFA = ("OFF", "OPTIONAL", "ON")
SECONDS_A_DAY = 24 * 3600


class AccountSettings(NamedTuple):
    """The first of ``client_ids`` is the app client that signs people in. Refresh tokens of the others are accepted,
    too; they are valid for ``refresh_seconds``.

    A response that could reveal who has an account is sent at a multiple of ``step`` seconds after the request.
    ``endpoint`` is the address of the user pool's API, if it is not AWS's. ``mfa`` states whether TOTP is ``OFF``,
    ``OPTIONAL`` or required (``ON``). ``table`` is the one of the capability's own.
    """

    pool_id: str
    client_ids: tuple[str, ...]
    password_policy: PasswordPolicy
    is_open: bool
    rotates: bool
    refresh_seconds: int
    step: float
    product: str
    endpoint: str | None
    mfa: str
    table: str
    admin_group: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "AccountSettings":
        """Read and check the settings. Raise ``SettingsError``, which names every invalid one."""
        reader = Reader(environ)
        pool_id = reader.pool_id()
        client_id = reader.read("SIGN_IN_CLIENT_ID", CLIENT_ID.fullmatch, "the id of an app client")
        clients = reader.read("APPLICATION_CLIENT_ID", are_client_ids, "one or more app client ids, comma-separated")
        policy = reader.read(
            "PASSWORD_POLICY", PasswordPolicy.is_valid, "a password policy such as 12,lowercase,uppercase,numbers"
        )
        is_open = reader.read("SELF_SIGN_UP", FLAGS.__contains__, "true or false")
        rotates = reader.read("REFRESH_TOKEN_ROTATION", FLAGS.__contains__, "true or false")
        days = reader.read("REFRESH_TOKEN_DAYS", _is_number, "a number of days")
        step = reader.read("EVEN_RESPONSE_MILLISECONDS", _is_number, "a number of milliseconds", "1000")
        product = reader.read("PRODUCT_NAME", str.isprintable, "a name", "Roster")
        mfa = reader.read("MFA", MFA.__contains__, "OFF, OPTIONAL or ON")
        table = reader.table("ACCOUNTS_TABLE")
        admin_group = reader.admin_group()
        reader.require_no_faults()
        return cls(
            pool_id=pool_id,
            client_ids=tuple(dict.fromkeys([client_id, *split(clients)])),
            password_policy=PasswordPolicy.parse(policy),
            is_open=is_open == "true",
            rotates=rotates == "true",
            refresh_seconds=int(days) * SECONDS_A_DAY,
            step=int(step) / 1000,
            product=product,
            endpoint=reader.endpoint("COGNITO_IDENTITY_PROVIDER"),
            mfa=mfa,
            table=table,
            admin_group=admin_group,
        )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6
