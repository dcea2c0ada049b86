"""Everybody can use the console: every page and dialog, in Chromium, with axe-core and by its structure.

``make pictures`` runs this file to take the pictures in docs/images.
"""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from tests.browser.console import Visitor
from tests.browser.views import PHONE, SCREEN, VIEWS, Scene, shown

VIEW = {view.name: view for view in VIEWS}
NARROW_RULES = ["color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block"]
"""The rules of axe whose result depends on the layout and the colours."""
TAKEN = {
    "people": 560,
    "person": 720,
    "account": 660,
    "pictures": 400,
    "record-conflict": 850,
}
"""The views of which pictures are taken, and the heights of these in pixels."""

CUT_OFF = """
() => {
  const found = [];
  const wide = document.documentElement.clientWidth;
  const needed = document.documentElement.scrollWidth;
  if (needed > wide) found.push(`the page is ${needed} wide`);
  const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const isForScreenReaders = (element) => {
    if (!element) return false;
    return getComputedStyle(element).clipPath === "inset(50%)" || isForScreenReaders(element.parentElement);
  };
  const scrolls = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
  for (const element of document.querySelectorAll("body *")) {
    if (!element.checkVisibility() || element.closest(".skip")) continue;
    const style = getComputedStyle(element);
    if (element.tagName === "INPUT" || isForScreenReaders(element)) continue; // an input scrolls
    const box = element.getBoundingClientRect();
    if (hasText(element) && (box.left < -1 || box.right > wide + 1)) {
      let around = element;
      while (around && !scrolls(around)) around = around.parentElement;
      if (!around || around.tagName === "BODY") found.push(`outside: ${element.outerHTML.slice(0, 120)}`);
    }
    const hides = ["hidden", "clip"];
    const isCut =
      (hides.includes(style.overflowX) && element.scrollWidth > element.clientWidth + 1) ||
      (hides.includes(style.overflowY) && element.scrollHeight > element.clientHeight + 1);
    const isWhole = element.title || element.closest("[title]") || element.querySelector("[title], img");
    if (isCut && !isWhole) found.push(`cut: ${element.outerHTML.slice(0, 120)}`);
  }
  return found;
}
"""
MOVES = """
() => [...document.querySelectorAll("*")].flatMap((element) => ["", "::before", "::after"].map((part) => {
  const style = getComputedStyle(element, part || null);
  const longest = Math.max(...`${style.transitionDuration},${style.animationDuration}`.split(",").map(parseFloat));
  return [`${element.tagName}${part}`, longest];
})).filter(([, seconds]) => seconds > 0)
"""
SAME = """() => {
    const userid = "4d5a6ccd-f2e1-4b9e-b557-7c9c5180164f";
    document.querySelectorAll("dd code").forEach((code) => (code.textContent = userid));
    document.querySelectorAll("time").forEach((time) => (time.textContent = "2 hours ago"));
}"""


@pytest.fixture(scope="module")
def scene(console):
    return Scene(console)


@pytest.fixture(scope="module")
def tabs(browser, console, scene):
    """A tab for everybody who visits the console, by name. Most tests share them, because a new one takes a while."""
    found = {}
    for who in ("anyone", "jane", "admin"):
        found[who] = Visitor(console, browser.new_context())
        found[who].open("#/nowhere", scene.person(who))
    yield found
    for visitor in found.values():
        visitor.context.close()


@pytest.fixture
def see(tabs, scene):
    """A function that opens a view by its name, and returns the visitor."""
    visitors = []

    def seen(name, *, in_new_tab=False):
        shared = tabs[VIEW[name].who]
        own = in_new_tab or VIEW[name].in_new_tab
        visitor = Visitor(shared.place, shared.context) if own else shared
        visitors.append((visitor, own))
        visitor.page.set_viewport_size(SCREEN)
        visitor.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        if not own:
            visitor.open("#/nowhere")
            visitor.page.evaluate("document.documentElement.style.fontSize = ''")
        return shown(VIEW[name], visitor, scene)

    yield seen
    faults = [fault for visitor, _ in visitors for fault in visitor.faults]
    for visitor, own in visitors:
        visitor.faults.clear()
        if own:
            visitor.page.close()
        else:
            visitor.page.unroute_all()
    assert faults == []


@pytest.mark.parametrize("name", VIEW)
def test_axe_finds_nothing_and_nothing_is_cut_off(see, name):
    visitor = see(name)
    assert visitor.violations(dark=()) == []
    if "PICTURES" in os.environ and name in TAKEN:
        take(visitor, name)
    visitor.page.set_viewport_size(PHONE)
    assert visitor.violations(light=(), dark=NARROW_RULES) == []
    assert visitor.page.evaluate(CUT_OFF) == []
    visitor.page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert visitor.page.evaluate(CUT_OFF) == []
    assert structure(visitor) == []


def structure(visitor):
    """What is wrong with the landmarks, the heading and the title of the page."""
    page = visitor.page
    counts = {place: page.locator(place).count() for place in ("body header", "main", "header nav", "main h1")}
    faults = [f"{count} × {place}" for place, count in counts.items() if count != 1]
    heading = page.locator("main h1").first.inner_text()
    return faults if page.title() == f"{heading} · Roster" else [*faults, f"{heading} has the title {page.title()}"]


def take(visitor, name):
    """Write a picture of the view, as a small PNG. What differs from run to run is replaced."""
    visitor.page.set_viewport_size({"width": SCREEN["width"], "height": TAKEN[name]})
    visitor.page.evaluate(SAME)
    visitor.page.evaluate("document.querySelectorAll('img').forEach((image) => (image.loading = 'eager'))")
    visitor.page.wait_for_function("[...document.images].every((image) => image.complete)")
    whole = Image.open(io.BytesIO(visitor.page.screenshot(animations="disabled", caret="hide")))
    folder = Path(os.environ["PICTURES"])
    folder.mkdir(exist_ok=True)
    few = whole.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    few.save(folder / f"console-{name}.png", optimize=True)


def test_each_view_has_a_title_of_its_own(see):
    visitor = see("people")
    titles: list[str] = []
    for at in ("account", "pictures", "public", "record", "profile", "people", "nowhere", "confirm", "reset-password"):
        visitor.page.evaluate("(at) => (location.hash = at)", f"#/{at}")
        visitor.page.wait_for_function("(old) => document.title !== old", arg=(titles or ["People · Roster"])[-1])
        titles.append(visitor.page.title())
    assert len({*titles}) == len(titles)


def test_the_heading_takes_the_focus_after_navigation_but_not_at_first(see):
    visitor = see("account", in_new_tab=True)
    assert visitor.focused.count() == 0
    for link, heading in (("Pictures", "Your pictures"), ("Public pictures", "Public pictures")):
        visitor.link(link).click()
        visitor.arrives(heading)
        assert visitor.focused.inner_text() == heading
    visitor.page.go_back()
    visitor.arrives("Your pictures")
    assert visitor.focused.inner_text() == "Your pictures"


@pytest.mark.parametrize(
    ("name", "opener"),
    [
        ("account", "Sign out everywhere"),
        ("account", "Delete account"),
        ("profile", "Delete profile"),
        ("person", "Disable account"),
        ("person", "Remove from apiAdmins"),
        ("people", "Invite someone"),
    ],
)
def test_a_dialog_takes_the_focus_keeps_it_and_returns_it(see, name, opener):
    visitor = see(name)
    button = visitor.button(opener, visitor.page.locator("main"))
    button.focus()
    visitor.page.keyboard.press("Enter")
    visitor.dialog.wait_for()
    assert visitor.focused.evaluate("(element) => element.tagName") == "H2"
    for key in ["Tab"] * 12 + ["Shift+Tab"] * 3:
        visitor.page.keyboard.press(key)
        # Between the last and the first control is the browser's own user interface.
        assert visitor.page.evaluate("document.activeElement.matches('dialog *, dialog, body')")
    visitor.page.keyboard.press("Escape")
    visitor.dialog.wait_for(state="detached")
    assert button.evaluate("(element) => element === document.activeElement")


def test_nothing_moves_for_who_prefers_reduced_motion(see):
    visitor = see("person-disable")
    visitor.page.emulate_media(reduced_motion="no-preference")
    assert {seconds for _, seconds in visitor.page.evaluate(MOVES)} == {0.12}
    visitor.page.emulate_media(reduced_motion="reduce")
    assert visitor.page.evaluate(MOVES) == []
