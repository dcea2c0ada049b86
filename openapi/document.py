"""The OpenAPI 3.1 document, derived from the app: its routes, their rules, docstrings and decorators, and its problems.

Schemas and examples are in ``openapi/schemas/``. A test compares the result with ``chalicelib/openapi.json``, and every
response that the tests receive is validated against it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from chalice.app import CognitoUserPoolAuthorizer

from chalicelib import __version__
from chalicelib.security.access import ANYONE, SIGNED_IN, Rule
from chalicelib.web import gateway_responses, problems
from chalicelib.web.api import Api
from chalicelib.web.operations import Operation
from chalicelib.web.problems import Problem
from chalicelib.web.request import DEFAULT_LIMIT, JSON, MAX_LIMIT
from openapi.schemas import SUB, Json, collected, record, ref

TAG = '"9f86d081884c7d659a2feaa0c55ad015"'
REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
BEARER = "bearerAuth"
"""The only security scheme: both authorizers read the same header, and both accept an ID token."""
FROM_GATEWAY = [problems.UNAUTHORIZED, problems.THROTTLED, problems.TIMEOUT]
"""Problems that only API Gateway reports."""
ALWAYS = ["throttled", "timeout"]
STORED = ["invalid-request", "internal-error", "unavailable"]
FILES = ["invalid-request", "internal-error"]
GUARDED = [*STORED, "unauthorized", "forbidden"]
READING = ["invalid-request", "internal-error", "unavailable", "unsupported-media-type", "too-large"]
PARAMETER: Json = {"name": "", "in": "path", "required": True, "schema": {"type": "string"}}
SECTIONS = ["Users", "The signed-in user", "Open to everybody"]


@dataclass(frozen=True)
class Route:
    """One method of one path."""

    method: str
    path: str
    entry: Any

    @property
    def operation(self) -> Operation:
        """The arguments of its decorator."""
        stated: Operation = self.entry.view_function.operation
        return stated

    @property
    def section(self) -> str:
        """The section of the document that lists the route."""
        by_rule = {ANYONE: "Open to everybody", SIGNED_IN: "The signed-in user"}
        return self.operation.section or by_rule.get(self.operation.allow, "Users")

    @property
    def is_a_file(self) -> bool:
        """Whether the route returns a file of the package."""
        return self.method == "GET" and bool(self.operation.returns_types)


def build(app: Api) -> Json:
    """Return the document that describes ``app``."""
    return _Description(app).document()


class _Description:
    def __init__(self, app: Api) -> None:
        self._problem_of = app.problems
        self._routes = [
            Route(method, path, entry) for path, methods in app.routes.items() for method, entry in methods.items()
        ]
        self._schemas, self._parameters, self._query, self._tagged, self._examples, self._details = (
            collected(kind, app.capabilities)
            for kind in ("SCHEMAS", "PARAMETERS", "QUERY", "TAGGED", "EXAMPLES", "DETAILS")
        )
        self._conditional = {route.path for route in self._routes if self._reads_a_record(route)}
        used = {name for route in self._routes for name in (route.operation.returns, route.operation.accepts)}
        missing = {name for name in used if name is not None} - self._schemas.keys()
        if missing:
            raise KeyError(f"No schema is named {', '.join(sorted(missing))}: add it to openapi/schemas/")

    def document(self) -> Json:
        """Return the whole document."""
        paths: Json = {}
        for route in self._routes:
            paths.setdefault(route.path, {})[route.method.lower()] = self._operation(route)
        sections = dict.fromkeys([*SECTIONS, *(route.section for route in self._routes)])
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "Roster",
                "version": __version__,
                "summary": "A user directory and profile API",
                "description": (
                    "Users and profiles are JSON objects of your own design. They are returned as you sent them; no "
                    "number is rounded. Errors are problem documents (RFC 9457). Reads and writes can be conditional "
                    "(`If-Match`, `If-None-Match`), and an `Idempotency-Key` makes a POST safe to retry."
                ),
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": ".", "description": "where this document is served"}],
            "tags": [{"name": name} for name in sections],
            "paths": paths,
            "components": {
                "securitySchemes": _security_schemes(),
                "parameters": self._path_parameters() | self._query_parameters() | _parameters(),
                "headers": _headers(),
                "responses": {problem.slug: self._problem_response(problem) for problem in self._problems()}
                | {"not-modified": _not_modified()},
                "schemas": self._schemas | self._problem_schemas(),
            },
        }

    # Derived from method, path, rule and decorator

    def _reads_a_record(self, route: Route) -> bool:
        return route.method == "GET" and self._is_tagged(route)

    def _is_tagged(self, route: Route) -> bool:
        """Return whether a successful response has an entity tag: it has a record, or it is a file."""
        return route.operation.returns in self._tagged or route.is_a_file

    def _is_conditional(self, route: Route) -> bool:
        """Return whether preconditions apply: the route returns a record, or a GET on its path does."""
        return self._is_tagged(route) or route.path in self._conditional

    def _slugs(self, route: Route) -> Iterator[str]:
        yield from ALWAYS
        if not route.operation.allow.anyone:
            yield from GUARDED
        if route.operation.returns in self._tagged:
            yield from STORED
        if route.is_a_file:
            yield from FILES
        if route.entry.content_types:
            yield from READING
        if route.method == "PATCH":
            yield "not-found"
        if self._is_conditional(route):
            yield "precondition-failed"
        for error in route.operation.errors:
            yield self._problem_of[error].slug

    def _parameters_of(self, route: Route) -> Iterator[str]:
        yield from re.findall(r"\{(\w+)\}", route.path)
        if route.operation.paged:
            yield from (_limit(route.operation.paged), "cursor")
        yield from (f"by-{name}" for name in route.operation.query)
        if self._is_conditional(route):
            yield "If-Match"
            if route.method == "GET":
                yield "If-None-Match-read"
            elif route.method in ("PUT", "POST"):
                yield "If-None-Match-write"
        if "idempotency-key-reused" in self._slugs(route):
            yield "Idempotency-Key"

    # Operations

    def _operation(self, route: Route) -> Json:
        stated, entry = route.operation, route.entry
        summary, text = _sentences(entry.view_function.__doc__ or entry.view_name)
        who = _who(stated.allow, entry.authorizer)
        operation: Json = {
            "operationId": entry.view_name,
            "tags": [route.section],
            "summary": summary,
            "description": f"{text} {who}".strip(),
            "responses": self._responses(route),
        }
        parameters = list(self._parameters_of(route))
        if parameters:
            operation["parameters"] = [{"$ref": f"#/components/parameters/{parameter}"} for parameter in parameters]
        if stated.accepts_types:
            operation["requestBody"] = {"required": True, "content": _files(stated.accepts_types)}
        elif entry.content_types and stated.accepts:
            # One media type, although PATCH takes two: of several, generators make clients that do not compile.
            media_type, *others = entry.content_types
            body = {"schema": ref(stated.accepts), "example": self._examples[stated.accepts][200]}
            operation["requestBody"] = {"required": True, "content": {media_type: body}}
            if others:
                others_too = " and ".join(f"`{other}`" for other in others)
                operation["requestBody"]["description"] = f"{others_too} is accepted, too."
        operation["security"] = [] if entry.authorizer is None else [{BEARER: []}]
        return operation

    def _responses(self, route: Route) -> Json:
        slugs = set(self._slugs(route))
        several: dict[str, list[Problem]] = {}
        for problem in self._problems():
            if problem.slug in slugs:
                several.setdefault(str(problem.status.value), []).append(problem)
        by_status = {status: self._one_of(of_status) for status, of_status in several.items()}
        if self._reads_a_record(route):
            by_status["304"] = {"$ref": "#/components/responses/not-modified"}
        stated = route.operation
        examples = self._examples.get(stated.returns or "", {200: None})
        for status, example in {
            stated.status: examples[200],
            **{s: e for s, e in examples.items() if s != 200},
        }.items():
            by_status[str(status)] = self._response(route, status, example)
        return dict(sorted(by_status.items()))

    def _response(self, route: Route, status: int, example: Any) -> Json:
        headers = ["X-Request-Id"]
        if self._is_tagged(route):
            headers.append("ETag")
        if route.operation.paged:
            headers.append("Link")
        if route.operation.locates:
            headers.append("Location")
        if status == HTTPStatus.ACCEPTED and route.operation.status == HTTPStatus.NO_CONTENT:
            headers.append("Retry-After")  # it is not finished
        response: Json = {
            "description": "Success" if status < 400 else HTTPStatus(status).phrase,
            "headers": {header: {"$ref": f"#/components/headers/{header}"} for header in headers},
        }
        if route.operation.returns is not None and status != HTTPStatus.NO_CONTENT:
            content: Json = {"schema": ref(route.operation.returns)}
            if example is not None:
                content["example"] = example
            response["content"] = {JSON: content}
        elif route.operation.returns_types and status < 400:
            response["content"] = _files(route.operation.returns_types)
        return response

    # Components

    def _path_parameters(self) -> Json:
        names = {name for route in self._routes for name in re.findall(r"\{(\w+)\}", route.path)}
        return {
            name: {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "string"},
                **self._parameters.get(name, {}),
            }
            for name in sorted(names)
        }

    def _query_parameters(self) -> Json:
        limits = {route.operation.paged for route in self._routes if route.operation.paged}
        return {
            _limit(largest): {
                "name": "limit",
                "in": "query",
                "description": "The largest number of items on the page",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": largest,
                    "default": min(DEFAULT_LIMIT, largest),
                },
            }
            for largest in sorted(limits)
        } | {f"by-{name}": {"name": name, "in": "query", **parameter} for name, parameter in self._query.items()}

    def _problems(self) -> list[Problem]:
        reported = {*self._problem_of.values(), *problems.OF_STATUS.values(), problems.INTERNAL_ERROR}
        return _sorted({*reported, *FROM_GATEWAY})

    def _one_of(self, several: list[Problem]) -> Json:
        """Return the response of a status that one of ``several`` problems has."""
        if len(several) == 1:
            return {"$ref": f"#/components/responses/{several[0].slug}"}
        responses = {problem.slug: self._problem_response(problem) for problem in several}
        contents = {slug: response["content"][problems.MEDIA_TYPE] for slug, response in responses.items()}
        return {
            "description": ", or ".join(response["description"] for response in responses.values()),
            "headers": {
                name: header for response in responses.values() for name, header in response["headers"].items()
            },
            "content": {
                problems.MEDIA_TYPE: {
                    "schema": {"oneOf": [content["schema"] for content in contents.values()]},
                    "examples": {slug: {"value": content["example"]} for slug, content in contents.items()},
                }
            },
        }

    def _problem_response(self, problem: Problem) -> Json:
        example: Json = {
            "type": problem.type,
            "title": problem.title,
            "status": problem.status.value,
            "detail": self._details.get(problem.slug, problem.title),
            "request_id": REQUEST_ID,
        }
        headers = ["X-Request-Id"]
        if problem is problems.INVALID_REQUEST:
            example["errors"] = [{"pointer": "/pets/0/age", "detail": "NaN is not a JSON number."}]
        if problem.status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
            headers.append("Retry-After")
        return {
            "description": problem.title,
            "headers": {header: {"$ref": f"#/components/headers/{header}"} for header in headers},
            "content": {
                problems.MEDIA_TYPE: {"schema": ref(_schema_name(problem)), "example": example},
            },
        }

    def _problem_schemas(self) -> Json:
        # Problems that the HTTP server of `chalice local` reports belong to no operation: only their types are listed.
        local = {response.problem for response in gateway_responses.BY_STATUS.values()}
        types = [problem.type for problem in _sorted({*self._problems(), *local})]
        return {
            "Problem": _problem_schema({"enum": types}, {"type": "integer", "minimum": 400, "maximum": 599}),
            # Each stands alone instead of refining Problem: generators of clients can't combine an enum and a constant.
            **{
                _schema_name(problem): _problem_schema({"const": problem.type}, {"const": problem.status.value})
                for problem in self._problems()
            },
            "Violation": record(
                ["pointer", "detail"],
                {"pointer": {"type": "string", "format": "json-pointer"}, "detail": {"type": "string"}},
                description="What is wrong in the body, and where (RFC 6901)",
                additionalProperties=False,
            ),
        }


def _schema_name(problem: Problem) -> str:
    """Return the name of a problem's schema, such as ``NotFoundProblem``."""
    return "".join(word.capitalize() for word in problem.slug.split("-")) + "Problem"


def _problem_schema(type_: Json, status: Json) -> Json:
    text = {"type": "string"}
    return record(
        ["type", "title", "status", "detail", "request_id"],
        {
            "type": type_,
            "title": text,
            "status": status,
            "detail": text,
            "request_id": text,
            "errors": {"type": "array", "items": ref("Violation")},
        },
        description="RFC 9457",
    )


def _files(media_types: Iterable[str]) -> Json:
    """Return the content of a body that is not JSON."""
    text, binary = {"type": "string"}, {"type": "string", "format": "binary"}
    return {kind: {"schema": text if kind.startswith("text/") else binary} for kind in media_types}


def _sentences(docstring: str) -> tuple[str, str]:
    """Return the first sentence, without its full stop, and the rest."""
    first, *rest = re.split(r"\.(?:\s+|$)", docstring.replace("``", "`"), maxsplit=1)
    return " ".join(first.split()), " ".join("".join(rest).split())


def _limit(largest: int) -> str:
    """Return the name of the parameter ``limit`` of routes whose pages have this many items at most."""
    return "limit" if largest == MAX_LIMIT else f"limit-{largest}"


def _sorted(several: Iterable[Problem]) -> list[Problem]:
    return sorted(several, key=lambda problem: problem.slug)


def _who(rule: Rule, authorizer: Any) -> str:
    """Return who may call an operation, and with which tokens. The Cognito authorizer rejects access tokens."""
    if authorizer is None:
        return f"For {rule.who}."
    accepted = rule.tokens or ({"id"} if isinstance(authorizer, CognitoUserPoolAuthorizer) else {"id", "access"})
    names = {"id": "an ID token", "access": "an access token"}
    return f"For {rule.who}. Accepts {' or '.join(text for kind, text in names.items() if kind in accepted)}."


def _not_modified() -> Json:
    return {
        "description": "You already have the current record",
        "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
    }


def _security_schemes() -> Json:
    return {
        BEARER: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": (
                "An ID token from the user pool. Some operations also accept an access token, as their descriptions "
                "state."
            ),
        },
    }


def _parameters() -> Json:
    tag = r'(W/)?"[\x21\x23-\x7e]*"'
    tag_list = {"type": "string", "pattern": rf"^(\*|{tag}( *, *{tag})*)$", "examples": [TAG, "*"]}
    return {
        "cursor": {
            "name": "cursor",
            "in": "query",
            "description": "Where the page starts. Use the address in `Link` as it is",
            "schema": {"type": "string"},
        },
        "If-Match": {
            "name": "If-Match",
            "in": "header",
            "description": "Read or write only if the stored record has this entity tag; otherwise 412",
            "schema": tag_list,
        },
        "If-None-Match-read": {
            "name": "If-None-Match",
            "in": "header",
            "description": "The entity tag of the record that you have. 304 if it is still current",
            "schema": tag_list,
        },
        "If-None-Match-write": {
            "name": "If-None-Match",
            "in": "header",
            "description": "`*`: write only if no record is stored; otherwise 412",
            "schema": {"type": "string", "enum": ["*"]},
        },
        "Idempotency-Key": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "A retry with the same key and body creates nothing new, and returns the same",
            "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,128}$"},
            "example": "7c4a8d09-ca37-4c2d-a5b1-0a8f2b1e9f44",
        },
    }


def _headers() -> Json:
    texts = {
        "ETag": ("The record's strong entity tag", TAG),
        "Link": ("The address of the next page, if there may be one (RFC 8288)", '<…?limit=50&cursor=…>; rel="next"'),
        "Location": ("The address of what was created", f"https://api.example.com/api/users/{SUB}"),
        "X-Request-Id": ("The request's id, which its log lines carry", REQUEST_ID),
        "Retry-After": ("Seconds to wait before a retry", "1"),
    }
    return {
        name: {"description": description, "schema": {"type": "string"}, "example": example}
        for name, (description, example) in texts.items()
    }
