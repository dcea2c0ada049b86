"""The OpenAPI 3.1 document, built from the app's own routes, rules and problems.

Paths, methods, media types, authorizers and problem types are read from the code, so they can't drift; what only a
person can say (summaries, examples, which answer means what) stands here. A test compares the result with
``chalicelib/openapi.json``, and every answer that the tests get with it.
"""

from http import HTTPStatus
from typing import Any

from chalice.app import Chalice, CognitoUserPoolAuthorizer

from chalicelib import __version__
from chalicelib.security.access import Rule
from chalicelib.web import api, gateway_responses, problems
from chalicelib.web.problems import Problem

Json = dict[str, Any]

SUB = "5f0c2b7e-3a1d-4b8e-9c55-1f2e3d4c5b6a"
TIMESTAMP = "2026-11-21T08:30:00.123Z"
TAG = '"9f86d081884c7d659a2feaa0c55ad015"'
REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
USER = {"name": "Jane", "height": 1.75, "userid": SUB, "timestamp": TIMESTAMP}
PROFILE = {"userid": SUB, "profile_data": {"theme": "dark"}, "timestamp": TIMESTAMP}

DETAILS = {
    **{response.problem.slug: response.detail for response in gateway_responses.BY_TYPE.values()},
    "invalid-request": "At /pets/0/age: NaN is not a JSON number.",
    "forbidden": "This is not yours to use: it takes an administrator, or the user whom the path names.",
    "not-found": "Nothing is stored under this name.",
    "method-not-allowed": "Unsupported method: DELETE",
    "precondition-failed": "What is stored is not what the precondition asks for.",
    "too-large": "The body has 400,000 bytes; at most 358,400 are taken.",
    "idempotency-key-reused": "This Idempotency-Key was sent before, with another body.",
    "unsupported-media-type": "Send the body as application/json.",
    "unavailable": "The database is overloaded or unwell just now.",
}

# What each handler does: summary, the schema and an example of its success, and what may go wrong besides.
OPERATIONS: dict[str, tuple[str, str, Any, list[str]]] = {
    "get_open": ("Show that a public route works", "Message", {"message": "This route is open to everybody."}, []),
    "get_health": (
        "Alive",
        "Health",
        {"status": "ok", "region": "eu-west-1", "version": __version__},
        [],
    ),
    "get_readiness": (
        "Alive, and able to reach what it needs",
        "Readiness",
        {
            "status": "ok",
            "region": "eu-west-1",
            "version": __version__,
            "checks": {"users_table": "ok", "profiles_table": "ok", "signing_keys": "ok"},
        },
        [],
    ),
    "get_description": ("This document", "Description", None, []),
    "get_greeting": (
        "Greet the caller by name",
        "Greeting",
        {
            "message": "Hello, Jane Doe! You are signed in to Roster.",
            "sub": SUB,
            "email": "jane@example.com",
            "groups": [],
        },
        [],
    ),
    "get_profile": ("The caller's own profile", "Profile", PROFILE, ["not-found", "precondition-failed"]),
    "post_profile": ("Store the caller's profile whole", "Profile", PROFILE, ["precondition-failed", "too-large"]),
    "patch_profile": (
        "Merge a patch into the caller's profile",
        "Profile",
        PROFILE,
        ["not-found", "precondition-failed", "too-large"],
    ),
    "delete_profile": ("Remove the caller's profile", "Nothing", {}, ["precondition-failed"]),
    "list_users": ("A page of users", "Users", [USER], []),
    "post_user": (
        "Store a user, under a new userid if the body has none",
        "User",
        USER,
        ["precondition-failed", "too-large", "idempotency-key-reused"],
    ),
    "get_user": ("One user; an empty object if there is none", "UserOrNothing", USER, ["precondition-failed"]),
    "put_user": (
        "Store a user whole; the path's userid wins over the body's",
        "User",
        USER,
        ["precondition-failed", "too-large"],
    ),
    "patch_user": (
        "Merge a patch into a user",
        "User",
        USER,
        ["not-found", "precondition-failed", "too-large"],
    ),
    "delete_user": ("Remove a user", "Nothing", {}, ["precondition-failed"]),
}

FROM_GATEWAY = [problems.UNAUTHORIZED, problems.THROTTLED, problems.TIMEOUT]
"""Problems that only API Gateway reports."""
BEARER = "bearerAuth"
"""The only security scheme: both authorizers read the same header, and both accept an ID token."""
TAGGED = {"User", "UserOrNothing", "Profile"}
GROUPS = {
    "Users": {Rule.ADMINS, Rule.THEMSELVES_OR_ADMINS},
    "The signed-in user": {Rule.SIGNED_IN},
    "Open to everybody": {Rule.ANYONE},
}
"""How a reader finds the routes: the sections of ``app.py``."""


def build(app: Chalice) -> Json:
    """The document that describes ``app``."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Roster",
            "version": __version__,
            "summary": "A user directory and profile API",
            "description": (
                "Users and profiles are JSON objects of the client's own making: what goes in comes out, and no number "
                "is rounded. Errors are problem documents (RFC 9457). GETs can be conditional, writes too "
                "(`If-Match`), and a POST can be made safe to repeat (`Idempotency-Key`)."
            ),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": ".", "description": "where this document is served"}],
        "tags": [{"name": name} for name in GROUPS],
        "paths": {
            path: {method.lower(): _operation(path, method, entry) for method, entry in methods.items()}
            for path, methods in app.routes.items()
        },
        "components": {
            "securitySchemes": _security_schemes(),
            "parameters": _parameters(),
            "headers": _headers(),
            "responses": {problem.slug: _problem_response(problem) for problem in _problems()}
            | {"not-modified": _not_modified()},
            "schemas": _schemas(),
        },
    }


def _problems() -> list[Problem]:
    ours = {*problems.OF_ERROR.values(), *problems.OF_STATUS.values(), problems.INTERNAL_ERROR}
    return sorted({*ours, *FROM_GATEWAY}, key=_slug)


def _from_local_server() -> set[Problem]:
    """What only the HTTP server of ``chalice local`` reports: to no operation, so that only the type is described."""
    return {response.problem for response in gateway_responses.BY_STATUS.values()}


def _slug(problem: Problem) -> str:
    return problem.slug


def _operation(path: str, method: str, entry: Any) -> Json:
    name = entry.view_name
    summary, schema, example, refusals = OPERATIONS[name]
    rule: Rule = entry.view_function.rule
    slugs = [*refusals, "invalid-request", "internal-error", "unavailable"] if rule is not Rule.ANYONE else []
    responses = {"200": _success(name, schema, example)}
    if method == "GET" and schema in TAGGED:
        responses["304"] = {"$ref": "#/components/responses/not-modified"}
    if entry.authorizer is not None:
        slugs += ["unauthorized", "forbidden"]
    if entry.content_types:
        slugs.append("unsupported-media-type")
    slugs += ["throttled", "timeout"]
    by_status = {str(problem.status.value): problem.slug for problem in _problems() if problem.slug in slugs}
    responses |= {status: {"$ref": f"#/components/responses/{slug}"} for status, slug in by_status.items()}
    if name == "get_readiness":
        responses["503"] = _success(name, schema, {**example, "status": "fail"}) | {
            "description": "A dependency can't be reached; `checks` says which"
        }
    operation: Json = {
        "operationId": name,
        "tags": [group for group, rules in GROUPS.items() if rule in rules],
        "summary": summary,
        "description": _description(rule, entry.authorizer),
        "responses": dict(sorted(responses.items())),
    }
    parameters = _parameters_of(name, path, method, schema)
    if parameters:
        operation["parameters"] = [{"$ref": f"#/components/parameters/{parameter}"} for parameter in parameters]
    if entry.content_types:
        operation["requestBody"] = {
            "required": True,
            "content": {
                media_type: {"schema": {"$ref": "#/components/schemas/Document"}, "example": {"name": "Jane"}}
                for media_type in entry.content_types
            },
        }
    operation["security"] = [] if entry.authorizer is None else [{BEARER: []}]
    return operation


def _parameters_of(name: str, path: str, method: str, schema: str) -> list[str]:
    parameters = ["userid"] if "{userid}" in path else []
    if name == "list_users":
        parameters += ["limit", "cursor"]
    if method == "GET" and schema in TAGGED:
        parameters += ["If-Match", "If-None-Match-read"]
    elif method in ("PUT", "PATCH", "POST", "DELETE"):
        parameters.append("If-Match")
    if method in ("PUT", "POST"):
        parameters.append("If-None-Match-write")
    if name == "post_user":
        parameters.append("Idempotency-Key")
    return parameters


def _description(rule: Rule, authorizer: Any) -> str:
    """Who may call the operation, and with which tokens: the Cognito authorizer rejects access tokens."""
    if authorizer is None:
        return f"For {rule.value}."
    tokens = "an ID token" if isinstance(authorizer, CognitoUserPoolAuthorizer) else "an ID token or an access token"
    return f"For {rule.value}. Accepts {tokens}."


def _success(name: str, schema: str, example: Any) -> Json:
    headers = ["X-Request-Id"]
    if schema in TAGGED:
        headers.append("ETag")
    if name == "list_users":
        headers.append("Link")
    if name == "post_user":
        headers.append("Location")
    content: Json = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    if example is not None:
        content["example"] = example
    return {
        "description": "Done",
        "headers": {header: {"$ref": f"#/components/headers/{header}"} for header in headers},
        "content": {api.JSON: content},
    }


def _problem_response(problem: Problem) -> Json:
    example: Json = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status.value,
        "detail": DETAILS[problem.slug],
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
            problems.MEDIA_TYPE: {
                "schema": {
                    "allOf": [
                        {"$ref": "#/components/schemas/Problem"},
                        {"properties": {"type": {"const": problem.type}, "status": {"const": problem.status.value}}},
                    ]
                },
                "example": example,
            }
        },
    }


def _not_modified() -> Json:
    return {
        "description": "You have it already",
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
        "userid": {
            "name": "userid",
            "in": "path",
            "required": True,
            "description": "The user's name in the directory; for a signed-in user, their `sub`",
            "schema": {"$ref": "#/components/schemas/UserId"},
            "example": SUB,
        },
        "limit": {
            "name": "limit",
            "in": "query",
            "description": "How many users at the most",
            "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": api.DEFAULT_LIMIT},
        },
        "cursor": {
            "name": "cursor",
            "in": "query",
            "description": "Where the list goes on: use the address in `Link` as it stands",
            "schema": {"type": "string"},
        },
        "If-Match": {
            "name": "If-Match",
            "in": "header",
            "description": "Read or write only if this is what is stored, else 412",
            "schema": tag_list,
        },
        "If-None-Match-read": {
            "name": "If-None-Match",
            "in": "header",
            "description": "What you have already: if it is still current, 304",
            "schema": tag_list,
        },
        "If-None-Match-write": {
            "name": "If-None-Match",
            "in": "header",
            "description": "`*`: write only if nothing is stored, else 412",
            "schema": {"type": "string", "const": "*"},
        },
        "Idempotency-Key": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "A retry with the same key and body gives the same user back",
            "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,128}$"},
            "example": "7c4a8d09-ca37-4c2d-a5b1-0a8f2b1e9f44",
        },
    }


def _headers() -> Json:
    texts = {
        "ETag": ("The record's strong entity tag", TAG),
        "Link": ("The address of the next page, if there may be one (RFC 8288)", '<…?limit=50&cursor=…>; rel="next"'),
        "Location": ("The user's own address", f"https://api.example.com/api/users/{SUB}"),
        "X-Request-Id": ("The request's id, for finding its trail", REQUEST_ID),
        "Retry-After": ("Seconds to wait before trying again", "1"),
    }
    return {
        name: {"description": description, "schema": {"type": "string"}, "example": example}
        for name, (description, example) in texts.items()
    }


def _object(required: list[str], properties: Json, **more: Any) -> Json:
    return {"type": "object", "required": required, "properties": properties, **more}


def _schemas() -> Json:
    text = {"type": "string"}
    status = {"enum": ["ok", "fail"]}
    userid = {"$ref": "#/components/schemas/UserId"}
    timestamp = {"type": "string", "format": "date-time", "description": "The last write, UTC"}
    health = {"status": status, "region": text, "version": text}
    user = _object(["userid", "timestamp"], {"userid": userid, "timestamp": timestamp}, additionalProperties=True)
    return {
        "UserId": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$", "not": {"enum": [".", ".."]}},
        "Document": {
            "type": "object",
            "description": "Any JSON object: at most 350 KB and 30 levels; numbers of up to 38 digits",
            "additionalProperties": True,
        },
        "Nothing": {"type": "object", "maxProperties": 0},
        "User": user,
        "UserOrNothing": {
            "anyOf": [{"$ref": "#/components/schemas/User"}, {"$ref": "#/components/schemas/Nothing"}],
        },
        "Users": {"type": "array", "maxItems": 100, "items": {"$ref": "#/components/schemas/User"}},
        "Profile": _object(
            ["userid", "profile_data", "timestamp"],
            {
                "userid": userid,
                "profile_data": {"$ref": "#/components/schemas/Document"},
                "timestamp": timestamp,
            },
            additionalProperties=False,
        ),
        "Message": _object(["message"], {"message": text}, additionalProperties=False),
        "Greeting": _object(
            ["message", "sub", "email", "groups"],
            {
                "message": text,
                "sub": text,
                "email": {"type": ["string", "null"]},
                "groups": {"type": "array", "items": text},
            },
            additionalProperties=False,
        ),
        "Health": _object([*health], health, additionalProperties=False),
        "Readiness": _object(
            [*health, "checks"],
            {**health, "checks": {"type": "object", "additionalProperties": status}},
            additionalProperties=False,
        ),
        "Description": {"type": "object", "required": ["openapi", "info", "paths"]},
        "Problem": _object(
            ["type", "title", "status", "detail", "request_id"],
            {
                "type": {
                    "enum": [problem.type for problem in sorted({*_problems(), *_from_local_server()}, key=_slug)]
                },
                "title": text,
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "detail": text,
                "request_id": text,
                "errors": {
                    "type": "array",
                    "items": _object(
                        ["pointer", "detail"],
                        {"pointer": {"type": "string", "format": "json-pointer"}, "detail": text},
                        additionalProperties=False,
                    ),
                },
            },
            description="RFC 9457",
        ),
    }
