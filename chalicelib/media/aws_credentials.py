"""Temporary AWS credentials with which people list and read their own pictures in S3."""

import logging

from chalice.app import Response

from chalicelib import timestamps
from chalicelib.errors import Invalid, Unavailable
from chalicelib.security.signing_keys import KeysUnavailable
from chalicelib.security.tokens import MAX_LENGTH, Claims, InvalidToken, Verifier
from chalicelib.storage.cognito.own_account import OwnAccount
from chalicelib.storage.cognito.service import Cognito
from chalicelib.storage.connections import one_patience
from chalicelib.storage.identity_pool import IdentityPool
from chalicelib.web import responses
from chalicelib.web.bodies import Body
from chalicelib.web.request import Request

MEMBER = "id_token"
POINTER = f"/{MEMBER}"

log = logging.getLogger("roster")


class AwsCredentials:
    """Exchanges the caller's tokens for credentials of the identity pool."""

    def __init__(self, verifier: Verifier, cognito: Cognito, pool: IdentityPool) -> None:
        self._verifier = verifier
        self._cognito = cognito
        self._pool = pool

    def post(self, request: Request) -> Response:
        """Return credentials. Cognito is asked about the access token first, because nobody can revoke them.

        The identity pool knows only ID tokens, and derives from this one whose pictures the credentials are for.
        """
        own = OwnAccount(self._cognito, request.account_token)
        body = Body.of(request)
        id_token = body.text(MEMBER, MAX_LENGTH)
        body.require_no_faults()
        with one_patience():
            userid = own.get().userid
            claims = self._verified(id_token, userid)
            credentials = self._pool.credentials(claims.all["iss"], id_token)
        log.info("aws_credentials_issued", extra={"userid": userid})
        return responses.document(
            {
                "identity_id": credentials.identity_id,
                "access_key_id": credentials.access_key_id,
                "secret_access_key": credentials.secret_access_key,
                "session_token": credentials.session_token,
                "expiration": timestamps.of(credentials.expiration),
            },
            responses.UNCACHED,
        )

    def _verified(self, id_token: str, userid: str) -> Claims:
        """Return the claims of a valid ID token of the caller. Raises ``Invalid``."""
        if " " in id_token:  # the verifier accepts "Bearer" before a token
            raise Invalid.at(POINTER, "Send the ID token alone.")
        try:
            claims = self._verifier.verify(id_token, uses=("id",))
        except InvalidToken as rejection:
            log.warning("token_rejected", extra={"reason": rejection.reason})
            raise Invalid.at(
                POINTER, "This is not a valid ID token of this service, or it has expired: refresh your tokens."
            ) from None
        except KeysUnavailable:
            log.error("jwks_unavailable")
            raise Unavailable("The user pool's signing keys can't be fetched: retry later.") from None
        if claims.sub != userid:
            raise Invalid.at(POINTER, "This is the ID token of another account. Send your own.")
        return claims
