"""Finds pools, clients and users in ministack's stores.

A pool and a user are ministack's own objects. What Roster adds to them has names that start with ``_``, so it is saved
and restored with them, and never returned to clients.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ministack.services import cognito as ministack

from embedded.emulator.cognito.rejected import Rejected

Pool = dict[str, Any]
User = dict[str, Any]
Data = Mapping[str, Any]
"""The members of a request."""

ADDRESSES = ("email", "phone_number")
FOLDED = ("email", "preferred_username")
"""The attributes that are case-insensitive if the username is ("UsernameConfigurationType")."""


def by_id(pool_id: str) -> Pool:
    """Return a pool. Raise ``Rejected`` (ResourceNotFoundException) if it does not exist."""
    pool: Pool | None = ministack._user_pools.get(pool_id)
    if pool is None:
        raise Rejected("ResourceNotFoundException", f"User pool {pool_id} does not exist.")
    return pool


def by_client(client_id: str) -> Pool:
    """Return the pool of an app client. Raise ``Rejected`` (ResourceNotFoundException) if it does not exist."""
    pool: Pool | None
    pool, _ = ministack._pool_for_client(client_id)
    if pool is None:
        raise Rejected("ResourceNotFoundException", f"User pool client {client_id} does not exist.")
    return pool


def of_token(data: Data) -> tuple[Pool, User, str]:
    """Return the pool, the user and the client id of the request's access token, which has been verified already."""
    token = data.get("AccessToken")
    user, pool = ministack._user_pool_for_access_token(token)
    if user is None:
        raise Rejected("NotAuthorizedException", "Invalid Access Token")
    return pool, user, ministack._token_claims(token).get("client_id", "")


def hides_users(pool: Pool, client_id: str) -> bool:
    """Return whether the client's responses must not tell which users exist (PreventUserExistenceErrors)."""
    hides: bool = ministack._hides_user_existence(pool, client_id)
    return hides


def fold(pool: Pool, text: str) -> str:
    """Return ``text`` in lower case if the pool's usernames and addresses are case-insensitive."""
    return text.lower() if _is_case_insensitive(pool) else text


def _is_case_insensitive(pool: Pool) -> bool:
    sensitive = (pool.get("UsernameConfiguration") or {}).get("CaseSensitive", True)
    return str(sensitive).lower() == "false"


def folded(pool: Pool, attributes: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return a list of attributes (``Name`` and ``Value``) with folded addresses."""
    return [
        {**one, "Value": fold(pool, one.get("Value", ""))} if one.get("Name") in FOLDED else dict(one)
        for one in attributes
    ]


def attributes(user: User) -> dict[str, str]:
    """Return a user's attributes by name."""
    by_name: dict[str, str] = ministack._attr_list_to_dict(user.get("Attributes", []))
    return by_name


def change(user: User, changes: Mapping[str, str]) -> None:
    """Set attributes of a user. An empty value removes the attribute ("UpdateUserAttributes")."""
    after = {name: value for name, value in {**attributes(user), **changes}.items() if value != ""}
    user["Attributes"] = ministack._dict_to_attr_list(after)
    user["UserLastModifiedDate"] = ministack._now_epoch()


def find(pool: Pool, username: Any) -> User | None:
    """Return the user with this username, ``sub`` or address, or ``None``.

    Looks at every user even after a match, so that the time does not tell whether an address is known.
    """
    if not isinstance(username, str):
        return None
    name, users = fold(pool, username), pool["_users"]
    folds = _is_case_insensitive(pool)
    aliases = {"sub", *(pool.get("UsernameAttributes") or []), *(pool.get("AliasAttributes") or [])}
    found: User | None = users.get(username)
    for user in list(users.values()):
        matches = user["Username"] == name or (folds and user["Username"].lower() == name)
        for one in user["Attributes"]:
            if one["Name"] in aliases and (one["Value"] == name or (folds and one["Value"].lower() == name)):
                matches = matches or _signs_in(pool, one["Name"], user)
        if matches and found is None:
            found = user
    return found


def _signs_in(pool: Pool, alias: str, user: User) -> bool:
    """Return whether a user can sign in with this attribute. An address in AliasAttributes must be verified."""
    if alias in (pool.get("UsernameAttributes") or []) or alias not in ADDRESSES:
        return True
    return attributes(user).get(f"{alias}_verified") == "true"


def resolve(pool: Pool, username: Any) -> tuple[User | None, Any]:
    """Return the user and ``None``, or ``None`` and ministack's error response. Replaces ``_resolve_user``."""
    user = find(pool, username)
    if user is not None:
        return user, None
    return None, ministack.error_response_json("UserNotFoundException", "User does not exist.", 400)


def existing(pool: Pool, username: Any) -> User:
    """Return a user. Raise ``Rejected`` (UserNotFoundException) if there is none."""
    user = find(pool, username)
    if user is None:
        raise Rejected("UserNotFoundException", "User does not exist.")
    return user


def schema(pool: Pool) -> dict[str, dict[str, Any]]:
    """Return the pool's attributes (``SchemaAttributeType``) by name."""
    return {one["Name"]: one for one in ministack._ensure_schema_attributes(pool)["SchemaAttributes"]}


def required(pool: Pool) -> list[str]:
    """Return the names of the required attributes that somebody has to provide."""
    return [name for name, attribute in schema(pool).items() if attribute.get("Required") and name != "sub"]


_policy_errors = ministack._password_policy_errors


def policy_errors(pool: Pool, password: str) -> list[str]:
    """Return what the pool's policy finds wrong with ``password``.

    A template's parameters are text, and CloudFormation converts them to the type of the property. ministack does not.
    """
    policy = pool.get("Policies", {}).get("PasswordPolicy", {})
    if "MinimumLength" in policy:
        policy["MinimumLength"] = int(policy["MinimumLength"])
    errors: list[str] = _policy_errors(pool, password)
    return errors


def check_password(pool: Pool, password: str) -> None:
    """Raise ``Rejected`` (InvalidPasswordException) if the pool's policy does not allow ``password``."""
    problems = policy_errors(pool, password)
    if problems:
        raise Rejected("InvalidPasswordException", "Password did not conform with policy: " + "; ".join(problems))
