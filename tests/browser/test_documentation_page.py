"""The documentation page of `make run`, in Chromium.

``SCREENSHOT=docs/page.png .venv/bin/pytest tests/browser`` takes the picture that stands in the README.
"""

import json
import os

import httpx
import pytest


@pytest.fixture
def tab(browser, documentation):
    """The page, opened; ``problems`` is what its console complained of, ``origins`` is whom it asked."""
    tab = browser.new_page(viewport={"width": 1100, "height": 1000}, color_scheme="light")
    tab.problems, tab.origins = [], set()
    tab.on("console", lambda message: message.type in ("error", "warning") and tab.problems.append(message.text))
    tab.on("pageerror", lambda error: tab.problems.append(str(error)))
    tab.on("request", lambda request: tab.origins.add("/".join(request.url.split("/")[:3])))
    tab.goto(documentation)
    tab.wait_for_selector(".opblock")
    yield tab
    tab.close()


def authorize(tab, scheme, token):
    """Put a token into the box for it."""
    tab.get_by_role("button", name="Authorize", exact=True).click()
    form = tab.locator(".auth-container", has_text=scheme)
    form.get_by_role("textbox").fill(token)
    form.get_by_role("button", name="Apply credentials").click()
    tab.locator(".modal-ux .close-modal").click()


def test_it_shows_every_route(tab, roster):
    paths = httpx.get(f"{roster.api}/openapi.json", trust_env=False).json()["paths"]
    shown = {
        (block.locator(".opblock-summary-method").inner_text(), block.get_by_role("link").first.inner_text())
        for block in tab.locator(".opblock").all()
    }
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert {(method, path.replace("\u200b", "")) for method, path in shown} == described
    assert tab.problems == []


def test_with_a_token_it_asks_for_a_user_and_shows_the_answer(tab, roster, documentation, admin_token):
    headers = {"Authorization": f"Bearer {admin_token}"}
    user = {"name": "Jane Doe", "height": 1.75, "likes": ["chess"]}
    stored = httpx.put(f"{roster.api}/users/jane", headers=headers, json=user, trust_env=False).json()

    authorize(tab, "jwt_authorizer", admin_token)
    tab.locator("#operations-Users-get_user").get_by_role("button").first.click()
    operation = tab.locator("#operations-Users-get_user")
    operation.get_by_placeholder("userid").fill("jane")
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table .response")
    answer.wait_for()

    assert answer.locator(".response-col_status").inner_text().split()[0] == "200"
    assert json.loads(answer.locator("pre.microlight").first.inner_text()) == stored
    assert "etag:" in answer.inner_text()
    assert tab.problems == []
    assert tab.origins == {documentation, roster.api}
    if "SCREENSHOT" in os.environ:
        operation.scroll_into_view_if_needed()
        tab.screenshot(path=os.environ["SCREENSHOT"])


def test_without_a_token_it_shows_the_refusal(tab):
    operation = tab.locator("#operations-Users-list_users")
    operation.get_by_role("button").first.click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table .response")
    answer.wait_for()
    assert answer.locator(".response-col_status").inner_text().split()[0] == "401"


def test_nobody_else_is_asked_for_anything_and_nothing_else_may_be(tab, documentation):
    refused = tab.evaluate("fetch('http://127.0.0.1:1/').catch(error => error.message)")
    assert refused == "Failed to fetch"
    assert any("Content Security Policy" in problem for problem in tab.problems)
    assert httpx.get(documentation, trust_env=False).headers["Referrer-Policy"] == "no-referrer"
