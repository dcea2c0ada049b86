"""What Roster logs about rejected requests and errors, and what it never logs."""

import pytest

from testbed.in_process import in_process, on_moto
from testbed.pool import KeyServer, Pool
from testbed.routes import ROUTES
from tests.security.attacks import ATTACKS


@pytest.mark.parametrize("path", ["/users/another", "/"])
def test_a_rejected_token_is_logged_with_the_reason_and_the_request_id(served, logged, path):
    pool, send = served.pool, served.status
    assert send("GET", path, {"Authorization": pool.token(exp=1)}) == 401
    assert any("reason=expired" in line and "request_id=" in line for line in logged)


def test_unavailable_signing_keys_are_logged(logged):
    pool, keys = Pool(), KeyServer()
    with on_moto(), in_process(pool.settings(keys)) as roster:
        assert roster.status("GET", "/users/another", {"Authorization": pool.token()}) == 503
    assert any("jwks_unavailable" in line for line in logged)
    keys.close()


def test_tokens_email_addresses_queries_and_bodies_are_never_logged(served, logged):
    pool, send = served.pool, served.status
    body = b'{"secret": "body", "email": "jane@example.com", "bad": NaN}'
    sent = []
    for attack in ATTACKS:
        authorization = attack.authorization(pool)
        send("GET", "/users/another", {"Authorization": authorization})
        sent.append(authorization)
    good = pool.token(**{"cognito:groups": ["apiAdmins"]})
    headers = {"Authorization": good, "Content-Type": "application/json"}
    assert send("GET", "/users?cursor=secret-query&limit=1", headers) == 400
    for route in ROUTES:
        if route.has_body:
            own = {**headers, "Authorization": pool.token(*route.tokens)} if route.tokens else headers
            assert send(route.method, route.at("x"), own, body) == 400
    text = "\n".join(logged)
    assert text.count("token_rejected") == len(ATTACKS)
    assert "jane@example.com" not in text
    assert "body" not in text
    assert "secret-query" not in text
    parts = {part for authorization in [*sent, good] for part in authorization.split(".") if len(part) > 20}
    assert not [part for part in parts if part in text]


def test_a_bug_is_logged_with_its_location_but_without_its_message(served, logged, monkeypatch):
    pool, send = served.pool, served.status

    def explode(document):
        raise RuntimeError(f"can't handle {document}")

    monkeypatch.setattr("chalicelib.users.new", explode)
    headers = {
        "Authorization": pool.token(**{"cognito:groups": ["apiAdmins"]}),
        "Content-Type": "application/json",
    }
    assert send("POST", "/users", headers, b'{"secret": 1}') == 500
    text = "\n".join(logged)
    assert "RuntimeError" in text
    assert "in post_user" in text
    assert "secret" not in text
