"""What keeps others out of the console: its policy, its headers, and that it leaves no secret behind. In Chromium."""

import json
import re
from pathlib import Path

import pyotp
import pytest

from chalicelib.console import files
from tests.browser.conftest import page_served
from tests.browser.console import PASSWORD, VIOLATED, Visitor

PAGE = Path(files.__file__).parent / "page"
NEW_PASSWORD = "Better-horse-43"
ELSEWHERE = "https://elsewhere.example"
HOSTILE = "<img src=x onerror=alert(1)>\u202egnp.exe\u2066{{7*7}}${7*7}\u0007"
TRIES = """
async (attempt) => {
    const add = (name, properties) => {
        return document.body.appendChild(Object.assign(document.createElement(name), properties));
    };
    const loads = (element) => new Promise((resolve) => {
        element.onload = () => resolve("allowed");
        element.onerror = () => resolve("it failed");
    });
    const violated = new Promise((resolve) => addEventListener("securitypolicyviolation", () => resolve("forbidden")));
    const tried = (async () => {
        try {
            return await ATTEMPT;
        } catch {
            return "it failed";
        }
    })();
    const first = await Promise.race([tried, violated]);
    const late = new Promise((resolve) => setTimeout(resolve, 3000, "neither"));
    return first === "allowed" ? first : Promise.race([violated, late]);
}
"""
ATTEMPTS = [
    ("default-src 'none'", f"default-src {ELSEWHERE}", f"loads(add('iframe', {{src: '{ELSEWHERE}/'}}))"),
    ("script-src 'self'", f"script-src 'self' {ELSEWHERE}", f"import('{ELSEWHERE}/script.js').then(() => 'allowed')"),
    (
        "style-src 'self'",
        f"style-src 'self' {ELSEWHERE}",
        f"loads(add('link', {{rel: 'stylesheet', href: '{ELSEWHERE}/style.css'}}))",
    ),
    (
        "style-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "(add('b', {}).setAttribute('style', 'color: red'), document.querySelector('b').style.color && 'allowed')",
    ),
    ("img-src 'self'", f"img-src {ELSEWHERE}", f"loads(add('img', {{src: '{ELSEWHERE}/picture.svg'}}))"),
    ("connect-src 'self'", f"connect-src {ELSEWHERE}", f"fetch('{ELSEWHERE}/').then(() => 'allowed')"),
    (
        "base-uri 'none'",
        f"base-uri {ELSEWHERE}",
        f"(add('base', {{href: '{ELSEWHERE}/'}}), document.baseURI.includes('elsewhere') ? 'allowed' : '')",
    ),
    (
        "require-trusted-types-for 'script'",
        "upgrade-insecure-requests",
        "(add('p', {innerHTML: '<b>text</b>'}), 'allowed')",
    ),
    (
        "trusted-types 'none'",
        "trusted-types anything",
        "(trustedTypes.createPolicy('anything', {createHTML: (text) => text}), 'allowed')",
    ),
]
"""A directive, a looser one, and what that would allow."""


class TestPolicy:
    @pytest.mark.parametrize(("directive", "looser", "attempt"), ATTEMPTS, ids=[one for one, *_ in ATTEMPTS])
    def test_each_directive_forbids_what_a_looser_one_would_allow(self, visit, console, directive, looser, attempt):
        visitor = visit("#/public")
        tries = TRIES.replace("ATTEMPT", attempt)
        assert visitor.page.evaluate(tries) == "forbidden"
        visitor.page.route(f"{console.page}*", lambda route: loosened(route, directive, looser))
        visitor.page.route(f"{ELSEWHERE}/**", serve_elsewhere)
        visitor.page.goto("about:blank")
        visitor.open("#/public")
        assert visitor.page.evaluate(tries) == "allowed"
        visitor.faults.clear()

    def test_forms_are_never_sent(self, visit):
        visitor = visit("#/public")
        with visitor.page.expect_console_message(lambda message: message.text.startswith(VIOLATED)) as message:
            visitor.page.evaluate(f"""() => {{
                const form = document.createElement("form");
                form.action = "{ELSEWHERE}";
                document.body.append(form);
                form.submit();
            }}""")
        assert "form-action" in message.value.text
        visitor.faults.clear()

    def test_a_violation_fails_the_test_in_which_it_happens(self, visit):
        visitor = visit("#/public")
        with visitor.page.expect_console_message(lambda message: message.text.startswith(VIOLATED)):
            visitor.page.evaluate(f"new Image().src = '{ELSEWHERE}/'")
        assert any(fault.startswith(f"{VIOLATED} img-src {ELSEWHERE}") for fault in visitor.faults)
        visitor.faults.clear()

    def test_no_module_makes_markup_code_or_styles_of_text(self):
        dangerous = re.compile(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc"
            r"|setTimeout\(\s*[\"'`]|\sstyle=|createContextualFragment|setHTMLUnsafe|javascript:"
        )
        found = {path.name: dangerous.findall(path.read_text()) for path in PAGE.glob("*.js")}
        assert len(found) > 20
        assert {name: hits for name, hits in found.items() if hits} == {}


def loosened(route, directive, looser):
    """Respond with the page under a looser policy."""
    response = route.fetch()
    policy = response.headers["content-security-policy"]
    assert directive in policy
    route.fulfill(
        response=response,
        headers={**response.headers, "content-security-policy": policy.replace(directive, looser)},
    )


def serve_elsewhere(route):
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    kind = kinds.get(Path(route.request.url).suffix, "text/html")
    body = '<svg xmlns="http://www.w3.org/2000/svg"/>' if kind == "image/svg+xml" else ""
    route.fulfill(body=body, content_type=kind, headers={"Access-Control-Allow-Origin": "*"})


@pytest.fixture(scope="module")
def person(console):
    return console.person()


def test_a_hostile_name_is_shown_as_text(visit, console):
    visitor = visit("#/account", person=console.person(HOSTILE))
    visitor.sees("Delete account")
    shown = visitor.button("Your account")
    assert shown.locator("bdi").text_content() == "<img src=x onerror=alert(1)>gnp.exe{{7*7}}${7*7}\ufffd"
    assert visitor.field("Name").input_value() == "<img src=x onerror=alert(1)>gnp.exe{{7*7}}${7*7}\ufffd"
    assert visitor.page.locator("main img, .bar img").count() == 0
    assert visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.fixture(scope="module", params=["localhost", "127.0.0.1"])
def signed_in(request, browser, console, person):
    """Somebody who is signed in, and the address of the other page."""
    visitor = Visitor(console, browser.new_context())
    visitor.open("#/account", person).arrives("Account")
    with page_served("<!doctype html><title>Elsewhere</title><link rel=icon href=data:,>") as origin:
        yield visitor, origin.replace("localhost", request.param)
    visitor.context.close()


class TestOtherOrigins:
    """A page of another site, and one of the same site with another port: browsers send that one's cookies."""

    @pytest.fixture
    def attack(self, signed_in):
        """Somebody who is signed in, and a tab of theirs with the other page."""
        visitor, address = signed_in
        tab = visitor.context.new_page()
        tab.goto(address)
        yield visitor, tab
        tab.close()

    def test_it_cannot_frame_the_page_or_its_files(self, attack, console):
        _, tab = attack
        requests = []
        tab.on("request", lambda request: requests.append(request.url))
        for address in (console.page, f"{console.page}#/account", asset(console, "app.js")):
            with tab.expect_event("framenavigated", lambda frame: frame.url.startswith("chrome-error:")):
                tab.evaluate(FRAMES, address)
        assert len(requests) == 3

    def test_without_the_directive_it_could(self, attack, console):
        _, tab = attack
        tab.route(console.page, lambda route: loosened(route, "frame-ancestors 'none'", "frame-ancestors *"))
        tab.evaluate(FRAMES, console.page)
        tab.frames[-1].get_by_role("heading", level=1).wait_for()

    def test_it_cannot_reach_a_window_that_it_opens(self, attack, console):
        _, tab = attack
        with tab.context.expect_page() as opened:
            tab.evaluate("(address) => (window.other = open(address))", f"{console.page}#/account")
        opened.value.get_by_role("heading", name="Account", exact=True).wait_for()
        assert opened.value.evaluate("window.opener") is None
        assert tab.evaluate("other.closed")
        assert tab.evaluate("other.length") == 0
        opened.value.close()

    def test_it_cannot_read_what_the_person_may_read(self, attack, console):
        _, tab = attack
        own = [console.api + path for path in ("/account", "/users", "/user/profile", "/media", "/openapi.json")]
        for address in (console.page, asset(console, "app.js"), *own):
            assert tab.evaluate(FETCHES, [address, "GET", None]) == "Failed to fetch"

    def test_it_cannot_read_or_use_the_files_of_the_page(self, attack, console):
        _, tab = attack
        for address, options in (
            (console.page, {}),
            (asset(console, "app.js"), {}),
            (asset(console, "app.js"), {"mode": "no-cors"}),
        ):
            failed = "([address, options]) => fetch(address, options).then(() => 'read', (error) => error.message)"
            assert tab.evaluate(failed, [address, options]) == "Failed to fetch"
        for element in (
            {"tag": "script", "type": "module", "src": asset(console, "session.js")},
            {"tag": "script", "src": asset(console, "session.js")},
            {"tag": "img", "src": asset(console, "icon.svg")},
            {"tag": "link", "rel": "stylesheet", "href": asset(console, "style.css")},
        ):
            assert tab.evaluate(EMBEDS, element) == "error"

    def test_it_cannot_use_the_cookie(self, attack, console, person):
        visitor, tab = attack
        for path in ("/sessions/refresh", "/sessions/revocation"):
            assert tab.evaluate(FETCHES, [console.api + path, "POST", "application/json"]) == "Failed to fetch"
            with tab.expect_navigation() as sent:
                tab.evaluate(POSTS, console.api + path)
            assert sent.value.status == 415
            assert "set-cookie" not in sent.value.headers
            tab.go_back()
        visitor.page.reload()
        visitor.sees(person.email)

    def test_it_cannot_post_forms(self, attack, console):
        _, tab = attack
        for path in ("/console", "/account/deletion", "/accounts/invitations", "/media"):
            with tab.expect_navigation() as sent:
                tab.evaluate(POSTS, console.api + path)
            assert sent.value.status in (401, 405)
            tab.go_back()


FRAMES = """
(address) => new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.onload = resolve;
    frame.src = address;
    document.body.append(frame);
})
"""
FETCHES = """
([address, method, type]) => fetch(address, {
    method, credentials: "include", headers: type ? {"Content-Type": type} : {}, body: type ? "{}" : undefined,
}).then((response) => response.text(), (error) => error.message)
"""
EMBEDS = """
({tag, ...attributes}) => new Promise((resolve) => {
    const element = document.createElement(tag);
    element.onload = () => resolve("load");
    element.onerror = () => resolve("error");
    Object.assign(element, attributes);
    document.head.append(element);
})
"""
POSTS = """
(address) => {
    const form = document.createElement("form");
    Object.assign(form, {method: "POST", enctype: "text/plain", action: address});
    form.append(Object.assign(document.createElement("input"), {name: '{"x":"', value: '"}'}));
    document.body.append(form);
    form.submit();
}
"""


def asset(console, name):
    """The address of one of the page's files."""
    version = re.search(r"console/(\w+)/app", console.request("GET", "/console").text)[1]
    return f"{console.page}/{version}/{name}"


KEPT = """
async () => JSON.stringify([
    {...localStorage}, {...sessionStorage}, document.cookie, document.referrer, window.name, history.state,
    await caches.keys(), await indexedDB.databases(), location.href,
])
"""


def test_nothing_secret_is_kept_sent_in_an_address_or_logged(visit, console):
    """From the sign-in with a wrong password to the sign-out, with all that is secret in between."""
    person, logged, addresses = console.person(), [], []
    visitor = visit()
    visitor.page.on("console", lambda message: logged.append(message.text))
    visitor.page.on("framenavigated", lambda frame: addresses.append(frame.url))
    visitor.signs_in(person, "Wrong-horse-42")
    assert visitor.alert
    with visitor.page.expect_response(f"{console.api}/sessions") as response:
        visitor.signs_in(person)
    visitor.arrives("Account")
    tokens = response.value.json()
    visitor.presses("Set up")
    key = visitor.page.locator(".secret").inner_text()
    code = pyotp.TOTP(key.replace(" ", "")).now()
    visitor.field("Code").fill(code)
    visitor.presses("Turn on")
    visitor.sees("Two-step sign-in is on.")
    visitor.presses("Turn off")
    visitor.field("Your password", visitor.dialog).fill(PASSWORD)
    visitor.presses("Turn off", visitor.dialog)
    visitor.sees("Two-step sign-in is off.")
    visitor.field("Present password").fill(PASSWORD)
    visitor.field("New password").fill(NEW_PASSWORD)
    visitor.presses("Change password")
    visitor.sees("Saved. All other sessions have ended.")
    kept = [visitor.page.evaluate(KEPT)]
    (cookie,) = visitor.context.cookies()
    visitor.link("Pictures").click()
    visitor.arrives("Your pictures")
    visitor.signs_out()
    visitor.arrives("Sign in")
    kept.append(visitor.page.evaluate(KEPT))
    visitor.page.go_back()
    visitor.arrives("Sign in")
    assert person.email not in visitor.page.content()

    requested = [request.url for request in visitor.requests if not request.url.startswith("data:")]
    secrets = [tokens["access_token"], tokens["id_token"], cookie["value"], PASSWORD, NEW_PASSWORD, "Wrong-horse-42"]
    secrets += [key, key.replace(" ", ""), code]
    everything = json.dumps([kept, logged, addresses, requested])
    assert [secret for secret in secrets if secret in everything] == []
    assert "eyJ" not in everything  # how each JSON Web Token begins: there were several
    assert "refresh_token" not in tokens
    assert cookie["httpOnly"]
    assert json.loads(kept[0])[0] == {"roster-session /": "signed in"}
    assert json.loads(kept[1])[0] == {}
