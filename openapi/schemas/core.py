"""The schemas of the directory itself."""

from chalicelib import __version__
from chalicelib.errors import InsufficientScope
from chalicelib.web import gateway_responses
from openapi.schemas import SUB, TIMESTAMP, Json, record, ref

TEXT = {"type": "string"}
STATUS = {"enum": ["ok", "fail"]}
WRITTEN = {"type": "string", "format": "date-time", "description": "The time of the last write, in UTC"}
HEALTH = {"status": STATUS, "region": TEXT, "version": TEXT}

SCHEMAS: Json = {
    "UserId": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$", "not": {"enum": [".", ".."]}},
    "Document": {
        "type": "object",
        "description": "Any JSON object of at most 350 KB and 30 levels, with numbers of up to 38 digits",
        "additionalProperties": True,
    },
    "Nothing": {"type": "object", "maxProperties": 0},
    "User": record(["userid", "timestamp"], {"userid": ref("UserId"), "timestamp": WRITTEN}, additionalProperties=True),
    "UserOrNothing": {"anyOf": [ref("User"), ref("Nothing")]},
    "Users": {"type": "array", "maxItems": 100, "items": ref("User")},
    "Profile": record(
        ["userid", "profile_data", "timestamp"],
        {"userid": ref("UserId"), "profile_data": ref("Document"), "timestamp": WRITTEN},
        additionalProperties=False,
    ),
    "Message": record(["message"], {"message": TEXT}, additionalProperties=False),
    "Greeting": record(
        ["message", "sub", "email", "groups"],
        {
            "message": TEXT,
            "sub": TEXT,
            "email": {"type": ["string", "null"]},
            "groups": {"type": "array", "items": TEXT},
        },
        additionalProperties=False,
    ),
    "Health": record([*HEALTH], HEALTH, additionalProperties=False),
    "Readiness": record(
        [*HEALTH, "checks"],
        {**HEALTH, "checks": {"type": "object", "additionalProperties": STATUS}},
        additionalProperties=False,
    ),
    "Description": {"type": "object", "required": ["openapi", "info", "paths"]},
}

USER = {"name": "Jane", "height": 1.75, "userid": SUB, "timestamp": TIMESTAMP}
ALIVE = {"status": "ok", "region": "eu-west-1", "version": __version__}
CHECKS = {"users_table": "ok", "profiles_table": "ok", "signing_keys": "ok"}

EXAMPLES: Json = {
    "Document": {200: {"name": "Jane"}},
    "Nothing": {200: {}},
    "User": {200: USER},
    "UserOrNothing": {200: USER},
    "Users": {200: [USER]},
    "Profile": {200: {"userid": SUB, "profile_data": {"theme": "dark"}, "timestamp": TIMESTAMP}},
    "Message": {200: {"message": "This route is open to everybody."}},
    "Greeting": {
        200: {
            "message": "Hello, Jane Doe! You are signed in to Roster.",
            "sub": SUB,
            "email": "jane@example.com",
            "groups": [],
        }
    },
    "Health": {200: ALIVE},
    "Readiness": {200: {**ALIVE, "checks": CHECKS}, 503: {**ALIVE, "checks": CHECKS, "status": "fail"}},
}
"""Examples of the schemas by status: 200 is the route's own status, and any other one that it may return too."""

TAGGED = dict.fromkeys(["User", "UserOrNothing", "Profile"], True)
"""The schemas of records, which have an ``ETag``. The paths on which they are read can be called conditionally."""

PARAMETERS: Json = {
    "userid": {
        "description": "The user's name in the directory; for a signed-in user, their `sub`",
        "schema": ref("UserId"),
        "example": SUB,
    },
}
"""Path parameters by name. ``QUERY`` has query parameters in the same form."""

DETAILS = {
    **{response.problem.slug: response.detail for response in gateway_responses.BY_TYPE.values()},
    "invalid-request": "At /pets/0/age: NaN is not a JSON number.",
    "forbidden": "You do not have access. This route is for members of the admin group.",
    "insufficient-scope": InsufficientScope().detail,
    "not-found": "No record exists for this userid: create it first.",
    "method-not-allowed": "Unsupported method: DELETE",
    "precondition-failed": "The stored record does not meet your precondition: read it again, then retry.",
    "too-large": "The body has 400,000 bytes; at most 358,400 are accepted.",
    "idempotency-key-reused": "This Idempotency-Key was used with a different body: send a new key.",
    "unsupported-media-type": "Send the body as application/json.",
    "unavailable": "The database is overloaded or temporarily unavailable: retry later.",
}
"""An example of each problem's ``detail``."""
