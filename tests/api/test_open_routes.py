"""Routes that need no token."""

from chalicelib import __version__
from testbed import description


def test_the_open_route_returns_a_message(api):
    answer = api.get("/open")
    assert answer.status == 200
    assert answer.json.keys() == {"message"}


def test_openapi_json_returns_the_packaged_document(api):
    answer = api.get("/openapi.json")
    assert answer.status == 200
    assert answer.json == description.DOCUMENT


def test_health_returns_status_region_and_version(api):
    answer = api.get("/health")
    assert answer.status == 200
    assert answer.json == {"status": "ok", "region": "us-east-1", "version": __version__}
    assert answer.headers["cache-control"] == "no-store"


def test_readiness_has_an_entry_for_each_dependency(api):
    answer = api.get("/health/ready")
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    assert answer.json["checks"] == {"users_table": "ok", "profiles_table": "ok", "signing_keys": "ok"}


def test_a_preflight_response_lists_methods_and_headers_and_is_cached_for_10_minutes(api):
    answer = api.send("OPTIONS", "/users/x", {"Origin": "https://app.example.com"}, None)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-max-age"] == "600"
    assert {"GET", "PUT", "PATCH", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(","))
    allowed = answer.headers["access-control-allow-headers"].split(",")
    assert {"Authorization", "Content-Type", "If-Match", "If-None-Match", "Idempotency-Key"} <= set(allowed)


def test_responses_expose_their_headers_to_pages_of_other_origins(api):
    exposed = api.get("/open").headers["access-control-expose-headers"]
    assert set(exposed.split(",")) == {"ETag", "Link", "Location", "X-Request-Id", "Retry-After"}
