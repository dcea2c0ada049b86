"""Which attributes users may read and write, and how they change their e-mail address: with a mailed code."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ministack.services import cognito as ministack

from embedded.emulator.cognito import codes, pools
from embedded.emulator.cognito.pools import Data, Pool, User
from embedded.emulator.cognito.rejected import Rejected, invalid_parameter, not_authorized

READ_ONLY = ("sub", "email_verified", "phone_number_verified", "identities")
"""Attributes that no app client may write."""

Attributes = Mapping[str, str]

_fake_token = ministack._fake_token


def check_new(pool: Pool, client_id: str, given: Attributes, username_attribute: str | None) -> None:
    """Raise ``Rejected`` if a client may not sign up a user with these attributes, or if a required one is missing."""
    _check_writable(pool, client_id, given)
    for name in pools.required(pool):
        if not given.get(name) and name != username_attribute:
            raise _nonconforming(name, "The attribute is required")


def check_completed(pool: Pool, client_id: str, user: User, given: Attributes) -> None:
    """Raise ``Rejected`` if a user may not add these attributes at the first sign-in, or if a required one is missing.

    Source: the challenge NEW_PASSWORD_REQUIRED in "RespondToAuthChallenge".
    """
    own = pools.attributes(user)
    for name in missing(pool, user):
        if not given.get(name):
            raise invalid_parameter(f"Invalid attributes given, {name} is missing")
    for name in given:
        if own.get(name) and name in pools.required(pool):
            raise not_authorized(f"Cannot modify an already provided {name}")
    _check_writable(pool, client_id, given)
    _check_unused(pool, user, given)


def missing(pool: Pool, user: User) -> list[str]:
    """Return the names of the required attributes that the user does not have."""
    own = pools.attributes(user)
    return [name for name in pools.required(pool) if not own.get(name)]


def readable(pool: Pool, client_id: str, own: Attributes) -> dict[str, str]:
    """Return those of a user's attributes that a client may read ("ReadAttributes", UserPoolClientType), and ``sub``.

    By default, a client may read the standard attributes.
    """
    listed = (pool["_clients"].get(client_id) or {}).get("ReadAttributes") or []
    return {
        name: value
        for name, value in own.items()
        if name in ("sub", *listed) or not (listed or name.startswith(("custom:", "dev:")))
    }


def get_user(data: Data) -> Any:
    """Return the response of ``GetUser``."""
    pool, user, client_id = pools.of_token(data)
    own = readable(pool, client_id, pools.attributes(user))
    answer = {"Username": user["Username"], "UserAttributes": ministack._dict_to_attr_list(own)}
    factors = {"UserMFASettingList": user.get("_mfa_enabled"), "PreferredMfaSetting": user.get("_preferred_mfa")}
    return answer | {name: value for name, value in factors.items() if value}


def new_token(sub: str, pool_id: str, client_id: str, kind: str = "access", **settings: Any) -> str:
    """Return a token. An ID token has the attributes that its client may read. Replaces ``_fake_token``."""
    if kind == "id" and settings.get("user_attrs"):
        settings["user_attrs"] = readable(pools.by_id(pool_id), client_id, settings["user_attrs"])
    token: str = _fake_token(sub, pool_id, client_id, kind, **settings)
    return token


def update(data: Data) -> Any:
    """Return the response of ``UpdateUserAttributes``."""
    pool, user, client_id = pools.of_token(data)
    given = _by_name(pool, data.get("UserAttributes") or [])
    _check_writable(pool, client_id, given)
    _check_mutable(pool, given)
    _check_removable(pool, [name for name, value in given.items() if value == ""])
    return {"CodeDeliveryDetailsList": _set(pool, user, given)}


def admin_update(data: Data) -> Any:
    """Return the response of ``AdminUpdateUserAttributes``. An address with ``email_verified`` needs no code."""
    pool = pools.by_id(data.get("UserPoolId", ""))
    user = pools.existing(pool, data.get("Username"))
    given = _by_name(pool, data.get("UserAttributes") or [])
    _check_mutable(pool, given)
    if "email" in given and given.get("email_verified") == "true":
        _check_unused(pool, user, given)
        user.get("_codes", {}).pop(codes.EMAIL, None)
        pools.change(user, given)
    else:
        _set(pool, user, given)
    return {}


def _set(pool: Pool, user: User, given: Attributes) -> list[dict[str, str]]:
    """Set attributes, except an e-mail address that must be verified first. Return the ``CodeDeliveryDetailsList``."""
    changes = dict(given)
    email = changes.get("email", "")
    if not email or email == pools.attributes(user).get("email"):
        pools.change(user, changes)
        return []
    settings = pool.get("UserAttributeUpdateSettings") or {}
    if "email" in settings.get("AttributesRequireVerificationBeforeUpdate", []):
        del changes["email"]
        pools.change(user, changes)
        return [codes.send(pool, user, codes.EMAIL, email)]
    _check_unused(pool, user, changes)
    pools.change(user, {**changes, "email_verified": "false"})
    return [codes.send(pool, user, codes.EMAIL)] if "email" in pool.get("AutoVerifiedAttributes", []) else []


def send_code(data: Data) -> Any:
    """Return the response of ``GetUserAttributeVerificationCode``. The code goes to the latest new address, if any."""
    pool, user, _ = pools.of_token(data)
    _check_verifiable(data)
    codes.count(user, "GetUserAttributeVerificationCode")
    pending = user.get("_codes", {}).get(codes.EMAIL, {}).get("email")
    return {"CodeDeliveryDetails": codes.send(pool, user, codes.EMAIL, pending)}


def verify(data: Data) -> Any:
    """Return the response of ``VerifyUserAttribute``: the address that the code was mailed to becomes the user's."""
    pool, user, _ = pools.of_token(data)
    _check_verifiable(data)
    codes.count(user, "VerifyUserAttribute")
    email = codes.check(user, codes.EMAIL, data.get("Code"))["email"]
    _check_unused(pool, user, {"email": email})
    codes.use_up(user, codes.EMAIL)
    pools.change(user, {"email": email, "email_verified": "true"})
    return {}


def delete(data: Data) -> Any:
    """Return the response of ``DeleteUserAttributes``."""
    pool, user, client_id = pools.of_token(data)
    names = data.get("UserAttributeNames") or []
    _check_writable(pool, client_id, names)
    _delete(pool, user, names)
    return {}


def admin_delete(data: Data) -> Any:
    """Return the response of ``AdminDeleteUserAttributes``."""
    pool = pools.by_id(data.get("UserPoolId", ""))
    _delete(pool, pools.existing(pool, data.get("Username")), data.get("UserAttributeNames") or [])
    return {}


def as_challenge(user: User) -> str:
    """Return the user's attributes as JSON text, as in the challenge NEW_PASSWORD_REQUIRED."""
    return json.dumps({name: value for name, value in pools.attributes(user).items() if name != "sub"})


def _delete(pool: Pool, user: User, names: Iterable[str]) -> None:
    _check_mutable(pool, names)
    _check_removable(pool, names)
    pools.change(user, dict.fromkeys(names, ""))


def _by_name(pool: Pool, given: Iterable[Attributes]) -> dict[str, str]:
    return {one["Name"]: one.get("Value", "") for one in pools.folded(pool, given)}


def _check_writable(pool: Pool, client_id: str, names: Iterable[str]) -> None:
    """Raise ``Rejected`` if a client may not write one of the attributes ("WriteAttributes", UserPoolClientType).

    By default, a client may write the standard attributes.
    """
    known = pools.schema(pool)
    writable = (pool["_clients"].get(client_id) or {}).get("WriteAttributes") or [
        name for name in known if not name.startswith(("custom:", "dev:"))
    ]
    for name in names:
        if name == "sub":
            raise invalid_parameter("Cannot modify the non-mutable attribute sub")
        if name not in known:
            raise _nonconforming(name, "Attribute does not exist in the schema.")
        if name in READ_ONLY or name not in writable:
            raise not_authorized("A client attempted to write unauthorized attribute")


def _check_mutable(pool: Pool, names: Iterable[str]) -> None:
    known = pools.schema(pool)
    for name in names:
        if name not in known:
            raise _nonconforming(name, "Attribute does not exist in the schema.")
        if not known[name].get("Mutable"):
            raise invalid_parameter(f"user.{name}: Attribute cannot be updated.")


def _check_removable(pool: Pool, names: Iterable[str]) -> None:
    for name in names:
        if name in pools.required(pool):
            raise _nonconforming(name, "The attribute is required")


def _check_unused(pool: Pool, user: User, given: Attributes) -> None:
    """Raise ``Rejected`` (AliasExistsException) if somebody else signs in with the new e-mail address."""
    other = pools.find(pool, given["email"]) if given.get("email") else None
    if other is not None and other is not user:
        raise Rejected("AliasExistsException", "An account with the email already exists.")


def _check_verifiable(data: Data) -> None:
    if data.get("AttributeName") != "email":
        raise invalid_parameter("Only the attribute email can be verified here.")


def _nonconforming(name: str, why: str) -> Rejected:
    return invalid_parameter(f"Attributes did not conform to the schema: {name}: {why}")


OPERATIONS = {
    "AdminDeleteUserAttributes": admin_delete,
    "DeleteUserAttributes": delete,
    "GetUserAttributeVerificationCode": send_code,
    "VerifyUserAttribute": verify,
}
REPLACED = {
    "_fake_token": new_token,
    "_get_user": get_user,
    "_update_user_attributes": update,
    "_admin_update_user_attributes": admin_update,
}
