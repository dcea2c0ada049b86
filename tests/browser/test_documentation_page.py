"""The documentation page of `make run`, in Chromium.

``SCREENSHOT=docs/page.png .venv/bin/pytest tests/browser`` takes the screenshot in docs/api.md.
"""

import json
import os
from decimal import Decimal

import httpx
import pytest

SHOWN = ("/", "/open", "/users", "/users/{userid}")
"""The paths of the routes that the tests use. To draw all routes takes seconds, so only one test does."""


@pytest.fixture
def description(roster):
    """The API's description."""
    return httpx.get(f"{roster.api}/openapi.json", trust_env=False).json()


@pytest.fixture
def whole(browser, documentation):
    """The page with all routes."""
    yield from opened(browser, documentation)


@pytest.fixture
def tab(browser, documentation, description, roster):
    """The page with the routes that the tests use."""
    shorter = {**description, "paths": {path: description["paths"][path] for path in SHOWN}}
    yield from opened(browser, documentation, {f"{roster.api}/openapi.json": json.dumps(shorter)})


def opened(browser, documentation, responses=None):
    """Yield the page. ``problems`` are its console's errors and warnings, ``origins`` is where it sent requests.

    ``responses`` are given in place of the API's, by their addresses.
    """
    tab = browser.new_page(viewport={"width": 1100, "height": 1000}, color_scheme="light")
    for address, body in (responses or {}).items():
        respond(tab, address, body)
    tab.problems, tab.origins = [], set()
    tab.on("console", lambda message: message.type in ("error", "warning") and tab.problems.append(message.text))
    tab.on("pageerror", lambda error: tab.problems.append(str(error)))
    tab.on("request", lambda request: tab.origins.add("/".join(request.url.split("/")[:3])))
    tab.goto(documentation)
    tab.wait_for_selector(".opblock")
    yield tab
    tab.close()


def authorize(tab, token):
    """Paste a token into the dialog's only text box."""
    tab.get_by_role("button", name="Authorize", exact=True).click()
    dialog = tab.locator(".modal-ux")
    dialog.get_by_role("textbox").fill(token)
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.locator(".close-modal").click()


def execute(tab, operation, *, body=None, **parameters):
    """Send a request from an operation's form, and return the part of the page that shows the response."""
    block = tab.locator(f"[id^=operations-][id$=-{operation}]")
    block.get_by_role("button").first.click()
    for name, value in parameters.items():
        block.get_by_placeholder(name).fill(value)
    if body is not None:
        block.locator("textarea.body-param__text").fill(body)
    block.get_by_role("button", name="Execute").click()
    response = block.locator(".live-responses-table .response")
    response.wait_for()
    return response


def status(response):
    return response.locator(".response-col_status").inner_text().split()[0]


def shown_body(response):
    return response.locator("pre.microlight").first.inner_text()


def store(roster, token, userid, body):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return httpx.put(f"{roster.api}/users/{userid}", headers=headers, content=body, trust_env=False)


def respond(tab, address, body):
    """Respond to the page's requests for ``address`` in place of the API."""
    headers = {"Access-Control-Allow-Origin": "*"}
    tab.route(address, lambda route: route.fulfill(body=body, content_type="application/json", headers=headers))


def test_it_shows_every_route(whole, description):
    shown = {
        (block.locator(".opblock-summary-method").inner_text(), block.get_by_role("link").first.inner_text())
        for block in whole.locator(".opblock").all()
    }
    expected = {(method.upper(), path) for path, methods in description["paths"].items() for method in methods}
    assert {(method, path.replace("\u200b", "")) for method, path in shown} == expected
    assert whole.problems == []


def test_with_a_token_it_requests_a_user_and_shows_the_response(tab, roster, documentation, admin_token):
    user = {"name": "Jane Doe", "height": 1.75, "big": 123456789012345678901234567890, "likes": ["chess"]}
    stored = store(roster, admin_token, "jane", json.dumps(user)).json()

    authorize(tab, admin_token)
    response = execute(tab, "get_user", userid="jane")

    assert status(response) == "200"
    assert json.loads(shown_body(response)) == stored
    assert "etag:" in response.inner_text()
    assert tab.problems == []
    assert tab.origins == {documentation, roster.api}
    if "SCREENSHOT" in os.environ:
        tab.locator("#operations-Users-get_user").scroll_into_view_if_needed()
        tab.screenshot(path=os.environ["SCREENSHOT"])


def test_without_a_token_it_shows_the_401_response(tab):
    assert status(execute(tab, "list_users")) == "401"


def test_one_token_box_authorizes_requests_to_both_authorizers(tab, admin_token):
    authorize(tab, admin_token)
    assert status(execute(tab, "get_greeting")) == "200"  # Cognito authorizer
    assert status(execute(tab, "list_users")) == "200"  # JWT authorizer


def test_numbers_of_a_stored_user_are_shown_exactly(tab, roster, admin_token):
    numbers = {
        "integer": "123456789012345678901234567890",
        "decimal": "3.1415926535897932384626433832795028841",
        "smallest": "-1.2345678901234567890123456789012345678E-130",
        "beyond_2_to_the_53rd": "9007199254740993",
        "text": '"123456789012345678901234567890"',
    }
    members = ", ".join(f'"{name}": {value}' for name, value in numbers.items())
    stored = store(roster, admin_token, "numbers", f'{{{members}, "list": [[{{{members}}}, 1E+125]]}}').text
    authorize(tab, admin_token)
    shown = shown_body(execute(tab, "get_user", userid="numbers"))
    for name, value in numbers.items():
        assert shown.count(f'"{name}": {value}') == 2
    assert json.loads(shown, parse_float=Decimal) == json.loads(stored, parse_float=Decimal)


def test_a_response_is_indented_and_otherwise_shown_as_sent(tab, roster):
    sent = '{"z":1.750,"10":-0.0,"2":1e5,"a":[ ],"b":{},"c":[{"d":[1E+125,[]]}, true,null],"":0.10 }'
    shown = """\
{
  "z": 1.750,
  "10": -0.0,
  "2": 1e5,
  "a": [],
  "b": {},
  "c": [
    {
      "d": [
        1E+125,
        []
      ]
    },
    true,
    null
  ],
  "": 0.10
}"""
    respond(tab, f"{roster.api}/open", sent)
    response = execute(tab, "get_open")
    assert shown_body(response) == shown
    assert response.get_by_text("1E+125", exact=True).count() == 1  # highlighted, so in its own element
    with tab.expect_download() as download:
        response.get_by_role("button", name="Download").click()
    assert download.value.path().read_text() == shown
    assert tab.problems == []


def test_strings_that_look_like_numbers_or_json_are_shown_unchanged(tab, roster):
    texts = [
        "123456789012345678901234567890",
        '"quoted": 1.750, {"a":  [1,2]}',
        '\\"1.750\\", 1.750',
        "back\\slash\\",
        "\\",
        "a:b,  c\n\t[ ] { }\0\u2028",
        "José 🎲 <b>1.750</b> &amp;",
    ]
    document = {text: [text, {"nested": text}, 1] for text in texts}
    respond(tab, f"{roster.api}/open", json.dumps(document))
    shown = shown_body(execute(tab, "get_open"))
    assert json.loads(shown) == document
    assert "José 🎲" in shown


def test_a_body_that_is_not_valid_json_is_shown_as_received(tab, roster):
    respond(tab, f"{roster.api}/open", '{"cut": [1.750, "off')
    assert shown_body(execute(tab, "get_open")) == '{"cut": [1.750, "off'


def test_a_request_body_is_sent_as_typed(tab, admin_token):
    body = '{"integer":  123456789012345678901234567890,\n "decimal": 1.750, "large": 1E+125, "text": "1.750"}'
    authorize(tab, admin_token)
    with tab.expect_request(lambda request: request.method == "PUT") as sent:
        response = execute(tab, "put_user", userid="typed", body=body)
    assert sent.value.post_data == body
    assert status(response) == "200"
    assert body in tab.locator("#operations-Users-put_user .curl-command").inner_text()


def test_inline_scripts_are_blocked(tab):
    tab.evaluate("document.head.append(Object.assign(document.createElement('script'), {text: 'ran = true'}))")
    assert tab.evaluate("window.ran") is None
    assert any("Content Security Policy" in problem for problem in tab.problems)


def test_requests_to_other_origins_are_blocked_and_no_referrer_is_sent(tab, documentation):
    error = tab.evaluate("fetch('http://127.0.0.1:1/').catch(error => error.message)")
    assert error == "Failed to fetch"
    assert any("Content Security Policy" in problem for problem in tab.problems)
    assert httpx.get(documentation, trust_env=False).headers["Referrer-Policy"] == "no-referrer"
