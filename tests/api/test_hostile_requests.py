"""Malicious and malformed requests, sent to ``chalice local`` byte by byte.

They must neither gain access nor disturb other clients. On AWS, API Gateway's own HTTP servers handle such requests.
"""

import json
import re
import socket
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from testbed import description

pytestmark = pytest.mark.parametrize("api", ["local"], indirect=True)


def connected(api):
    address = urlsplit(api.base_url)
    return socket.create_connection((address.hostname, address.port), timeout=10)


def exchange(api, sent, *, hang_up=False):
    """Send bytes; return what the server sends until it closes the connection or is silent for 1 s."""
    with connected(api) as connection:
        connection.sendall(sent)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        connection.settimeout(1)
        received = b""
        try:
            while more := connection.recv(65536):
                received += more
        except (TimeoutError, ConnectionResetError):
            pass
        return received


def statuses(received):
    """Return the status of each response."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


def is_problem(received, slug):
    """Assert that the one response is a problem document of this type, with the headers of any other error."""
    head, _, body = received.partition(b"\r\n\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    document = json.loads(body)
    assert list(document) == ["type", "title", "status", "detail", "request_id"]
    assert document["type"] == f"urn:roster:problem:{slug}"
    assert document["type"] in description.DOCUMENT["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    assert statuses(received) == [document["status"]]
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"content-length"] == str(len(body)).encode()
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"access-control-allow-origin"] == b"*"
    assert headers[b"access-control-expose-headers"] == b"etag,link,location,x-request-id,retry-after"
    assert headers[b"x-request-id"].decode() == document["request_id"]


def request(line, *headers, body=b""):
    return "\r\n".join([f"{line} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode("latin-1") + body


def authorization(person):
    return f"Authorization: {person.token}"


JSON = "Content-Type: application/json"


def test_slow_clients_do_not_delay_others(api, person):
    with ExitStack() as held:
        for number in range(50):
            connection = held.enter_context(connected(api))
            slow = request("PUT /users/x", authorization(person), JSON, "Content-Length: 100", body=b'{"a": ')
            connection.sendall(slow[: 40 + number * 20])
        started = time.monotonic()
        assert api.get("/", token=person.token).status == 200
        assert time.monotonic() - started < 5  # it did not wait for the slow clients


def test_a_truncated_body_is_not_stored(api, person):
    path = f"/users/{person.sub}"
    api.put(path, token=person.token, json={"n": 1})
    cut = request(f"PUT {path}", authorization(person), JSON, "Content-Length: 100", body=b'{"n": 2}')
    assert exchange(api, cut, hang_up=True) == b""
    assert api.users.get(person.sub).document == {"n": 1}


@pytest.mark.parametrize(
    ("line", "headers", "problem"),
    [
        ("GET /open", [f"X-Padding: {'a' * 70_000}"], "headers-too-large"),
        ("GET /open", [f"X-{number}: a" for number in range(200)], "headers-too-large"),
        (f"GET /{'a' * 70_000}", [], "uri-too-long"),
        ("PUT /users/x", [JSON, "Content-Length: 999999999999"], "too-large"),
    ],
    ids=["a header of 70 KB", "200 headers", "a path of 70 KB", "a Content-Length of 1 TB without a body"],
)
def test_an_oversized_request_is_rejected_and_the_next_one_is_served(api, line, headers, problem):
    received = exchange(api, request(line, *headers), hang_up=True)
    is_problem(received, problem)
    assert api.get("/open").status == 200


def test_a_body_of_20_mb_returns_413(api, person):
    headers = authorization(person), JSON, "Content-Length: 20000000"
    received = exchange(api, request(f"PUT /users/{person.sub}", *headers, body=b"x" * 20_000_000))
    assert statuses(received) == [413]


@pytest.mark.parametrize(
    ("framing", "problem"),
    [
        (["Content-Length: 4", "Transfer-Encoding: chunked"], "length-required"),
        (["Transfer-Encoding: chunked"], "length-required"),
        (["Transfer-Encoding: identity"], "length-required"),
        (["Content-Length: 2", "Content-Length: 40"], "invalid-request"),
        (["Content-Length: 2, 2"], "invalid-request"),
        (["Content-Length: -1"], "invalid-request"),
        (["Content-Length: +2"], "invalid-request"),
        (["Content-Length: 0x2"], "invalid-request"),
        (["Content-Length: 1_0"], "invalid-request"),
        (["Content-Length: two"], "invalid-request"),
        (["Content-Length: \xb2"], "invalid-request"),
    ],
    ids=str,
)
def test_a_body_of_unclear_length_is_rejected_and_nothing_after_it_is_read(api, person, framing, problem):
    path = f"/users/{person.sub}"
    smuggled = request(f"DELETE {path}", authorization(person))
    api.put(path, token=person.token, json={"n": 1})
    sent = request(f"PUT {path}", authorization(person), JSON, *framing, body=b"{}" + b" " * 38)
    received = exchange(api, sent + smuggled)
    is_problem(received, problem)
    assert api.users.get(person.sub).document == {"n": 1}


@pytest.mark.parametrize(
    "header",
    [
        "X-HTTP-Method-Override: DELETE",
        "X-Method-Override: DELETE",
        "X-Original-URL: /users",
        "X-Rewrite-URL: /users",
        "X-Forwarded-Path: /users",
        "X-Forwarded-For: 127.0.0.1",
        "X-User-Id: admin",
        "X-Amzn-Principal-Id: admin",
        "Principal-Id: admin",
        "Admin: true",
        "Cognito-Groups: apiAdmins",
        'X-Amzn-Oidc-Data: {"cognito:groups": ["apiAdmins"]}',
        'RequestContext: {"authorizer": {"principalId": "admin", "admin": "true"}}',
    ],
)
def test_no_header_but_authorization_changes_the_caller_or_the_route(api, person, stranger, header):
    api.put(f"/users/{stranger.sub}", token=stranger.token, json={"n": 1})
    added = header, "Connection: close"
    for path in ("/users", f"/users/{stranger.sub}"):
        assert statuses(exchange(api, request(f"GET {path}", authorization(person), *added))) == [403]
        assert statuses(exchange(api, request(f"GET {path}", *added))) == [401]
    own = exchange(api, request("GET /", authorization(person), *added))
    assert json.loads(own.partition(b"\r\n\r\n")[2])["sub"] == person.sub
    assert api.users.get(stranger.sub).document == {"n": 1}


@pytest.mark.parametrize(
    "header",
    ["X-A: a\r\n Authorization: {token}", "Authorization_: {token}"],
    ids=["a folded line", "an underscore"],
)
def test_a_header_that_only_resembles_authorization_is_ignored(api, person, header):
    sent = request("GET /", header.format(token=person.token), "Connection: close")
    assert statuses(exchange(api, sent)) == [401]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("GET", "invalid-request"),
        ("PUT /open", "invalid-request"),
        ("GET /open HTTP/3.0", "http-version-not-supported"),
        ("GET /open HTTP/x", "invalid-request"),
        ("\0\1\2", "invalid-request"),
        ("GET /open HTTP/1.1 again", "invalid-request"),
    ],
)
def test_a_malformed_request_line_is_rejected(api, line, problem):
    received = exchange(api, f"{line}\r\nHost: localhost\r\n\r\n".encode(), hang_up=True)
    is_problem(received, problem)
    assert api.get("/open").status == 200


def test_an_http_0_9_request_does_no_harm(api):
    exchange(api, b"GET /open\r\n", hang_up=True)
    exchange(api, b"GET /open\0\r\n", hang_up=True)
    assert api.get("/open").status == 200


@pytest.mark.parametrize(
    "document",
    [
        {f"n{number}": number for number in range(12_000)},
        {"list": list(range(20_000))},
        {"lists": [[[[[[[]]]]]]] * 2_000},
        {"text": "x" * 350_000},
        {"x" * 60_000: {"y" * 60_000: "z" * 60_000}},
    ],
    ids=["12,000 keys", "a list of 20,000 numbers", "2,000 nested lists", "a string of 350 KB", "keys of 60 KB"],
)
def test_deep_and_wide_documents_are_returned_unchanged(api, person, document):
    """The documents are as complex as the emulator can store within Roster's time limit for DynamoDB."""
    path = f"/users/{person.sub}"
    assert api.put(path, token=person.token, json=document).status == 200
    stored = api.get(path, token=person.token).json
    assert {name: stored[name] for name in document} == document
    patched = api.patch(path, token=person.token, json={"one": "more"}).json
    assert {**patched, "timestamp": None} == {**stored, "one": "more", "timestamp": None}


# Headers and request targets (RFC 9110, RFC 9112)


def get(target, *headers, version="1.1", host="Host: localhost"):
    lines = [f"GET {target} HTTP/{version}", *filter(None, [host]), *headers, "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1")


def test_white_space_around_a_header_value_is_ignored(api, person):
    for value in (f"{person.token} ", f"  Bearer {person.token}\t ", f"\t{person.token}"):
        received = exchange(api, get(f"/users/{person.sub}", f"Authorization:{value}"))
        assert statuses(received) == [200]
    put = request(
        f"PUT /users/{person.sub}",
        f"Authorization: {person.token} ",
        f"{JSON} ",
        "Content-Length: 8 \t",
        body=b'{"a": 1}',
    )
    assert statuses(exchange(api, put)) == [200]


@pytest.mark.parametrize(
    "line",
    ["If-None-Match : *", "garbage", "Näme: x", ": x", "X: a\rIf-None-Match: *", "X: a\r\r", "Authorization : x"],
)
def test_a_malformed_header_line_is_rejected_and_hides_no_other_header(api, admin, line):
    path = "/users/guarded"
    before = api.put(path, token=admin.token, json={"kept": True}).json
    headers = [authorization(admin), JSON, line, 'If-Match: "zzz"', "Content-Length: 2"]
    received = exchange(api, request(f"PUT {path}", *headers, body=b"{}"))
    is_problem(received, "invalid-request")
    smuggled = request(f"DELETE {path}", authorization(admin))
    received = exchange(api, request("GET /open", line, f"Content-Length: {len(smuggled)}", body=smuggled))
    is_problem(received, "invalid-request")
    assert api.get(path, token=admin.token).json == before


def test_all_lines_of_a_repeated_precondition_are_evaluated(api, person):
    tag = api.put(f"/users/{person.sub}", token=person.token, json={}).headers["etag"]
    target, who = f"/users/{person.sub}", authorization(person)
    assert statuses(exchange(api, get(target, who, 'If-None-Match: "x"', f"If-None-Match: {tag}"))) == [304]
    assert statuses(exchange(api, get(target, who, 'If-Match: "x"', f"If-Match: {tag}"))) == [200]
    assert statuses(exchange(api, get(target, who, 'If-Match: "x"', 'If-Match: "y"'))) == [412]


def test_a_request_with_two_tokens_is_rejected(api, person, stranger):
    for first, second in ((person, stranger), (stranger, person)):
        received = exchange(api, get(f"/users/{person.sub}", authorization(first), authorization(second)))
        assert statuses(received) == [401]


def test_a_304_has_no_content_length(api, person):
    tag = api.put(f"/users/{person.sub}", token=person.token, json={}).headers["etag"]
    received = exchange(api, get(f"/users/{person.sub}", authorization(person), f"If-None-Match: {tag}"))
    assert statuses(received) == [304]
    assert b"content-length" not in received.lower()
    assert received.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "host", ["", "Host: a\r\nHost: b", "Host: localhost\r\nHost: localhost"], ids=["none", "two different", "two equal"]
)
def test_a_request_without_exactly_one_host_header_is_rejected(api, host):
    received = exchange(api, get("/open", host=host))
    is_problem(received, "invalid-request")
    assert statuses(received) == [400]


def test_an_http_1_0_request_needs_no_host_header(api):
    assert b" 200 " in exchange(api, get("/open", version="1.0", host="")).splitlines()[0]


@pytest.mark.parametrize("host", ["a b", "me@localhost", "localhost:x", '"', "a/b", "<script>", "localhost:123456"])
def test_an_invalid_host_is_rejected(api, host):
    received = exchange(api, get("/open", host=f"Host: {host}"))
    is_problem(received, "invalid-request")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8000", "10.0.0.1"])
def test_links_never_point_to_another_machine_that_the_host_header_names(api, admin, person, host):
    own = api.base_url.encode()
    received = exchange(api, get("/users?limit=1", authorization(admin), host=f"Host: {host}"))
    assert b"Link: <" + own + b"/users?" in received
    post = request("POST /users", authorization(admin), JSON, "Content-Length: 2", body=b"{}").replace(
        b"Host: localhost", f"Host: {host}".encode()
    )
    assert b"Location: " + own + b"/users/" in exchange(api, post)


@pytest.mark.parametrize("host", ["localhost:1234", "roster.localhost", "127.0.0.1", "[::1]:80"])
def test_links_use_the_local_host_name_of_the_host_header(api, admin, person, host):
    received = exchange(api, get("/users?limit=1", authorization(admin), host=f"Host: {host}"))
    assert f"Link: <http://{host}/users?".encode() in received


@pytest.mark.parametrize("origin", ["http://localhost", "HTTP://127.0.0.1:1", "https://localhost:443"])
def test_a_request_target_may_be_absolute(api, person, origin):
    received = exchange(api, get(f"{origin}/users/{person.sub}", authorization(person)))
    assert statuses(received) == [200]
    assert statuses(exchange(api, get(f"{origin}/users", authorization(person)))) == [403]
    assert statuses(exchange(api, get(f"{origin}?x"))) == [401]


def test_a_path_is_not_normalized(api, admin):
    api.put("/users/jane", token=admin.token, json={"kept": True})
    for target, status in {
        "/users/jane;x": 400,
        "/users/jane;": 400,
        "/users/jane;/": 400,
        "/users/jane#x": 400,
        "//users/jane": 404,
        "//localhost/users/jane": 404,
        "/./users/jane": 404,
        "/users/../users/jane": 404,
        "/users/.": 400,
        "/users/..": 400,
        "users/jane": 404,
        "*": 404,
    }.items():
        received = exchange(api, request(f"DELETE {target}", authorization(admin), "Connection: close"))
        assert statuses(received) == [status], target
    assert api.get("/users/jane", token=admin.token).json["kept"] is True


def test_1000_concurrent_requests_have_unique_ids(api):
    answers = api.at_once([lambda: exchange(api, get("/open"))] * 1000)
    ids = [re.search(rb"\r\nX-Request-Id: (\S+)", answer)[1] for answer in answers]
    assert len(set(ids)) == 1000


def test_a_token_sent_as_the_method_is_an_unsupported_method(api, person):
    """``testbed/logged.py`` checks for all tests that no token is logged."""
    received = exchange(api, request(f"{person.token} /users/{person.sub}", "Connection: close"))
    assert statuses(received) == [405]
    assert b"Allow: " in received


def test_control_characters_in_a_method_are_not_logged(api):
    exchange(api, request("\x1b[31mGET /open", "Connection: close"))
    assert "\x1b" not in api.log.read_text()
