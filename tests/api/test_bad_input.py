"""Invalid input is rejected with the status, the problem type and the pointer that the contract states."""

import gzip

import pytest

from chalicelib.web import bodies
from testbed.routes import ROUTES, Who

INVALID = 400, "invalid-request"
TOO_LARGE = 413, "too-large"
OTHER_TYPE = 415, "unsupported-media-type"

# A body, the problem that it causes, and the pointer to the error (None: the problem has no pointer). If a key is
# itself invalid, the pointer is that of its object.
BODIES = {
    "empty": (b"", INVALID, ""),
    "a form": (b"name=Jane", INVALID, ""),
    "truncated": (b'{"a": 1', INVALID, ""),
    "two documents": (b"{} {}", INVALID, ""),
    "a trailing comma": (b'{"a": [1,]}', INVALID, ""),
    "a list": (b"[1]", INVALID, ""),
    "a string": (b'"text"', INVALID, ""),
    "null": (b"null", INVALID, ""),
    "a duplicate key": (b'{"a": {"b": 1, "b": 2}}', INVALID, "/a/b"),
    "a duplicate key written with an escape": (b'{"a": 1, "\\u0061": 2}', INVALID, "/a"),
    "NaN": (b'{"a": [NaN]}', INVALID, "/a/0"),
    "Infinity": (b'{"a": Infinity}', INVALID, "/a"),
    "-Infinity": (b'{"a": {"~/": -Infinity}}', INVALID, "/a/~0~1"),
    "a lone surrogate": (b'{"a": "\\ud800"}', INVALID, "/a"),
    "a lone surrogate in a key": (b'{"\\udfff": 1}', INVALID, ""),
    "39 digits": (b'{"a": %s}' % (b"1" * 39), INVALID, "/a"),
    "10,000 digits": (b'{"a": %s}' % (b"1" * 10_000), INVALID, "/a"),
    "10,000 decimal places": (b'{"a": 0.%s}' % (b"1" * 10_000), INVALID, "/a"),
    "a number that is too large": (b'{"a": 1e126}', INVALID, "/a"),
    "a number that is too small": (b'{"a": 1e-131}', INVALID, "/a"),
    "an exponent of 10,000 digits": (b'{"a": 1e%s}' % (b"9" * 10_000), INVALID, "/a"),
    "an empty key": (b'{"": 1}', INVALID, "/"),
    "31 levels of nesting": (b'{"a": ' * 31 + b"1" + b"}" * 31, INVALID, "/a" * 30),
    "a byte order mark": (b'\xef\xbb\xbf{"a": 1}', INVALID, ""),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), INVALID, ""),
    "gzip": (gzip.compress(b'{"a": 1}', mtime=0), INVALID, ""),
    "100,000 brackets": (b"[" * 100_000, INVALID, ""),
    "1 MB of brackets": (b"[" * 2**20, TOO_LARGE, None),
    "more than 350 KB": (b'{"a": "%s"}' % (b"x" * 350 * 1024), TOO_LARGE, None),
    "a list that is too large for an item": (b'{"a": [%s1]}' % (b"1," * 170_000), TOO_LARGE, None),
    "a key of 100 KB": (b'{"%s": 1}' % (b"x" * 100_000), INVALID, ""),
}


def assert_rejected(answer, problem, pointer=None):
    """Assert that the response is a problem of this status and type, with the one error at ``pointer``, if any."""
    assert (answer.status, answer.json["type"].removeprefix("urn:roster:problem:")) == problem
    assert [error["pointer"] for error in answer.json.get("errors", [])] == ([] if pointer is None else [pointer])


@pytest.fixture(params=["user", "profile"])
def own(request, person):
    """The path of a record that the user may write, and the method that replaces it."""
    return (f"/users/{person.sub}", "PUT") if request.param == "user" else ("/user/profile", "POST")


@pytest.mark.parametrize("case", BODIES)
def test_an_invalid_body_is_rejected_with_a_pointer_and_changes_nothing(api, person, own, case):
    path, store = own
    body, problem, pointer = BODIES[case]
    before = api.request(store, path, token=person.token, json={"kept": True}).json
    for method in (store, "PATCH"):
        headers = {"Content-Type": "application/json"}
        answer = api.request(method, path, token=person.token, body=body, headers=headers)
        assert_rejected(answer, problem, pointer)
    assert api.get(path, token=person.token).json == before


@pytest.mark.parametrize("case", BODIES)
def test_posting_an_invalid_body_creates_no_user(api, admin, case):
    body, problem, pointer = BODIES[case]
    answer = api.post("/users", token=admin.token, body=body, headers={"Content-Type": "application/json"})
    assert_rejected(answer, problem, pointer)
    assert "location" not in answer.headers


ACCOUNTS = [
    route
    for route in ROUTES
    if route.capability == "accounts" and route.has_body and route.who in (Who.ANYONE, Who.OWN_ACCOUNT)
]


@pytest.fixture(scope="module")
def token(api):
    """An access token, for the routes of one's own account."""
    return api.access_token(api.sign_up().email)


def sent_to_all(api, token, body, headers, routes=ACCOUNTS):
    """Send a body to every route of accounts, and return the responses."""

    def sent(route):
        known = None if route.who is Who.ANYONE else token
        return lambda: api.request(route.method, route.path, token=known, body=body, headers=headers)

    return api.at_once([sent(route) for route in routes])


@pytest.mark.parametrize("case", BODIES)
def test_an_invalid_body_is_rejected_by_every_route_of_accounts(api, token, case):
    """All routes in one test: most of the time goes into starting functions, which overlaps."""
    body, problem, pointer = BODIES[case]
    if len(body) > bodies.MAX_BYTES:
        problem, pointer = TOO_LARGE, None
    answers = sent_to_all(api, token, body, {"Content-Type": "application/json"})
    assert len(answers) == 16
    for answer in answers:
        assert_rejected(answer, problem, pointer)
        assert "set-cookie" not in answer.headers


def test_a_body_that_is_not_utf_8_is_rejected_by_every_route_of_accounts(api, token):
    """Where invalid bytes become U+FFFD, the member that has them is unknown to the route."""
    expected = "" if api.how("A body that is not UTF-8") == "rejected: 400" else "/\ufffd"
    for route in ACCOUNTS:
        body = route.body.replace(b"{", b'{"\xff": 1, ', 1)
        (answer,) = sent_to_all(api, token, body, {"Content-Type": "application/json"}, [route])
        assert_rejected(answer, INVALID, expected)


MEDIA_TYPES = {
    "text/plain": {"Content-Type": "text/plain"},
    "a form": {"Content-Type": "application/x-www-form-urlencoded"},
    "a merge patch": {"Content-Type": "application/merge-patch+json"},
    "two types": {"Content-Type": "text/html, application/json"},
    "any type": {"Content-Type": "*/*"},
    "gzip": {"Content-Type": "application/json", "Content-Encoding": "gzip"},
}
"""Headers of a body that only PATCH accepts, or no route at all."""


@pytest.mark.parametrize("headers", MEDIA_TYPES.values(), ids=MEDIA_TYPES)
def test_an_unsupported_media_type_or_content_coding_returns_415(api, person, headers):
    answer = api.put(f"/users/{person.sub}", token=person.token, body=b"{}", headers=headers)
    assert_rejected(answer, OTHER_TYPE)


@pytest.mark.parametrize("headers", MEDIA_TYPES.values(), ids=MEDIA_TYPES)
def test_the_routes_of_accounts_accept_only_json(api, token, headers):
    routes = [route for route in ACCOUNTS if route.method != "PATCH"]
    for answer in sent_to_all(api, token, b"{}", headers, routes):
        assert_rejected(answer, OTHER_TYPE)


def test_a_json_patch_returns_415(api, person):
    headers = {"Content-Type": "application/json-patch+json"}
    answer = api.patch(f"/users/{person.sub}", token=person.token, body=b"[]", headers=headers)
    assert_rejected(answer, OTHER_TYPE)


@pytest.mark.parametrize("body", [b"{", b"", b"x" * 1000])
def test_the_body_of_a_get_is_ignored(api, person, body):
    headers = {"Content-Type": "text/plain"}
    assert api.get(f"/users/{person.sub}", token=person.token, headers=headers, body=body).status == 200
    assert api.get("/open", headers=headers, body=body).status == 200


@pytest.mark.parametrize("userid", ["a%20b", "a%00", "~jane", "a@b", "x" * 129])
def test_an_invalid_userid_in_a_path_is_rejected(api, admin, userid):
    for method, body in (("GET", ...), ("PUT", {}), ("PATCH", {}), ("DELETE", ...)):
        answer = api.request(method, f"/users/{userid}", token=admin.token, json=body)
        assert_rejected(answer, INVALID, "/userid")


@pytest.mark.parametrize(("escaped", "unescaped"), [("%41", 200), ("a%2Fb", 404)])
def test_an_escaped_userid_in_a_path_is_rejected_unless_the_target_decodes_it(api, admin, escaped, unescaped):
    if api.how("Escapes (`%41`) in a `userid`") != "rejected: 400":
        assert api.send("GET", f"/users/{escaped}", {"Authorization": admin.token}, None).status == unescaped
        return
    for method, body in (("GET", ...), ("PUT", {}), ("PATCH", {}), ("DELETE", ...)):
        answer = api.request(method, f"/users/{escaped}", token=admin.token, json=body)
        assert_rejected(answer, INVALID, "/userid")


def test_a_body_that_is_not_utf_8_is_rejected_or_stored_with_replacement_characters(api, person, own):
    path, store = own
    before = api.request(store, path, token=person.token, json={"kept": True}).json
    for method in (store, "PATCH"):
        headers = {"Content-Type": "application/json"}
        answer = api.request(method, path, token=person.token, body=b'{"a": "\xff"}', headers=headers)
        if api.how("A body that is not UTF-8") == "rejected: 400":
            assert_rejected(answer, INVALID, "")
            assert api.get(path, token=person.token).json == before
        else:
            assert answer.json.get("profile_data", answer.json)["a"] == "\ufffd"


@pytest.mark.parametrize("userid", ["", ".", "..", "a b", "a/b", "ä", "x" * 129, 1, None, True, ["a"], {"a": 1}])
def test_an_invalid_userid_in_a_body_is_rejected(api, admin, userid):
    assert_rejected(api.post("/users", token=admin.token, json={"userid": userid}), INVALID, "/userid")


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "ten", "", "1&limit=2", "%2B5", "١"])
def test_an_invalid_limit_is_rejected(api, admin, limit):
    assert_rejected(api.get(f"/users?limit={limit}", token=admin.token), INVALID, "/limit")


@pytest.mark.parametrize("cursor", ["", "x", "bm90IGEgY3Vyc29y", "%00", "a&cursor=b"])
def test_a_damaged_cursor_is_rejected(api, admin, cursor):
    assert_rejected(api.get(f"/users?cursor={cursor}", token=admin.token), INVALID, "/cursor")


@pytest.mark.parametrize(
    "headers",
    [{"If-Match": "not a tag"}, {"If-Match": ""}, {"If-None-Match": '"a"'}, {"If-Match": "*", "If-None-Match": "*"}],
    ids=str,
)
def test_an_invalid_precondition_is_rejected_and_changes_nothing(api, person, own, headers):
    path, store = own
    assert_rejected(api.request(store, path, token=person.token, json={"n": 1}, headers=headers), INVALID)
    assert api.patch(path, token=person.token, json={}).status == 404


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 129])
def test_an_invalid_idempotency_key_is_rejected(api, admin, key):
    headers = {"Idempotency-Key": key.encode() if key == "ä" and api.base_url else key}
    assert_rejected(api.post("/users", token=admin.token, json={}, headers=headers), INVALID)
