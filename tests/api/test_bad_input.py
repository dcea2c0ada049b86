"""What can't be taken: every refusal of the contract, with its status, its problem type and its place."""

import gzip

import pytest

INVALID = 400, "invalid-request"
TOO_LARGE = 413, "too-large"
OTHER_TYPE = 415, "unsupported-media-type"

# A body, its refusal, and the place in it (None: the refusal names no place). Of a name that a pointer can't hold, the
# place is the object that it stands in.
BODIES = {
    "empty": (b"", INVALID, ""),
    "a form": (b"name=Jane", INVALID, ""),
    "cut off": (b'{"a": 1', INVALID, ""),
    "two documents": (b"{} {}", INVALID, ""),
    "a comma too many": (b'{"a": [1,]}', INVALID, ""),
    "a list": (b"[1]", INVALID, ""),
    "a text": (b'"text"', INVALID, ""),
    "null": (b"null", INVALID, ""),
    "a duplicate member": (b'{"a": {"b": 1, "b": 2}}', INVALID, "/a/b"),
    "a duplicate member by another spelling": (b'{"a": 1, "\\u0061": 2}', INVALID, "/a"),
    "NaN": (b'{"a": [NaN]}', INVALID, "/a/0"),
    "Infinity": (b'{"a": Infinity}', INVALID, "/a"),
    "-Infinity": (b'{"a": {"~/": -Infinity}}', INVALID, "/a/~0~1"),
    "a lone surrogate": (b'{"a": "\\ud800"}', INVALID, "/a"),
    "a lone surrogate in a name": (b'{"\\udfff": 1}', INVALID, ""),
    "39 digits": (b'{"a": %s}' % (b"1" * 39), INVALID, "/a"),
    "10,000 digits": (b'{"a": %s}' % (b"1" * 10_000), INVALID, "/a"),
    "10,000 decimals": (b'{"a": 0.%s}' % (b"1" * 10_000), INVALID, "/a"),
    "too large a number": (b'{"a": 1e126}', INVALID, "/a"),
    "too small a number": (b'{"a": 1e-131}', INVALID, "/a"),
    "an exponent of 10,000 digits": (b'{"a": 1e%s}' % (b"9" * 10_000), INVALID, "/a"),
    "an empty name": (b'{"": 1}', INVALID, "/"),
    "31 levels": (b'{"a": ' * 31 + b"1" + b"}" * 31, INVALID, "/a" * 30),
    "a byte order mark": (b'\xef\xbb\xbf{"a": 1}', INVALID, ""),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), INVALID, ""),
    "gzip": (gzip.compress(b'{"a": 1}', mtime=0), INVALID, ""),
    "100,000 brackets": (b"[" * 100_000, INVALID, ""),
    "1 MB of brackets": (b"[" * 2**20, TOO_LARGE, None),
    "more than 350 KB": (b'{"a": "%s"}' % (b"x" * 350 * 1024), TOO_LARGE, None),
    "a list that outgrows an item": (b'{"a": [%s1]}' % (b"1," * 170_000), TOO_LARGE, None),
    "a name of 100 KB": (b'{"%s": 1}' % (b"x" * 100_000), INVALID, ""),
}


def is_refused(answer, refusal, pointer=None):
    """Assert that it is a problem of this status, type and place."""
    assert (answer.status, answer.json["type"].removeprefix("urn:roster:problem:")) == refusal
    assert [error["pointer"] for error in answer.json.get("errors", [])] == ([] if pointer is None else [pointer])


@pytest.fixture(params=["user", "profile"])
def own(request, person):
    """What a person may write: the path, and the method that stores it whole."""
    return (f"/users/{person.sub}", "PUT") if request.param == "user" else ("/user/profile", "POST")


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_can_not_be_taken_is_refused_with_its_place_and_changes_nothing(api, person, own, case):
    path, store = own
    body, refusal, pointer = BODIES[case]
    before = api.request(store, path, token=person.token, json={"kept": True}).json
    for method in (store, "PATCH"):
        headers = {"Content-Type": "application/json"}
        answer = api.request(method, path, token=person.token, body=body, headers=headers)
        is_refused(answer, refusal, pointer)
    assert api.get(path, token=person.token).json == before


@pytest.mark.parametrize("case", BODIES)
def test_nobody_is_made_from_such_a_body(api, admin, case):
    body, refusal, pointer = BODIES[case]
    answer = api.post("/users", token=admin.token, body=body, headers={"Content-Type": "application/json"})
    is_refused(answer, refusal, pointer)
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("PUT", {"Content-Type": "text/plain"}),
        ("PUT", {"Content-Type": "application/x-www-form-urlencoded"}),
        ("PUT", {"Content-Type": "application/merge-patch+json"}),
        ("PUT", {"Content-Type": "text/html, application/json"}),
        ("PUT", {"Content-Type": "*/*"}),
        ("PUT", {"Content-Type": "application/json", "Content-Encoding": "gzip"}),
        ("PATCH", {"Content-Type": "application/json-patch+json"}),
    ],
    ids=lambda value: "; ".join(value.values()) if isinstance(value, dict) else value,
)
def test_another_media_type_or_coding_is_415(api, person, method, headers):
    answer = api.request(method, f"/users/{person.sub}", token=person.token, body=b"{}", headers=headers)
    is_refused(answer, OTHER_TYPE)


@pytest.mark.parametrize("body", [b"{", b"", b"x" * 1000])
def test_a_body_on_a_get_does_not_matter(api, person, body):
    headers = {"Content-Type": "text/plain"}
    assert api.get(f"/users/{person.sub}", token=person.token, headers=headers, body=body).status == 200
    assert api.get("/open", headers=headers, body=body).status == 200


@pytest.mark.parametrize("userid", ["a%20b", "a%00", "~jane", "a@b", "x" * 129])
def test_an_address_that_can_not_name_a_user_is_refused(api, admin, userid):
    for method, body in (("GET", ...), ("PUT", {}), ("PATCH", {}), ("DELETE", ...)):
        answer = api.request(method, f"/users/{userid}", token=admin.token, json=body)
        is_refused(answer, INVALID, "/userid")


@pytest.mark.parametrize(("escaped", "unescaped"), [("%41", 200), ("a%2Fb", 404)])
def test_a_userid_stands_in_an_address_without_escapes(api, admin, escaped, unescaped):
    if api.how("Escapes (`%41`) in a `userid`") != "refused: 400":
        assert api.send("GET", f"/users/{escaped}", {"Authorization": admin.token}, None).status == unescaped
        return
    for method, body in (("GET", ...), ("PUT", {}), ("PATCH", {}), ("DELETE", ...)):
        answer = api.request(method, f"/users/{escaped}", token=admin.token, json=body)
        is_refused(answer, INVALID, "/userid")


def test_a_body_that_is_not_utf_8_is_never_taken_for_another_text(api, person, own):
    path, store = own
    before = api.request(store, path, token=person.token, json={"kept": True}).json
    for method in (store, "PATCH"):
        headers = {"Content-Type": "application/json"}
        answer = api.request(method, path, token=person.token, body=b'{"a": "\xff"}', headers=headers)
        if api.how("A body that is not UTF-8") == "refused: 400":
            is_refused(answer, INVALID, "")
            assert api.get(path, token=person.token).json == before
        else:
            assert answer.json.get("profile_data", answer.json)["a"] == "\ufffd"


@pytest.mark.parametrize("userid", ["", ".", "..", "a b", "a/b", "ä", "x" * 129, 1, None, True, ["a"], {"a": 1}])
def test_a_userid_in_a_body_that_can_not_be_one_is_refused(api, admin, userid):
    is_refused(api.post("/users", token=admin.token, json={"userid": userid}), INVALID, "/userid")


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "ten", "", "1&limit=2", "%2B5", "١"])
def test_a_bad_limit_is_refused(api, admin, limit):
    is_refused(api.get(f"/users?limit={limit}", token=admin.token), INVALID, "/limit")


@pytest.mark.parametrize("cursor", ["", "x", "bm90IGEgY3Vyc29y", "%00", "a&cursor=b"])
def test_a_damaged_cursor_is_refused(api, admin, cursor):
    is_refused(api.get(f"/users?cursor={cursor}", token=admin.token), INVALID, "/cursor")


@pytest.mark.parametrize(
    "headers",
    [{"If-Match": "not a tag"}, {"If-Match": ""}, {"If-None-Match": '"a"'}, {"If-Match": "*", "If-None-Match": "*"}],
    ids=str,
)
def test_a_precondition_that_can_not_be_read_is_refused_and_changes_nothing(api, person, own, headers):
    path, store = own
    is_refused(api.request(store, path, token=person.token, json={"n": 1}, headers=headers), INVALID)
    assert api.patch(path, token=person.token, json={}).status == 404


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 129])
def test_an_idempotency_key_that_is_none_is_refused(api, admin, key):
    headers = {"Idempotency-Key": key.encode() if key == "ä" and api.base_url else key}
    is_refused(api.post("/users", token=admin.token, json={}, headers=headers), INVALID)
