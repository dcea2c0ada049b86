"""The console as the browser tests see it: where it runs, who visits it, and what a visitor sees and does."""

import re
import time
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from axe_playwright_python.base import AXE_SCRIPT

from embedded import aws, mail
from testbed import logged

PASSWORD = "Correct-horse-42"
ORDINARY = re.compile(
    r"Failed to load resource: (?:the server responded with a status of|net::ERR_INTERNET_DISCONNECTED)"
)
"""What browsers log when a response is an error, or when there is none."""
VIOLATED = "The policy was violated:"
REPORT = f"""
addEventListener("securitypolicyviolation", ({{ effectiveDirective, blockedURI, sourceFile, lineNumber }}) =>
  console.error("{VIOLATED}", effectiveDirective, blockedURI, sourceFile, lineNumber));
"""
"""A script that reports violations of the page's policy (CSP)."""

WIDTH = """
font => {
    document.documentElement.style.fontSize = font
    const dialog = document.querySelector('dialog:modal')
    return Math.max(document.documentElement.scrollWidth, dialog ? dialog.scrollWidth : 0)
}
"""
"""Returns the width that the page needs, with text of this size."""


class Person(NamedTuple):
    """Somebody with an account."""

    email: str
    name: str
    sub: str


@dataclass(frozen=True)
class Console:
    """A console that is running, and the user pool behind it."""

    api: str
    aws_port: int
    outputs: dict[str, str]

    @property
    def page(self):
        """The address of the page."""
        return f"{self.api}/console"

    @cached_property
    def cognito(self):
        return aws.client("cognito-idp", self.aws_port)

    def person(self, name="Jane Doe", *, email=None, admin=False):
        """Somebody new, who has confirmed their address. The password is ``PASSWORD``."""
        email = email or new_email()
        attributes = {"email": email, "email_verified": "true", "name": name}
        user = {"UserPoolId": self.outputs["UserPool"], "Username": email}
        made = self.cognito.admin_create_user(
            **user,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": key, "Value": value} for key, value in attributes.items()],
        )
        self.cognito.admin_set_user_password(**user, Password=PASSWORD, Permanent=True)
        if admin:
            self.cognito.admin_add_user_to_group(**user, GroupName="apiAdmins")
        return Person(email, name, made["User"]["Username"])

    def request(self, method, path, token=None, **sent):
        """The response to a request that does not come from the page."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.request(method, f"{self.api}{path}", headers=headers, trust_env=False, timeout=30, **sent)

    def tokens(self, person, password=PASSWORD):
        """The tokens of another session of this person."""
        return self.request("POST", "/sessions", json={"email": person.email, "password": password}).json()

    def cookie(self, person, password=PASSWORD):
        """The cookie of another session of this person, as Playwright takes it."""
        body = {"email": person.email, "password": password, "cookie": True}
        name, value, path = re.match(
            r"([^=]+)=([^;]+); Path=([^;]+)", self.request("POST", "/sessions", json=body).headers["set-cookie"]
        ).groups()
        place = {"domain": "127.0.0.1", "path": path, "sameSite": "Strict"}
        return {"name": name, "value": value, "httpOnly": True, "secure": True, **place}

    @property
    def storage_key(self):
        """Where the page remembers that there is a session."""
        return f"roster-session {urlsplit(self.api).path}/"

    def picture(self, tokens, content, content_type="image/png", **members):
        """Upload a picture, and return what Roster says about it once it is ready."""
        announced = {"content_type": content_type, "size": len(content)}
        item = self.request("POST", "/media", tokens["id_token"], json={**announced, **members}).json()
        form = item["upload"]
        sent = httpx.post(form["url"], data=form["fields"], files={"file": content}, trust_env=False, timeout=30)
        assert sent.is_success
        deadline = time.monotonic() + 30
        while item["status"] != "ready":
            assert time.monotonic() < deadline, item
            time.sleep(0.05)
            item = self.request("GET", f"/media/{item['mediaid']}", tokens["access_token"]).json()
        return item

    def mailed(self, email):
        """The text of the latest e-mail to this address."""
        return [message.text for message in mail.sent(self.aws_port) if message.to == email][-1]

    def code(self, email):
        """The code in the latest e-mail to this address."""
        code = re.findall(r"\b\d{6}\b", self.mailed(email))[-1]
        logged.codes.add(code)
        return code


class Visitor:
    """A browser with the console open in a tab. ``page`` is the tab, and ``faults`` what the page has logged."""

    def __init__(self, place: Console, context: Any, faults: list[str] | None = None) -> None:
        self.place = place
        self.context = context
        self.faults = [] if faults is None else faults
        self.requests: list[Any] = []
        self.page = context.new_page()
        self.page.set_default_timeout(30_000)
        self.page.add_init_script(REPORT)
        self.page.on("filechooser", lambda _: None)  # from now on, because Chromium needs a moment to hand them over
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108

    def _note(self, message):
        if message.type in ("error", "warning") and not ORDINARY.match(message.text):
            self.faults.append(message.text)

    def forget(self):
        """Become somebody whom the console does not know, with one tab."""
        for other in self.context.pages[1:]:
            other.close()
        self.context.unroute_all()
        self.page.unroute_all()
        self.context.set_offline(False)
        self.context.clear_cookies()
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size({"width": 1100, "height": 800})
        self.page.goto(f"{self.place.api}/open")
        self.page.evaluate("localStorage.clear()")
        self.faults.clear()
        self.requests.clear()

    def open(self, at="", person=None):
        """Go to the view with this address, such as ``#/account``, signed in as ``person``. Return this visitor."""
        if person:
            if not self.page.url.startswith(self.place.api):
                self.page.goto(f"{self.place.api}/open")
            self.context.add_cookies([self.place.cookie(person)])
            self.page.evaluate("name => localStorage.setItem(name, 'signed in')", self.place.storage_key)
        self.page.goto(f"{self.place.page}{at}")
        self.page.locator("h1").wait_for()
        return self

    def tab(self, at=""):
        """Another tab of the same browser."""
        return Visitor(self.place, self.context, self.faults).open(at)

    # What is there

    @property
    def address(self):
        """The part of the address that names the view."""
        return self.page.url.removeprefix(self.place.page)

    @property
    def focused(self):
        """The element that has the focus."""
        return self.page.locator(":focus")

    @property
    def dialog(self):
        return self.page.get_by_role("dialog")

    def sees(self, text, within=None):
        """Wait until this text is there."""
        (within or self.page.locator("body")).get_by_text(text).first.wait_for()

    def arrives(self, heading):
        """Wait until the view with this heading is there."""
        self.page.get_by_role("heading", name=heading, exact=True, level=1).wait_for()

    def field(self, label, within=None):
        return (within or self.page).get_by_label(label, exact=True)

    def button(self, name, within=None):
        return (within or self.page).get_by_role("button", name=name, exact=True)

    def link(self, name):
        return self.page.get_by_role("link", name=name, exact=True)

    @property
    def alert(self):
        """The text of the summary of a failed form, or of another failure."""
        place = self.page.get_by_role("alert")
        place.wait_for()
        return place.inner_text()

    def sent(self, method, path):
        """How many such requests the page has sent."""
        found = [request for request in self.requests if request.url.removeprefix(self.place.api) == path]
        return len([request for request in found if request.method == method])

    # What somebody does

    def presses(self, name, within=None):
        self.button(name, within).click()

    def signs_in(self, person, password=PASSWORD, within=None):
        """Fill the form and send it."""
        if within is None:
            self.field("E-mail address").fill(person.email)
        self.field("Password", within).fill(password)
        self.presses("Sign in", within)

    def signs_out(self):
        self.presses("Your account")
        self.page.locator(".menu-items").get_by_role("button", name="Sign out").click()

    def violations(self, light=None, dark=("color-contrast",)):
        """What axe finds on the page as it is now, light and dark, as short texts.

        ``light`` and ``dark`` are the rules to check, ``None`` for all.
        """
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        found = []
        for scheme, rules in {"light": light, "dark": dark}.items():
            if rules == ():
                continue
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            only = {"runOnly": list(rules)} if rules else {}
            result = self.page.evaluate("rules => axe.run({resultTypes: ['violations'], ...rules})", only)
            found += [
                f"{scheme}: {violation['id']}: {node['html']}"
                for violation in result["violations"]
                for node in violation["nodes"]
            ]
        return found

    def cut_off(self):
        """Where the page must be scrolled sideways, of a narrow screen and of text at 200 %."""
        found = []
        for width, font in ((320, "100%"), (640, "200%")):
            self.page.set_viewport_size({"width": width, "height": 640})
            if self.page.evaluate(WIDTH, font) > width:
                found.append(f"{width} px, text at {font}")
        self.page.evaluate(WIDTH, "")
        self.page.set_viewport_size({"width": 1100, "height": 800})
        return found


def new_email():
    """An address that nobody has used."""
    return f"{uuid.uuid4().hex[:12]}@example.com"
