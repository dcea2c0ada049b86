"""Roster's Chalice: routes say whom they let in, handlers raise errors, every answer carries the same headers.

Also the border that requests cross: a handler gets bodies, limits and addresses from here, already checked.
"""

import logging
import re
import time
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlencode

from chalice.app import AuthRequest, AuthResponse, AuthRoute, Chalice, ChaliceAuthorizer, CORSConfig, Request, Response

from chalicelib.errors import Conflict, Forbidden, Invalid, Misconfigured, RosterError, UnsupportedMediaType
from chalicelib.json import strict_json
from chalicelib.json.strict_json import JsonObject
from chalicelib.records import Precondition
from chalicelib.security.access import Caller, Route, Rule, reach, require
from chalicelib.security.signing_keys import KeysUnavailable
from chalicelib.security.tokens import InvalidToken
from chalicelib.settings import Settings
from chalicelib.web import cursors, entity_tags, logs, problems, responses

View = Callable[..., Response]

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
TAKES = {"POST": [JSON], "PUT": [JSON], "PATCH": [MERGE_PATCH, JSON]}
"""The media types that a method's body may have. Other methods read no body, so its type does not matter."""

DEFAULT_LIMIT = 50
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,128}")
LIMIT = re.compile(r"[1-9]\d?|100", re.ASCII)


log = logging.getLogger("roster")


class Authorizer(ChaliceAuthorizer):
    """A Lambda authorizer that logs why it refuses, with the request's id, and tells nobody."""

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Chalice's, with the refusals logged."""
        try:
            return super().__call__(event, context)
        except InvalidToken as refusal:
            log.warning("token_refused", extra={"reason": refusal.reason, "request_id": context.aws_request_id})
            raise
        except KeysUnavailable:
            log.error("jwks_unavailable", extra={"request_id": context.aws_request_id})
            raise


class Api(Chalice):
    """A Chalice app in which every route states its access rule, and errors become problem documents."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(app_name=name, configure_logs=False)
        logs.configure(settings.log_level, on_terminal=settings.chalice_cli)
        self._client_ids = settings.client_ids
        self.guarded_routes: dict[str, list[Route]] = {}
        self.api.cors = cors = CORSConfig(
            allow_origin=settings.cors_origin,
            allow_headers=["If-Match", "If-None-Match", "Idempotency-Key"],
            expose_headers=["ETag", "Link", "Location", "X-Request-Id", "Retry-After"],
            max_age=600,
        )
        self.cors_headers = cors.get_access_control_headers()
        self.register_middleware(self._finish, "http")

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Chalice's, but with every line of a header that is repeated: Chalice reads the last one only."""
        for name, lines in (event.get("multiValueHeaders") or {}).items():
            if len(lines) > 1:
                event["headers"][name] = ", ".join(lines)
        return super().__call__(event, context)

    def route(  # type: ignore[override]  # stricter than Chalice's on purpose: no route without a rule
        self, path: str, *, methods: Sequence[str], allow: Rule, authorizer: Any = None
    ) -> Callable[[View], View]:
        """Chalice's ``route``, for those whom ``allow`` lets in."""

        def decorate(view: View) -> View:
            guarded = self._guarded(view, allow)
            for method in methods:
                register = super(Api, self).route(
                    path, methods=[method], authorizer=authorizer, content_types=TAKES.get(method, [])
                )
                register(guarded)
                if isinstance(authorizer, ChaliceAuthorizer):
                    self.guarded_routes.setdefault(authorizer.name, []).append(Route(method, path, allow))
            return view

        return decorate

    def authorizer(  # type: ignore[override]  # Chalice's other options are not used
        self, ttl_seconds: int
    ) -> Callable[[Callable[[AuthRequest], AuthResponse]], Authorizer]:
        """Chalice's ``authorizer``, its refusals logged; API Gateway caches what it says for ``ttl_seconds``."""
        register = super().authorizer(ttl_seconds=ttl_seconds)

        def decorate(function: Callable[[AuthRequest], AuthResponse]) -> Authorizer:
            authorizer = cast("Authorizer", register(function))
            authorizer.__class__ = Authorizer  # Chalice has it registered by identity
            return authorizer

        return decorate

    def policy(self, authorizer: ChaliceAuthorizer, caller: Caller) -> AuthResponse:
        """What ``caller`` may reach of all that ``authorizer`` guards."""
        paths = reach(caller, self.guarded_routes[authorizer.name])
        return AuthResponse(
            routes=[AuthRoute(path, methods) for path, methods in paths.items()],
            principal_id=caller.sub,
            context={"admin": "true" if caller.is_admin else "false"},
        )

    # What handlers ask of the request

    @property
    def request(self) -> Request:
        """The request being answered."""
        return cast("Request", self.current_request)

    @property
    def claims(self) -> Mapping[str, str]:
        """The claims that the Cognito authorizer let through, all of them text."""
        return cast("Mapping[str, str]", self.request.context["authorizer"]["claims"])

    @property
    def caller(self) -> Caller | None:
        """Whom an authorizer let through; ``None`` where the route has none."""
        context = self.request.context.get("authorizer") or {}
        if "claims" in context:
            return self._bearer(context["claims"])
        if "principalId" in context:
            return Caller(context["principalId"], context.get("admin") == "true")
        return None

    def _bearer(self, claims: Mapping[str, str]) -> Caller | None:
        """Whom a Cognito authorizer let through, if ours would have too: API Gateway's takes every client of the pool,
        and an emulator's every kind of token."""
        is_ours = claims.get("token_use") == "id" and claims.get("aud") in self._client_ids
        return Caller(claims["sub"]) if is_ours else None

    @property
    def caller_sub(self) -> str:
        """The ``sub`` of the caller, where an authorizer let one through."""
        caller = self.caller
        if caller is None:
            raise Forbidden("This takes somebody who is signed in.")
        return caller.sub

    @property
    def request_id(self) -> str:
        """API Gateway's id of the request; in ``chalice local``, which has none, the invocation's."""
        request_id = self.request.context.get("requestId")
        return cast("str", request_id or self.lambda_context.aws_request_id)

    def document(self, set_by_service: Collection[str] = ()) -> JsonObject:
        """The JSON object that the body holds. Its members ``set_by_service`` do not count against the size limit."""
        media_type = self.request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        taken = TAKES[self.request.method]
        if media_type not in taken:  # Chalice looks less closely: it takes any list that has ours in it
            raise UnsupportedMediaType(f"Send the body as {' or '.join(taken)}.")
        coding = self.request.headers.get("content-encoding", "identity").lower()
        if coding != "identity":
            raise UnsupportedMediaType("The body is compressed; send it as it is, without Content-Encoding.")
        return strict_json.parse_object(cast("bytes", self.request.raw_body), set_by_service)

    def precondition(self) -> Precondition | None:
        """What ``If-Match`` and ``If-None-Match`` ask of a write."""
        headers = self.request.headers
        return entity_tags.write_precondition(headers.get("if-match"), headers.get("if-none-match"))

    def idempotency_key(self) -> str | None:
        """The ``Idempotency-Key``, if there is one."""
        key = self.request.headers.get("idempotency-key")
        if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
            raise Invalid("An Idempotency-Key is 1 to 128 visible ASCII characters.")
        if key is not None and self.request.headers.get("if-match") is not None:
            raise Invalid("An Idempotency-Key makes something new: it can't go with If-Match.")
        return cast("str | None", key)

    def query(self, name: str) -> str | None:
        """A query parameter; ``Invalid`` if it is given more than once."""
        parameters = self.request.query_params
        if parameters is None or name not in parameters:
            return None
        values = parameters.getlist(name)
        if len(values) > 1:
            raise Invalid.at(f"/{name}", f"The query parameter {name} is given {len(values)} times.")
        return cast("str", values[0])

    def limit(self) -> int:
        """The list's ``limit``."""
        text = self.query("limit")
        if text is None:
            return DEFAULT_LIMIT
        if not LIMIT.fullmatch(text):
            raise Invalid.at("/limit", "The limit is a whole number from 1 to 100.")
        return int(text)

    def after(self) -> str | None:
        """The userid that the list goes on after: what its ``cursor`` holds."""
        cursor = self.query("cursor")
        return None if cursor is None else cursors.decode(cursor)

    def page_after(self, limit: int, last: str) -> str:
        """The address of the page that follows the userid ``last``."""
        return f"{self.address()}?{urlencode({'limit': limit, 'cursor': cursors.encode(last)})}"

    def address(self, *segments: str) -> str:
        """The address that the client called, usable from outside (host and stage included), and ``segments`` below.

        ``addressPrefix`` is a variable of a stage that an emulator of API Gateway serves under a path of its own.
        """
        context = self.request.context
        path = "/".join([context["path"].rstrip("/"), *segments])
        prefix = (self.request.stage_vars or {}).get("addressPrefix")
        if prefix is not None:
            return f"{prefix}{path}"
        if "domainName" in context:
            return f"https://{context['domainName']}{path}"
        host = self.request.headers.get("host")
        return f"http://{host}{path}" if host else path

    # What happens around every handler

    def _guarded(self, view: View, rule: Rule) -> View:
        """``view`` behind the second lock, its errors made into problems."""

        def guarded(**path_parameters: str) -> Response:
            try:
                require(rule, self.caller, path_parameters)
                return self._conditional(view(**path_parameters))
            except RosterError as error:
                if isinstance(error, Misconfigured):
                    log.error("misconfigured", extra={"reason": error.detail, "request_id": self.request_id})
                return problems.of_error(error, self.request_id)
            except Exception as error:  # noqa: BLE001
                # Where it happened, but not the exception's own text: that may quote what the client sent.
                frames = "".join(traceback.format_tb(error.__traceback__))
                fields = {"error": type(error).__name__, "request_id": self.request_id, "frames": frames}
                log.error("bug", extra=fields)
                return problems.of_error(error, self.request_id)

        guarded.__name__ = view.__name__
        guarded.rule = rule  # type: ignore[attr-defined]  # for whoever walks the routes
        return guarded

    def _conditional(self, response: Response) -> Response:
        """``response`` to a read, or what its preconditions ask for instead (RFC 9110, section 13.2.2)."""
        if self.request.method != "GET":
            return response
        headers = self.request.headers
        tag = cast("str | None", response.headers.get("ETag"))
        if not entity_tags.matches(tag, headers.get("if-match"), exists=response.body != responses.NOTHING):
            raise Conflict("What is stored does not match If-Match: read it without, and see.")
        if tag is not None and entity_tags.is_known(tag, headers.get("if-none-match")):
            return responses.not_modified(response)
        return response

    def _finish(self, request: Request, get_response: Callable[[Request], Response]) -> Response:
        """Middleware: Chalice's own refusals as problems too, on every answer what all have, and a line in the log."""
        started = time.perf_counter()
        response = get_response(request)
        if isinstance(response.body, dict) and {"Code", "Message"} <= response.body.keys():
            problem = problems.OF_STATUS.get(HTTPStatus(response.status_code), problems.INTERNAL_ERROR)
            refusal = problems.answer(problem, response.body["Message"], self.request_id)
            refusal.headers.update(response.headers)
            response = refusal
        for name, value in {
            "X-Request-Id": self.request_id,
            "X-Content-Type-Options": "nosniff",
            **self.cors_headers,
        }.items():
            response.headers.setdefault(name, value)
        self._log(response, time.perf_counter() - started)
        return response

    def _log(self, response: Response, seconds: float) -> None:
        caller = self.caller
        problem = response.problem.slug if isinstance(response, problems.ProblemAnswer) else None
        fields = {
            "request_id": self.request_id,
            "method": logs.method(self.request.method),
            "route": self.request.context.get("resourcePath"),
            "status": response.status_code,
            "duration_ms": round(seconds * 1000, 1),
            "sub": caller.sub if caller else None,
            "problem": problem,
        }
        log.info("request", extra={name: value for name, value in fields.items() if value is not None})
