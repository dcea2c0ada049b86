"""Makes somebody an administrator of a stage: the first one, whom no other administrator can invite."""

import re
from typing import Any

from botocore.exceptions import ClientError

from infra import backend
from infra.cloudformation import Account
from infra.failure import Failure
from infra.stages import Stage

ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
EXAMPLE = "make admin STAGE=dev EMAIL=jane@example.com"


def appoint(account: Account, stage: Stage, email: str, name: str) -> str:
    """Make the owner of ``email`` an administrator, and return what happens next, in plain English.

    Somebody without an account is invited, under ``name`` unless it is empty. Cognito mails a temporary password, and
    mails it again if the invitation has not been accepted yet. Running this again is harmless.
    """
    address = email.strip().lower()
    if not ADDRESS.fullmatch(address):
        problem = f"EMAIL is {email!r}, which is not an e-mail address" if address else "EMAIL is missing"
        raise Failure(f"{problem}: set it, as in {EXAMPLE}")
    outputs = backend.stack(account, stage).outputs
    cognito = account.client("cognito-idp")
    user = {"UserPoolId": outputs["UserPool"], "Username": address}
    found = _found(cognito, user)
    _require_usable(found, address)
    is_invited = found is None or found["UserStatus"] == "FORCE_CHANGE_PASSWORD"
    if found is None:
        attributes = {"email": address, "email_verified": "true", **({"name": name.strip()} if name.strip() else {})}
        _invite(cognito, user, UserAttributes=[{"Name": key, "Value": value} for key, value in attributes.items()])
    elif is_invited:
        _invite(cognito, user, MessageAction="RESEND")
    cognito.admin_add_user_to_group(**user, GroupName=outputs["UserPoolAdminGroupName"])
    if is_invited:
        return (
            f"{address} is invited to be an administrator of {stage.name}. The invitation is sent by e-mail. It has a "
            "temporary password, which is valid for 7 days: sign in with it, and choose a password. To send a new "
            "invitation, run this command again."
        )
    return (
        f"{address} is an administrator of {stage.name}. Anybody who is signed in with this account has to sign in "
        "again: a token contains the groups of the time when it was issued."
    )


def _found(cognito: Any, user: dict[str, str]) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = cognito.admin_get_user(**user)
    except ClientError as error:
        if error.response["Error"]["Code"] != "UserNotFoundException":
            raise
        return None
    return found


def _require_usable(found: dict[str, Any] | None, address: str) -> None:
    """Raise ``Failure`` if the owner of the address cannot sign in with the account, or somebody else may be able to.

    Anybody can sign up with an address that is not theirs, and a password of their own.
    """
    if found and found["UserStatus"] == "UNCONFIRMED":
        raise Failure(
            f"{address} has signed up, but has not confirmed the address yet: confirm it with the code that was "
            "mailed, then run this command again."
        )
    if found and not found["Enabled"]:
        raise Failure(f"The account of {address} is disabled: enable it, then run this command again.")


def _invite(cognito: Any, user: dict[str, str], **invitation: Any) -> None:
    cognito.admin_create_user(**user, DesiredDeliveryMediums=["EMAIL"], **invitation)
