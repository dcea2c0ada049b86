"""What API Gateway does with more requests than the stage takes."""

from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from embedded import aws


@contextmanager
def throttled(api, method, path):
    """The stage takes one request a second of this method, and two at once."""
    gateway = aws.client("apigateway", urlsplit(api.base_url).port)
    (rest_api,) = gateway.get_rest_apis()["items"]
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
def test_too_many_requests_at_once_are_429_and_told_when_to_come_again(api):
    assert api.how("Throttling") == "of each method, as configured"
    with throttled(api, "GET", "/open"):
        answers = api.at_once([lambda: api.get("/open")] * 12)
        assert {answer.status for answer in answers} == {200, 429}
        refused = next(answer for answer in answers if answer.status == 429)
        assert refused.json["type"] == "urn:roster:problem:throttled"
        assert refused.headers["retry-after"] == "1"
        assert api.get("/health").status == 200  # other routes are not throttled with it
    assert api.get("/open").status == 200
