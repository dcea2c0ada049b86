"""Codes that prove an e-mail address: random, valid for some time, for one use, and only the latest one counts."""

import hmac
import secrets
from typing import Any

from ministack.services import cognito as ministack

from embedded.emulator import limits
from embedded.emulator.clock import now
from embedded.emulator.cognito import pools
from embedded.emulator.cognito.pools import Pool, User
from embedded.emulator.cognito.rejected import Rejected

SIGN_UP, RESET, EMAIL = "sign-up", "reset", "email"
SECONDS = {SIGN_UP: 24 * 3600.0, RESET: 3600.0, EMAIL: 24 * 3600.0}
"""How long a code is valid ("Quotas in Amazon Cognito")."""

_send_verification_email = ministack._send_verification_email


def send(pool: Pool, user: User, purpose: str, email: str | None = None) -> dict[str, str]:
    """Mail a new code to ``email``, or to the user's address. Return the ``CodeDeliveryDetails``."""
    code = f"{secrets.randbelow(10**6):06d}"
    address = email or pools.attributes(user).get("email", "")
    user.setdefault("_codes", {})[purpose] = {"code": code, "until": now() + SECONDS[purpose], "email": address}
    attributes = {**pools.attributes(user), "email": address}
    kind = "password" if purpose == RESET else "email"
    _send_verification_email(pool, user["Username"], attributes, code, attribute_name=kind)
    return delivery(address)


def delivery(address: str) -> dict[str, str]:
    """Return the ``CodeDeliveryDetails`` for a code that was, or seems to have been, mailed to ``address``."""
    return {
        "Destination": ministack._masked_destination(address),
        "DeliveryMedium": "EMAIL",
        "AttributeName": "email",
    }


def check(user: User, purpose: str, code: Any) -> dict[str, Any]:
    """Return the record of the user's latest code if ``code`` equals it. Raise ``Rejected`` otherwise."""
    latest: dict[str, Any] | None = user.get("_codes", {}).get(purpose)
    if latest is None or now() >= latest["until"]:
        raise Rejected("ExpiredCodeException", "Invalid code provided, please request a code again.")
    if not hmac.compare_digest(str(code).encode(errors="replace"), latest["code"].encode()):
        raise mismatch()
    return latest


def use_up(user: User, purpose: str) -> None:
    """Remove the user's latest code."""
    user.get("_codes", {}).pop(purpose, None)


def mismatch() -> Rejected:
    """Return the error for a wrong code."""
    return Rejected("CodeMismatchException", "Invalid verification code provided, please try again.")


def count(user: User, operation: str) -> None:
    """Count a request of this user. Raise ``Rejected`` (LimitExceededException) if there were too many this hour."""
    if not limits.is_allowed(user.setdefault("_requests", {}), operation, now()):
        raise Rejected("LimitExceededException", "Attempt limit exceeded, please try after some time.")


def send_after_sign_up(pool: Pool, username: str, *_: Any, **__: Any) -> None:
    """Mail a random code to a new user. Replaces ministack's function, which gets a constant code from ``SignUp``."""
    send(pool, pool["_users"][username], SIGN_UP)
