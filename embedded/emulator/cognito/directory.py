"""Lists of users and groups: filters, pages and their tokens.

Source: ``ListUsers``, ``ListUsersInGroup``, ``ListGroups`` and ``AdminListGroupsForUser``, Cognito API reference.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from ministack.services import cognito as ministack

from embedded.emulator.cognito import pools
from embedded.emulator.cognito.pools import Data, Pool, User
from embedded.emulator.cognito.rejected import Rejected, invalid_parameter

FILTER = re.compile(r'"?(?P<name>[\w:]+)"?\s*(?P<operator>\^?=)\s*"(?P<value>(?:[^"\\]|\\["\\])*)"')
MAX_FILTER = 256
CASE_SENSITIVE = ("username", "status")
SEARCHABLE = (
    *CASE_SENSITIVE,
    "cognito:user_status",
    "email",
    "family_name",
    "given_name",
    "name",
    "phone_number",
    "preferred_username",
    "sub",
)
MAX_LIMIT = 60

_admin_remove_user_from_group = ministack._admin_remove_user_from_group

Item = dict[str, Any]
Position = list[Any]


def list_users(data: Data) -> Any:
    """Return the response of ``ListUsers``."""
    pool = pools.by_id(data.get("UserPoolId", ""))
    text = data.get("Filter") or ""
    users = [user for user in list(pool["_users"].values()) if not text or _matches(user, text)]
    found, token = _page(users, _age, data, "PaginationToken", f"users {pool['Id']} {text}")
    return {"Users": [ministack._user_out(user) for user in found], **token}


def list_users_in_group(data: Data) -> Any:
    """Return the response of ``ListUsersInGroup``."""
    pool = pools.by_id(data.get("UserPoolId", ""))
    group = _group(pool, data.get("GroupName"))
    members = [pool["_users"][name] for name in group.get("_members", []) if name in pool["_users"]]
    found, token = _page(members, _age, data, "NextToken", f"group {pool['Id']} {group['GroupName']}")
    return {"Users": [ministack._user_out(user) for user in found], **token}


def list_groups(data: Data) -> Any:
    """Return the response of ``ListGroups``."""
    pool = pools.by_id(data.get("UserPoolId", ""))
    found, token = _page([*pool["_groups"].values()], _name, data, "NextToken", f"groups {pool['Id']}")
    return {"Groups": [ministack._group_out(group) for group in found], **token}


def admin_list_groups_for_user(data: Data) -> Any:
    """Return the response of ``AdminListGroupsForUser``."""
    pool = pools.by_id(data.get("UserPoolId", ""))
    user = pools.existing(pool, data.get("Username"))
    groups = [pool["_groups"][name] for name in user.get("_groups", []) if name in pool["_groups"]]
    found, token = _page(groups, _name, data, "NextToken", f"groups {pool['Id']} {user['Username']}")
    return {"Groups": [ministack._group_out(group) for group in found], **token}


def admin_remove_user_from_group(data: Data) -> Any:
    """Return the response of ``AdminRemoveUserFromGroup``."""
    pool = pools.by_id(data.get("UserPoolId", ""))
    pools.existing(pool, data.get("Username"))
    _group(pool, data.get("GroupName"))
    return _admin_remove_user_from_group(data)


def _group(pool: Pool, name: Any) -> Item:
    group: Item | None = pool["_groups"].get(name)
    if group is None:
        raise Rejected("ResourceNotFoundException", "Group not found.")
    return group


def _matches(user: User, text: str) -> bool:
    """Return whether a user matches a filter, such as ``name ^= "J"``."""
    parsed = FILTER.fullmatch(text.strip())
    if parsed is None or parsed["name"] not in SEARCHABLE or len(text) > MAX_FILTER:
        raise invalid_parameter("Error while parsing filter.")
    name, wanted = parsed["name"], re.sub(r"\\(.)", r"\1", parsed["value"])
    own = {
        **pools.attributes(user),
        "username": user["Username"],
        "status": "Enabled" if user.get("Enabled", True) else "Disabled",
        "cognito:user_status": user.get("UserStatus", "CONFIRMED"),
    }
    if name not in own:
        return False
    value: str = own[name]
    if name not in CASE_SENSITIVE:
        value, wanted = value.lower(), wanted.lower()
    return value.startswith(wanted) if parsed["operator"] == "^=" else value == wanted


def _page(
    items: Sequence[Item], position: Callable[[Item], Position], data: Data, member: str, of: str
) -> tuple[list[Item], dict[str, str]]:
    """Return a page of a list, and the member of the response with the token of the next one, if there is one.

    A token is valid for the same list only. It holds where the page ends, so that items which come or go meanwhile
    change nothing for the others.
    """
    limit = data.get("Limit") or MAX_LIMIT
    if not 0 < limit <= MAX_LIMIT:
        raise invalid_parameter(f"Value at 'limit' failed to satisfy constraint: at most {MAX_LIMIT}")
    ordered = sorted(items, key=position)
    if data.get(member):
        after = _after(data[member], of)
        ordered = [item for item in ordered if position(item) > after]
    page = ordered[:limit]
    if len(ordered) <= limit:
        return page, {}
    return page, {member: base64.b64encode(json.dumps([_digest(of), position(page[-1])]).encode()).decode()}


def _after(token: str, of: str) -> Position:
    try:
        digest, after = json.loads(base64.b64decode(token, validate=True))
    except (TypeError, ValueError):
        raise invalid_parameter("Invalid pagination token given.") from None
    if digest != _digest(of) or not isinstance(after, list):
        raise invalid_parameter("Invalid pagination token given.")
    return after


def _digest(of: str) -> str:
    return hashlib.sha256(of.encode()).hexdigest()[:16]


def _age(user: Item) -> Position:
    return [user.get("UserCreateDate", 0), user["Username"]]


def _name(group: Item) -> Position:
    return [group["GroupName"]]


REPLACED = {
    "_admin_list_groups_for_user": admin_list_groups_for_user,
    "_admin_remove_user_from_group": admin_remove_user_from_group,
    "_list_groups": list_groups,
    "_list_users": list_users,
    "_list_users_in_group": list_users_in_group,
}
