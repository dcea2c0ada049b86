"""The main journeys in the console, each by keyboard alone: nothing here clicks."""

import json

import pytest

from tests.browser.console import PASSWORD, new_email
from tests.browser.views import landscape

NAME_OF_FOCUSED = """
() => {
    const element = document.activeElement;
    return (element.getAttribute("aria-label") ?? element.labels?.[0]?.innerText ?? element.innerText).trim();
}
"""


class Keys:
    """What somebody does with the keyboard."""

    def __init__(self, visitor):
        self._visitor = visitor
        self._keyboard = visitor.page.keyboard

    def to(self, name, key="Tab"):
        """Move the focus until it is on the control with this name."""
        passed = []
        for _ in range(80):
            self._keyboard.press(key)
            passed.append(self._visitor.page.evaluate(NAME_OF_FOCUSED))
            if passed[-1] == name:
                return self
        raise AssertionError(f"{name} is not among {passed}")

    def back_to(self, name):
        return self.to(name, "Shift+Tab")

    def press(self, key="Enter"):
        self._keyboard.press(key)
        return self

    def fill(self, name, text):
        self.to(name).press("Control+A")
        self._keyboard.type(text)
        return self


@pytest.fixture
def start(visit):
    """A function that opens the console, and returns a visitor and their keyboard."""

    def started(*arguments, **options):
        visitor = visit(*arguments, **options)
        return visitor, Keys(visitor)

    return started


def test_from_sign_up_to_a_published_picture_that_everybody_sees(start, everywhere):
    (visitor, keys), email = start(place=everywhere), new_email()
    keys.to("Sign up").press()
    visitor.arrives("Sign up")
    keys.fill("Name", "Jane Doe").fill("E-mail address", email).fill("Password", PASSWORD).press()
    visitor.arrives("Confirm your address")
    keys.fill("Code", everywhere.code(email)).press()
    visitor.arrives("Account")

    keys.back_to("Pictures").press()
    visitor.arrives("Your pictures")
    visitor.sees("No pictures yet")
    with visitor.page.expect_file_chooser() as chooser:
        keys.to("Add pictures").press()
    chooser.value.set_files({"name": "dawn.png", "mimeType": "image/png", "buffer": landscape(0)})
    visitor.page.locator(".gallery img").wait_for(timeout=30_000)
    keys.to("Untitled picture").press()
    visitor.field("Public", visitor.dialog).wait_for()
    title = f"Dawn by {email}"
    keys.fill("Title (optional)", title).to("Public").press("Space").to("Save").press()
    visitor.sees("Saved.", visitor.dialog)
    keys.press("Escape")
    assert visitor.focused.inner_text() == title
    visitor.sees("Public", visitor.page.locator(".card-words"))

    keys.back_to("Your account").press().to("Sign out").press()
    visitor.arrives("Sign in")
    keys.back_to("Public pictures").press()
    visitor.arrives("Public pictures")
    visitor.sees("by Jane Doe")
    keys.to(title).press()
    picture = visitor.dialog.get_by_alt_text(title)
    picture.wait_for()
    visitor.page.wait_for_function("document.querySelector('dialog img').naturalWidth === 480")


def test_somebody_is_invited_and_their_account_disabled(start, console):
    visitor, keys = start("#/people", person=console.person("Ada Lovelace", admin=True))
    email = new_email()
    visitor.page.get_by_role("table").wait_for()
    keys.to("Invite someone").press().fill("E-mail address", email).fill("Name", "Radia Perlman").press()
    visitor.sees(f"An invitation has been mailed to {email}.")
    assert visitor.focused.inner_text() == "Invite someone"
    keys.to("Open the account").press()
    visitor.arrives("Radia Perlman")
    keys.to("Disable account").press().to("Disable account").press()
    visitor.sees("The account is disabled.")
    visitor.page.locator("dd").get_by_text("Disabled").wait_for()
    temporary = console.mailed(email).split("password ")[1].split(" and choose")[0]
    answer = console.request("POST", "/sessions", json={"email": email, "password": temporary})
    assert answer.status_code == 401


def test_two_versions_of_a_record_are_merged_and_the_account_deleted(start, console):
    jane = console.person()
    token = console.tokens(jane)["access_token"]
    path = f"/users/{jane.sub}"
    visitor, keys = start("#/record", person=jane)
    keys.fill("Record", '{"likes": ["chess"]}').press("Control+S")
    visitor.sees("Saved.")
    assert console.request("PUT", path, token, json={"likes": ["cheese"]}).is_success
    visitor.page.keyboard.press("Control+A")
    visitor.page.keyboard.type('{"likes": ["checkers"]}')
    keys.press("Control+S")
    visitor.sees("This has changed since you opened it")
    visitor.page.wait_for_function("document.activeElement.getAttribute('role') === 'status'")
    keys.fill("Yours", '{"likes": ["cheese", "checkers"]}').to("Save merged").press()
    visitor.sees("Saved.")
    assert json.loads(console.request("GET", path, token).text)["likes"] == ["cheese", "checkers"]

    keys.back_to("Your account").press().to("Account").press()
    visitor.arrives("Account")
    visitor.sees("Delete account")
    keys.to("Delete account").press().fill("Your password", PASSWORD).press()
    visitor.arrives("Sign in")
    visitor.sees("Your account and everything in it have been deleted.")
    assert "access_token" not in console.tokens(jane)
