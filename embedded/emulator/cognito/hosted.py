"""The hosted sign-in page: the lockout, and random codes. It has no form for TOTP codes."""

import secrets
from typing import Any

from ministack.services import cognito as ministack

from embedded.emulator import limits
from embedded.emulator.clock import now
from embedded.emulator.cognito import pools, totp
from embedded.emulator.cognito.pools import Pool, User

_authenticate = ministack._authenticate_hosted_ui_user
_begin_challenge = ministack._begin_user_auth_challenge


def authenticate(pool: Pool, username: str, password: str) -> tuple[User | None, str]:
    """Return the user, or ``None`` and an error message. Adds rules to ministack's function."""
    user = pools.find(pool, username)
    if user is None:
        return None, "Incorrect username or password."
    lockout = user.setdefault("_lockout", {})
    if limits.is_locked(lockout, now()):
        return None, "Password attempts exceeded"
    found, error = _authenticate(pool, username, password)
    if error:
        limits.record_failure(lockout, now())
        return None, error
    mfa = pool.get("MfaConfiguration", "OFF")
    if mfa == "ON" or (mfa == "OPTIONAL" and totp.is_used(user)):
        return None, "This emulated page has no form for MFA codes. Sign in with InitiateAuth."
    user.pop("_lockout", None)
    return found, ""


def begin_challenge(*arguments: Any) -> Any:
    """Mail a code for the sign-in. ministack's function sends the constant ``_EMAIL_OTP_CODE``."""
    ministack._EMAIL_OTP_CODE = f"{secrets.randbelow(10**6):06d}"
    return _begin_challenge(*arguments)


REPLACED = {"_authenticate_hosted_ui_user": authenticate, "_begin_user_auth_challenge": begin_challenge}
