"""Adds to ministack's identity pools what decides what their credentials allow: session tags and the role's trust.

ministack gives credentials of a role that does not trust the pool, or of none, and sets no tags.

Sources: "Attributes for access control" and "Role trust and permissions", Amazon Cognito developer guide;
``CognitoIdentityProvider`` and ``GetCredentialsForIdentity``, Amazon Cognito identity pools API reference.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_account_id
from ministack.services import cognito as ministack
from ministack.services import iam, sts

PRINCIPAL = "cognito-identity.amazonaws.com"
ASSUME, TAG = "sts:AssumeRoleWithWebIdentity", "sts:TagSession"

_get_credentials = ministack._get_credentials_for_identity


def install() -> None:
    """Replace ministack's function."""
    ministack._get_credentials_for_identity = get_credentials


def get_credentials(data: Mapping[str, Any]) -> Any:
    """Return the response of ``GetCredentialsForIdentity``."""
    identity, logins = data.get("IdentityId"), data.get("Logins") or {}
    pool = next((one for one in ministack._identity_pools.values() if identity in one["_identities"]), None)
    if pool is None:
        return error_response_json("ResourceNotFoundException", f"Identity '{identity}' not found.", 400)
    answer = _get_credentials(data)  # checks the tokens
    if answer[0] != 200:
        return answer
    key = json.loads(answer[2])["Credentials"]["AccessKeyId"]
    session = sts._sessions.pop(key)  # until everything else has been checked
    if not all(_is_signed_in(pool, provider, token) for provider, token in logins.items()):
        return error_response_json("NotAuthorizedException", "Token is revoked or its user does not exist.", 400)
    tags = dict(_tags(pool, logins))
    if not _is_trusted(pool, session["_cognito_amr"], [ASSUME, TAG] if tags else [ASSUME]):
        message = "Invalid identity pool configuration. Check assigned IAM roles for this pool."
        return error_response_json("InvalidIdentityPoolConfigurationException", message, 400)
    session["SessionTags"] = [{"Key": name, "Value": value} for name, value in tags.items()]
    sts.register_session(key, session)
    return answer


def _is_signed_in(pool: Mapping[str, Any], provider: str, token: str) -> bool:
    """Return whether the user of a user pool's token exists and has not signed out everywhere since.

    Only if the identity pool checks that (``ServerSideTokenCheck``).
    """
    claims = ministack._token_claims(token)
    checks = any(
        str(one.get("ServerSideTokenCheck")).lower() == "true"
        for one in pool["CognitoIdentityProviders"]
        if one["ProviderName"] == provider and one["ClientId"] == claims.get("aud")
    )
    if not checks:
        return True
    user_pool = ministack._user_pools.get(provider.rpartition("/")[2])
    user = user_pool and ministack._user_from_token(token, user_pool)
    return bool(user and user.get("Enabled", True)) and claims.get("origin_jti") not in ministack._revoked_tokens


def _tags(pool: Mapping[str, Any], logins: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Return the session's tags: the values of claims. A claim that the token does not have gives no tag.

    The default tags (``UseDefaults``) are not there.
    """
    for provider, token in logins.items():
        claims = ministack._token_claims(token)
        mapping = pool.get("_principal_tags", {}).get(provider, {})
        for tag, claim in mapping.get("PrincipalTags", {}).items():
            if isinstance(claims.get(claim), str):
                yield tag, claims[claim]


def _is_trusted(pool: Mapping[str, Any], amr: list[str], actions: list[str]) -> bool:
    """Return whether the role of the pool's signed-in users lets the pool do all ``actions``."""
    arn = pool.get("_roles", {}).get("authenticated", "")
    role = iam._roles.get(arn.rpartition("/")[2])
    if role is None:
        return False
    trust = role["AssumeRolePolicyDocument"]
    document = json.loads(trust) if isinstance(trust, str) else trust
    context = iam_evaluator.EvalContext(
        principal_arn=PRINCIPAL,
        principal_type="FederatedUser",
        principal_account=get_account_id(),
        action=ASSUME,
        resource_arn="*",
        region="",
        service_context={f"{PRINCIPAL}:aud": pool["IdentityPoolId"], f"{PRINCIPAL}:amr": amr},
    )
    return all(iam_evaluator.evaluate_trust_policy(_about(document, action), PRINCIPAL, context) for action in actions)


def _about(document: Mapping[str, Any], action: str) -> dict[str, Any]:
    """Return the statements about one action, in terms of ``ASSUME``: ministack knows federation with that one only."""
    statements = document["Statement"]
    listed = [statements] if isinstance(statements, dict) else statements
    return {"Statement": [{**one, "Action": ASSUME} for one in listed if action in one["Action"]]}
