"""Accounts in the user pool: creates the demo accounts as an administrator, and signs in as a user."""

from dataclasses import dataclass
from typing import Any

from infra.cloudformation import Outputs
from infra.failure import Failure

PASSWORD = "Roster-demo-2026"  # noqa: S105  (it protects a user pool on one laptop only)


@dataclass(frozen=True)
class Account:
    """A demo account."""

    email: str
    given_name: str
    family_name: str
    is_admin: bool

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.given_name} {self.family_name}"


ADMIN = Account("admin@example.com", "Ada", "Admin", is_admin=True)
USER = Account("user@example.com", "Jane", "Doe", is_admin=False)


def make(cognito: Any, outputs: Outputs, account: Account) -> None:
    """Create ``account``. Leave an existing one unchanged: its user may have chosen another password."""
    pool = outputs["UserPool"]
    attributes = {
        "email": account.email,
        "email_verified": "true",
        "name": account.name,
        "given_name": account.given_name,
        "family_name": account.family_name,
    }
    try:
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=account.email,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
        )
    except cognito.exceptions.UsernameExistsException:
        return
    cognito.admin_set_user_password(UserPoolId=pool, Username=account.email, Password=PASSWORD, Permanent=True)
    if account.is_admin:
        cognito.admin_add_user_to_group(
            UserPoolId=pool, Username=account.email, GroupName=outputs["UserPoolAdminGroupName"]
        )


def id_token(cognito: Any, client_id: str, email: str, password: str, new_password: str | None = None) -> str:
    """Sign in and return the ID token. Raise ``Failure`` if Cognito rejects the sign-in.

    An account that an administrator created must set a new password at the first sign-in (Cognito's challenge
    ``NEW_PASSWORD_REQUIRED``): ``new_password`` or, if that is ``None``, the same password again.
    """
    try:
        answer = cognito.initiate_auth(
            ClientId=client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password},
        )
        if answer.get("ChallengeName") == "NEW_PASSWORD_REQUIRED":
            chosen = password if new_password is None else new_password
            answer = cognito.respond_to_auth_challenge(
                ClientId=client_id,
                ChallengeName="NEW_PASSWORD_REQUIRED",
                Session=answer["Session"],
                ChallengeResponses={"USERNAME": email, "NEW_PASSWORD": chosen},
            )
    except cognito.exceptions.ClientError as error:
        raise Failure(f"{email} can't sign in: {error.response['Error']['Message']}") from None
    if "ChallengeName" in answer:
        raise Failure(f"{email} can't sign in: Cognito requires {answer['ChallengeName']}, which is not supported.")
    token: str = answer["AuthenticationResult"]["IdToken"]
    return token
