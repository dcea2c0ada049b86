"""API Gateway throttles requests that exceed the limits of the stage."""

from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from embedded import aws


@contextmanager
def throttled(api, method, path):
    """Limit a method to 1 request per second, with a burst of 2."""
    gateway = aws.client("apigateway", urlsplit(api.base_url).port)
    (rest_api,) = [api for api in gateway.get_rest_apis()["items"] if api["name"] == "roster-local"]
    (stage,) = gateway.get_stages(restApiId=rest_api["id"])["item"]
    before = stage["methodSettings"]["*/*"]
    settings = f"/{path.replace('/', '~1')}/{method}/throttling"

    def limit(rate, burst):
        changes = [(f"{settings}/rateLimit", rate), (f"{settings}/burstLimit", burst)]
        operations = [{"op": "replace", "path": path, "value": str(value)} for path, value in changes]
        gateway.update_stage(restApiId=rest_api["id"], stageName=stage["stageName"], patchOperations=operations)

    limit(1, 2)
    try:
        yield
    finally:
        limit(before["throttlingRateLimit"], before["throttlingBurstLimit"])


@pytest.mark.parametrize("api", ["deployed"], indirect=True)
def test_requests_over_the_limit_return_429_with_retry_after(api):
    assert api.how("Throttling") == "of each method, as configured"
    with throttled(api, "GET", "/open"):
        answers = api.at_once([lambda: api.get("/open")] * 12)
        assert {answer.status for answer in answers} == {200, 429}
        rejected = next(answer for answer in answers if answer.status == 429)
        assert rejected.json["type"] == "urn:roster:problem:throttled"
        assert rejected.headers["retry-after"] == "1"
        assert api.get("/health").status == 200  # other routes are not throttled
    assert api.get("/open").status == 200
