"""The page in examples/accounts signs people up and in with the routes of accounts, in Chromium on another origin."""

import re
import time
import uuid
from pathlib import Path

import httpx
import pyotp
import pytest

from embedded import aws, mail
from tests.browser.conftest import page_served

PAGE = Path(__file__).parent.parent.parent / "examples" / "accounts" / "index.html"
PASSWORD = "Correct-horse-42"
VALID = 15 * 60
"""Seconds for which an ID token is valid by default."""


@pytest.fixture(scope="module")
def page(roster):
    """The address of the page, on an origin of its own."""
    content, count = re.subn(r'const API = ".*"', f'const API = "{roster.api}"', PAGE.read_text())
    assert count == 1
    with page_served(content) as origin:
        yield f"{origin}/"


@pytest.fixture
def tab(browser, page):
    tab = browser.new_context().new_page()
    tab.errors = []
    tab.on("pageerror", lambda error: tab.errors.append(str(error)))
    tab.goto(page)
    yield tab
    assert tab.errors == []
    tab.context.close()


@pytest.fixture
def email():
    return f"{uuid.uuid4().hex}@example.com"


@pytest.fixture
def jane(roster, email):
    """The address of somebody who has an account."""
    sent = httpx.post(f"{roster.api}/accounts", json={"email": email, "password": PASSWORD, "name": "Jane Doe"})
    assert sent.status_code == 202
    body = {"email": email, "password": PASSWORD, "code": code(roster, email)}
    assert httpx.post(f"{roster.api}/accounts/confirmation", json=body).status_code == 200
    return email


def code(roster, email):
    """Return the code that was mailed."""
    return re.search(r"\b\d{6}\b", [one.text for one in mail.sent(roster.aws_port) if one.to == email][-1])[0]


def submit(tab, form, button, **fields):
    for name, value in fields.items():
        tab.locator(f"#{form} [name={name}]").fill(value)
    tab.locator(f"#{form}").get_by_role("button", name=button, exact=True).click()


def says(tab, text):
    tab.get_by_role("status").get_by_text(text).wait_for()


def sign_in(tab, email, password=PASSWORD):
    submit(tab, "sign-in", "Sign in", email=email, password=password)


def about(tab):
    field = tab.get_by_label("Anything you like")
    field.wait_for()
    return field.input_value()


def tokens_of(roster, email):
    return httpx.post(f"{roster.api}/sessions", json={"email": email, "password": PASSWORD}).json()


def stored(roster, headers):
    return httpx.get(f"{roster.api}/user/profile", headers=headers).json()["profile_data"]


def test_from_sign_up_with_the_mailed_code_to_a_profile_and_out(tab, roster, email):
    submit(tab, "sign-up", "Sign up", name="Jane Doe", email=email, password=PASSWORD)
    says(tab, "a code has been mailed to it")
    submit(tab, "confirmation", "Confirm", code=code(roster, email))
    assert about(tab) == ""
    submit(tab, "profile", "Save", about="<b>Sailor</b>")
    says(tab, "Saved.")
    tab.get_by_role("button", name="Sign out").click()
    says(tab, "You are signed out.")
    sign_in(tab, email)
    assert about(tab) == "<b>Sailor</b>"


def test_a_wrong_password_is_rejected_with_a_sentence_and_the_address_stays(tab, jane):
    sign_in(tab, jane, "Wrong-horse-42")
    says(tab, "password")
    assert tab.locator("#sign-in [name=email]").input_value() == jane
    sign_in(tab, jane)
    assert about(tab) == ""


def test_a_weak_password_is_rejected_at_its_place(tab, email):
    submit(tab, "sign-up", "Sign up", name="Jane Doe", email=email, password="short")
    says(tab, "A password has 12 to 256 characters")
    assert tab.locator("#sign-up [name=email]").input_value() == email


def test_a_profile_that_has_changed_meanwhile_is_shown_before_it_is_overwritten(tab, roster, jane):
    sign_in(tab, jane)
    about(tab)
    headers = {"Authorization": f"Bearer {tokens_of(roster, jane)['id_token']}"}
    httpx.post(f"{roster.api}/user/profile", headers=headers, json={"about": "From the phone"})
    submit(tab, "profile", "Save", about="From the page")
    says(tab, "It has changed meanwhile, to: “From the phone”.")
    assert about(tab) == "From the page"
    assert stored(roster, headers) == {"about": "From the phone"}
    submit(tab, "profile", "Save")
    says(tab, "Saved.")
    assert stored(roster, headers) == {"about": "From the page"}


def test_what_the_page_does_not_show_stays_in_the_profile(tab, roster, jane):
    headers = {"Authorization": f"Bearer {tokens_of(roster, jane)['id_token']}"}
    httpx.post(f"{roster.api}/user/profile", headers=headers, json={"about": "Sailor", "theme": "dark"})
    sign_in(tab, jane)
    assert about(tab) == "Sailor"
    submit(tab, "profile", "Save", about="Captain")
    says(tab, "Saved.")
    assert stored(roster, headers) == {"about": "Captain", "theme": "dark"}


def test_what_was_typed_in_a_session_that_has_ended_is_there_after_the_next_sign_in(tab, roster, jane):
    sign_in(tab, jane)
    about(tab)
    tab.route("**/sessions/refresh", lambda route: route.fulfill(status=401, json={"detail": "The session is over."}))
    tab.clock.install()
    tab.clock.fast_forward(VALID * 1000)
    submit(tab, "profile", "Save", about="Typed for an hour")
    says(tab, "The session is over.")
    sign_in(tab, jane)
    says(tab, "What you have typed is still here.")
    assert about(tab) == "Typed for an hour"


def test_after_signing_out_nothing_of_the_person_is_left_in_the_page(tab, jane):
    sign_in(tab, jane)
    about(tab)
    submit(tab, "profile", "Save", about="Secret")
    says(tab, "Saved.")
    tab.get_by_role("button", name="Sign out").click()
    says(tab, "You are signed out.")
    fields = tab.locator("input, textarea").evaluate_all("fields => fields.map(({ value }) => value)")
    assert set(fields) == {""}


def test_a_sign_out_that_cannot_reach_the_api_says_so(tab, jane):
    sign_in(tab, jane)
    about(tab)
    tab.context.set_offline(True)
    tab.get_by_role("button", name="Sign out").click()
    says(tab, "the session goes on")
    assert tab.locator("#sign-in").is_visible()


def test_an_invited_person_is_sent_to_the_console_and_can_sign_in_as_somebody_else(tab, roster, jane):
    invited = f"invited-{jane}"
    aws.client("cognito-idp", roster.aws_port).admin_create_user(
        UserPoolId=roster.outputs["UserPool"],
        Username=invited,
        TemporaryPassword=PASSWORD,
        UserAttributes=[{"Name": "email", "Value": invited}],
        MessageAction="SUPPRESS",
    )
    sign_in(tab, invited)
    says(tab, "Sign in at the console.")
    sign_in(tab, jane)
    assert about(tab) == ""


def test_who_waits_for_no_code_can_start_again(tab, jane):
    submit(tab, "sign-up", "Sign up", name="Jane Doe", email=jane, password=PASSWORD)
    says(tab, "a code has been mailed to it")
    tab.get_by_role("button", name="Start again").click()
    sign_in(tab, jane)
    assert about(tab) == ""


def test_the_focus_follows_to_the_next_form(tab, jane):
    sign_in(tab, jane)
    about(tab)
    assert tab.evaluate("document.activeElement.name") == "about"


def test_a_response_that_is_not_the_apis_is_a_sentence(tab, jane):
    tab.route("**/sessions", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    sign_in(tab, jane)
    says(tab, "The service is not available.")


def test_without_its_script_no_password_gets_into_an_address(page, browser, jane):
    tab = browser.new_context(java_script_enabled=False).new_page()
    tab.goto(page)
    sign_in(tab, jane)
    assert PASSWORD not in tab.url
    tab.context.close()


def test_an_authenticator_app_is_asked_for_its_code(tab, roster, jane):
    headers = {"Authorization": f"Bearer {tokens_of(roster, jane)['access_token']}"}
    secret = httpx.post(f"{roster.api}/account/totp", headers=headers).json()["secret"]
    app = pyotp.TOTP(secret)
    answer = httpx.put(f"{roster.api}/account/totp", headers=headers, json={"code": app.now()})
    assert answer.is_success, answer.text
    sign_in(tab, jane)
    submit(tab, "challenge", "Sign in", code=app.at(0))
    says(tab, "code")
    submit(tab, "challenge", "Sign in", code=app.at(time.time() + 30))  # each code works once
    assert about(tab) == ""


def test_expiring_tokens_are_refreshed_before_a_call(tab, jane):
    tab.clock.install()
    sign_in(tab, jane)
    about(tab)
    tab.clock.fast_forward(VALID * 1000)
    with tab.expect_response("**/sessions/refresh") as refreshed:
        submit(tab, "profile", "Save", about="Later")
    assert refreshed.value.status == 200
    says(tab, "Saved.")


def test_without_a_connection_nothing_that_was_typed_is_lost(tab, jane):
    sign_in(tab, jane)
    about(tab)
    tab.context.set_offline(True)
    submit(tab, "profile", "Save", about="Typed in a tunnel")
    says(tab, "There is no connection.")
    tab.context.set_offline(False)
    submit(tab, "profile", "Save")
    says(tab, "Saved.")


def test_neither_the_address_nor_the_storage_keeps_tokens(tab, page, jane):
    sign_in(tab, jane)
    about(tab)
    assert tab.url == page
    assert tab.evaluate("({...localStorage, ...sessionStorage})") == {}
