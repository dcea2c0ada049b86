"""Verification of the user pool's tokens. Anyone can call this code, so it is short enough to review in one sitting.

A token is checked in four steps, in this order: form, header, signature, claims. Nothing in it is trusted before the
step that checks it. The rules follow "Verifying JSON web tokens" in the Cognito developer guide, RFC 7515 (JWS),
RFC 7519 (JWT) and RFC 8725 (best current practices). ``docs/security.md`` lists each rule and its tests.
"""

import json
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from chalicelib.security.signing_keys import SigningKeys

MAX_LENGTH = 8 * 1024
"""Maximum length of an ``Authorization`` header, in characters."""
LEEWAY = 30
"""Seconds by which Roster's clock and Cognito's may differ."""
LATEST = 253402300799
"""The end of the year 9999, the latest time that a token may contain."""

AUTHORIZATION = re.compile(r"(?:bearer +)?(?P<token>[^ ]+)", re.IGNORECASE | re.ASCII)
FORM = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)
SUB = re.compile(r"[A-Za-z0-9-]{1,128}", re.ASCII)


class Reason(StrEnum):
    """Why a token is rejected. This is logged and never shown to the client."""

    MALFORMED = "malformed"
    TOO_LONG = "too_long"
    BAD_HEADER = "bad_header"
    BAD_ALGORITHM = "bad_algorithm"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    BAD_CLAIMS = "bad_claims"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_USE = "wrong_use"
    WRONG_CLIENT = "wrong_client"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"


class InvalidToken(Exception):
    """The token is rejected for ``reason``.

    The message is always ``Unauthorized``: API Gateway returns 401 only if a Lambda authorizer raises exactly this.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__("Unauthorized")
        self.reason = reason


class Claims(NamedTuple):
    """The claims of a valid token: those that Roster uses, and ``all`` of them, unchanged."""

    sub: str
    groups: frozenset[str]
    all: Mapping[str, Any]


class Verifier:
    """Verifies tokens that the user pool ``issuer`` issued for one of ``client_ids``."""

    def __init__(
        self, issuer: str, client_ids: Collection[str], keys: SigningKeys, clock: Callable[[], float] = time.time
    ) -> None:
        self._issuer = issuer
        self._client_ids = client_ids
        self._keys = keys
        self._clock = clock

    def verify(self, authorization: str, uses: tuple[str, ...] = ("id", "access")) -> Claims:
        """Verify the token in an ``Authorization`` header, bare or after ``Bearer``, and return its claims.

        ``uses`` are the accepted kinds of token (``token_use``). Raises ``InvalidToken``, or ``KeysUnavailable`` if
        the signing keys that this takes can't be fetched.
        """
        header, payload, message, signature = _form(authorization)
        self._verify_signature(_json_object(header), message, signature)
        claims = _json_object(payload)
        self._verify_times(claims)
        self._verify_origin(claims, uses)
        return Claims(_sub(claims), _groups(claims), claims)

    def _verify_signature(self, header: Mapping[str, Any], message: bytes, signature: bytes) -> None:
        """Use only ``alg`` and ``kid`` from the header, never a key, a URL or a certificate that it contains."""
        _require(header.get("alg") == "RS256", Reason.BAD_ALGORITHM)
        _require("crit" not in header, Reason.BAD_HEADER)
        kid = header.get("kid")
        if not isinstance(kid, str):
            raise InvalidToken(Reason.BAD_HEADER)
        key = self._keys.find(kid)
        if key is None:
            raise InvalidToken(Reason.UNKNOWN_KEY)
        _require(key.signed(message, signature), Reason.BAD_SIGNATURE)

    def _verify_times(self, claims: Mapping[str, Any]) -> None:
        now = self._clock()
        _require(_time(claims, "exp") > now - LEEWAY, Reason.EXPIRED)
        _require(_time(claims, "iat") <= now + LEEWAY, Reason.NOT_YET_VALID)
        _require(_time(claims, "auth_time") <= now + LEEWAY, Reason.NOT_YET_VALID)
        if "nbf" in claims:
            _require(_time(claims, "nbf") <= now + LEEWAY, Reason.NOT_YET_VALID)

    def _verify_origin(self, claims: Mapping[str, Any], uses: tuple[str, ...]) -> None:
        _require(claims.get("iss") == self._issuer, Reason.WRONG_ISSUER)
        use = claims.get("token_use")
        _require(use in uses, Reason.WRONG_USE)
        client = claims.get("aud" if use == "id" else "client_id")
        _require(isinstance(client, str) and client in self._client_ids, Reason.WRONG_CLIENT)


def _require(condition: object, reason: Reason) -> None:
    if not condition:
        raise InvalidToken(reason)


def _form(authorization: str) -> tuple[bytes, bytes, bytes, bytes]:
    """Split a compact JWS (RFC 7515, section 3.1) into header, payload, signed message and signature."""
    _require(len(authorization) <= MAX_LENGTH, Reason.TOO_LONG)
    bearer = AUTHORIZATION.fullmatch(authorization)
    parts = FORM.fullmatch(bearer["token"]) if bearer else None
    if parts is None:
        raise InvalidToken(Reason.MALFORMED)
    header, payload, signature = parts.groups()
    return _base64url(header), _base64url(payload), f"{header}.{payload}".encode(), _base64url(signature)


def _base64url(text: str) -> bytes:
    """Decode RFC 7515's base64url. Only the canonical encoding is accepted, so no two texts are the same token."""
    try:
        value = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise InvalidToken(Reason.MALFORMED) from None
    _require(urlsafe_b64encode(value).rstrip(b"=") == text.encode(), Reason.MALFORMED)
    return value


def _json_object(value: bytes) -> Mapping[str, Any]:
    """Parse a JSON object without duplicate names."""
    try:
        document = json.loads(value.decode(), object_pairs_hook=_distinct, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise InvalidToken(Reason.MALFORMED) from None
    if not isinstance(document, dict):
        raise InvalidToken(Reason.MALFORMED)
    return document


def _distinct(members: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(members)
    _require(len(document) == len(members), Reason.MALFORMED)
    return document


def _no_constant(_: str) -> None:
    raise InvalidToken(Reason.MALFORMED)


def _time(claims: Mapping[str, Any], name: str) -> int:
    """Return a NumericDate claim (RFC 7519, section 2). Cognito writes whole seconds."""
    value = claims.get(name)
    if type(value) is not int or not 0 <= value <= LATEST:
        raise InvalidToken(Reason.BAD_CLAIMS)
    return value


def _sub(claims: Mapping[str, Any]) -> str:
    sub = claims.get("sub")
    if not isinstance(sub, str) or not SUB.fullmatch(sub):
        raise InvalidToken(Reason.BAD_CLAIMS)
    return sub


def _groups(claims: Mapping[str, Any]) -> frozenset[str]:
    groups = claims.get("cognito:groups", [])
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        raise InvalidToken(Reason.BAD_CLAIMS)
    return frozenset(groups)
