"""Roster's Chalice: routes state whom they admit, handlers raise errors, and all responses have the same headers."""

import logging
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from chalice.app import (
    AuthResponse,
    AuthRoute,
    Chalice,
    ChaliceAuthorizer,
    CognitoUserPoolAuthorizer,
    CORSConfig,
    Response,
)

from chalicelib.security.access import Caller, Route, Rule, reach
from chalicelib.security.signing_keys import KeysUnavailable
from chalicelib.security.tokens import InvalidToken
from chalicelib.settings import Settings
from chalicelib.web import events, guard, logs, problems
from chalicelib.web.events import EventFailed
from chalicelib.web.operations import Operation, States
from chalicelib.web.request import MEDIA_TYPES, Request

STATED = Operation._fields
PATH = re.compile(r"/|(?:/(?:[\w.~-]+|\{\w+\}))+", re.ASCII)
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

log = logging.getLogger("roster")


class Authorizer(ChaliceAuthorizer):
    """A Lambda authorizer that logs why it rejects a token, with the request's id. The client is not told why."""

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Return Chalice's policy document; log rejections and failures."""
        with logs.of_request(context.aws_request_id):
            try:
                return super().__call__(event, context)
            except InvalidToken as rejection:
                log.warning("token_rejected", extra={"reason": rejection.reason})
                raise
            except KeysUnavailable:
                log.error("jwks_unavailable")
                raise
            except Exception as error:  # noqa: BLE001
                # Lambda logs the text of an exception, which may quote the token.
                logs.bug(error)
                raise EventFailed(type(error).__name__) from None


class Api(States, Chalice):
    """A Chalice app that guards every route where Chalice registers it, those of blueprints too."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(app_name=name, configure_logs=False)
        logs.configure(settings.log_level, on_terminal=settings.chalice_cli, as_json=settings.logs_are_text)
        self._client_ids = settings.client_ids
        self.capabilities: list[str] = []
        # Derived from the routes. Registering another route clears it.
        self._guarded: dict[ChaliceAuthorizer, tuple[Route, ...]] = {}
        self.problems = dict(problems.OF_ERROR)
        self.api.cors = cors = CORSConfig(
            allow_origin=settings.cors_origin,
            allow_headers=["If-Match", "If-None-Match", "Idempotency-Key"],
            expose_headers=["ETag", "Link", "Location", "X-Request-Id", "Retry-After"],
            max_age=600,
        )
        self.cors_headers = cors.get_access_control_headers()
        self.register_middleware(self._finish, "http")
        for event_type in events.TYPES:
            self.register_middleware(events.logged, event_type)

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Return Chalice's response, to every line of a repeated header: Chalice reads only the last one."""
        for name, lines in (event.get("multiValueHeaders") or {}).items():
            if len(lines) > 1:
                event["headers"][name] = ("; " if name.lower() == "cookie" else ", ").join(lines)
        return super().__call__(event, context)

    @property
    def request(self) -> Request:
        """The request being handled."""
        return Request(self.current_request, self._client_ids)

    # Who may call what

    def policy(self, authorizer: ChaliceAuthorizer, caller: Caller) -> AuthResponse:
        """Return the policy for ``caller``: all that they may call of what ``authorizer`` guards."""
        paths = reach(caller, self.guarded_by(authorizer))
        return AuthResponse(
            routes=[AuthRoute(path, methods) for path, methods in paths.items()],
            principal_id=caller.sub,
            context={"admin": "true" if caller.is_admin else "false", "token_use": caller.token_use},
        )

    def guarded_by(self, authorizer: ChaliceAuthorizer) -> tuple[Route, ...]:
        """Return the routes that ``authorizer`` guards."""
        known = self._guarded.get(authorizer)
        if known is None:
            known = self._guarded[authorizer] = tuple(self._guarded_routes(authorizer))
        return known

    def _guarded_routes(self, authorizer: ChaliceAuthorizer) -> Iterator[Route]:
        for route in self.stated:
            its_own: Any = self.routes[route.path][route.method].authorizer
            if its_own is authorizer:
                yield route

    @property
    def stated(self) -> Iterator[Route]:
        """Every route and its rule."""
        for path, methods in self.routes.items():
            for method, entry in methods.items():
                handler: Any = entry.view_function
                yield Route(method, path, handler.operation.allow)

    @property
    def served_by(self) -> Iterator[tuple[str, str, str]]:
        """The method and the path of every route, and the function that serves it on AWS: ``api``, ``admin`` or the one
        that the route states."""
        for method, path, rule in self.stated:
            handler: Any = self.routes[path][method].view_function
            yield method, path, handler.operation.function or ("admin" if rule.only_for_admins else "api")

    @property
    def functions(self) -> list[str]:
        """Chalice's names of the functions that it deploys beside that of the API, such as ``jwt_authorizer``."""
        others: list[Any] = [*self.builtin_auth_handlers, *self.event_sources, *self.pure_lambda_functions]
        return [handler.name for handler in others]

    # How handlers are registered, in app.py and from blueprints

    def _register_route(self, name: str, user_handler: Any, kwargs: Any, **options: Any) -> None:
        """Register a guarded handler. Raises ``TypeError`` if the route states no rule, or one that cannot hold."""
        prefix, path = kwargs.pop("url_prefix", None), kwargs["path"]
        if prefix is not None:
            path = f"{prefix.rstrip('/')}/{path.strip('/')}".rstrip("/")
        stated = dict(kwargs["kwargs"])  # Chalice empties it, and a blueprint keeps it for its next registration
        if "allow" not in stated:
            raise TypeError(f"{name}: the route {path} states no rule: add allow=… (see chalicelib/security/access.py)")
        operation = Operation(**{field: stated.pop(field) for field in STATED if field in stated})
        _require_fitting(f"{name}: the route {path}", path, operation.allow, stated.get("authorizer"))
        self._guarded.clear()
        self.api.binary_types += sorted(operation.binary_types.difference(self.api.binary_types))
        handler = guard.guarded(user_handler, operation, lambda: self.request, self.problems)
        methods = stated.pop("methods", ["GET"])
        if not PATH.fullmatch(path) or isinstance(methods, str) or not METHODS.issuperset(methods):
            raise TypeError(f"{name}: the route {path} with the methods {methods} would not be literal in a policy")
        for method in methods:
            media_types = operation.accepts_types or (MEDIA_TYPES.get(method, []) if operation.accepts else [])
            chalices = {"content_types": [*media_types], **stated, "methods": [method]}
            super()._register_route(name, handler, {"path": path, "kwargs": chalices}, **options)

    def _register_handler(  # noqa: PLR0913, PLR0917  (Chalice's signature)
        self, handler_type: str, name: str, user_handler: Any, wrapped_handler: Any, kwargs: Any, options: Any = None
    ) -> None:
        if handler_type.startswith("on_ws_"):
            raise TypeError(f"{name}: access rules do not cover WebSockets yet")
        if handler_type in events.HANDLERS and options and not options.get("logs_events"):
            raise TypeError(f"{name}: declare event handlers with chalicelib.web.blueprint.Blueprint, which logs them")
        if handler_type == "authorizer":
            wrapped_handler.__class__ = Authorizer  # routes refer to this object, so it cannot be replaced
        super()._register_handler(handler_type, name, user_handler, wrapped_handler, kwargs, options)

    def register_middleware(self, func: Any, event_type: str = "all") -> None:
        """Register middleware for events. For requests there is none: it could respond before the second lock."""
        if event_type in ("all", "http") and func != self._finish:
            raise TypeError("middleware for requests would run before the access rules are checked")
        super().register_middleware(func, event_type)

    # What happens around every handler

    def _finish(self, event: Any, get_response: Callable[[Any], Response]) -> Response:
        """Middleware: make Chalice's own errors problems, add the headers of every response, and log the request."""
        started = time.perf_counter()
        request = self.request
        with logs.of_request(request.request_id):
            try:
                response = guard.as_problem(get_response(event), request.request_id)
            except Exception as error:  # noqa: BLE001
                logs.bug(error)
                response = problems.of_error(error, request.request_id)
        response.headers = {
            "X-Request-Id": request.request_id,
            "X-Content-Type-Options": "nosniff",
            **self.cors_headers,
            **response.headers,
        }
        guard.log_request(request, response, time.perf_counter() - started)
        return response


def _require_fitting(route: str, path: str, rule: Rule, authorizer: Any) -> None:
    """Raise ``TypeError`` if ``rule`` and ``authorizer`` do not fit: nobody or everybody could call the route."""
    if rule.anyone and authorizer is not None:
        raise TypeError(f"{route} is for anyone, so it takes no authorizer")
    if not rule.anyone and authorizer is None:
        raise TypeError(f"{route} is for {rule.who}: add authorizer=…")
    if rule.owner is not None and f"{{{rule.owner}}}" not in path:
        raise TypeError(f"{route} has no parameter {{{rule.owner}}}, which its rule names")
    if isinstance(authorizer, CognitoUserPoolAuthorizer) and (not rule.signed_in or rule.tokens - {"id"}):
        raise TypeError(f"{route}: a Cognito authorizer knows only signed-in users with an ID token")
