"""Every page and dialog of the console, and how to get there: for the tests of accessibility, and for the pictures.

``VIEWS`` is the list. The people and pictures that it shows are those of ``Scene``, which are always the same.
"""

import io
import json
import re
from collections.abc import Callable
from typing import NamedTuple

from PIL import Image, ImageDraw

from tests.browser.console import Console, Person, Visitor

SCREEN = {"width": 1100, "height": 800}
PHONE = {"width": 320, "height": 640}
RECORD = {
    "name": "Jane Doe",
    "email": "jane.doe@example.com",
    "height": 1.75,
    "likes": ["chess", "cheese"],
    "home": {"city": "Lisbon", "floor": 3},
}
TITLES = ["Dawn", "Morning", "Noon", "Evening", "Dusk", "Night"]


class Scene:
    """People with accounts in several states, and the pictures of one of them."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.admin = console.person("Ada Lovelace", email="ada.lovelace@example.com", admin=True)
        self.jane = console.person("Jane Doe", email="jane.doe@example.com")
        grace = console.person("Grace Hopper", email="grace.hopper@example.com")
        alan = console.person("Alan Turing", email="alan.turing@example.com")
        console.cognito.admin_disable_user(UserPoolId=console.outputs["UserPool"], Username=alan.email)
        self.disabled = alan
        self.other = grace
        self.token = console.tokens(self.admin)["access_token"]
        for email, name in (
            ("radia.perlman@example.com", "Radia Perlman"),
            ("katherine.johnson@example.com", "Katherine Johnson"),
        ):
            self._request("POST", "/accounts/invitations", json={"email": email, "name": name})
        self._request("PUT", f"/accounts/{grace.sub}/groups/apiAdmins")
        self._request("PATCH", f"/accounts/{grace.sub}", json={"app_metadata": {"plan": "pro", "seats": 12}})
        self._request("PUT", f"/users/{self.jane.sub}", json=RECORD)
        self._request("PUT", f"/users/{grace.sub}", json={"name": grace.name, "rank": "Rear Admiral"})
        tokens = console.tokens(self.jane)
        profile = {"theme": "dark", "language": "en"}
        stored = console.request("POST", "/user/profile", tokens["id_token"], json=profile)
        assert stored.is_success
        self.pictures = [
            console.picture(tokens, landscape(number), title=title, visibility="private" if number % 3 else "public")
            for number, title in enumerate(TITLES)
        ]

    def person(self, who: str) -> Person | None:
        """The person who is signed in as ``who``: "anyone", "jane" or "admin"."""
        people: dict[str, Person | None] = {"anyone": None, "jane": self.jane, "admin": self.admin}
        return people[who]

    def _request(self, method: str, path: str, **sent: object) -> None:
        response = self.console.request(method, path, self.token, **sent)
        assert response.is_success, response.text


def landscape(number: int) -> bytes:
    """Return a small picture of hills under a sky, as PNG. It is always the same for the same number."""
    skies = [("#f6c89f", "#8fb8de"), ("#cfe8f7", "#6aa9dd"), ("#e4f3fb", "#4f9be0")]
    skies += [("#f9d48b", "#d9795d"), ("#a97f9e", "#3f4672"), ("#27304f", "#0f1428")]
    low, high = (tuple(bytes.fromhex(color[1:])) for color in skies[number % len(skies)])
    width, height = 480, 360
    picture = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(picture)
    for y in range(height):
        share = y / height
        draw.line(
            [(0, y), (width, y)], tuple(round(a * share + b * (1 - share)) for a, b in zip(low, high, strict=True))
        )
    x, y = 60 + 72 * number, 190 - 34 * (number if number < 3 else 5 - number)
    draw.ellipse([x - 26, y - 26, x + 26, y + 26], "#fff3c9" if number < 5 else "#e8ecf5")
    for step, color in enumerate(["#5f8f6b", "#43714f", "#2c5238"]):
        top = 220 + 42 * step
        hills = [(x, top + 24 * ((x // 60 + step * 2 + number) % 3)) for x in range(-60, width + 61, 60)]
        draw.polygon([(0, height), *hills, (width, height)], color)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


# How to get there

Step = Callable[[Visitor, Scene], None]


def stay(*_: object) -> None:
    """Do nothing: the view is there."""


def presses(*names: str, within: str = "main") -> Step:
    """Press buttons, one after the other."""

    def press(visitor: Visitor, _: Scene) -> None:
        for name in names:
            place = visitor.dialog if visitor.dialog.count() else visitor.page.locator(within)
            visitor.presses(name, place)

    return press


def failed(*names: str) -> Step:
    """Press buttons, and wait for the summary of what is wrong."""

    def press(visitor: Visitor, scene: Scene) -> None:
        presses(*names)(visitor, scene)
        assert visitor.alert

    return press


def answers(pattern: str, method: str = "GET", **response: object) -> Step:
    """Let such requests of the page have this response."""

    def prepare(visitor: Visitor, _: Scene) -> None:
        def respond(route: object) -> None:
            if route.request.method == method:  # type: ignore[attr-defined]
                route.fulfill(**response)  # type: ignore[attr-defined]
            else:
                route.fallback()  # type: ignore[attr-defined]

        visitor.page.route(re.compile(pattern), respond)

    return prepare


def problem(slug: str, status: int) -> dict[str, object]:
    """What the API responds in case of a problem."""
    body = {"type": f"urn:roster:problem:{slug}", "title": slug, "status": status}
    request_id = "5c0b1a0e-6f0a-4a5f-9d38-0d3b1f3f3c11"
    return {"status": status, "body": json.dumps({**body, "request_id": request_id})}


def challenge(name: str, **more: object) -> Step:
    """Let a sign-in be followed by a challenge."""
    return answers(r"/sessions$", "POST", status=202, json={"challenge": name, "session": "s", **more})


def signs_in(visitor: Visitor, scene: Scene) -> None:
    """Fill the form and send it."""
    visitor.signs_in(scene.jane)


def fails_to_sign_in(visitor: Visitor, scene: Scene) -> None:
    """Send the form, and wait for what is wrong."""
    visitor.signs_in(scene.jane)
    assert visitor.alert


def opens_the_menu(visitor: Visitor, _: Scene) -> None:
    visitor.presses("Your account")


def sets_up_two_steps(visitor: Visitor, _: Scene) -> None:
    visitor.presses("Set up")
    visitor.page.get_by_alt_text("QR code with the key below").wait_for()


def is_asked_to_sign_in_again(visitor: Visitor, _: Scene) -> None:
    """Save something when the session has ended, as far as this tab can tell."""
    refused = problem("unauthorized", 401)
    answers(r"/account$", "PATCH", **refused)(visitor, _)
    answers(r"/sessions/refresh$", "POST", **refused)(visitor, _)
    visitor.presses("Save")
    visitor.dialog.wait_for()


def goes_offline(visitor: Visitor, _: Scene) -> None:
    """Let this tab believe that it is offline: the others in the same browser go on."""
    visitor.page.evaluate("Object.defineProperty(navigator, 'onLine', {value: false})")
    visitor.page.evaluate("dispatchEvent(new Event('offline'))")
    visitor.sees("You are offline.")


def has_the_details_open(visitor: Visitor, scene: Scene) -> None:
    failed("Save")(visitor, scene)
    visitor.page.get_by_text("Details").click()


def account_with_two_steps(visitor: Visitor, scene: Scene) -> None:
    """Let the account look as if two-step sign-in was on."""
    account = scene.console.request("GET", "/account", scene.console.tokens(scene.jane)["access_token"]).json()
    answers(r"/account$", json={**account, "totp": True})(visitor, scene)


def remembers_a_session(visitor: Visitor, scene: Scene) -> None:
    """Let the browser believe in a session, and the server fail."""
    visitor.page.add_init_script(f"localStorage.setItem('{scene.console.storage_key}', 'signed in')")
    answers(r"/sessions/refresh$", "POST", **problem("unavailable", 503))(visitor, scene)


def makes_mistakes(visitor: Visitor, scene: Scene) -> None:
    visitor.field("Record").fill('{\n  "name": "Jane Doe",\n  "height": 1.75.0\n}\n')
    failed("Save")(visitor, scene)


def is_in_conflict(visitor: Visitor, scene: Scene) -> None:
    """Save a record that somebody else has changed."""
    theirs = {**RECORD, "likes": ["chess", "whisky"], "home": {"city": "Porto", "floor": 3}}
    scene.console.request("PUT", f"/users/{scene.jane.sub}", scene.token, json=theirs)
    visitor.field("Record").fill(json.dumps({**RECORD, "height": 1.76, "home": {"city": "Lisbon", "floor": 4}}))
    visitor.presses("Save")
    visitor.sees("This has changed since you opened it")


def adds_what_is_no_picture(visitor: Visitor, _: Scene) -> None:
    files = [{"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"These are notes."}]
    visitor.page.locator("input[type=file]").set_input_files(files)
    visitor.sees("Not sent.")


def is_uploading(visitor: Visitor, scene: Scene) -> None:
    """Upload a picture that the bucket does not take, and one that never arrives there."""
    visitor.page.route(re.compile(r"/media$"), lambda route: route.request.method != "POST" and route.fallback())
    files = [{"name": "beach.png", "mimeType": "image/png", "buffer": landscape(1)}]
    visitor.page.locator("input[type=file]").set_input_files(files)
    adds_what_is_no_picture(visitor, scene)


def opens_picture(number: int, then: Step = stay) -> Step:
    """Open one of Jane's pictures."""

    def click(visitor: Visitor, scene: Scene) -> None:
        visitor.page.locator(f"[data-picture='{scene.pictures[number]['mediaid']}']").click()
        visitor.dialog.locator("img").wait_for()
        then(visitor, scene)

    return click


def finds_the_picture_changed(visitor: Visitor, scene: Scene) -> None:
    token = scene.console.tokens(scene.jane)["access_token"]
    path = f"/media/{scene.pictures[4]['mediaid']}"
    changed = scene.console.request("PATCH", path, token, json={"description": "Seen from the hill"})
    assert changed.is_success
    visitor.field("Title (optional)", visitor.dialog).fill("Dusk in May")
    visitor.presses("Save", visitor.dialog)
    visitor.sees("This picture has changed since you opened it")


def waits(text: str) -> Step:
    """Wait until this text is there."""
    return lambda visitor, _: visitor.sees(text)


def in_turn(*steps: Step) -> Step:
    """Do several things."""

    def go(visitor: Visitor, scene: Scene) -> None:
        for step in steps:
            step(visitor, scene)

    return go


class View(NamedTuple):
    """A page or a dialog.

    ``at`` is the address, in which ``{other}`` and the like are people's ids. ``heading`` is that of the page, and of
    the dialog if that is open. ``before`` and ``go`` say what happens before and after the page is opened. A view that
    leaves something behind is seen ``in_new_tab``.
    """

    name: str
    at: str
    heading: str
    who: str = "anyone"
    go: Step = stay
    before: Step = stay
    in_new_tab: bool = False


BUSY = problem("internal-error", 500)
NEW_PASSWORD = challenge("NEW_PASSWORD", missing=["given_name"])
SET_UP = challenge("TOTP_SETUP", secret="ABCDEFGHIJKLMNOP", uri="otpauth://totp/Roster:jane?secret=ABCDEFGHIJKLMNOP")
NO_PICTURES = answers(r"/media\?", json=[])
DELETES = presses("Delete account")

VIEWS = [
    View("sign-in", "#/sign-in", "Sign in"),
    View("sign-in-failed", "#/sign-in", "Sign in", "anyone", fails_to_sign_in,
         answers(r"/sessions$", "POST", **problem("invalid-credentials", 401))),
    View("sign-in-code", "#/sign-in", "Enter your code", "anyone", signs_in, challenge("TOTP")),
    View("sign-in-set-up", "#/sign-in", "Set up two-step sign-in", "anyone", signs_in, SET_UP),
    View("sign-in-password", "#/sign-in", "Choose a password", "anyone", signs_in, NEW_PASSWORD),
    View("sign-in-other", "#/sign-in", "This account needs another way to sign in", "anyone", signs_in,
         challenge("IRIS_SCAN")),
    View("sign-up", "#/sign-up", "Sign up"),
    View("sign-up-failed", "#/sign-up", "Sign up", "anyone", failed("Sign up")),
    View("confirm", "#/confirm", "Confirm your address"),
    View("confirm-new-code", "#/confirm?code=new", "Get a new code"),
    View("forgotten-password", "#/forgotten-password", "Reset your password"),
    View("reset-password", "#/reset-password", "Set a new password"),
    View("unknown", "#/nowhere", "There is no such page"),
    View("unreachable", "#/account", "Roster is not available", "anyone", stay, remembers_a_session, in_new_tab=True),
    View("public", "#/public", "Public pictures", "anyone", waits("Dawn")),
    View("public-picture", "#/public", "Evening", "anyone", opens_picture(3)),
    View("public-empty", "#/public", "Public pictures", "anyone", waits("No public pictures yet"), NO_PICTURES),
    View("account", "#/account", "Account", "jane", waits("Delete account")),
    View("account-menu", "#/account", "Account", "jane", in_turn(waits("Delete account"), opens_the_menu)),
    View("account-two-steps", "#/account", "Account", "jane", sets_up_two_steps),
    View("account-failed", "#/account", "Account", "jane", has_the_details_open,
         answers(r"/account$", "PATCH", **BUSY)),
    View("account-offline", "#/account", "Account", "jane", in_turn(waits("Delete account"), goes_offline),
         in_new_tab=True),
    View("account-turn-off", "#/account", "Turn off two-step sign-in?", "jane", presses("Turn off"),
         account_with_two_steps),
    View("account-sign-out", "#/account", "Sign out everywhere?", "jane", presses("Sign out everywhere")),
    View("account-delete", "#/account", "Delete your account?", "jane", in_turn(DELETES, failed("Delete account"))),
    View("sign-in-again", "#/account", "Sign in again", "jane", is_asked_to_sign_in_again, in_new_tab=True),
    View("record", "#/record", "Your record", "jane", waits("Last saved")),
    View("record-mistake", "#/record", "Your record", "jane", makes_mistakes, in_new_tab=True),
    View("record-conflict", "#/record", "Your record", "jane", is_in_conflict, in_new_tab=True),
    View("profile", "#/profile", "Your profile", "jane", waits("Last saved")),
    View("profile-delete", "#/profile", "Delete your profile?", "jane", presses("Delete profile")),
    View("pictures", "#/pictures", "Your pictures", "jane", waits("Dawn")),
    View("pictures-empty", "#/pictures", "Your pictures", "jane", waits("No pictures yet"), NO_PICTURES),
    View("pictures-uploads", "#/pictures", "Your pictures", "jane", is_uploading, in_new_tab=True),
    View("picture", "#/pictures", "Noon", "jane", opens_picture(2)),
    View("picture-delete", "#/pictures", "Delete this picture?", "jane", opens_picture(2, presses("Delete picture"))),
    View("picture-conflict", "#/pictures", "Dusk", "jane", opens_picture(4, finds_the_picture_changed)),
    View("refused", "#/people", "For administrators only", "jane"),
    View("people", "#/people", "People", "admin", waits("Grace Hopper")),
    View("people-nobody", "#/people?name=Zaphod", "People", "admin", waits("Nobody found")),
    View("people-failed", "#/people", "People", "admin", waits("Something went wrong in Roster"),
         answers(r"/accounts\?", **BUSY)),
    View("people-invite", "#/people?invite=yes", "Invite someone", "admin", failed("Invite")),
    View("person", "#/people/{other}", "Grace Hopper", "admin", waits("Rear Admiral")),
    View("person-own", "#/people/{admin}", "Ada Lovelace", "admin", waits("This is your own account.")),
    View("person-disabled", "#/people/{disabled}", "Alan Turing", "admin", waits("Enable account")),
    View("person-group", "#/people/{other}", "Remove from the group?", "admin", presses("Remove from apiAdmins")),
    View("person-disable", "#/people/{other}", "Disable account?", "admin", presses("Disable account")),
    View("person-delete", "#/people/{other}", "Delete this account?", "admin",
         in_turn(DELETES, failed("Delete account"))),
    View("person-gone", "#/people/nobody", "Person", "admin", failed()),
]  # fmt: skip


def shown(view: View, visitor: Visitor, scene: Scene) -> Visitor:
    """Let the visitor, who has an empty tab, see this view."""
    ids = {"other": scene.other.sub, "admin": scene.admin.sub, "disabled": scene.disabled.sub}
    view.before(visitor, scene)
    visitor.open(view.at.format(**ids))
    view.go(visitor, scene)
    visitor.page.get_by_role("heading", name=view.heading, exact=True).first.wait_for()
    return visitor
