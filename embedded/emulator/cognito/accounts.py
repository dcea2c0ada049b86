"""Signing up, invitations and passwords."""

from typing import Any

from ministack.services import cognito as ministack

from embedded.emulator.clock import now
from embedded.emulator.cognito import attributes, codes, pools
from embedded.emulator.cognito.pools import Data, Pool, User
from embedded.emulator.cognito.rejected import Rejected, invalid_parameter, not_authorized

DAY = 86400.0

_sign_up = ministack._sign_up
_admin_create_user = ministack._admin_create_user
_admin_set_user_password = ministack._admin_set_user_password
_admin_confirm_sign_up = ministack._admin_confirm_sign_up
_change_password = ministack._change_password


def sign_up(data: Data) -> Any:
    """Return the response of ``SignUp``."""
    client_id = data.get("ClientId", "")
    pool = pools.by_client(client_id)
    if (pool.get("AdminCreateUserConfig") or {}).get("AllowAdminCreateUserOnly"):
        raise not_authorized("SignUp is not permitted for this user pool")
    data = _folded(pool, data)
    given = ministack._attr_list_to_dict(data["UserAttributes"])
    attributes.check_new(pool, client_id, given, ministack._username_alias_attribute(pool, data["Username"]))
    answer = _sign_up(data)
    if answer[0] != 200:
        return answer
    response = ministack.json.loads(answer[2])
    user = pools.existing(pool, response["UserSub"])
    user.pop("_confirmation_code", None)
    user["UserCreateDate"] = now()
    _default_to_unverified(user)
    email = pools.attributes(user).get("email")
    if email and "CodeDeliveryDetails" in response:
        response["CodeDeliveryDetails"] = codes.delivery(email)
    return response


def confirm_sign_up(data: Data) -> Any:
    """Return the response of ``ConfirmSignUp``."""
    _, user = _user(data)
    if user is None:
        raise codes.mismatch()
    if user.get("UserStatus") != "UNCONFIRMED":
        raise _not_confirmable(user)
    codes.count(user, "ConfirmSignUp")
    codes.check(user, codes.SIGN_UP, data.get("ConfirmationCode"))
    codes.use_up(user, codes.SIGN_UP)
    user["UserStatus"] = "CONFIRMED"
    pools.change(user, {"email_verified": "true"})
    return {}


def admin_confirm_sign_up(data: Data) -> Any:
    """Return the response of ``AdminConfirmSignUp``."""
    user = pools.existing(pools.by_id(data.get("UserPoolId", "")), data.get("Username"))
    if user.get("UserStatus") != "UNCONFIRMED":
        raise _not_confirmable(user)
    codes.use_up(user, codes.SIGN_UP)
    return _admin_confirm_sign_up(data)


def resend_confirmation_code(data: Data) -> Any:
    """Return the response of ``ResendConfirmationCode``."""
    pool, user = _user(data)
    if user is None or not user.get("Enabled", True):
        return _simulated(pool, data)
    if user.get("UserStatus") != "UNCONFIRMED":
        raise invalid_parameter("User is already confirmed.")
    codes.count(user, "ResendConfirmationCode")
    return {"CodeDeliveryDetails": codes.send(pool, user, codes.SIGN_UP)}


def forgot_password(data: Data) -> Any:
    """Return the response of ``ForgotPassword``.

    If the client hides which users exist, the response is the same for users who are unknown, disabled or without a
    verified address ("Managing user existence error responses").
    """
    pool, user = _user(data)
    if user is None:
        return _simulated(pool, data)
    try:
        _check_resettable(user)
    except Rejected as rejection:
        if pools.hides_users(pool, data["ClientId"]) and not _is_invited(user):
            return _simulated(pool, data)
        raise rejection from None
    codes.count(user, "ForgotPassword")
    return {"CodeDeliveryDetails": codes.send(pool, user, codes.RESET)}


def confirm_forgot_password(data: Data) -> Any:
    """Return the response of ``ConfirmForgotPassword``. The code also verifies the address that it was mailed to."""
    pool, user = _user(data)
    if user is None:
        raise codes.mismatch()
    if not user.get("Enabled", True):
        raise codes.mismatch() if pools.hides_users(pool, data["ClientId"]) else not_authorized("User is disabled.")
    codes.count(user, "ForgotPassword")
    email = codes.check(user, codes.RESET, data.get("ConfirmationCode"))["email"]
    pools.check_password(pool, data.get("Password", ""))
    codes.use_up(user, codes.RESET)
    user.update(_password=data["Password"], UserStatus="CONFIRMED")
    pools.change(user, {"email_verified": "true"} if email == pools.attributes(user).get("email") else {})
    return {}


def admin_reset_user_password(data: Data) -> Any:
    """Return the response of ``AdminResetUserPassword``."""
    pool = pools.by_id(data.get("UserPoolId", ""))
    user = pools.existing(pool, data.get("Username"))
    _check_resettable(user)
    user["UserStatus"] = "RESET_REQUIRED"
    codes.send(pool, user, codes.RESET)
    return {}


def admin_create_user(data: Data) -> Any:
    """Return the response of ``AdminCreateUser``. An invitation expires, and ``RESEND`` renews it."""
    pool = pools.by_id(data.get("UserPoolId", ""))
    data = _folded(pool, data)
    if (data.get("MessageAction") or "").upper() == "RESEND":
        user = pools.existing(pool, data["Username"])
        if not _is_invited(user):
            raise Rejected("UnsupportedUserStateException", "Resend not possible. User is not in the right state.")
        password = data.get("TemporaryPassword") or ministack._generate_temp_password()
        pools.check_password(pool, password)
        user["_password"] = password
    answer = _admin_create_user(data)
    if answer[0] == 200:
        user = pools.existing(pool, data["Username"])
        _expire_temporary_password(pool, user)
        _default_to_unverified(user)
    return answer


def admin_set_user_password(data: Data) -> Any:
    """Return the response of ``AdminSetUserPassword``."""
    pool = pools.by_id(data.get("UserPoolId", ""))
    answer = _admin_set_user_password(data)
    if answer[0] == 200:
        _expire_temporary_password(pool, pools.existing(pool, data.get("Username")))
    return answer


def change_password(data: Data) -> Any:
    """Return the response of ``ChangePassword``."""
    _, user, _ = pools.of_token(data)
    codes.count(user, "ChangePassword")
    return _change_password(data)


def _user(data: Data) -> tuple[Pool, User | None]:
    """Return the pool, and the user or, if the client hides which users exist, ``None`` for an unknown one."""
    client_id = data.get("ClientId", "")
    pool = pools.by_client(client_id)
    user = pools.find(pool, data.get("Username"))
    if user is None and not pools.hides_users(pool, client_id):
        raise Rejected("UserNotFoundException", "Username/client id combination not found.")
    return pool, user


def _folded(pool: Pool, data: Data) -> dict[str, Any]:
    username = data.get("Username") or ""
    given = pools.folded(pool, data.get("UserAttributes") or [])
    return {**data, "Username": pools.fold(pool, username), "UserAttributes": given}


def _simulated(pool: Pool, data: Data) -> dict[str, Any]:
    return {"CodeDeliveryDetails": codes.delivery(pools.fold(pool, data.get("Username", "")))}


def _is_invited(user: User) -> bool:
    return user.get("UserStatus") == "FORCE_CHANGE_PASSWORD"


def _check_resettable(user: User) -> None:
    """Raise ``Rejected`` if the user's password can't be reset ("ForgotPassword", "AdminResetUserPassword")."""
    if not user.get("Enabled", True):
        raise not_authorized("User is disabled.")
    if _is_invited(user):
        raise not_authorized("User password cannot be reset in the current state.")
    if pools.attributes(user).get("email_verified") != "true":
        raise invalid_parameter(
            "Cannot reset password for the user as there is no registered/verified email or phone_number"
        )


def _not_confirmable(user: User) -> Rejected:
    return not_authorized(f"User cannot be confirmed. Current status is {user.get('UserStatus')}")


def _default_to_unverified(user: User) -> None:
    """Mark an address as unverified unless it is marked already. Otherwise, ministack's ID tokens call it verified."""
    own = pools.attributes(user)
    if "email" in own:
        pools.change(user, {"email_verified": own.get("email_verified", "false")})


def _expire_temporary_password(pool: Pool, user: User) -> None:
    policy = (pool.get("Policies") or {}).get("PasswordPolicy") or {}
    if _is_invited(user):
        user["_temporary_until"] = now() + DAY * int(policy.get("TemporaryPasswordValidityDays") or 7)
    else:
        user.pop("_temporary_until", None)


REPLACED = {
    "_sign_up": sign_up,
    "_confirm_sign_up": confirm_sign_up,
    "_admin_confirm_sign_up": admin_confirm_sign_up,
    "_resend_confirmation_code": resend_confirmation_code,
    "_forgot_password": forgot_password,
    "_confirm_forgot_password": confirm_forgot_password,
    "_admin_reset_user_password": admin_reset_user_password,
    "_admin_create_user": admin_create_user,
    "_admin_set_user_password": admin_set_user_password,
    "_change_password": change_password,
    "_send_verification_email": codes.send_after_sign_up,
    "_password_policy_errors": pools.policy_errors,
}
