"""The page in examples/hosted-page signs in, calls the API, refreshes and signs out, in Chromium on another origin."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from embedded import accounts, aws
from tests.browser.conftest import page_served

PAGE = Path(__file__).parent.parent.parent / "examples" / "hosted-page" / "index.html"
VALID = 15 * 60
"""Seconds for which an ID token is valid by default."""
READ_ONLY = {"CreationDate", "LastModifiedDate", "ClientSecret"}


def page_with(**constants):
    """Return the page, with these values for its constants."""
    page = PAGE.read_text()
    for name, value in constants.items():
        page, count = re.subn(rf'const {name} = ".*"', f"const {name} = {json.dumps(value)}", page)
        assert count == 1, name
    return page


@pytest.fixture(scope="module")
def page(roster):
    """The address of the page, on an origin of its own."""
    content = page_with(
        CLIENT_ID=roster.outputs["UserPoolClient"], API=roster.api, HOSTED_PAGE=roster.aws, COGNITO=roster.aws
    )
    with page_served(content) as origin:
        yield f"{origin}/"


@pytest.fixture(scope="module", autouse=True)
def _registered(roster, page):
    """Register the page's address with the app client, as its stage's parameters do."""
    cognito = aws.client("cognito-idp", roster.aws_port)
    found = cognito.describe_user_pool_client(
        UserPoolId=roster.outputs["UserPool"], ClientId=roster.outputs["UserPoolClient"]
    )["UserPoolClient"]
    before = {name: value for name, value in found.items() if name not in READ_ONLY and value not in ("", [""])}
    # The emulator returns the template's values as text. AWS returns numbers.
    before |= {name: int(value) for name, value in before.items() if name.endswith("TokenValidity")}
    cognito.update_user_pool_client(**{**before, "CallbackURLs": [page], "LogoutURLs": [page]})
    yield
    cognito.update_user_pool_client(**before)


@pytest.fixture
def tab(browser, page):
    """The opened page. ``problems`` are its own errors and warnings, not the hosted page's; ``requests`` are all."""
    tab = browser.new_context().new_page()
    tab.problems, tab.requests = [], []

    def note_problem(message):
        if message.type in ("error", "warning") and tab.url.startswith(page):
            tab.problems.append(message.text)

    tab.on("console", note_problem)
    tab.on("pageerror", lambda error: tab.problems.append(str(error)))
    tab.on("request", lambda request: tab.requests.append(request))  # noqa: PLW0108  (Playwright needs a function)
    tab.goto(page)
    yield tab
    tab.context.close()


def button(tab, name):
    return tab.get_by_role("button", name=name, exact=True)


def sign_in(tab, account=accounts.USER, password=accounts.PASSWORD):
    """Sign in on the hosted page."""
    button(tab, "Sign in").click()
    tab.get_by_label("Username").fill(account.email)
    tab.get_by_label("Password").fill(password)
    tab.get_by_role("button", name="Sign in").click()


def result_of(tab, name):
    """Click a button, and return the response that the page then shows."""
    path = {"Who am I?": "/", "My profile": "/user/profile"}[name]
    with tab.expect_response(lambda response: is_call(response.request, path)):
        button(tab, name).click()
    tab.wait_for_function("document.getElementById('result').textContent.startsWith('{')")
    return json.loads(tab.get_by_role("status").inner_text())


def is_call(request, path):
    return request.method == "GET" and urlsplit(request.url).path == path and "authorization" in request.headers


def bearer_of_last_call(tab):
    return next(
        request.headers["authorization"] for request in reversed(tab.requests) if "authorization" in request.headers
    )


def token_requests(tab):
    """Return the forms that the page has posted to the token endpoint."""
    return [
        {name: value for name, (value,) in parse_qs(request.post_data).items()}
        for request in tab.requests
        if request.url.endswith("/oauth2/token")
    ]


def stored(tab):
    return tab.evaluate("({...localStorage, ...sessionStorage})")


def test_a_signed_in_user_can_call_both_kinds_of_route(tab, roster):
    sign_in(tab)

    greeting = result_of(tab, "Who am I?")
    assert greeting["email"] == accounts.USER.email
    assert greeting["message"].startswith("Hello, Jane Doe!")

    headers = {"Authorization": bearer_of_last_call(tab), "Content-Type": "application/json"}
    httpx.post(f"{roster.api}/user/profile", headers=headers, content='{"theme": "dark"}', trust_env=False)
    profile = result_of(tab, "My profile")
    assert profile["userid"] == greeting["sub"]
    assert profile["profile_data"] == {"theme": "dark"}
    assert tab.problems == []


def test_the_page_proves_that_it_started_the_sign_in(tab):
    button(tab, "Sign in").click()
    tab.get_by_label("Username").wait_for()
    query = parse_qs(urlsplit(tab.url).query)
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["code_challenge"][0]) == 43
    assert len(query["state"][0]) == 43


def test_a_code_without_its_verifier_is_rejected(tab, roster):
    """A stolen code is useless."""
    tab.route("**/oauth2/token", lambda route: route.abort())
    sign_in(tab)
    tab.get_by_text("Failed to fetch").wait_for()
    (form,) = token_requests(tab)
    for verifier in [{}, {"code_verifier": "a" * 43}]:
        stolen = {**{name: value for name, value in form.items() if name != "code_verifier"}, **verifier}
        response = httpx.post(f"{roster.aws}/oauth2/token", data=stolen, trust_env=False)
        assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")
    assert httpx.post(f"{roster.aws}/oauth2/token", data=form, trust_env=False).status_code == 200


def test_neither_the_address_nor_the_storage_keeps_codes_or_tokens(tab, page):
    sign_in(tab)
    result_of(tab, "Who am I?")
    assert tab.url == page
    assert stored(tab) == {}
    tab.reload()
    assert button(tab, "Sign in").is_visible()


def test_the_page_refreshes_expiring_tokens_before_a_call(tab):
    tab.clock.install()
    sign_in(tab)
    greeting = result_of(tab, "Who am I?")
    first = bearer_of_last_call(tab)

    tab.clock.fast_forward((VALID - 90) * 1000)
    result_of(tab, "Who am I?")
    assert bearer_of_last_call(tab) == first

    tab.clock.fast_forward(45 * 1000)
    assert result_of(tab, "Who am I?") == greeting
    assert bearer_of_last_call(tab) != first
    assert [form["grant_type"] for form in token_requests(tab)] == ["authorization_code", "refresh_token"]
    assert tab.problems == []


def test_a_revoked_refresh_token_ends_the_session(tab, roster):
    tab.clock.install()
    with tab.expect_response("**/oauth2/token") as response:
        sign_in(tab)
    tokens = response.value.json()
    aws.client("cognito-idp", roster.aws_port).revoke_token(
        ClientId=roster.outputs["UserPoolClient"], Token=tokens["refresh_token"]
    )
    tab.clock.fast_forward(VALID * 1000)
    button(tab, "Who am I?").click()
    tab.get_by_text("Sign-in failed: invalid_grant").wait_for()
    assert button(tab, "Sign in").is_visible()


def test_without_a_connection_a_refresh_fails_and_can_be_repeated(tab):
    tab.clock.install()
    sign_in(tab)
    greeting = result_of(tab, "Who am I?")
    tab.clock.fast_forward(VALID * 1000)
    tab.route("**/oauth2/token", lambda route: route.abort())
    button(tab, "Who am I?").click()
    tab.get_by_text("Failed to fetch").wait_for()
    tab.unroute("**/oauth2/token")
    assert result_of(tab, "Who am I?") == greeting


def test_signing_out_revokes_the_refresh_token_and_returns_to_the_page(tab, page, roster):
    with tab.expect_response("**/oauth2/token") as response:
        sign_in(tab)
    tokens = response.value.json()
    with tab.expect_request("**/logout?*") as logout:
        button(tab, "Sign out").click()
    button(tab, "Sign in").wait_for()

    assert tab.url == page
    assert parse_qs(urlsplit(logout.value.url).query) == {
        "client_id": [roster.outputs["UserPoolClient"]],
        "logout_uri": [page],
    }
    form = {
        "grant_type": "refresh_token",
        "client_id": roster.outputs["UserPoolClient"],
        "refresh_token": tokens["refresh_token"],
    }
    refreshed = httpx.post(f"{roster.aws}/oauth2/token", data=form, trust_env=False)
    assert (refreshed.status_code, refreshed.json()["error"]) == (400, "invalid_grant")
    assert stored(tab) == {}
    assert tab.problems == []


@pytest.mark.parametrize("query", ["code=stolen&state=another", "code=stolen", "error=access_denied"])
def test_a_sign_in_that_this_tab_did_not_start_is_ignored(tab, page, query):
    tab.goto(f"{page}?{query}")
    tab.get_by_text("This tab did not start the sign-in.").wait_for()
    assert token_requests(tab) == []
    assert tab.url == page


def test_an_error_of_the_hosted_page_is_shown(tab, page):
    button(tab, "Sign in").click()
    tab.get_by_label("Username").wait_for()
    (state,) = parse_qs(urlsplit(tab.url).query)["state"]
    tab.goto(f"{page}?error=invalid_request&error_description=invalid_scope&state={state}")
    tab.get_by_text("invalid_scope").wait_for()
    assert button(tab, "Sign in").is_visible()


def test_an_address_that_is_not_registered_is_rejected(page, roster):
    query = {"response_type": "code", "client_id": roster.outputs["UserPoolClient"], "redirect_uri": f"{page}other"}
    response = httpx.get(f"{roster.aws}/oauth2/authorize", params=query, trust_env=False)
    assert response.status_code == 400


def test_each_route_accepts_the_tokens_that_the_guide_names(tab, roster):
    with tab.expect_response("**/oauth2/token") as response:
        sign_in(tab)
    tokens = response.value.json()
    user = f"/users/{result_of(tab, 'Who am I?')['sub']}"
    statuses = {
        (path, kind): httpx.get(
            roster.api + path, headers={"Authorization": f"Bearer {tokens[kind]}"}, trust_env=False
        ).status_code
        for path in ("/", "/user/profile", user)
        for kind in ("id_token", "access_token")
    }
    accepted = {key for key, status in statuses.items() if status != 401}
    assert accepted == {("/", "id_token"), ("/user/profile", "id_token"), (user, "id_token"), (user, "access_token")}


def test_the_emulators_hosted_page_lacks_what_the_docs_state(tab, roster):
    with tab.expect_response("**/oauth2/token") as response:
        sign_in(tab)
    form = {"client_id": roster.outputs["UserPoolClient"], "token": response.value.json()["refresh_token"]}
    assert httpx.post(f"{roster.aws}/oauth2/revoke", data=form, trust_env=False).status_code != 200
    tab.reload()
    button(tab, "Sign in").click()
    tab.get_by_label("Password").wait_for()
    assert tab.get_by_text("Sign up").count() == 0
