"""Signing in: the password, and the challenges after it."""

import hmac
import json
import math
import secrets
from typing import Any

from ministack.services import cognito as ministack

from embedded.emulator import limits
from embedded.emulator.clock import now
from embedded.emulator.cognito import attributes, pools, sessions, tokens, totp
from embedded.emulator.cognito.pools import Data, Pool, User
from embedded.emulator.cognito.rejected import Rejected, invalid_parameter, not_authorized

PASSWORD_FLOWS = ("USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH")
REFRESH_FLOWS = ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN")
MINISTACKS_OWN = ("CUSTOM_CHALLENGE", "PASSWORD_VERIFIER")
USER_ATTRIBUTES = "userAttributes."

_initiate_auth = ministack._initiate_auth
_admin_initiate_auth = ministack._admin_initiate_auth
_respond_to_auth_challenge = ministack._respond_to_auth_challenge
_admin_respond_to_auth_challenge = ministack._admin_respond_to_auth_challenge
_respond_to_password_verifier = ministack._respond_to_password_verifier


def initiate(data: Data) -> Any:
    """Return the response of ``InitiateAuth``."""
    return _initiate(pools.by_client(data.get("ClientId", "")), data) or _initiate_auth(data)


def admin_initiate(data: Data) -> Any:
    """Return the response of ``AdminInitiateAuth``."""
    return _initiate(_pool_with_client(data), data) or _admin_initiate_auth(data)


def respond(data: Data) -> Any:
    """Return the response of ``RespondToAuthChallenge``."""
    if data.get("ChallengeName") in MINISTACKS_OWN:
        return _respond_to_auth_challenge(data)
    return _respond(pools.by_client(data.get("ClientId", "")), data)


def admin_respond(data: Data) -> Any:
    """Return the response of ``AdminRespondToAuthChallenge``."""
    if data.get("ChallengeName") in MINISTACKS_OWN:
        return _admin_respond_to_auth_challenge(data)
    return _respond(_pool_with_client(data), data)


def _initiate(pool: Pool, data: Data) -> Any:
    """Return the response to a sign-in with a password, or ``None`` to a flow that ministack handles."""
    flow, parameters = data.get("AuthFlow"), data.get("AuthParameters") or {}
    if flow in PASSWORD_FLOWS:
        return _with_password(pool, data["ClientId"], data)
    if flow in REFRESH_FLOWS:
        tokens.check_refresh_flow(pool, data["ClientId"], parameters.get("REFRESH_TOKEN", ""))
    return None


def _with_password(pool: Pool, client_id: str, data: Data) -> Any:
    parameters = data.get("AuthParameters") or {}
    username, password = _parameter(parameters, "USERNAME"), _parameter(parameters, "PASSWORD")
    found = pools.find(pool, username)
    if found is None and not pools.hides_users(pool, client_id):
        raise Rejected("UserNotFoundException", "User does not exist.")
    user = _nobody() if found is None else found  # the same work, so that the time does not tell them apart
    enabled, is_password = user.get("Enabled", True), _is_password(user, password)
    if not enabled and (is_password or not pools.hides_users(pool, client_id)):
        raise not_authorized("User is disabled.")
    check_unlocked_and_confirmed(user)
    if not enabled or not is_password:
        limits.record_failure(user["_lockout"], now())
        ministack._record_auth_event(pool, user, data, "SignIn", "Fail", (("Password", "Failure"),))
        raise not_authorized()
    if user.get("UserStatus") == "RESET_REQUIRED":
        return ministack._password_reset_required()
    return after_password(pool, pool["Id"], client_id, user, username, data=data)


def check_unlocked_and_confirmed(user: User) -> None:
    """Raise ``Rejected`` if a user may not try a password now. Otherwise, record an attempt."""
    if user.get("UserStatus") == "UNCONFIRMED":
        raise Rejected("UserNotConfirmedException", "User is not confirmed.")
    if limits.is_locked(user.setdefault("_lockout", {}), now()):
        raise not_authorized("Password attempts exceeded")


def with_srp(data: Data, client_id: str) -> Any:
    """Return the response to the challenge PASSWORD_VERIFIER. Adds the lockout to ministack's function."""
    block = (data.get("ChallengeResponses") or {}).get("PASSWORD_CLAIM_SECRET_BLOCK")
    session = ministack._challenge_sessions.get(block) or {}
    users = (ministack._user_pools.get(session.get("pool_id")) or {}).get("_users", {})
    user = users.get(session.get("username"))
    if user is None:
        return _respond_to_password_verifier(data, client_id)
    check_unlocked_and_confirmed(user)
    answer = _respond_to_password_verifier(data, client_id)
    if b"Incorrect username or password." in answer[2]:
        limits.record_failure(user["_lockout"], now())
    return answer


def after_password(
    pool: Pool,
    _pool_id: str,
    client_id: str,
    user: User,
    _username: str,
    client_metadata: Any = None,
    data: Data | None = None,
) -> Any:
    """Return the next challenge or tokens, as a response. Replaces ``_password_auth_result``."""
    answer = _next(pool, client_id, user, client_metadata)
    is_mfa = answer.get("ChallengeName", "NEW_PASSWORD_REQUIRED") != "NEW_PASSWORD_REQUIRED"
    result = "InProgress" if is_mfa else "Pass"
    ministack._record_auth_event(
        pool, user, data or {}, "SignIn", result, (("Password", "Success"),), answer.get("Session")
    )
    return ministack.json_response(answer)


def _next(pool: Pool, client_id: str, user: User, metadata: Any, trigger: str = "Authentication") -> dict[str, Any]:
    """Return the challenge that a user with a proven password must still meet, or tokens."""
    parameters = {"USER_ID_FOR_SRP": user["Username"]}
    if user.get("UserStatus") == "FORCE_CHANGE_PASSWORD":
        if now() >= user.get("_temporary_until", math.inf):
            raise not_authorized("Temporary password has expired and must be reset by an administrator.")
        challenge = "NEW_PASSWORD_REQUIRED"
        names = [f"{USER_ATTRIBUTES}{name}" for name in attributes.missing(pool, user)]
        parameters |= {"requiredAttributes": json.dumps(names), "userAttributes": attributes.as_challenge(user)}
    elif pool.get("MfaConfiguration", "OFF") != "OFF" and totp.is_used(user):
        challenge = totp.TOTP
        parameters["FRIENDLY_DEVICE_NAME"] = "TOTP device"
    elif pool.get("MfaConfiguration") == "ON":
        challenge = "MFA_SETUP"
        parameters["MFAS_CAN_SETUP"] = json.dumps([totp.TOTP])
    else:
        return _tokens(pool, client_id, user, metadata, trigger)
    session = sessions.issue(pool, client_id, user["Username"], challenge)
    return {"ChallengeName": challenge, "Session": session, "ChallengeParameters": parameters}


def _tokens(pool: Pool, client_id: str, user: User, metadata: Any, trigger: str = "Authentication") -> dict[str, Any]:
    user.pop("_lockout", None)
    source = f"TokenGeneration_{trigger}"
    result = ministack._build_auth_result(pool["Id"], client_id, user, trigger_source=source, client_metadata=metadata)
    return {"ChallengeParameters": {}, "AuthenticationResult": result}


def _respond(pool: Pool, data: Data) -> Any:
    client_id, challenge = data["ClientId"], data.get("ChallengeName", "")
    if challenge not in RESPONSES:
        raise invalid_parameter(f"The challenge {challenge} is not supported.")
    user = pools.find(pool, _parameter(data.get("ChallengeResponses") or {}, "USERNAME"))
    session = sessions.of(_parameter(data, "Session"), challenge, client_id, user)
    assert user is not None  # noqa: S101  (the session is this user's)
    if not user.get("Enabled", True):
        raise not_authorized("User is disabled.")
    return RESPONSES[challenge](pool, user, session, data)


def _new_password(pool: Pool, user: User, session: sessions.Session, data: Data) -> Any:
    responses = data["ChallengeResponses"]
    password = _parameter(responses, "NEW_PASSWORD")
    given = {
        name.removeprefix(USER_ATTRIBUTES): value
        for name, value in responses.items()
        if name.startswith(USER_ATTRIBUTES)
    }
    given = {one["Name"]: one["Value"] for one in pools.folded(pool, ministack._dict_to_attr_list(given))}
    attributes.check_completed(pool, data["ClientId"], user, given)
    pools.check_password(pool, password)
    sessions.use_up(session)
    user.pop("_temporary_until", None)
    user.update(_password=password, UserStatus="CONFIRMED")
    pools.change(user, given)
    ministack._record_auth_event(pool, user, data, "PasswordChange", "Pass")
    return _next(pool, data["ClientId"], user, data.get("ClientMetadata"), "NewPasswordChallenge")


def _totp(pool: Pool, user: User, session: sessions.Session, data: Data) -> Any:
    lockout = user.setdefault("_lockout", {})
    if limits.is_locked(lockout, now()):
        raise not_authorized("Password attempts exceeded")
    if not totp.is_used(user):
        raise Rejected("SoftwareTokenMFANotFoundException", "Software Token MFA does not exist for the user.")
    code = _parameter(data["ChallengeResponses"], "SOFTWARE_TOKEN_MFA_CODE")
    if not totp.take(user, user["_totp_secret"], code):
        limits.record_failure(lockout, now())
        ministack._finish_auth_event(user, data["Session"], "Mfa", False)  # noqa: FBT003
        raise Rejected("CodeMismatchException", "Invalid code received for user")
    sessions.use_up(session)
    ministack._finish_auth_event(user, data["Session"], "Mfa", True)  # noqa: FBT003
    return _tokens(pool, data["ClientId"], user, data.get("ClientMetadata"))


def _mfa_setup(pool: Pool, user: User, session: sessions.Session, data: Data) -> Any:
    if not session.get("verified"):
        raise not_authorized("Invalid session for the user.")
    sessions.use_up(session)
    return _tokens(pool, data["ClientId"], user, data.get("ClientMetadata"))


RESPONSES = {"NEW_PASSWORD_REQUIRED": _new_password, totp.TOTP: _totp, "MFA_SETUP": _mfa_setup}


def _pool_with_client(data: Data) -> Pool:
    pool = pools.by_id(data.get("UserPoolId", ""))
    if data.get("ClientId") not in pool["_clients"]:
        raise Rejected("ResourceNotFoundException", f"User pool client {data.get('ClientId')} does not exist.")
    return pool


def _parameter(parameters: Data, name: str) -> str:
    value = parameters.get(name)
    if not isinstance(value, str) or not value:
        raise invalid_parameter(f"Missing required parameter {name}")
    return value


def _nobody() -> User:
    return {"Username": "", "Enabled": True, "UserStatus": "CONFIRMED", "_password": secrets.token_urlsafe()}


def _is_password(user: User, password: str) -> bool:
    """Return whether this is the user's password. A user of another identity provider has none."""
    known = user.get("_password") or secrets.token_urlsafe()
    is_known = hmac.compare_digest(known.encode(errors="surrogatepass"), password.encode(errors="surrogatepass"))
    return is_known and not user.get("_provider_disabled")


REPLACED = {
    "_initiate_auth": initiate,
    "_admin_initiate_auth": admin_initiate,
    "_respond_to_auth_challenge": respond,
    "_admin_respond_to_auth_challenge": admin_respond,
    "_respond_to_password_verifier": with_srp,
    "_password_auth_result": after_password,
}
