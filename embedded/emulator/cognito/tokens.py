"""Refresh tokens: they expire, are rotated, and can be revoked.

Source: "Refresh tokens", Amazon Cognito developer guide.
"""

import json
from typing import Any
from urllib.parse import parse_qs

from ministack.services import cognito as ministack

from embedded.emulator.clock import now
from embedded.emulator.cognito import pools
from embedded.emulator.cognito.pools import Data, Pool, User
from embedded.emulator.cognito.rejected import Rejected, invalid_parameter, not_authorized

Claims = dict[str, Any]
SETTING = "RefreshTokenRotation"

_create_user_pool_client = ministack._create_user_pool_client
_update_user_pool_client = ministack._update_user_pool_client
_refresh_token_revoked = ministack._refresh_token_revoked
_revoke_token = ministack._revoke_token
_oauth2_token = ministack._oauth2_token


def create_client(data: Data) -> Any:
    """Return the response of ``CreateUserPoolClient``."""
    return _with_rotation(data, _create_user_pool_client(data))


def update_client(data: Data) -> Any:
    """Return the response of ``UpdateUserPoolClient``."""
    return _with_rotation(data, _update_user_pool_client(data))


def _with_rotation(data: Data, answer: Any) -> Any:
    """Store the setting ``RefreshTokenRotation``, which ministack ignores, and return the response with it."""
    if answer[0] != 200 or SETTING not in data:
        return answer
    client_id = json.loads(answer[2])["UserPoolClient"]["ClientId"]
    client = pools.by_id(data["UserPoolId"])["_clients"][client_id]
    given = data[SETTING]  # None if it was removed from a template
    client[SETTING] = given and {
        "Feature": given.get("Feature"),
        "RetryGracePeriodSeconds": int(given.get("RetryGracePeriodSeconds") or 0),
    }
    return ministack.json_response(
        {"UserPoolClient": {name: value for name, value in client.items() if value is not None}}
    )


def check_refresh_flow(pool: Pool, client_id: str, token: str) -> None:
    """Raise ``Rejected`` if the flow REFRESH_TOKEN_AUTH is not allowed or ``token`` has expired."""
    if _grace(pool, client_id) is not None:
        raise invalid_parameter("Refresh token rotation is enabled: use GetTokensFromRefreshToken.")
    _check_unexpired(ministack._token_claims(token))


def refresh(data: Data) -> Any:
    """Return the response of ``GetTokensFromRefreshToken``. With rotation, it has a new refresh token."""
    client_id, token = data.get("ClientId", ""), data.get("RefreshToken", "")
    pool, claims = pools.by_client(client_id), ministack._token_claims(token)
    _check_unexpired(claims)
    user, error = ministack._refresh_auth_user(pool, pool["Id"], client_id, token)
    if error is not None:
        owner = ministack._user_from_token(token, pool)
        if owner is not None and _is_rotated_out(owner, claims) and ministack._signature_valid(token):
            raise Rejected("RefreshTokenReuseException", "Refresh token has been invalidated by rotation.")
        return error
    result, error = ministack._refresh_auth_result(pool, pool["Id"], client_id, token)
    if error is None and _grace(pool, client_id) is not None:
        result["RefreshToken"] = _rotate(pool, user, claims)
    return error or {"AuthenticationResult": result}


def oauth2_token(data: Data, query: Any, raw_body: bytes = b"", headers: Any = None) -> Any:
    """Return the response of the token endpoint. Adds the rotation to ministack's function."""
    answer = _oauth2_token(data, query, raw_body, headers)
    form = {name: values[0] for name, values in parse_qs(raw_body.decode(errors="replace")).items()}
    if answer[0] != 200 or form.get("grant_type") != "refresh_token":
        return answer
    token = form["refresh_token"]
    claims = ministack._token_claims(token)
    pool = ministack._get_pool_unscoped(str(claims.get("iss", "")).rsplit("/", 1)[-1])
    if pool is None or _grace(pool, claims.get("client_id", "")) is None:
        return answer
    rotated = _rotate(pool, ministack._user_from_token(token, pool), claims)
    if token in ministack._refresh_tokens:
        ministack._refresh_tokens[rotated] = ministack._refresh_tokens[token]
    return answer[0], answer[1], json.dumps({**json.loads(answer[2]), "refresh_token": rotated}).encode()


def is_revoked(token: str, user: User | None) -> bool:
    """Return whether a refresh token is no longer valid. Replaces ``_refresh_token_revoked``."""
    claims = ministack._token_claims(token)
    return (
        _refresh_token_revoked(token, user)
        or now() >= claims.get("exp", 0)
        or (user is not None and _is_rotated_out(user, claims))
    )


def revoke(data: Data) -> Any:
    """Return the response of ``RevokeToken``. An invalid token is ignored (RFC 7009, section 2.2)."""
    token, client_id = data.get("Token", ""), data.get("ClientId", "")
    client = pools.by_client(client_id)["_clients"][client_id]
    claims = ministack._token_claims(token)
    if not client.get("EnableTokenRevocation", True):
        raise Rejected("UnsupportedOperationException", "Token revocation is not enabled for this client.")
    if not claims or not ministack._signature_valid(token):
        return {}
    if claims.get("token_use") != "refresh":
        raise Rejected("UnsupportedTokenTypeException", "Unsupported token type")
    if claims.get("client_id") != client_id:
        raise Rejected("UnauthorizedException", "Token was not issued to this client.")
    return _revoke_token(data)


def _grace(pool: Pool, client_id: str) -> int | None:
    """Return for how many seconds a rotated token remains valid, or ``None`` if the client does not rotate tokens."""
    setting = (pool["_clients"].get(client_id) or {}).get(SETTING) or {}
    return setting["RetryGracePeriodSeconds"] if setting.get("Feature") == "ENABLED" else None


def _rotate(pool: Pool, user: User, claims: Claims) -> str:
    """Return a new refresh token of the same session, which expires when the old one would have."""
    rotated = user.setdefault("_rotated", {})
    for jti in [jti for jti, old in rotated.items() if now() >= old["exp"]]:
        del rotated[jti]
    until = now() + (_grace(pool, claims["client_id"]) or 0)
    rotated.setdefault(claims["jti"], {"until": until, "exp": claims["exp"]})
    token: str = ministack._signed_jwt({**claims, "jti": ministack.new_uuid()}, pool["Id"], "access")
    return token


def _is_rotated_out(user: User, claims: Claims) -> bool:
    old = user.get("_rotated", {}).get(claims.get("jti"))
    return old is not None and now() >= old["until"]


def _check_unexpired(claims: Claims) -> None:
    if claims.get("token_use") == "refresh" and now() >= claims.get("exp", 0):
        raise not_authorized("Refresh Token has expired")


REPLACED = {
    "_create_user_pool_client": create_client,
    "_update_user_pool_client": update_client,
    "_get_tokens_from_refresh_token": refresh,
    "_oauth2_token": oauth2_token,
    "_refresh_token_revoked": is_revoked,
    "_revoke_token": revoke,
}
