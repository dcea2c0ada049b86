"""Makes the length in a user pool's password policy a number.

A parameter of a CloudFormation template is text. AWS converts it to the type of the property, but ministack stores the
text, and then fails to compare it with the length of a password.
"""

from collections.abc import Callable
from typing import Any


def install() -> None:
    """Convert the length in each pool that ministack creates or updates."""
    from ministack.services import cognito

    for name in ("_create_user_pool", "_update_user_pool"):
        setattr(cognito, name, _converting(getattr(cognito, name)))


def _converting(operation: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def converted(request: dict[str, Any]) -> Any:
        policies = request.get("Policies") or {}
        policy = policies.get("PasswordPolicy") or {}
        if "MinimumLength" in policy:
            policy = {**policy, "MinimumLength": int(policy["MinimumLength"])}
            request = {**request, "Policies": {**policies, "PasswordPolicy": policy}}
        return operation(request)

    return converted
