"""How every route responds while DynamoDB misbehaves, as docs/reliability.md says, and that it recovers."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from chalicelib import records
from testbed.routes import STORING
from tests.faults import proxy

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "reliability.md"

TRANSIENT = [
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "TransactionConflictException",
]
PERMANENT = {
    "AccessDeniedException": "",
    "ResourceNotFoundException": "",
    "ExpiredTokenException": ": expired credentials",
    "UnrecognizedClientException": "",
    "InvalidSignatureException": ": wrong clock",
}
FINE, UNAVAILABLE, INTERNAL = "normal", "503", "500"
FAULTS = {
    "responds 0.3 s late": (proxy.late(0.3), FINE),
    "resets one connection before the request": (lambda: proxy.first(1, proxy.resets_before_the_request), FINE),
    "never responds": (proxy.stalls, UNAVAILABLE),
    "stops in the middle of a response": (proxy.stalls_in_its_answer, UNAVAILABLE),
    "refuses connections": (None, UNAVAILABLE),
    "resets connections before the request": (proxy.resets_before_the_request, UNAVAILABLE),
    "resets connections during the request": (proxy.resets_during_the_request, UNAVAILABLE),
    "resets connections after the request": (proxy.resets_after_the_request, UNAVAILABLE),
    "performs the request, but its responses are lost": (proxy.loses_the_answer, UNAVAILABLE),
    "responds, but the last byte is missing": (proxy.cuts_the_answer, UNAVAILABLE),
    "returns something that is not HTTP": (proxy.no_http, UNAVAILABLE),
    "returns a web page, with status 200": (proxy.a_web_page, UNAVAILABLE),
    "returns a body with the wrong checksum": (proxy.another_body, UNAVAILABLE),
    "`InternalServerError`": (proxy.answers("500 Internal Server Error", "InternalServerError"), UNAVAILABLE),
    "`ServiceUnavailable`": (proxy.answers("503 Service Unavailable", "ServiceUnavailable"), UNAVAILABLE),
    **{f"`{code}`": (proxy.answers("400 Bad Request", code), UNAVAILABLE) for code in TRANSIENT},
    **{f"`{code}`{why}": (proxy.answers("400 Bad Request", code), INTERNAL) for code, why in PERMANENT.items()},
}
"""Maps what DynamoDB does to the fault that simulates it and the status of Roster's responses."""

BEFORE, SENT = {"n": 1}, {"n": 2}
ROUTES = [
    (route.method, route.path, SENT if route.has_body else ...) for route in STORING if route.capability == "core"
]


class Calls:
    """One call of each route. Each has its own user and profile, which already exist."""

    def __init__(self, broken):
        self._broken = broken
        self._names = {(method, path): f"{method}-{uuid4().hex}" for method, path, _ in ROUTES}
        for name in self._names.values():
            broken.users.put(records.stamp(name, BEFORE))
            broken.profiles.put(records.stamp(name, BEFORE))

    def send(self):
        """Send all calls at once, and return the responses by method and path."""

        def one(route):
            method, path, document = route
            name = self._names[method, path]
            if method == "POST" and path == "/users":
                document = {**document, "userid": name}
            sub = name if path == "/user/profile" else "admin"
            return self._broken.ask(method, path.format(userid=name), document, sub)

        with ThreadPoolExecutor(len(ROUTES)) as pool:
            return dict(zip(self._names, pool.map(one, ROUTES), strict=True))

    def stored(self):
        """Return the documents that are stored now, or ``None``, by method and path."""
        found = {}
        for (method, path), name in self._names.items():
            repository = self._broken.profiles if path == "/user/profile" else self._broken.users
            record = repository.get(name)
            found[method, path] = record and record.document
        return found


def breaking(broken, fault):
    if fault is None:
        return broken.proxy.refusing()
    return broken.proxy.breaking(fault() if fault.__name__ == "<lambda>" else fault)


@pytest.mark.parametrize("name", FAULTS)
def test_every_route_responds_as_documented_and_recovers_with_the_next_request(broken, name):
    fault, outcome = FAULTS[name]
    calls = Calls(broken)
    start = len(broken.log.read_text())
    with breaking(broken, fault):
        answers = calls.send()  # raises if a response takes longer than 7 s
    complete = (BEFORE, SENT, None)
    for route, stored in calls.stored().items():
        assert stored in complete, route
    for route, answer in answers.items():
        if outcome == FINE:
            assert answer.status_code == 200, route
            continue
        assert str(answer.status_code) == outcome, (route, answer.text)
        assert "jane@example.com" not in answer.text
        assert "secret" not in answer.text
        problem = answer.json()["type"].removeprefix("urn:roster:problem:")
        assert problem == {UNAVAILABLE: "unavailable", INTERNAL: "internal-error"}[outcome]
        assert answer.headers.get("Retry-After") == {UNAVAILABLE: "1", INTERNAL: None}[outcome]
    log = broken.logged_since(start)
    assert len(re.findall("ERROR   misconfigured reason=DynamoDB", log)) == (len(ROUTES) if outcome == INTERNAL else 0)
    assert "ERROR   bug" not in log
    for route, answer in calls.send().items():
        assert answer.status_code == 200, (route, answer.text)


@pytest.mark.parametrize("name", [name for name, (_, outcome) in FAULTS.items() if outcome != FINE])
def test_readiness_fails_and_liveness_does_not(broken, name):
    fault, _ = FAULTS[name]
    with breaking(broken, fault):
        ready, alive = broken.ask("GET", "/health/ready"), broken.ask("GET", "/health")
    assert ready.status_code == 503
    assert ready.json()["checks"] == {"users_table": "fail", "profiles_table": "fail", "signing_keys": "ok"}
    assert alive.status_code == 200


def test_the_documentation_lists_exactly_these_faults():
    table = DOCS.read_text().partition("## When DynamoDB fails")[2].partition("\n##")[0]
    rows = re.findall(r"^\| (?!What|---)(.+?) \| (normal|503|500)\b.*\|$", table, re.MULTILINE)
    assert dict(rows) == {name: outcome for name, (_, outcome) in FAULTS.items()}
