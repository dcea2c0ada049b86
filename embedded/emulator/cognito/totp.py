"""Authenticator apps: setting them up, during a sign-in or after it, and their codes, each for one use.

Source: "TOTP software token MFA", Amazon Cognito developer guide.
"""

import hmac
import time
from typing import Any

from ministack.services import cognito as ministack

from embedded.emulator.cognito import pools, sessions
from embedded.emulator.cognito.pools import Data, Pool, User
from embedded.emulator.cognito.rejected import Rejected, invalid_parameter, not_authorized

STEP = 30
"""Seconds for which a code is shown (RFC 6238). The codes of the steps before and after it are accepted, too."""
TOTP = "SOFTWARE_TOKEN_MFA"

_apply_mfa_preference = ministack._apply_mfa_preference


def is_used(user: User) -> bool:
    """Return whether the user signs in with an authenticator app."""
    return TOTP in user.get("_mfa_enabled", []) and bool(user.get("_totp_secret"))


def take(user: User, secret: str, code: Any) -> bool:
    """Return whether ``code`` is right. Raise ``Rejected`` (ExpiredCodeException) if it has been used before."""
    current = int(time.time() // STEP)
    steps = [step for step in (-1, 0, 1) if hmac.compare_digest(ministack._totp_code(secret, step), _text(code))]
    if not steps:
        return False
    used = [step for step in user.get("_totp_steps", []) if step >= current - 1]
    if current + steps[0] in used:
        raise Rejected("ExpiredCodeException", "Your software token has already been used once.")
    user["_totp_steps"] = [*used, current + steps[0]]
    return True


def associate(data: Data) -> Any:
    """Return the response of ``AssociateSoftwareToken``: a secret and, during a sign-in, the session to go on with."""
    secret = ministack.base64.b32encode(ministack.secrets.token_bytes(20)).decode()
    if data.get("Session"):
        session, pool, user = _setup(data["Session"])
        sessions.use_up(session)
        token = sessions.issue(pool, session["client_id"], user["Username"], "MFA_SETUP", secret=secret)
        return {"SecretCode": secret, "Session": token}
    pool, user, _ = pools.of_token(data)
    _check_allowed(pool)
    user["_totp_pending_secret"] = secret
    return {"SecretCode": secret}


def verify(data: Data) -> Any:
    """Return the response of ``VerifySoftwareToken``.

    With an access token, the app is then known, but only asked for if the pool requires MFA or after
    ``SetUserMFAPreference``. With a session, the sign-in goes on with the session in the response.
    """
    if data.get("Session"):
        session, pool, user = _setup(data["Session"])
        _activate(user, session.get("secret"), data.get("UserCode"))
        sessions.use_up(session)
        _prefer(user)
        token = sessions.issue(pool, session["client_id"], user["Username"], "MFA_SETUP", verified=True)
        return {"Status": "SUCCESS", "Session": token}
    pool, user, _ = pools.of_token(data)
    _check_allowed(pool)
    _activate(user, user.get("_totp_pending_secret"), data.get("UserCode"))
    user.pop("_totp_pending_secret", None)
    if pool.get("MfaConfiguration") == "ON":
        _prefer(user)
    return {"Status": "SUCCESS"}


def apply_preference(user: User, data: Data) -> None:
    """Turn factors on or off. Raise ``Rejected`` if TOTP is to be turned on without an app. Replaces ministack's."""
    if data.get("SoftwareTokenMfaSettings", {}).get("Enabled") and not user.get("_totp_secret"):
        raise invalid_parameter("User has not verified software token mfa")
    _apply_mfa_preference(user, data)


def admin_delete(data: Data) -> Any:
    """Return the response of ``AdminDeleteSoftwareToken``."""
    pool = pools.by_id(data.get("UserPoolId", ""))
    user = pools.existing(pool, data.get("Username"))
    for name in ("_totp_secret", "_totp_pending_secret", "_totp_steps"):
        user.pop(name, None)
    _apply_mfa_preference(user, {"SoftwareTokenMfaSettings": {"Enabled": False}})
    return {}


def _setup(token: Any) -> tuple[sessions.Session, Pool, User]:
    """Return the session of an MFA_SETUP challenge that is not complete, its pool and its user."""
    session = sessions.find(token, "MFA_SETUP")
    pool = pools.by_id(session["pool_id"])
    user = pool["_users"].get(session["username"])
    if user is None or not user.get("Enabled", True) or session.get("verified"):
        raise not_authorized("Invalid session for the user.")
    return session, pool, user


def _activate(user: User, secret: str | None, code: Any) -> None:
    if not secret:
        raise Rejected("SoftwareTokenMFANotFoundException", "Software Token MFA does not exist for the user.")
    unused: User = {}  # no code of a new secret has been used
    if not take(unused, secret, code):
        raise Rejected("EnableSoftwareTokenMFAException", "Code mismatch")
    user.update(unused, _totp_secret=secret)


def _prefer(user: User) -> None:
    _apply_mfa_preference(user, {"SoftwareTokenMfaSettings": {"Enabled": True, "PreferredMfa": True}})


def _check_allowed(pool: Pool) -> None:
    if pool.get("MfaConfiguration", "OFF") == "OFF":
        raise Rejected("SoftwareTokenMFANotFoundException", "Software Token MFA has not been enabled by the userPool.")


def _text(code: Any) -> str:
    return code if isinstance(code, str) and code.isascii() else ""


OPERATIONS = {"AdminDeleteSoftwareToken": admin_delete}
REPLACED = {
    "_apply_mfa_preference": apply_preference,
    "_associate_software_token": associate,
    "_verify_software_token": verify,
}
