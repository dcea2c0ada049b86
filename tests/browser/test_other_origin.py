"""A page from another origin can use the API in Chromium, as the CORS rules promise."""

import re

import pytest

from tests.browser.conftest import page_served

SEND = """
async ([address, method, headers, body]) => {
    const answer = await fetch(address, {method, headers, body, cache: 'no-store'})
    return {
        status: answer.status,
        headers: Object.fromEntries(answer.headers),
        body: answer.status == 304 ? null : await answer.json(),
    }
}
"""


@pytest.fixture(scope="module")
def elsewhere():
    """The address of another origin."""
    with page_served("<!doctype html><title>Elsewhere</title><link rel=icon href=data:,>") as origin:
        yield origin


class Script:
    """A script on the page, with the requests that it can send and the responses that it can see."""

    def __init__(self, tab, api, log):
        self._tab = tab
        self._api = api
        self._log = log
        self._before = len(log.read_text())

    @property
    def preflights(self):
        """The routes for which the browser has sent preflight requests."""
        return re.findall(r"method=OPTIONS route=(\S+)", self._log.read_text()[self._before :])

    def send(self, method, address, *, token=None, body=None, **headers):
        """Send a request, and return the response as the script sees it: only what CORS exposes."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body:
            headers["Content-Type"] = "application/json"
        address = address if address.startswith("http") else self._api + address
        return self._tab.evaluate(SEND, [address, method, headers, body])


@pytest.fixture
def script(browser, elsewhere, roster, api_log):
    tab = browser.new_page()
    tab.goto(elsewhere)
    yield Script(tab, roster.api, api_log)
    tab.close()


def test_the_response_to_a_missing_token_is_readable(script):
    answer = script.send("GET", "/users")
    assert answer["status"] == 401
    assert answer["body"]["type"] == "urn:roster:problem:unauthorized"
    assert answer["headers"]["x-request-id"] == answer["body"]["request_id"]
    assert script.preflights == []


def test_the_response_to_a_forged_token_is_readable(script):
    answer = script.send("GET", "/users", token="forged")
    assert answer["status"] == 401
    assert script.preflights == ["/users"]


def test_users_can_be_created_listed_changed_and_deleted(script, admin_token):
    created = script.send("POST", "/users", token=admin_token, body='{"name": "Jane"}', Idempotency_Key="walk-1")
    assert created["status"] == 200
    assert created["headers"]["location"].endswith(f"/users/{created['body']['userid']}")
    again = script.send("POST", "/users", token=admin_token, body='{"name": "Jane"}', Idempotency_Key="walk-1")
    assert again["body"] == created["body"]
    script.send("POST", "/users", token=admin_token, body='{"name": "John"}')

    first = script.send("GET", "/users?limit=1", token=admin_token)
    assert len(first["body"]) == 1
    following = first["headers"]["link"].removeprefix("<").split(">")[0]
    second = script.send("GET", following, token=admin_token)
    assert len(second["body"]) == 1
    assert second["body"] != first["body"]

    path = f"/users/{created['body']['userid']}"
    read = script.send("GET", path, token=admin_token)
    tag = read["headers"]["etag"]
    assert script.send("GET", path, token=admin_token, If_None_Match=tag)["status"] == 304
    written = script.send("PUT", path, token=admin_token, body='{"name": "Jane Roe"}', If_Match=tag)
    assert written["status"] == 200
    assert written["headers"]["etag"] != tag
    lost = script.send("PUT", path, token=admin_token, body='{"name": "Jane Poe"}', If_Match=tag)
    assert lost["status"] == 412
    assert lost["body"]["type"] == "urn:roster:problem:precondition-failed"
    assert lost["headers"]["x-request-id"] == lost["body"]["request_id"]
    changed = script.send("PATCH", path, token=admin_token, body='{"likes": ["chess"]}')
    assert changed["body"]["likes"] == ["chess"]
    assert script.send("DELETE", path, token=admin_token)["status"] == 200

    assert {"/users", "/users/{userid}"} == set(script.preflights)


def test_a_profile_can_be_stored_and_read(script, admin_token):
    stored = script.send("POST", "/user/profile", token=admin_token, body='{"theme": "dark"}')
    assert stored["status"] == 200
    assert script.send("GET", "/user/profile", token=admin_token)["body"] == stored["body"]
    assert script.send("GET", "/user/profile")["status"] == 401


def test_the_response_to_an_unknown_route_is_readable(script):
    answer = script.send("GET", "/nowhere")
    assert answer["status"] == 404
    assert answer["body"]["type"] == "urn:roster:problem:not-found"
