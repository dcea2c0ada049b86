"""The request as handlers read it: bodies, preconditions, limits and addresses, checked before anybody uses them."""

import re
from collections.abc import Collection, Mapping
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from chalicelib.errors import Forbidden, InsufficientScope, Invalid, TooLarge, Unauthorized, UnsupportedMediaType
from chalicelib.json import strict_json, web_token
from chalicelib.json.strict_json import JsonObject
from chalicelib.records import Precondition
from chalicelib.security.access import ACCOUNT_SCOPE, Caller
from chalicelib.security.tokens import AUTHORIZATION
from chalicelib.web import cursors, entity_tags

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
MEDIA_TYPES = {"POST": [JSON], "PUT": [JSON], "PATCH": [MERGE_PATCH, JSON]}
"""The media types of a method's body. Other methods read no body, so its type does not matter."""

DEFAULT_LIMIT, MAX_LIMIT = 50, 100
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,128}")
LIMIT = re.compile(r"[1-9]\d{0,2}", re.ASCII)


class Request:
    """Chalice's ``Request``, read strictly. ``client_ids`` are the app clients whose tokens Roster accepts."""

    __slots__ = ("_client_ids", "_request")

    def __init__(self, request: Any, client_ids: Collection[str]) -> None:
        self._request = request
        self._client_ids = client_ids

    @property
    def method(self) -> str:
        """The HTTP method, as the client sent it."""
        return cast("str", self._request.method)

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; names are matched without regard to case."""
        return cast("Mapping[str, str]", self._request.headers)

    @property
    def route(self) -> str | None:
        """The path of the route, such as ``/users/{userid}``."""
        return cast("str | None", self._request.context.get("resourcePath"))

    @property
    def path(self) -> str:
        """The path that the client called, with the stage."""
        return cast("str", self._request.context["path"])

    @property
    def request_id(self) -> str:
        """API Gateway's id of the request or, where there is no API Gateway, the invocation's."""
        return cast("str", self._request.context.get("requestId") or self._request.lambda_context.aws_request_id)

    # Who calls

    @property
    def claims(self) -> Mapping[str, str]:
        """The claims that the Cognito authorizer accepted; all values are text."""
        return cast("Mapping[str, str]", self._request.context["authorizer"]["claims"])

    @property
    def caller(self) -> Caller | None:
        """The caller whom an authorizer let through; ``None`` if the route has no authorizer."""
        context: Mapping[str, Any] = self._request.context.get("authorizer") or {}
        if "claims" in context:
            return self._bearer(context["claims"])
        if "principalId" in context:
            return Caller(context["principalId"], context.get("admin") == "true", context.get("token_use", ""))
        return None

    def _bearer(self, claims: Mapping[str, str]) -> Caller | None:
        """The caller whom a Cognito authorizer let through, if the JWT authorizer would have done so too: API Gateway's
        accepts every client of the pool, and an emulator's accepts every kind of token."""
        accepted = claims.get("token_use") == "id" and claims.get("aud") in self._client_ids
        return Caller(claims["sub"], token_use="id") if accepted else None  # noqa: S106  (a kind of token)

    @property
    def caller_sub(self) -> str:
        """The caller's ``sub``. Raises ``Forbidden`` if nobody is signed in."""
        caller = self.caller
        if caller is None:
            raise Forbidden("Sign in and send your token.")
        return caller.sub

    @property
    def token(self) -> str:
        """The token that the JWT authorizer accepted. Raises ``Unauthorized`` if there is none."""
        bearer = AUTHORIZATION.fullmatch(self.headers.get("authorization", ""))
        if bearer is None:
            raise Unauthorized("Sign in and send your token.")
        return bearer["token"]

    @property
    def token_claims(self) -> Mapping[str, Any]:
        """The claims of ``token``, in their JSON types. The authorizer has verified it, so that is not repeated."""
        try:
            return web_token.claims(self.token)
        except ValueError:
            raise Unauthorized("Sign in and send your token.") from None

    @property
    def account_token(self) -> str:
        """The access token with which Roster calls Cognito on its owner's behalf. Raises ``InsufficientScope``.

        ``Unauthorized`` if the token is not the one that the authorizer has seen, such as one in a second header.
        """
        claims = self.token_claims
        if claims.get("sub") != self.caller_sub:
            raise Unauthorized("Send one token.")
        scope = claims.get("scope")
        if not isinstance(scope, str) or ACCOUNT_SCOPE not in scope.split(" "):
            raise InsufficientScope
        return self.token

    # What is sent

    @property
    def media_type(self) -> str | None:
        """The media type of the body, without its parameters; ``None`` if the request does not state it."""
        stated = self.headers.get("content-type")
        return None if stated is None else stated.partition(";")[0].strip().lower()

    def document(self, set_by_service: Collection[str] = (), limit: int = strict_json.MAX_BYTES) -> JsonObject:
        """Return the JSON object in the body, which has at most ``limit`` bytes without its members ``set_by_service``.

        Raises ``UnsupportedMediaType``, ``Invalid`` or ``TooLarge``.
        """
        return strict_json.parse_object(self._body((None, *MEDIA_TYPES[self.method])), set_by_service, limit)

    def content(self, media_types: Collection[str], limit: int) -> bytes:
        """Return the body, which has one of ``media_types`` and at most ``limit`` bytes.

        Raises ``UnsupportedMediaType`` or ``TooLarge``.
        """
        body = self._body(media_types)
        if len(body) > limit:
            raise TooLarge(f"The body has {len(body):,} bytes. At most {limit:,} are accepted.")
        return body

    def _body(self, media_types: Collection[str | None]) -> bytes:
        """Return the body. ``None`` among ``media_types``: the request need not state the type."""
        if self.media_type not in media_types:  # Chalice only checks that the header contains one of them
            raise UnsupportedMediaType(f"Send the body as {' or '.join(filter(None, media_types))}.")
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise UnsupportedMediaType("Send the body uncompressed, without Content-Encoding.")
        return cast("bytes", self._request.raw_body)

    def precondition(self) -> Precondition | None:
        """Return the precondition of a write, from ``If-Match`` and ``If-None-Match``."""
        return entity_tags.write_precondition(self.headers.get("if-match"), self.headers.get("if-none-match"))

    def idempotency_key(self) -> str | None:
        """Return the ``Idempotency-Key``, if there is one. Raises ``Invalid``."""
        key = self.headers.get("idempotency-key")
        if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
            raise Invalid("An Idempotency-Key has 1 to 128 visible ASCII characters.")
        if key is not None and self.headers.get("if-match") is not None:
            raise Invalid("An Idempotency-Key creates something new. Send it without If-Match.")
        return key

    def query(self, name: str) -> str | None:
        """Return a query parameter. Raises ``Invalid`` if it is repeated."""
        parameters = self._request.query_params
        if parameters is None or name not in parameters:
            return None
        values = parameters.getlist(name)
        if len(values) > 1:
            raise Invalid.at(f"/{name}", f"Send the query parameter {name} once; it was sent {len(values)} times.")
        return cast("str", values[0])

    def limit(self, largest: int = MAX_LIMIT) -> int:
        """Return how many items a page may have: 1 to ``largest``."""
        text = self.query("limit")
        if text is None:
            return min(DEFAULT_LIMIT, largest)
        if not LIMIT.fullmatch(text) or int(text) > largest:
            raise Invalid.at("/limit", f"The limit must be a whole number from 1 to {largest}.")
        return int(text)

    def after(self) -> str | None:
        """Return the userid after which the page starts: the content of ``cursor``."""
        cursor = self.query("cursor")
        return None if cursor is None else cursors.decode(cursor)

    # Where it was sent

    def page_after(self, limit: int, last: str) -> str:
        """Return the address of the page that follows the userid ``last``."""
        return self.address_with(limit=limit, cursor=cursors.encode(last))

    def address_with(self, **query: str | int) -> str:
        """Return the address that the client called, with another query."""
        return f"{self.address()}?{urlencode(query)}"

    def address(self, *segments: str) -> str:
        """Return the address that the client called, with ``segments`` appended, as the client can reach it.

        It includes host and stage. ``addressPrefix`` is a stage variable: an emulator of API Gateway serves the stage
        below a path of its own.
        """
        context = self._request.context
        path = "/".join([context["path"].rstrip("/"), *segments])
        prefix = (self._request.stage_vars or {}).get("addressPrefix")
        if prefix is not None:
            return f"{prefix}{path}"
        if "domainName" in context:
            return f"https://{context['domainName']}{path}"
        host = self.headers.get("host")
        return f"http://{host}{path}" if host else path

    def path_to(self, route: str) -> str:
        """Return the path of another route, which has no parameters, as the client can reach it: with the stage."""
        return urlsplit(self.address()).path.removesuffix(self.route or "") + route

    def address_of(self, route: str) -> str:
        """Return the address of another route, which has no parameters, as the client can reach it.

        The route that is being handled must have no parameters either.
        """
        return self.address().removesuffix(self.route or "") + route
