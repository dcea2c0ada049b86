"""Routes that need no token."""

from chalicelib import __version__
from testbed import description


def test_the_open_route_answers_a_message(api):
    answer = api.get("/open")
    assert answer.status == 200
    assert answer.json.keys() == {"message"}


def test_the_description_is_served_as_it_lies_in_the_package(api):
    answer = api.get("/openapi.json")
    assert answer.status == 200
    assert answer.json == description.DOCUMENT


def test_health_says_that_it_is_alive_where_and_what(api):
    answer = api.get("/health")
    assert answer.status == 200
    assert answer.json == {"status": "ok", "region": "us-east-1", "version": __version__}
    assert answer.headers["cache-control"] == "no-store"


def test_readiness_has_an_entry_for_each_dependency(api):
    answer = api.get("/health/ready")
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    assert answer.json["checks"] == {"users_table": "ok", "profiles_table": "ok", "signing_keys": "ok"}


def test_a_browsers_preflight_is_answered_for_ten_minutes(api):
    answer = api.send("OPTIONS", "/users/x", {"Origin": "https://app.example.com"}, None)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-max-age"] == "600"
    assert {"GET", "PUT", "PATCH", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(","))
    allowed = answer.headers["access-control-allow-headers"].split(",")
    assert {"Authorization", "Content-Type", "If-Match", "If-None-Match", "Idempotency-Key"} <= set(allowed)


def test_a_page_of_another_origin_may_read_the_headers_that_matter(api):
    exposed = api.get("/open").headers["access-control-expose-headers"]
    assert set(exposed.split(",")) == {"ETag", "Link", "Location", "X-Request-Id", "Retry-After"}
