"""Until the first signing keys can be fetched, callers get 503, never 401. Then the next request succeeds."""

import json

import pytest
from chalice.test import Client

from chalicelib import records
from infra import parts
from testbed.in_process import imported_app
from testbed.pool import KeyServer, Pool
from tests.faults import proxy
from tests.faults.test_database import DOCS

FAULTS = {
    "never responds": proxy.stalls,
    "stops in the middle of a response": proxy.stalls_in_its_answer,
    "refuses connections": None,
    "resets connections before the request": proxy.resets_before_the_request,
    "resets connections after the request": proxy.resets_after_the_request,
    "responds, but the last byte is missing": proxy.cuts_the_answer,
    "returns something that is not HTTP": proxy.no_http,
    "returns a web page, with status 200": proxy.a_web_page,
    "returns `{}`": proxy.answers("200 OK", "none"),
    "returns 500": proxy.answers("500 Internal Server Error", "none"),
    "returns 503": proxy.answers("503 Service Unavailable", "none"),
}


@pytest.fixture(params=FAULTS)
def fault(request):
    return FAULTS[request.param]


@pytest.fixture
def started(broken):
    """Start Roster without keys. Yield the proxy in front of the key server, and a function that sends requests."""
    pool = Pool()
    keys = KeyServer(pool.key.jwk)
    between = proxy.Proxy(int(keys.url.split(":")[2].split("/")[0]))
    environ = {
        **parts.examples(),
        **pool.settings(f"http://127.0.0.1:{between.port}/keys"),
        "AWS_CHALICE_CLI_MODE": "true",
    }
    with imported_app(environ) as app, Client(app.app) as client:
        app.database.client = broken.connection.client
        app.user_repository._name = broken.users._name

        def ask(path):
            return client.http.get(path, headers={"authorization": pool.token(sub="jane")})

        yield between, ask
    between.close()
    keys.close()


def test_callers_get_503_and_the_next_request_is_authorized_as_usual(broken, started, fault):
    between, ask = started
    broken.users.put(records.stamp("jane", {"n": 1}))
    paths = ("/users/jane", "/users/somebody-else", "/")
    with between.refusing() if fault is None else between.breaking(fault):
        ready = ask("/health/ready")
        answers = {path: ask(path) for path in paths}
        assert ask("/health").status_code == 200
    for path, answer in answers.items():
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1"), path
    assert json.loads(ready.body)["checks"]["signing_keys"] == "fail"
    assert [ask(path).status_code for path in paths] == [200, 403, 200]


def test_the_documentation_lists_exactly_these_faults():
    section = DOCS.read_text().partition("## The signing keys")[2].partition("\n## ")[0]
    assert [line[2:] for line in section.splitlines() if line.startswith("- ")] == list(FAULTS)
