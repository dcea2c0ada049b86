"""Signing up and in, and one's own account, in the console: journeys in Chromium."""

import json
import time

import pyotp
import pytest

from tests.browser.console import PASSWORD, new_email

NEW_PASSWORD = "Better-horse-43"
MINUTES = 60 * 1000


@pytest.fixture
def person(console):
    return console.person()


@pytest.fixture
def account(visit, person):
    """Somebody who is signed in and looks at their account."""
    visitor = visit("#/account", person=person)
    visitor.sees("Delete account")
    return visitor


def end_sessions(console, person):
    """End all sessions of a person, as on another device."""
    token = console.tokens(person)["access_token"]
    assert console.request("DELETE", "/sessions", token).status_code == 204


class TestSigningUp:
    @pytest.mark.detail
    def test_a_password_that_was_mistyped_when_signing_in_does_not_confirm_the_account(self, visit, console):
        visitor, email = visit("#/sign-up"), new_email()
        visitor.field("Name").fill("Jane Doe")
        visitor.field("E-mail address").fill(email)
        visitor.field("Password").fill(PASSWORD)
        visitor.presses("Sign up")
        visitor.arrives("Confirm your address")
        visitor.page.reload()
        visitor.page.locator("main").get_by_role("link", name="Sign in").click()
        visitor.field("E-mail address").fill(email)
        visitor.field("Password").fill("Mistyped-horse-42")
        visitor.presses("Sign in")
        visitor.link("Send a new code").click()
        visitor.arrives("Get a new code")
        visitor.presses("Send code")
        visitor.arrives("Confirm your address")
        assert visitor.field("Password").input_value() == ""
        visitor.field("Password").fill(PASSWORD)
        visitor.field("Code").fill(console.code(email))
        visitor.presses("Confirm")
        visitor.arrives("Account")

    def test_from_sign_up_with_the_mailed_code_to_the_account_and_out(self, visit, everywhere):
        visitor, email = visit(place=everywhere), new_email()
        visitor.link("Sign up").click()
        visitor.arrives("Sign up")
        assert visitor.focused.inner_text() == "Sign up"
        visitor.field("Name").fill("Jane Doe")
        visitor.field("E-mail address").fill(email)
        visitor.field("Password").fill(PASSWORD)
        visitor.presses("Sign up")
        visitor.arrives("Confirm your address")
        visitor.sees(email)

        visitor.field("Code").fill("000000")
        visitor.presses("Confirm")
        assert "The code is wrong or has expired" in visitor.alert
        visitor.field("Code").fill(f" {everywhere.code(email)} ")
        visitor.presses("Confirm")
        visitor.arrives("Account")
        visitor.sees("Your address is confirmed, and you are signed in.")
        assert visitor.field("Name").input_value() == "Jane Doe"

        visitor.page.reload()
        visitor.arrives("Account")
        visitor.signs_out()
        visitor.arrives("Sign in")
        visitor.sees("You are signed out.")
        visitor.page.reload()
        visitor.arrives("Sign in")

    @pytest.mark.detail
    def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(self, visit):
        visitor = visit("#/sign-up")
        visitor.field("E-mail address").fill("jane")
        visitor.field("Password").fill("short1")
        visitor.presses("Sign up")
        assert visitor.alert.splitlines() == [
            "Check what you entered",
            "",
            "Enter your name",
            "Enter an e-mail address like name@example.com",
            "The password does not fit the rules yet: at least 12 characters",
        ]
        assert visitor.focused.get_attribute("role") == "alert"
        assert visitor.field("E-mail address").get_attribute("aria-invalid") == "true"
        visitor.link("Enter an e-mail address like name@example.com").click()
        assert visitor.focused.input_value() == "jane"
        assert visitor.field("Password").input_value() == "short1"
        assert visitor.sent("POST", "/accounts") == 0

    @pytest.mark.detail
    def test_rules_for_passwords_are_ticked_while_typing(self, visit):
        visitor = visit("#/sign-up")
        kept = visitor.page.locator(".rules .kept")
        assert kept.count() == 0
        visitor.field("Password").press_sequentially("Correct")
        assert kept.all_text_contents() == [
            "a lowercase letter, done",
            "an uppercase letter, done",
            "no space at its start or end, done",
        ]
        visitor.field("Password").press_sequentially("-horse-42")
        assert kept.count() == 5
        visitor.presses("Show password")
        assert visitor.field("Password").get_attribute("type") == "text"
        visitor.presses("Hide password")
        assert visitor.field("Password").get_attribute("type") == "password"

    @pytest.mark.detail
    def test_a_new_code_can_be_asked_for_and_is_confirmed_after_a_reload(self, visit, console):
        email = new_email()
        console.request("POST", "/accounts", json={"email": email, "password": PASSWORD, "name": "Jane"})
        visitor = visit("#/confirm?code=new")
        visitor.field("E-mail address").fill(email)
        visitor.presses("Send code")
        visitor.sees("If there is something to confirm, a new code has been mailed.")
        assert visitor.focused.inner_text() == "Confirm your address"
        visitor.page.reload()
        visitor.open("#/confirm")
        visitor.field("E-mail address").fill(email)
        visitor.field("Code").fill(console.code(email))
        visitor.field("Password").fill(PASSWORD)
        visitor.presses("Confirm")
        visitor.arrives("Account")

    @pytest.mark.detail
    def test_if_somebody_else_has_registered_the_address_its_owner_gets_a_new_password(self, visit, console):
        email = new_email()
        console.request("POST", "/accounts", json={"email": email, "password": "Mallorys-horse-1", "name": "Mallory"})
        visitor = visit("#/sign-up")
        visitor.field("Name").fill("Jane")
        visitor.field("E-mail address").fill(email)
        visitor.field("Password").fill(PASSWORD)
        visitor.presses("Sign up")
        visitor.arrives("Confirm your address")
        visitor.field("Code").fill(console.code(email))
        visitor.presses("Confirm")
        visitor.arrives("Set a new password")
        visitor.sees("somebody else may have chosen")
        assert visitor.field("E-mail address").input_value() == email
        visitor.field("Code").fill(console.code(email))
        visitor.field("New password").fill(NEW_PASSWORD)
        visitor.presses("Save password")
        visitor.arrives("Account")

    @pytest.mark.detail
    def test_where_only_administrators_invite_it_says_so(self, visit):
        visitor = visit()
        visitor.page.route("**/console", invitations_only)
        visitor.page.reload()
        visitor.arrives("Sign in")
        assert visitor.link("Sign up").count() == 0
        visitor.open("#/sign-up")
        visitor.sees("Accounts are created by invitation only.")
        assert visitor.page.locator("form").count() == 0


def invitations_only(route):
    """Respond with the page of a stage on which nobody can sign up."""
    response = route.fetch()
    page = response.text().replace("&quot;sign_up&quot;: true", "&quot;sign_up&quot;: false")
    route.fulfill(response=response, body=page)


class TestSigningIn:
    @pytest.mark.detail
    def test_a_wrong_password_offers_a_new_code_and_a_reset_and_keeps_what_was_typed(self, visit, person):
        visitor = visit()
        visitor.signs_in(person, "Wrong-horse-42")
        assert visitor.alert.startswith("Wrong e-mail or password, or the account is not confirmed yet.")
        assert visitor.field("E-mail address").input_value() == person.email
        assert visitor.field("Password").input_value() == "Wrong-horse-42"
        visitor.link("Reset password").click()
        visitor.arrives("Reset your password")
        assert visitor.field("E-mail address").input_value() == person.email
        visitor.page.go_back()
        visitor.arrives("Sign in")

    def test_an_invited_person_chooses_a_password_at_the_first_sign_in(self, visit, console):
        admin, email = console.person(admin=True), new_email()
        token = console.tokens(admin)["access_token"]
        invitation = {"email": email, "name": "John"}
        assert console.request("POST", "/accounts/invitations", token, json=invitation).status_code == 201
        temporary = console.mailed(email).split("password ")[1].split(" and choose")[0]
        visitor = visit()
        visitor.field("E-mail address").fill(email)
        visitor.field("Password").fill(temporary)
        visitor.presses("Sign in")
        visitor.arrives("Choose a password")
        assert visitor.focused.inner_text() == "Choose a password"
        visitor.field("New password").fill("short")
        visitor.presses("Save password")
        assert "at least 12 characters" in visitor.alert
        visitor.field("New password").fill(NEW_PASSWORD)
        visitor.presses("Save password")
        visitor.arrives("Account")

    def test_a_second_step_is_set_up_asked_for_and_turned_off(self, visit, account, person):
        account.presses("Set up")
        picture = account.page.get_by_alt_text("QR code with the key below")
        picture.wait_for()
        assert picture.get_attribute("src").startswith("data:image/svg+xml,")
        app = pyotp.TOTP(account.page.locator(".secret").inner_text().replace(" ", ""))
        now = time.time()
        account.field("Code").fill("000000")
        account.presses("Turn on")
        assert "This is not the code that the app shows now." in account.alert
        account.field("Code").fill(app.at(now))
        account.presses("Turn on")
        account.sees("Two-step sign-in is on.")

        other = visit()
        other.signs_in(person)
        other.arrives("Enter your code")
        other.field("Code").fill("000000")
        other.presses("Sign in")
        assert "The code is wrong or too old" in other.alert
        other.field("Code").fill(app.at(now + 30))
        other.presses("Sign in")
        other.arrives("Account")

        account.presses("Turn off")
        account.field("Your password", account.dialog).fill("Wrong-horse-42")
        account.presses("Turn off", account.dialog)
        assert "This is not your password." in account.alert
        account.field("Your password", account.dialog).fill(PASSWORD)
        account.presses("Turn off", account.dialog)
        account.sees("Two-step sign-in is off.")

    @pytest.mark.detail
    def test_a_challenge_that_the_page_does_not_know_is_explained(self, visit, person):
        visitor = visit()
        body = json.dumps({"challenge": "IRIS_SCAN", "session": "x"})
        visitor.page.route("**/sessions", lambda route: route.fulfill(status=202, body=body))
        visitor.signs_in(person)
        visitor.arrives("This account needs another way to sign in")
        visitor.presses("Start again")
        visitor.arrives("Sign in")

    @pytest.mark.detail
    def test_a_required_second_step_is_set_up_while_signing_in(self, visit, person):
        visitor = visit()
        uri = "otpauth://totp/Roster:jane?secret=ABCDEFGH"
        body = json.dumps({"challenge": "TOTP_SETUP", "session": "x", "secret": "ABCDEFGH", "uri": uri})
        visitor.page.route("**/sessions", lambda route: route.fulfill(status=202, body=body))
        visitor.signs_in(person)
        visitor.arrives("Set up two-step sign-in")
        visitor.sees("ABCD EFGH")
        assert visitor.link("Open an authenticator app on this device").get_attribute("href") == uri
        assert visitor.violations() == []

    def test_a_forgotten_password_is_reset_with_the_mailed_code(self, visit, console, person):
        visitor = visit()
        visitor.link("Forgotten password?").click()
        visitor.field("E-mail address").fill(person.email)
        visitor.presses("Send code")
        visitor.arrives("Set a new password")
        visitor.sees("If there is an account with this address, a code has been mailed to it.")
        visitor.field("Code").fill(console.code(person.email))
        visitor.field("New password").fill(NEW_PASSWORD)
        visitor.presses("Save password")
        visitor.arrives("Account")
        visitor.sees("Your password has been changed, and all other sessions have ended.")

    @pytest.mark.detail
    def test_after_signing_in_people_are_back_where_they_were(self, visit, person):
        visitor = visit("#/account?from=mail")
        visitor.arrives("Sign in")
        assert visitor.address == "#/sign-in?next=%2Faccount%3Ffrom%3Dmail"
        visitor.signs_in(person)
        visitor.arrives("Account")
        assert visitor.address == "#/account?from=mail"

    def test_they_are_never_sent_elsewhere(self, visit, person):
        visitor = visit("#/account", person=person)
        hostile = ["//evil.example", "https://evil.example", "javascript:alert(1)", "/unknown", "/sign-in", "%ff"]
        for address in hostile:
            visitor.page.evaluate("address => { location.hash = `#/sign-in?next=${address}` }", address)
            visitor.arrives("Account")
            assert visitor.address == "#/account"

    @pytest.mark.detail
    def test_pressing_enter_several_times_signs_in_once(self, visit, person):
        visitor, held = visit(), []
        visitor.page.route("**/sessions", lambda route: held.append(route))  # noqa: PLW0108
        visitor.field("E-mail address").fill(person.email)
        visitor.field("Password").fill(PASSWORD)
        visitor.page.keyboard.press("Enter")
        visitor.page.keyboard.press("Enter")
        visitor.button("Signing in…").wait_for()
        visitor.page.keyboard.press("Enter")
        held.pop().continue_()
        visitor.arrives("Account")
        assert held == []


class TestAccount:
    @pytest.mark.detail
    def test_names_are_saved(self, account, console, person):
        account.field("Name").fill("Jane <b>Roe</b>")
        account.field("Family name (optional)").fill("Roe")
        account.presses("Save")
        account.sees("Saved.")
        assert account.button("Your account").inner_text().startswith("Jane <b>Roe</b>")
        stored = console.request("GET", "/account", console.tokens(person)["access_token"]).json()
        assert (stored["name"], stored["given_name"], stored["family_name"]) == ("Jane <b>Roe</b>", None, "Roe")

    @pytest.mark.detail
    def test_the_address_changes_with_the_code_that_is_mailed_to_the_new_one(self, account, console):
        email = new_email()
        account.field("New e-mail address").fill(email)
        account.field("Your password").fill("Wrong-horse-42")
        account.presses("Send code")
        assert "This is not your password." in account.alert
        account.field("Your password").fill(PASSWORD)
        account.presses("Send code")
        account.sees("If nobody else has the address")
        account.field("Code").fill(console.code(email))
        account.presses("Change address")
        account.sees("Your e-mail address has been changed.")
        account.sees(email)

    @pytest.mark.detail
    def test_changing_the_password_keeps_this_session_and_the_other_tabs(self, account, visit, person):
        other = account.tab("#/account")
        elsewhere = visit("#/account", person=person)
        elsewhere.arrives("Account")
        account.field("Present password").fill(PASSWORD)
        account.field("New password").fill(NEW_PASSWORD)
        account.presses("Change password")
        account.sees("Saved. All other sessions have ended.")
        assert account.field("New password").input_value() == ""
        for visitor in (account, other):
            visitor.page.reload()
            visitor.arrives("Account")
        elsewhere.page.reload()
        elsewhere.arrives("Sign in")
        elsewhere.signs_in(person, NEW_PASSWORD)
        elsewhere.arrives("Account")

    @pytest.mark.detail
    def test_the_export_is_saved_as_the_server_sends_it(self, account, console, person):
        with account.page.expect_download() as download:
            account.presses("Download your data")
        sent = console.request("GET", "/account/export", console.tokens(person)["access_token"])
        assert download.value.path().read_bytes() == sent.content
        assert download.value.suggested_filename == f"roster-{sent.json()['account']['userid']}.json"

    @pytest.mark.detail
    def test_signing_out_everywhere_ends_all_sessions(self, account, visit, person):
        elsewhere = visit("#/account", person=person)
        elsewhere.arrives("Account")
        account.presses("Sign out everywhere")
        account.presses("Sign out everywhere", account.dialog)
        account.arrives("Sign in")
        account.sees("You are signed out everywhere.")
        elsewhere.page.reload()
        elsewhere.arrives("Sign in")

    def test_deleting_the_account_takes_the_password_and_ends_it(self, account, person):
        account.presses("Delete account")
        account.page.keyboard.press("Escape")
        assert account.focused.inner_text() == "Delete account"
        account.presses("Delete account")
        account.presses("Delete account", account.dialog)
        assert "Enter your password" in account.alert
        account.field("Your password", account.dialog).fill(PASSWORD)
        account.presses("Delete account", account.dialog)
        account.arrives("Sign in")
        account.sees("Your account and everything in it have been deleted.")
        account.signs_in(person)
        assert "Wrong e-mail or password" in account.alert

    @pytest.mark.detail
    def test_a_deletion_that_takes_several_requests_goes_on_until_it_is_done(self, account):
        answers = [
            {"status": 202, "body": '{"message": "…"}', "headers": {"Retry-After": "1"}},
            {"status": 204},
        ]
        account.page.route("**/account/deletion", lambda route: route.fulfill(**answers.pop(0)))
        account.presses("Delete account")
        account.field("Your password", account.dialog).fill(PASSWORD)
        account.presses("Delete account", account.dialog)
        account.arrives("Sign in")
        assert account.sent("POST", "/account/deletion") == 2
        assert answers == []


class TestSessions:
    @pytest.mark.detail
    def test_nothing_secret_is_kept_where_scripts_or_people_can_read_it(self, account):
        kept = account.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        assert "eyJ" not in kept
        assert "eyJ" not in account.page.url
        (cookie,) = account.context.cookies()
        assert cookie["httpOnly"]
        assert cookie["secure"]
        assert cookie["sameSite"] == "Strict"

    def test_an_edit_goes_on_after_the_session_has_ended_in_its_middle(self, account, console, person):
        account.field("Given name (optional)").fill("Jane")
        end_sessions(console, person)
        account.presses("Save")
        account.dialog.wait_for()
        account.signs_in(person, "Wrong-horse-42", account.dialog)
        assert "Wrong e-mail or password" in account.alert
        assert account.violations() == []
        account.signs_in(person, within=account.dialog)
        account.sees("Saved.")
        assert account.dialog.count() == 0
        stored = console.request("GET", "/account", console.tokens(person)["access_token"]).json()
        assert stored["given_name"] == "Jane"

    @pytest.mark.detail
    def test_an_edit_is_kept_if_somebody_does_not_sign_in_again_at_once(self, account, console, person):
        account.field("Given name (optional)").fill("Jane")
        end_sessions(console, person)
        account.presses("Save")
        account.presses("Not now", account.dialog)
        assert account.alert.startswith("You are signed out. Sign in again to go on.")
        assert account.field("Given name (optional)").input_value() == "Jane"
        account.presses("Save")
        account.signs_in(person, within=account.dialog)
        account.sees("Saved.")

    @pytest.mark.detail
    def test_an_edit_is_not_saved_for_somebody_else_who_signs_in_meanwhile(self, account, console, person):
        other = account.tab("#/account")
        john = console.person("John Roe")
        account.field("Given name (optional)").fill("Jane")
        other.signs_out()
        other.arrives("Sign in")
        account.arrives("Sign in")
        other.signs_in(john)
        other.arrives("Account")
        account.arrives("Account")
        account.sees(john.email)
        assert account.field("Given name (optional)").input_value() == ""

    def test_all_tabs_are_signed_in_and_out_together(self, visit, person):
        first = visit("#/account")
        second = first.tab("#/account")
        second.arrives("Sign in")
        first.signs_in(person)
        first.arrives("Account")
        second.arrives("Account")
        third = first.tab("#/account")
        third.arrives("Account")
        assert third.sent("POST", "/sessions/refresh") == 0
        second.signs_out()
        for visitor in (first, second, third):
            visitor.arrives("Sign in")
            visitor.sees("You are signed out.")

    def test_tokens_are_refreshed_before_they_expire_once_for_all_tabs(self, visit, person):
        first = visit(reduced_motion="reduce")  # in a browser of its own, because a clock cannot be taken away again
        second = first.tab()
        first.context.clock.install()
        for visitor in (first, second):
            visitor.page.reload()
        first.signs_in(person)
        for visitor in (first, second):
            visitor.arrives("Account")
        assert first.sent("POST", "/sessions/refresh") + second.sent("POST", "/sessions/refresh") == 0
        with first.context.expect_event("response", lambda response: response.url.endswith("/refresh")):
            first.context.clock.fast_forward(15 * MINUTES - 50_000)
        second.page.wait_for_timeout(500)
        assert first.sent("POST", "/sessions/refresh") + second.sent("POST", "/sessions/refresh") == 1

    @pytest.mark.parametrize(
        ("path", "method"), [("account", "PATCH"), ("account/password", "PUT"), ("sessions", "POST")]
    )
    @pytest.mark.detail
    def test_who_signs_out_while_something_is_saved_stays_signed_out(self, account, console, person, path, method):
        held = []
        account.page.route(f"**/{path}", lambda route: held.append(route), times=1)  # noqa: PLW0108
        if path == "account":
            account.field("Given name (optional)").fill("Jane")
            account.presses("Save")
        else:
            account.field("Present password").fill(PASSWORD)
            account.field("New password").fill(NEW_PASSWORD)
            account.presses("Change password")
        account.page.wait_for_timeout(300)
        account.signs_out()
        if path == "sessions":
            account.sees("Signing out…")  # it waits for the sign-in, and ends it
        else:
            account.arrives("Sign in")
        (route,) = held
        assert route.request.method == method
        route.continue_()
        account.arrives("Sign in")
        account.page.wait_for_timeout(500)
        account.page.reload()
        account.arrives("Sign in")
        assert account.context.cookies() == []

    @pytest.mark.detail
    def test_a_session_of_somebody_else_is_not_taken_over_silently(self, account, console):
        account.context.clear_cookies()
        account.context.add_cookies([console.cookie(console.person("Mallory"))])
        account.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        account.arrives("Sign in")
        account.sees("Somebody else has signed in with this browser. Sign in again.")

    @pytest.mark.detail
    def test_a_page_that_the_browser_has_kept_notices_that_the_session_is_over(self, account):
        account.page.evaluate("key => localStorage.removeItem(key)", account.place.storage_key)
        account.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        account.arrives("Sign in")

    @pytest.mark.detail
    def test_in_the_dialog_nothing_leads_away_from_what_was_typed(self, account, console, person):
        account.field("Given name (optional)").fill("Jane")
        end_sessions(console, person)
        account.presses("Save")
        account.signs_in(person, "Wrong-horse-42", account.dialog)
        assert "Wrong e-mail or password" in account.alert
        assert account.dialog.get_by_role("link").count() == 0

    @pytest.mark.detail
    def test_a_sign_out_that_fails_says_that_the_session_goes_on(self, account):
        account.context.set_offline(True)
        account.signs_out()
        assert "You are offline." in account.alert
        assert "You are still signed in." in account.alert
        account.context.set_offline(False)
        account.presses("Try again")
        account.arrives("Sign in")


class TestFailures:
    def test_offline_and_back(self, account):
        account.context.set_offline(True)
        account.sees("You are offline. What you type stays here.")
        account.field("Given name (optional)").fill("Jane")
        account.presses("Save")
        assert account.alert == "You are offline. Try again once you are connected."
        account.context.set_offline(False)
        account.presses("Save")
        account.sees("Saved.")
        assert account.page.get_by_role("alert").count() == 0

    @pytest.mark.detail
    def test_a_server_that_fails_at_the_start_can_be_tried_again(self, account):
        account.page.route("**/sessions/refresh", lambda route: route.fulfill(status=503, headers={"Retry-After": "1"}))
        account.page.reload()
        account.arrives("Roster is not available")
        account.page.unroute("**/sessions/refresh")
        account.presses("Try again")
        account.arrives("Account")

    @pytest.mark.detail
    def test_a_problem_is_a_sentence_with_its_request_id_to_copy(self, account):
        body = json.dumps(
            {"type": "urn:roster:problem:internal-error", "title": "Internal error", "request_id": "id-<b>42</b>"}
        )
        account.page.route("**/account", lambda route: route.fulfill(status=500, body=body))
        account.context.grant_permissions(["clipboard-read", "clipboard-write"])
        account.presses("Save")
        assert account.alert.startswith("Something went wrong in Roster, and it was logged.")
        account.page.get_by_text("Details").click()
        account.sees("id-<b>42</b>")
        account.presses("Copy")
        account.sees("Copied.")
        assert account.page.evaluate("navigator.clipboard.readText()") == "id-<b>42</b>"

    @pytest.mark.detail
    def test_too_many_requests_are_a_sentence_too(self, visit, person):
        visitor = visit()
        body = json.dumps({"type": "urn:roster:problem:throttled", "title": "Too many requests", "request_id": "1"})
        visitor.page.route("**/sessions", lambda route: route.fulfill(status=429, body=body))
        visitor.signs_in(person)
        assert visitor.alert.startswith("Too many requests at the moment.")
        visitor.page.unroute("**/sessions")
        visitor.presses("Sign in")
        visitor.arrives("Account")

    @pytest.mark.detail
    def test_an_unknown_address_is_explained(self, visit):
        visitor = visit("#/nowhere")
        visitor.arrives("There is no such page")
        assert visitor.page.title() == "There is no such page · Roster"

    @pytest.mark.detail
    def test_a_view_that_cannot_be_loaded_can_be_tried_again(self, visit, person):
        visitor = visit()
        visitor.page.route("**/account.js", lambda route: route.abort())
        visitor.signs_in(person)
        visitor.arrives("This page can’t be shown")
        visitor.page.unroute("**/account.js")
        visitor.presses("Reload the page")
        visitor.arrives("Account")
        visitor.faults.clear()


class TestForEverybody:
    @pytest.mark.parametrize(
        "view", ["sign-in", "sign-up", "confirm", "confirm?code=new", "forgotten-password", "reset-password"]
    )
    @pytest.mark.detail
    def test_the_forms_suit_everybody_also_after_an_error(self, visit, view):
        visitor = visit(f"#/{view}")
        visitor.page.locator("form .button.main").click()
        visitor.page.get_by_role("alert").wait_for()
        assert visitor.violations() == []
        assert visitor.cut_off() == []

    @pytest.mark.detail
    def test_the_account_and_its_dialogs_suit_everybody(self, account):
        account.presses("Set up")
        account.page.get_by_alt_text("QR code with the key below").wait_for()
        account.presses("Your account")
        assert account.violations() == []
        assert account.cut_off() == []
        for name in ("Sign out everywhere", "Delete account"):
            account.presses(name)
            account.dialog.wait_for()
            assert account.violations() == []
            assert account.cut_off() == []
            account.presses("Cancel", account.dialog)

    @pytest.mark.detail
    def test_by_keyboard_alone_from_sign_in_to_a_changed_name_and_out(self, visit, person):
        visitor = visit()
        keys = visitor.page.keyboard
        tab_to(visitor, "E-mail address")
        keys.type(person.email)
        tab_to(visitor, "Password")
        keys.type(PASSWORD)
        keys.press("Enter")
        visitor.sees("Delete account")
        tab_to(visitor, "Given name (optional)")
        keys.type("Jane")
        keys.press("Enter")
        visitor.sees("Saved.")
        tab_to(visitor, "Your account", "Shift+Tab")
        keys.press("Enter")
        tab_to(visitor, "Sign out")
        keys.press("Enter")
        visitor.arrives("Sign in")
        assert visitor.focused.inner_text() == "Sign in"

    @pytest.mark.detail
    def test_a_menu_closes_with_escape_and_returns_the_focus(self, account):
        account.presses("Your account")
        account.page.keyboard.press("Tab")
        account.page.keyboard.press("Escape")
        assert account.focused.get_attribute("aria-expanded") == "false"

    @pytest.mark.detail
    def test_the_skip_link_leads_past_the_bar(self, visit):
        visitor = visit()
        visitor.page.keyboard.press("Tab")
        assert visitor.focused.inner_text() == "Skip to content"
        visitor.page.keyboard.press("Enter")
        assert visitor.focused.get_attribute("id") == "main"
        assert visitor.address == "#/sign-in"


NAME_OF_FOCUSED = """
() => {
    const element = document.activeElement
    return element.getAttribute('aria-label') ?? element.labels?.[0]?.innerText ?? element.innerText
}
"""


def tab_to(visitor, name, key="Tab"):
    """Press the key until the element with this name has the focus."""
    for _ in range(60):
        if visitor.page.evaluate(NAME_OF_FOCUSED).strip() == name:
            return
        visitor.page.keyboard.press(key)
    raise AssertionError(f"{name} cannot be reached")
