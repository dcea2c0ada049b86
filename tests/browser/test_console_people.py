"""Administration in the console, in Chromium: finding, inviting, helping and deleting people."""

import json
import re
import uuid
from urllib.parse import parse_qs, quote, urlsplit

import pyotp
import pytest

from embedded import mail
from tests.browser.console import PASSWORD, Visitor, new_email

SCREEN = {"width": 1100, "height": 800}
PHONE = {"width": 320, "height": 640}
NEW_PASSWORD = "Better-horse-43"


@pytest.fixture(scope="module")
def administrator(console):
    return console.person("Ada Lovelace", admin=True)


@pytest.fixture(scope="module")
def token(console, administrator):
    """An access token of the administrator, for requests that do not come from the page."""
    return console.tokens(administrator)["access_token"]


@pytest.fixture(scope="module")
def signed_in(browser, console, administrator):
    """A browser in which the administrator is signed in."""
    context = browser.new_context(viewport=SCREEN)
    visitor = Visitor(console, context).open("#/people")
    visitor.signs_in(administrator)
    visitor.arrives("People")
    yield visitor
    context.close()


@pytest.fixture
def opened(signed_in):
    """A function that opens a view of the console as the administrator. All tests share the tab, which saves time."""
    signed_in.requests.clear()
    signed_in.faults.clear()

    def open_view(at="#/people"):
        signed_in.open("#/nowhere")
        signed_in.arrives("There is no such page")
        return signed_in.open(at)

    yield open_view
    signed_in.page.unroute_all()
    signed_in.page.set_viewport_size(SCREEN)
    assert signed_in.faults == []


@pytest.fixture
def person(console):
    return console.person("Grace Hopper")


@pytest.fixture
def at_person(opened, person):
    """The administrator looks at ``person``."""
    return at(opened, person)


def at(opened, person):
    visitor = opened(f"#/people/{person.sub}")
    visitor.arrives(person.name)
    return visitor


def section(visitor, title):
    return visitor.page.get_by_role("region", name=title, exact=True)


def textbox(visitor, name):
    return visitor.page.get_by_role("textbox", name=name, exact=True)


def act(visitor, button, said, within="Sign-in"):
    """Press a button, and the same one in the dialog that asks. Wait until ``said`` is there."""
    visitor.presses(button, section(visitor, within))
    visitor.presses(button, visitor.dialog)
    visitor.sees(said, section(visitor, within))
    visitor.page.wait_for_function(
        "text => document.getElementById('announcements').textContent.includes(text)", arg=said
    )


def names(visitor):
    """The names in the list, once it has been loaded."""
    visitor.page.locator(".results[aria-busy=false]").wait_for()
    return visitor.page.locator("tbody tr td:first-child").all_inner_texts()


def account(console, token, person):
    return console.request("GET", f"/accounts/{person.sub}", token).json()


def fail(visitor, path, status, slug, **headers):
    """Let the page's next request to this path fail."""
    body = {"type": f"urn:roster:problem:{slug}", "title": slug, "status": status, "request_id": "the-request-id"}
    answer = {
        "status": status,
        "content_type": "application/problem+json",
        "headers": headers,
        "body": json.dumps(body),
    }
    address = re.compile(rf"{re.escape(visitor.place.api + path)}(\?.*)?$")
    visitor.page.route(address, lambda route: route.fulfill(**answer), times=1)


class TestInviting:
    def test_from_the_invitation_to_the_first_sign_in_by_keyboard(self, opened, visit, console):
        visitor, email = opened(), new_email()
        visitor.button("Invite someone").focus()
        visitor.page.keyboard.press("Enter")
        assert visitor.focused.inner_text() == "Invite someone"
        assert visitor.address == "#/people?invite=yes"
        visitor.page.keyboard.press("Tab")
        visitor.page.keyboard.type(email)
        visitor.page.keyboard.press("Tab")
        visitor.page.keyboard.type("Radia Perlman")
        visitor.page.keyboard.press("Enter")
        visitor.sees(f"An invitation has been mailed to {email}.")
        assert visitor.dialog.count() == 0
        assert visitor.focused.inner_text() == "Invite someone"
        assert visitor.address == "#/people"

        newcomer = visit("#/sign-in")
        temporary = re.search(r"temporary password (\S+) and", console.mailed(email))[1]
        newcomer.field("E-mail address").fill(email)
        newcomer.field("Password").fill(temporary)
        newcomer.presses("Sign in")
        newcomer.arrives("Choose a password")
        newcomer.field("New password").fill(PASSWORD)
        newcomer.presses("Save password")
        newcomer.arrives("Account")

        visitor.link("Open the account").click()
        visitor.arrives("Radia Perlman")
        visitor.sees("Confirmed")

    @pytest.mark.detail
    def test_it_works_on_the_deployed_target(self, visit, deployed_console):
        administrator, email = deployed_console.person("Ada", admin=True), new_email()
        visitor = visit("#/people?invite=yes", place=deployed_console, person=administrator)
        visitor.field("E-mail address", visitor.dialog).fill(email)
        visitor.field("Name", visitor.dialog).fill("Annie Easley")
        visitor.presses("Invite", visitor.dialog)
        visitor.sees(f"An invitation has been mailed to {email}.")
        assert "temporary password" in deployed_console.mailed(email)
        visitor.link("Open the account").click()
        visitor.arrives("Annie Easley")
        act(visitor, "Disable account", "The account is disabled.")

    @pytest.mark.detail
    def test_an_invitation_can_be_mailed_again(self, opened, console):
        email = new_email()
        visitor = opened()
        for said in (
            "An invitation has been mailed",
            "This person was invited before. A new invitation has been mailed",
        ):
            visitor.presses("Invite someone")
            visitor.field("E-mail address", visitor.dialog).fill(email)
            visitor.field("Name", visitor.dialog).fill("Katherine Johnson")
            visitor.field("apiAdmins", visitor.dialog).check()
            visitor.presses("Invite", visitor.dialog)
            visitor.sees(said)
        visitor.link("Open the account").click()
        visitor.arrives("Katherine Johnson")
        visitor.sees("Administrators", section(visitor, "Groups"))
        act(visitor, "Invite again", "The invitation has been mailed again.")
        assert len([sent for sent in mail.sent(console.aws_port) if sent.to == email]) == 3

    @pytest.mark.detail
    def test_who_has_an_account_already_can_be_found_from_there(self, opened, person):
        visitor = opened("#/people?invite=yes")
        visitor.presses("Invite", visitor.dialog)
        assert visitor.alert.splitlines() == ["Check what you entered", "", "Enter an e-mail address", "Enter a name"]
        visitor.field("E-mail address", visitor.dialog).fill(person.email)
        visitor.field("Name", visitor.dialog).fill("Grace")
        visitor.presses("Invite", visitor.dialog)
        visitor.sees("This person has an account already.")
        assert visitor.field("Name", visitor.dialog).input_value() == "Grace"
        visitor.link("Find this person").click()
        visitor.link(person.name).wait_for()
        assert visitor.dialog.count() == 0
        assert names(visitor) == [person.name]


@pytest.fixture(scope="module")
def crowd(console):
    """30 people whose addresses start alike, which is more than a page has."""
    start = f"crowd-{uuid.uuid4().hex[:8]}"
    for number in range(30):
        attributes = {"email": f"{start}-{number:02}@example.com", "name": f"{start.upper()} {number:02}"}
        console.cognito.admin_create_user(
            UserPoolId=console.outputs["UserPool"],
            Username=attributes["email"],
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
        )
    return start


class TestFinding:
    def test_pages_survive_going_back_reloading_and_a_visit_to_a_person(self, opened, crowd):
        visitor = opened()
        visitor.field("E-mail address starts with").fill(crowd)
        visitor.page.keyboard.press("Enter")
        visitor.page.wait_for_url(f"**/*#/people?email={crowd}")
        first = names(visitor)
        assert len(first) == 25
        assert visitor.button("‹ Previous").count() == 0
        assert visitor.field("E-mail address starts with").input_value() == crowd

        visitor.presses("Next ›")
        visitor.button("‹ Previous").wait_for()
        second = names(visitor)
        assert len(second) == 5
        assert not {*first} & {*second}
        assert visitor.focused.get_attribute("aria-label") == "Results"
        assert visitor.button("Next ›").count() == 0

        visitor.page.reload()
        visitor.button("‹ Previous").wait_for()
        assert names(visitor) == second
        visitor.link(second[0]).click()
        visitor.arrives(second[0])
        visitor.link("‹ All people").click()
        visitor.arrives("People")
        assert names(visitor) == second
        visitor.page.go_back()
        visitor.arrives(second[0])
        visitor.page.go_back()
        visitor.arrives("People")
        assert names(visitor) == second

        visitor.presses("‹ Previous")
        visitor.button("Next ›").wait_for()
        assert names(visitor) == first
        visitor.page.go_back()
        visitor.button("‹ Previous").wait_for()
        assert names(visitor) == second
        visitor.link("Show all").click()
        visitor.page.wait_for_url("**/*#/people")
        assert visitor.field("E-mail address starts with").input_value() == ""

    @pytest.mark.detail
    def test_one_can_search_by_name_status_and_group(self, opened, crowd, administrator):
        visitor = opened()
        visitor.field("Search by").select_option("Name")
        visitor.field("Name starts with").fill(f"{crowd.upper()} 07")
        visitor.presses("Search")
        visitor.page.wait_for_url("**/*name=*")
        assert names(visitor) == [f"{crowd.upper()} 07"]
        assert visitor.field("Search by").input_value() == "name"

        visitor.field("Search by").select_option("Status")
        visitor.field("Status").select_option("Must set a new password")
        visitor.presses("Search")
        visitor.page.wait_for_url("**/*status=reset-required")
        visitor.sees("Nobody found")

        visitor.field("Search by").select_option("Group")
        visitor.field("Group").select_option("apiAdmins")
        visitor.presses("Search")
        visitor.page.wait_for_url("**/*group=apiAdmins")
        assert administrator.name in names(visitor)

        assert {tuple(parse_qs(urlsplit(sent.url).query)) for sent in visitor.requests if "/accounts?" in sent.url} == {
            ("limit",),
            ("limit", "name"),
            ("limit", "status"),
            ("limit", "group"),
        }

    @pytest.mark.detail
    def test_nobody_found(self, opened):
        visitor = opened("#/people?email=nobody-has-this")
        visitor.sees("Nobody has this beginning of the e-mail address: nobody-has-this")
        visitor.link("Show all people").click()
        visitor.page.get_by_role("table").wait_for()

    @pytest.mark.detail
    def test_a_page_of_the_list_that_has_expired(self, opened):
        visitor = opened("#/people?cursor=damaged")
        assert "This page of the list has expired. Start again with the first one." in visitor.alert
        visitor.link("Show all people").click()
        visitor.page.get_by_role("table").wait_for()

    @pytest.mark.detail
    def test_empty_pages_are_skipped(self, opened, console):
        visitor = opened("#/profile")

        def handle(route):
            following = f"<{console.api}/accounts?limit=25&cursor=none>; rel=next"
            if "cursor" in route.request.url:
                return route.continue_(url=route.request.url.replace("&cursor=none", ""))
            return route.fulfill(json=[], headers={"Link": following})

        visitor.page.route(re.compile(r"/accounts\?"), handle)
        visitor.link("People").click()
        assert len(names(visitor)) > 1

    @pytest.mark.detail
    def test_it_says_when_it_is_slow_refused_overloaded_or_offline(self, opened, signed_in):
        visitor = opened("#/profile")
        waiting = []
        visitor.page.route(re.compile(r"/accounts\?"), lambda route: waiting.append(route), times=1)  # noqa: PLW0108
        visitor.link("People").click()
        visitor.sees("Loading…")
        waiting.pop().continue_()
        visitor.page.get_by_role("table").wait_for()

        fail(visitor, "/accounts", 403, "forbidden")
        visitor.field("E-mail address starts with").fill("a")
        visitor.presses("Search")
        assert "You are no longer an administrator" in visitor.alert
        assert visitor.page.get_by_role("table").count() == 0
        assert visitor.button("Try again").count() == 0
        fail(visitor, "/accounts", 429, "throttled", **{"Retry-After": "1"})
        visitor.field("E-mail address starts with").fill("b")
        visitor.presses("Search")
        visitor.sees("Too many requests at the moment.")
        visitor.sees("Try again in 1 s")
        visitor.page.get_by_text("Details").click()
        visitor.sees("the-request-id")
        visitor.context.set_offline(True)
        visitor.presses("Try again")
        visitor.sees("You are offline. Try again once you are connected.")
        visitor.context.set_offline(False)
        visitor.presses("Try again")
        visitor.page.locator(".results[aria-busy=false]").wait_for()
        assert visitor.page.get_by_role("alert").count() == 0

    @pytest.mark.detail
    def test_others_are_refused(self, visit, person):
        visitor = visit("#/people")
        visitor.signs_in(person)
        visitor.arrives("For administrators only")
        assert visitor.link("People").count() == 0
        visitor.open("#/people/somebody")
        visitor.arrives("For administrators only")
        assert visitor.sent("GET", "/accounts/somebody") == 0


class TestChanging:
    @pytest.mark.detail
    def test_names(self, at_person, person, console, token):
        textbox(at_person, "Name").fill("Rear Admiral Hopper")
        textbox(at_person, "Family name (optional)").fill("Hopper")
        at_person.presses("Save names")
        at_person.arrives("Rear Admiral Hopper")
        at_person.sees("Saved.", section(at_person, "Names"))
        assert at_person.page.title() == "Rear Admiral Hopper · Roster"
        stored = account(console, token, person)
        assert (stored["name"], stored["given_name"], stored["family_name"]) == ("Rear Admiral Hopper", None, "Hopper")

    @pytest.mark.detail
    def test_only_the_changed_names_are_sent(self, at_person, person, console, token):
        console.request("PATCH", f"/accounts/{person.sub}", token, json={"given_name": "Changed meanwhile"})
        textbox(at_person, "Family name (optional)").fill("Hopper")
        at_person.presses("Save names")
        at_person.sees("Saved.", section(at_person, "Names"))
        assert account(console, token, person)["given_name"] == "Changed meanwhile"

    @pytest.mark.detail
    def test_address(self, at_person, person, administrator, console, token):
        textbox(at_person, "E-mail address").fill(administrator.email)
        at_person.presses("Save address")
        assert "Another account has this e-mail address." in at_person.alert
        assert textbox(at_person, "E-mail address").input_value() == administrator.email
        email = new_email()
        textbox(at_person, "E-mail address").fill(email)
        at_person.presses("Save address")
        at_person.sees("Saved.", section(at_person, "E-mail address"))
        at_person.page.locator("dd").get_by_text(email).wait_for()
        assert account(console, token, person)["email"] == email

    @pytest.mark.detail
    def test_groups(self, at_person, person, console, token):
        groups = section(at_person, "Groups")
        at_person.sees("In no group.", groups)
        groups.get_by_role("combobox").select_option("apiAdmins")
        at_person.presses("Add to group", groups)
        at_person.sees("Added to apiAdmins.", groups)
        assert account(console, token, person)["groups"] == ["apiAdmins"]

        at_person.presses("Remove from apiAdmins", groups)
        at_person.sees("is signed out everywhere", at_person.dialog)
        at_person.page.keyboard.press("Escape")
        assert at_person.focused.get_attribute("aria-label") == "Remove from apiAdmins"
        at_person.page.keyboard.press("Enter")
        at_person.presses("Remove", at_person.dialog)
        at_person.sees("Removed from apiAdmins.", groups)
        at_person.sees("In no group.", groups)
        at_person.page.wait_for_function("document.activeElement.textContent === 'Groups'")
        assert account(console, token, person)["groups"] == []

    @pytest.mark.detail
    def test_metadata(self, at_person, person, console, token):
        area = section(at_person, "App metadata")
        textbox(at_person, "App metadata").fill('{"plan": "pro", "limits": {"a": 12345678901234567890, "b": 2}}')
        at_person.presses("Save", area)
        at_person.sees("Saved.", area)
        assert account(console, token, person)["app_metadata"] == {
            "plan": "pro",
            "limits": {"a": 12345678901234567890, "b": 2},
        }
        assert '"a": 12345678901234567890,\n' in textbox(at_person, "App metadata").input_value()

        textbox(at_person, "App metadata").fill('{"limits": {"a": 1}, "tenant": {"none": null}}')
        at_person.presses("Save", area)
        at_person.sees("Take the whole line out.", area)
        textbox(at_person, "App metadata").fill('{"limits": {"a": 1}, "tenant": {"name": "x"}}')
        at_person.presses("Save", area)
        at_person.sees("Saved.", area)
        assert account(console, token, person)["app_metadata"] == {"limits": {"a": 1}, "tenant": {"name": "x"}}

    @pytest.mark.detail
    def test_metadata_that_somebody_else_has_changed_meanwhile(self, at_person, person, console, token):
        textbox(at_person, "App metadata").fill('{"plan": "mine"}')
        console.request("PATCH", f"/accounts/{person.sub}", token, json={"app_metadata": {"plan": "theirs"}})
        at_person.presses("Save", section(at_person, "App metadata"))
        at_person.sees("This has changed since you opened it")
        assert '"theirs"' in textbox(at_person, "Stored now").input_value()
        at_person.presses("Keep mine")
        at_person.sees("Saved.", section(at_person, "App metadata"))
        assert account(console, token, person)["app_metadata"] == {"plan": "mine"}

    @pytest.mark.detail
    def test_record(self, at_person, person, console, token):
        textbox(at_person, "Record").fill('{"shoe size": 42.50}')
        at_person.presses("Save", section(at_person, "Record"))
        at_person.sees("Saved.", section(at_person, "Record"))
        stored = console.request("GET", f"/users/{person.sub}", token).json()
        assert stored["shoe size"] == 42.5


class TestHelping:
    @pytest.mark.detail
    def test_disabling_and_enabling(self, at_person, person, console):
        act(at_person, "Disable account", "The account is disabled.")
        at_person.page.locator("dd").get_by_text("Disabled").wait_for()
        assert "access_token" not in console.tokens(person)
        at_person.page.wait_for_function("document.activeElement.textContent === 'Sign-in'")
        act(at_person, "Enable account", "The account is enabled.")
        assert "access_token" in console.tokens(person)

    def test_a_lost_phone(self, at_person, person, console):
        access = console.tokens(person)["access_token"]
        secret = console.request("POST", "/account/totp", access).json()["secret"]
        code = pyotp.TOTP(secret).now()
        assert console.request("PUT", "/account/totp", access, json={"code": code}).status_code == 204
        assert console.tokens(person)["challenge"] == "TOTP"
        at_person.page.reload()
        at_person.arrives(person.name)
        act(at_person, "Remove two-step sign-in", "Two-step sign-in is off.")
        assert "access_token" in console.tokens(person)

    @pytest.mark.detail
    def test_a_password_reset(self, at_person, person, console):
        act(at_person, "Send password reset", "A code has been mailed. The password no longer works.")
        assert "access_token" not in console.tokens(person)
        changed = {"email": person.email, "code": console.code(person.email), "password": NEW_PASSWORD}
        assert console.request("PUT", "/accounts/password-reset", json=changed).status_code == 204
        assert "access_token" in console.tokens(person, NEW_PASSWORD)

    @pytest.mark.detail
    def test_signing_somebody_out_everywhere(self, at_person, person, console):
        access = console.tokens(person)["access_token"]
        act(at_person, "Sign out everywhere", "All sessions have ended.")
        assert console.request("GET", "/account", access).status_code == 401

    @pytest.mark.detail
    def test_an_action_that_the_status_does_not_allow_any_more(self, at_person, person, console, token):
        console.request("PATCH", f"/accounts/{person.sub}", token, json={"enabled": False})
        at_person.presses("Send password reset")
        at_person.presses("Send password reset", at_person.dialog)
        at_person.sees("The status of this account does not allow this now.")
        at_person.presses("Cancel", at_person.dialog)
        at_person.button("Enable account").wait_for()
        at_person.sees("Enable the account before you send a password reset.")
        assert at_person.button("Send password reset").count() == 0


class TestOneself:
    @pytest.mark.detail
    def test_the_own_page_leads_to_the_account_for_what_takes_the_password(self, opened, administrator):
        visitor = at(opened, administrator)
        visitor.button("Disable account").wait_for()
        for button in ("Save address", "Send password reset", "Remove two-step sign-in", "Delete account"):
            assert visitor.button(button).count() == 0
        visitor.link("your account page").click()
        visitor.arrives("Account")

    def test_the_last_administrator_stays(self, opened, console, administrator, token):
        others = console.request("GET", "/accounts?group=apiAdmins", token).json()
        for other in others:
            if other["userid"] != administrator.sub:
                console.cognito.admin_remove_user_from_group(
                    UserPoolId=console.outputs["UserPool"], Username=other["userid"], GroupName="apiAdmins"
                )
        try:
            visitor = at(opened, administrator)
            visitor.presses("Remove from apiAdmins")
            visitor.sees("You will no longer be an administrator.", visitor.dialog)
            visitor.presses("Remove", visitor.dialog)
            visitor.sees("At least one administrator must remain.", visitor.dialog)
            assert visitor.focused.get_attribute("role") == "alert"
            visitor.presses("Cancel", visitor.dialog)
            visitor.presses("Disable account")
            visitor.presses("Disable account", visitor.dialog)
            visitor.sees("At least one administrator must remain.", visitor.dialog)
        finally:
            for other in others:
                console.request("PUT", f"/accounts/{other['userid']}/groups/apiAdmins", token)
        assert account(console, token, administrator)["enabled"]


class TestDeleting:
    @pytest.mark.detail
    def test_deleting_takes_the_address_and_goes_on_until_all_is_gone(self, at_person, person, console, token):
        at_person.presses("Delete account")
        at_person.sees("also public ones", at_person.dialog)
        word = textbox(at_person, f"Type “{person.email}” to go on")
        word.fill("somebody@example.com")
        at_person.presses("Delete account", at_person.dialog)
        assert f"Type “{person.email}”" in at_person.alert
        assert at_person.sent("DELETE", f"/accounts/{person.sub}") == 0

        unfinished = {"status": 202, "json": {"message": "…"}, "headers": {"Retry-After": "1"}}
        address = f"{console.api}/accounts/{person.sub}"
        at_person.page.route(address, lambda route: route.fulfill(**unfinished), times=1)
        word.fill(person.email.upper())
        at_person.presses("Delete account", at_person.dialog)
        at_person.arrives("People")
        at_person.sees(f"The account of {person.email} was deleted.")
        assert at_person.sent("DELETE", f"/accounts/{person.sub}") == 2
        assert console.request("GET", f"/accounts/{person.sub}", token).status_code == 404
        assert at_person.focused.inner_text() == "People"

    @pytest.mark.detail
    def test_somebody_who_is_gone(self, opened):
        visitor = opened("#/people/nobody")
        assert "This account does not exist any more." in visitor.alert
        visitor.link("‹ All people").click()
        visitor.arrives("People")


class TestForEverybody:
    @pytest.mark.detail
    def test_no_page_and_no_dialog_has_what_axe_finds(self, opened, console):
        pool = {"UserPoolId": console.outputs["UserPool"]}
        console.cognito.create_group(**pool, GroupName="testers")
        person = console.person("Margaret Hamilton", admin=True)
        visitor = opened("#/people?group=apiAdmins")
        visitor.link(person.name).wait_for()
        found = visitor.violations()
        visitor.presses("Invite someone")
        visitor.field("testers", visitor.dialog).wait_for()
        visitor.presses("Invite", visitor.dialog)
        found += visitor.violations()
        visitor.presses("Cancel", visitor.dialog)
        visitor.link(person.name).click()
        visitor.arrives(person.name)
        textbox(visitor, "App metadata").fill("{,}")
        visitor.presses("Save", section(visitor, "App metadata"))
        visitor.button("Add to group").wait_for()
        found += visitor.violations()
        visitor.presses("Delete account")
        visitor.presses("Delete account", visitor.dialog)
        found += visitor.violations()
        visitor.presses("Cancel", visitor.dialog)
        visitor.open("#/people?name=nobody-has-this")
        visitor.sees("Nobody found")
        found += visitor.violations()
        console.cognito.delete_group(**pool, GroupName="testers")
        assert found == []

    @pytest.mark.detail
    def test_somebody_is_helped_by_keyboard_alone(self, at_person, person, console):
        keys = at_person.page.keyboard
        at_person.page.locator("h1").focus()
        for _ in range(40):
            keys.press("Tab")
            if at_person.focused.inner_text() == "Disable account":
                break
        keys.press("Enter")
        assert at_person.focused.inner_text() == "Disable account?"
        keys.press("Tab")
        assert at_person.focused.inner_text() == "Disable account"
        keys.press("Enter")
        at_person.sees("The account is disabled.")
        assert "access_token" not in console.tokens(person)
        at_person.page.wait_for_function("document.activeElement.textContent === 'Sign-in'")

    @pytest.mark.detail
    @pytest.mark.parametrize("at", ["#/people", "#/people/{sub}"])
    def test_text_at_200_percent_on_a_phone_fits(self, opened, administrator, at):
        visitor = opened(at.format(sub=administrator.sub))
        visitor.page.locator("table, h2").last.wait_for()
        visitor.page.set_viewport_size(PHONE)
        visitor.page.evaluate("document.documentElement.style.fontSize = '200%'")
        try:
            fits(visitor)
        finally:
            visitor.page.evaluate("document.documentElement.style.fontSize = ''")


MARKUP = (
    "\"'><img src=x onerror=\"window.hacked=1\"><script>window.hacked=1</script><svg onload='window.hacked=1'>${7*7}"
)
HOSTILE = {
    "markup": (MARKUP, MARKUP),
    "address": ("javascript:window.hacked=1//", "javascript:window.hacked=1//"),
    "bidi": ("\u202egnp.exe\u2066\u200f!", "gnp.exe!"),
    "controls": ("a\u0000b\u0007c\u001b[31m", "a\ufffdb\ufffdc\ufffd[31m"),
    "long": ("<b>" + "w" * 100_000, "<b>" + "w" * 497 + "…"),
}
"""What somebody might store as a name, and how it is shown."""
GROUP = "<img/src=x/onerror=window.hacked=1>"


@pytest.fixture(scope="module")
def hostile(console, token):
    """People whose every field is hostile, by the names in ``HOSTILE``."""
    pool, start = {"UserPoolId": console.outputs["UserPool"]}, f"hostile-{uuid.uuid4().hex[:8]}"
    console.cognito.create_group(**pool, GroupName=GROUP, Description=MARKUP)
    people = {}
    for kind, (text, _) in HOSTILE.items():
        email = f'"{start}<svg/onload=hacked=1>{kind}"@example.com'
        metadata = json.dumps({text: [text]}, ensure_ascii=False) if kind != "long" else "{}"
        attributes = {
            "email": email,
            "email_verified": "true",
            "name": text,
            "given_name": text,
            "family_name": text,
            "custom:app_metadata": metadata,
        }
        made = console.cognito.admin_create_user(
            **pool,
            Username=email,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
        )
        people[kind] = made["User"]["Username"]
        console.cognito.admin_add_user_to_group(**pool, Username=email, GroupName=GROUP)
        record = {text[:500]: text, "__proto__": {"isAdmin": True}, "homepage": "javascript:window.hacked=1"}
        stored = console.request("PUT", f"/users/{people[kind]}", token, json=record)
        assert stored.status_code == 200
    yield start, people
    console.cognito.delete_group(**pool, GroupName=GROUP)


class TestHostilePeople:
    @pytest.fixture
    def victim(self, opened):
        """The administrator, who may be harmed. Afterwards: nothing has run, and nothing was sent elsewhere."""
        visitor = opened("#/profile")
        visitor.page.on("dialog", lambda dialog: visitor.faults.append(f"a dialog: {dialog.message}"))
        visitor.context.on("page", lambda page: visitor.faults.append(f"a window: {page.url}"))
        yield visitor
        unharmed(visitor)

    @pytest.mark.parametrize("size", [SCREEN, PHONE], ids=["screen", "phone"])
    def test_the_list_shows_them_as_text(self, victim, hostile, size):
        start, people = hostile
        victim.page.set_viewport_size(size)
        victim.open(f'#/people?email="{start}')
        assert sorted(shown(victim, "tbody td:first-child bdi")) == sorted(text for _, text in HOSTILE.values())
        for row in victim.page.locator("tbody tr").all():
            assert re.fullmatch(
                rf'"{start}<svg/onload=hacked=1>\w+"@example.com', row.locator("bdi").nth(1).text_content()
            )
            assert row.bounding_box()["height"] < 260
        assert victim.page.locator("tbody").evaluate("body => body.querySelectorAll('img, script, svg, b').length") == 0
        links = victim.page.locator("tbody a").evaluate_all("links => links.map((link) => link.getAttribute('href'))")
        assert sorted(links) == sorted(f"#/people/{sub}" for sub in people.values())
        fits(victim)

    @pytest.mark.parametrize("kind", HOSTILE)
    def test_the_page_of_a_person_shows_them_as_text(self, victim, hostile, kind):
        (stored, text), (start, people) = HOSTILE[kind], hostile
        victim.open(f"#/people/{people[kind]}")
        victim.page.get_by_role("heading", name="Delete account").wait_for()
        assert shown(victim, "h1 bdi") == [text]
        whole = text if kind != "long" else stored
        assert victim.page.title() == f"{whole[:100]} · Roster"
        for field in ("Name", "Given name (optional)", "Family name (optional)"):
            assert textbox(victim, field).input_value() == whole
        assert shown(victim, "ul.plain:not(.actions) bdi") == [GROUP]
        assert f"{start}<svg/onload=hacked=1>{kind}" in textbox(victim, "E-mail address").input_value()
        if kind != "long":
            metadata = textbox(victim, "App metadata").input_value()
            assert metadata.isascii() or kind == "controls"
            assert json.loads(metadata) == {stored: [stored]}
        record = textbox(victim, "Record").input_value()
        assert json.loads(record) == {
            stored[:500]: stored,
            "__proto__": {"isAdmin": True},
            "homepage": "javascript:window.hacked=1",
        }
        assert victim.page.evaluate("({}).isAdmin") is None
        victim.presses("Sign out everywhere")
        assert shown(victim, "dialog bdi") == [text]
        victim.page.keyboard.press("Escape")
        victim.presses("Delete account")
        assert f"{start}<svg/onload=hacked=1>{kind}" in victim.dialog.inner_text()
        fits(victim)
        victim.page.set_viewport_size(PHONE)
        fits(victim)

    @pytest.mark.detail
    def test_addresses_in_the_place_of_a_userid_and_of_a_search(self, victim):
        for userid in ("%2e%2e%2fopen", "javascript:alert(1)", quote(GROUP, safe=""), "%00%ff"):
            victim.open(f"#/people/{userid}")
            victim.arrives("Person")
            victim.page.get_by_role("alert").wait_for()
        assert victim.sent("GET", "/open") == 0
        victim.open(f"#/people?name={MARKUP}!")
        victim.sees("Nobody found")
        assert shown(victim, ".empty bdi") == [f"{MARKUP}!"]
        assert victim.field("Name starts with").input_value() == f"{MARKUP}!"

    @pytest.mark.parametrize("has_policy", [True, False], ids=["with policy", "without"])
    def test_the_policy_stops_what_a_missing_escape_lets_through(self, signed_in, hostile, has_policy):
        """Without the policy, it runs: so the tests above would notice it."""
        visitor = Visitor(signed_in.place, signed_in.context)
        visitor.page.route("**/components.js", without_escape)
        if not has_policy:
            visitor.page.route("**/console", without_policy)
        visitor.page.goto(f'{visitor.place.page}#/people?email="{hostile[0]}')
        if has_policy:
            visitor.page.wait_for_event("console", lambda message: "TrustedHTML" in message.text)
            unharmed(visitor)
        else:
            visitor.page.wait_for_function("window.hacked === 1")
        visitor.page.close()

    @pytest.mark.parametrize(
        ("attempt", "directive"),
        [
            ("document.body.innerHTML = '<p>x</p>'", "require-trusted-types-for"),
            ("trustedTypes.createPolicy('default', {createHTML: (text) => text})", "trusted-types"),
            ("setTimeout('window.hacked = 1')", "require-trusted-types-for"),
            ("add('script', {textContent: 'window.hacked = 1'})", "require-trusted-types-for"),
            ("add('a', {href: 'javascript:window.hacked=1'}).click()", "script-src-elem"),
            ("add('img', {src: elsewhere})", "img-src"),
            ("fetch(elsewhere).catch(() => {})", "connect-src"),
            ("add('link', {rel: 'stylesheet', href: elsewhere})", "style-src-elem"),
            ("add('p', {}).setAttribute('style', 'color: red')", "style-src-attr"),
            ("add('iframe', {src: elsewhere})", "frame-src"),
            ("add('embed', {}).setAttribute('src', elsewhere)", "require-trusted-types-for"),
            ("add('base', {href: elsewhere})", "base-uri"),
            ("const form = add('form', {action: elsewhere}); form.submit()", "form-action"),
        ],
    )
    @pytest.mark.detail
    def test_what_the_policy_forbids(self, opened, attempt, directive):
        visitor = opened("#/profile")
        visitor.page.evaluate("document.querySelectorAll('link[rel=icon]').forEach((link) => link.remove())")
        violated = visitor.page.evaluate(
            """async (attempt) => {
                const elsewhere = 'https://elsewhere.example/x';
                const add = (name, properties) => {
                    const element = Object.assign(document.createElement(name), properties);
                    return document.body.appendChild(element);
                };
                const violated = new Promise((resolve) =>
                    addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective)));
                try { ATTEMPT } catch {}
                return Promise.race([violated, new Promise((resolve) => setTimeout(resolve, 2000, 'nothing'))]);
            }""".replace("ATTEMPT", attempt)
        )
        visitor.faults.clear()
        assert violated == directive
        unharmed(visitor)


def shown(visitor, selector):
    """The texts of these elements, once they are there. Each is text only."""
    visitor.page.locator(selector).first.wait_for()
    assert visitor.page.locator(f"{selector} *").count() == 0
    return visitor.page.locator(selector).all_text_contents()


def unharmed(visitor):
    """Nothing has run, and nothing was sent elsewhere: Chromium also names requests that the policy has stopped."""
    assert visitor.page.evaluate("window.hacked") is None
    own = urlsplit(visitor.place.api).netloc
    assert [sent.url for sent in visitor.requests if urlsplit(sent.url).netloc != own and sent.failure != "csp"] == []


def fits(visitor):
    """Nothing makes the page wider than the window."""
    wide = """() => {
        if (document.documentElement.scrollWidth <= innerWidth) return [];
        const isWide = (element) => element.getBoundingClientRect().right > innerWidth;
        return [...document.querySelectorAll("body *")].filter(isWide).map((element) => element.outerHTML.slice(0, 99));
    }"""
    assert visitor.page.evaluate(wide) == []


def without_escape(route):
    """Respond with the page's components, among them one that takes text for markup."""
    response = route.fetch()
    text, count = re.subn(
        r"<bdi class=(.*?)>\$\{shown\}</bdi>",
        r"<bdi class=\1 dangerouslySetInnerHTML=${{ __html: of }} />",
        response.text(),
    )
    assert count == 1
    route.fulfill(response=response, body=text)


def without_policy(route):
    response = route.fetch()
    headers = {name: value for name, value in response.headers.items() if name != "content-security-policy"}
    route.fulfill(response=response, headers=headers)
