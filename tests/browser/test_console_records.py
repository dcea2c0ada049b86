"""One's own record and profile in the console, and the editor for JSON: journeys in Chromium."""

import json

import pytest

EXACT = '{"big": 123456789012345678901234567890, "decimal": 3.1415926535897932384626433832795028841, "likes": []}'


TYPE = """
(area, text) => {
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(area, text)
    area.dispatchEvent(new InputEvent("input", {bubbles: true}))
}
"""
"""What `fill` does, in an instant even if the text is large."""


@pytest.fixture(scope="module")
def person(console):
    return console.person("Grace Hopper")


@pytest.fixture(scope="module")
def tokens(console, person):
    return console.tokens(person)


class Stored:
    """The person's record or profile, as others read and write it."""

    def __init__(self, console, person, tokens):
        self._send = lambda method, path, **sent: console.request(method, path, tokens["id_token"], **sent)
        self._record = f"/users/{person.sub}"

    def record(self):
        return self._send("GET", self._record).json()

    def put(self, document):
        assert self._send("PUT", self._record, json=document).is_success

    def clear(self):
        self._send("DELETE", self._record)
        self._send("DELETE", "/user/profile")

    def profile(self):
        return self._send("GET", "/user/profile").json()

    def post_profile(self, document):
        assert self._send("POST", "/user/profile", json=document).is_success


@pytest.fixture
def stored(console, person, tokens):
    """What is stored. There is neither a record nor a profile at first."""
    found = Stored(console, person, tokens)
    found.clear()
    return found


@pytest.fixture
def editor(visit, person, stored):
    """A function that opens one of the two editors."""

    def opened(at="#/record"):
        visitor = visit(at, person=person)
        area(visitor).wait_for()
        return visitor

    return opened


def area(visitor, which=0):
    return visitor.page.locator("textarea").nth(which)


def save(visitor, text, button="Save"):
    area(visitor).fill(text)
    visitor.presses(button)


def saved(visitor):
    """Wait until the page says so, and return the text."""
    visitor.page.locator(".done", has_text="Saved.").wait_for()
    return area(visitor).input_value()


def conflict(visitor, stored, mine='{"name": "Mine", "same": 1}', theirs=None):
    """Bring a visitor into a conflict with another editor, who has saved first."""
    area(visitor).fill(mine)
    stored.put(theirs or {"name": "Theirs", "same": 1})
    visitor.presses("Save")
    visitor.sees("This has changed since you opened it")


class TestRecord:
    @pytest.mark.detail
    def test_it_is_saved_with_all_its_digits_formatted_and_there_after_a_reload(self, editor, stored):
        visitor = editor()
        visitor.sees("Nothing has been saved yet.")
        save(visitor, EXACT)
        formatted = json.dumps(json.loads(EXACT), indent=2).replace(
            "3.141592653589793", "3.1415926535897932384626433832795028841"
        )
        assert saved(visitor) == formatted
        assert stored.record()["big"] == 123456789012345678901234567890
        visitor.page.reload()
        area(visitor).wait_for()
        assert area(visitor).input_value() == formatted
        visitor.sees("Last saved")

    def test_what_is_typed_while_a_save_is_under_way_stays_and_is_saved_next(self, editor, stored):
        visitor, held = editor(), []
        visitor.page.route("**/users/*", lambda route: held.append(route), times=1)  # noqa: PLW0108
        save(visitor, '{"name": "Jane"}')
        visitor.sees("Saving…")
        area(visitor).fill('{"name": "Jane Doe"}')
        held.pop().continue_()
        visitor.sees("Saved, but not what you have typed since.")
        assert area(visitor).input_value() == '{"name": "Jane Doe"}'
        visitor.presses("Save")
        saved(visitor)
        assert stored.record()["name"] == "Jane Doe"

    @pytest.mark.detail
    def test_somebody_who_saves_the_same_again_and_again_does_not_keep_others_from_it(self, editor, stored):
        stored.put({"name": "Theirs"})
        visitor, tries = editor(), []

        def meanwhile(route):
            if route.request.method == "PUT":
                tries.append(route)
                stored.put({"name": "Theirs"})
            route.continue_()

        visitor.page.route("**/users/*", meanwhile)
        save(visitor, '{"name": "Mine"}')
        visitor.sees("This has changed since you opened it")
        assert len(tries) == 3

    def test_a_mistake_in_the_text_is_marked_and_named_and_nothing_is_sent(self, editor):
        visitor = editor()
        save(visitor, '{\n  "name": "Jane",\n  "likes": [chess]\n}')
        assert "Line 3, column 13: Put text between double quotation marks" in visitor.alert
        assert visitor.focused.get_attribute("role") == "alert"
        assert visitor.page.locator(".code-numbers b").inner_text() == "3"
        assert visitor.page.locator("mark").inner_text() == "chess"
        assert area(visitor).get_attribute("aria-invalid") == "true"
        assert visitor.violations() == []
        visitor.link("Line 3, column 13").click()
        assert visitor.page.evaluate("getSelection().toString()") == "chess"
        visitor.page.keyboard.type('"chess"')
        assert visitor.page.locator("mark").count() == 0
        assert visitor.sent("PUT", "/users") == 0
        visitor.presses("Save")
        saved(visitor)

    @pytest.mark.detail
    def test_what_the_api_rejects_is_marked_where_it_is(self, editor):
        visitor = editor()
        save(visitor, '{\n  "a": {"b/c": [1, 2, 1e999]},\n  "x": 1,\n  "x": 2\n}')
        alert = visitor.alert
        assert "Line 2, column 23: Number out of range" in alert
        assert "Line 4, column 3: Duplicate key. (“x”)" in alert
        assert visitor.page.locator("mark").all_inner_texts() == ["1e999", '"x": 2']
        visitor.page.get_by_text("Details", exact=True).click()
        visitor.sees("Quote this request id")

    @pytest.mark.detail
    def test_members_that_roster_sets_are_not_edited(self, editor, stored):
        stored.put({"name": "Jane"})
        visitor = editor()
        assert json.loads(area(visitor).input_value()) == {"name": "Jane"}
        save(visitor, '{"timestamp": "now"}')
        assert "Line 1, column 2: Roster sets “timestamp” itself. Remove it." in visitor.alert

    @pytest.mark.detail
    def test_of_two_versions_mine_can_be_kept(self, editor, stored):
        stored.put({"name": "Before"})
        visitor = editor()
        conflict(visitor, stored)
        assert visitor.focused.inner_text().startswith("This has changed since you opened it")
        assert json.loads(area(visitor).input_value())["name"] == "Mine"
        assert json.loads(area(visitor, 1).input_value())["name"] == "Theirs"
        assert visitor.page.locator("mark").all_inner_texts() == ['  "name": "Mine",', '  "name": "Theirs",']
        assert visitor.violations() == []
        visitor.presses("Keep mine")
        saved(visitor)
        assert stored.record()["name"] == "Mine"

    @pytest.mark.detail
    def test_of_two_versions_theirs_can_be_taken_and_mine_brought_back(self, editor, stored):
        stored.put({"name": "Before"})
        visitor = editor()
        conflict(visitor, stored)
        visitor.presses("Take theirs")
        assert json.loads(area(visitor).input_value())["name"] == "Theirs"
        assert stored.record()["name"] == "Theirs"
        visitor.presses("Bring back mine")
        assert json.loads(area(visitor).input_value())["name"] == "Mine"
        visitor.presses("Save")
        saved(visitor)
        assert stored.record()["name"] == "Mine"

    def test_two_versions_can_be_merged_and_a_third_is_another_conflict(self, editor, stored):
        stored.put({"name": "Before"})
        visitor = editor()
        conflict(visitor, stored)
        area(visitor).fill('{"name": "Both"}')
        stored.put({"name": "Third"})
        visitor.presses("Save merged")
        visitor.page.wait_for_function("() => document.querySelectorAll('textarea')[1]?.value.includes('Third')")
        save(visitor, '{"name": "All three"}', "Save merged")
        saved(visitor)
        assert stored.record()["name"] == "All three"

    @pytest.mark.detail
    def test_a_record_that_was_deleted_meanwhile_can_be_stored_again(self, editor, stored):
        stored.put({"name": "Before"})
        visitor = editor()
        area(visitor).fill('{"name": "Mine"}')
        stored.clear()
        visitor.presses("Save")
        visitor.sees("It has been deleted.")
        visitor.presses("Keep mine")
        saved(visitor)
        assert stored.record()["name"] == "Mine"

    @pytest.mark.detail
    def test_a_record_that_was_saved_although_the_response_was_lost_is_not_a_conflict(self, editor):
        visitor = editor()

        def lose(route):
            if route.request.method != "PUT":
                return route.fallback()
            route.fetch()
            return route.abort("internetdisconnected")

        visitor.page.route("**/users/*", lose)
        save(visitor, '{"name":"Mine"}')
        assert "Roster can’t be reached." in visitor.alert
        assert area(visitor).input_value() == '{"name":"Mine"}'
        visitor.page.unroute("**/users/*")
        visitor.presses("Save")
        assert json.loads(saved(visitor)) == {"name": "Mine"}

    @pytest.mark.detail
    def test_a_session_that_ends_in_the_middle_of_an_edit_loses_nothing(self, editor, stored, person):
        visitor = editor()
        ended = json.dumps({"type": "urn:roster:problem:unauthorized", "status": 401})
        for pattern in ("**/users/*", "**/sessions/refresh"):
            visitor.page.route(pattern, lambda route: route.fulfill(status=401, body=ended))
        save(visitor, '{"name": "Mine"}')
        visitor.sees("Your session has ended.", visitor.dialog)
        for pattern in ("**/users/*", "**/sessions/refresh"):
            visitor.page.unroute(pattern)
        visitor.signs_in(person, within=visitor.dialog)
        saved(visitor)
        assert stored.record()["name"] == "Mine"

    @pytest.mark.detail
    def test_changes_that_are_not_saved_are_there_when_somebody_comes_back(self, editor):
        visitor = editor()
        area(visitor).fill('{"name": "Draft"}')
        visitor.link("Public pictures").click()
        visitor.arrives("Public pictures")
        visitor.page.go_back()
        visitor.sees("These are your changes from before. They are not saved yet.")
        assert area(visitor).input_value() == '{"name": "Draft"}'
        visitor.presses("Discard changes")
        assert area(visitor).input_value() == "{}"
        visitor.presses("Bring back mine")
        assert area(visitor).input_value() == '{"name": "Draft"}'

    @pytest.mark.detail
    def test_it_can_be_edited_by_keyboard_and_tab_leaves_the_field(self, editor, stored):
        visitor = editor()
        keys = visitor.page.keyboard
        area(visitor).focus()
        keys.press("Control+A")
        keys.type('{"name": "Typed"}')
        keys.press("Tab")
        assert visitor.focused.inner_text() == "Save"
        keys.press("Enter")
        saved(visitor)
        keys.press("Shift+Tab")
        keys.press("Control+A")
        keys.type('{"name": "Typed again"}')
        keys.press("Control+S")
        visitor.page.wait_for_function("() => document.querySelector('textarea').value.includes('\\n')")
        assert stored.record()["name"] == "Typed again"

    def test_text_that_looks_like_markup_stays_text(self, editor, stored):
        hostile = {"<img src=x onerror=alert(1)>": "</textarea><script>alert(1)</script>", "\u202ename": "\u0000"}
        stored.put(hostile)
        visitor = editor()
        assert json.loads(area(visitor).input_value()) == hostile
        conflict(visitor, stored, json.dumps({**hostile, "x": 1}), {**hostile, "y": 1})
        assert visitor.page.locator("img, main script").count() == 0

    @pytest.mark.detail
    def test_a_large_record_can_be_edited(self, editor, stored):
        stored.put({f"name {number}": "x" * 60 for number in range(4000)})
        visitor = editor()
        assert visitor.page.locator(".code-numbers").inner_text().split()[-1] == "4002"
        area(visitor).evaluate(TYPE, area(visitor).input_value().replace('"name 3999"', '"name 0"'))
        visitor.presses("Save")
        assert "Line 4001, column 3: Duplicate key." in visitor.alert
        visitor.link("Line 4001, column 3").click()
        assert visitor.page.locator("mark").evaluate(
            "mark => mark.getBoundingClientRect().bottom <= mark.closest('.code-area').getBoundingClientRect().bottom"
        )

    @pytest.mark.detail
    def test_what_is_too_large_is_said(self, editor):
        visitor = editor()
        area(visitor).evaluate(TYPE, json.dumps({"text": "x" * 360_000}))
        visitor.presses("Save")
        assert "A record can have at most 350 KB. Nothing was saved." in visitor.alert

    @pytest.mark.detail
    def test_on_a_phone_both_versions_are_there_and_nothing_is_cut(self, editor, stored):
        stored.put({"name": "Before"})
        visitor = editor()
        conflict(visitor, stored, json.dumps({"name": "x" * 200}))
        assert visitor.cut_off() == []


class TestProfile:
    @pytest.mark.detail
    def test_it_is_created_changed_and_deleted(self, editor, stored):
        visitor = editor("#/profile")
        save(visitor, '{"theme": "dark", "userid": "mine to choose"}')
        saved(visitor)
        assert stored.profile()["profile_data"] == {"theme": "dark", "userid": "mine to choose"}
        assert visitor.violations() == []
        save(visitor, '{"theme": "light"}')
        visitor.page.wait_for_function("() => document.querySelector('textarea').value.includes('\\n')")
        visitor.presses("Delete profile")
        visitor.sees("Everything in your profile is deleted.")
        assert visitor.violations() == []
        visitor.presses("Delete profile", visitor.dialog)
        assert visitor.alert.startswith("Check what you entered\n\nType “delete”")
        visitor.field("Type “delete” to go on").fill("delete")
        visitor.presses("Delete profile", visitor.dialog)
        visitor.sees("Deleted.")
        assert stored.profile()["status"] == 404
        assert area(visitor).input_value() == "{}"

    @pytest.mark.detail
    def test_one_that_was_created_elsewhere_meanwhile_is_not_replaced(self, editor, stored):
        visitor = editor("#/profile")
        stored.post_profile({"theme": "dark"})
        save(visitor, '{"theme": "light"}')
        visitor.sees("This has changed since you opened it")
        assert json.loads(area(visitor, 1).input_value()) == {"theme": "dark"}
        visitor.presses("Take theirs")
        assert stored.profile()["profile_data"] == {"theme": "dark"}


# The parser

MISTAKES = {
    "": (1, 1, "There is nothing here yet"),
    "[1]": (1, 1, "A record is an object"),
    '{"a": 1} x': (1, 10, "Nothing may follow"),
    '{"a": 1,}': (1, 8, "Remove this comma"),
    '{"a": [1, 2,\n]}': (1, 12, "Remove this comma"),
    '{"a": 1 "b": 2}': (1, 9, "A comma is missing"),
    '{"a" 1}': (1, 2, "A colon is missing"),
    '{"a": }': (1, 7, "A value is missing before }"),
    '{"a":': (1, 5, "The text ends too early"),
    '{"a": 1': (1, 1, "This bracket is never closed"),
    '{"a": [1}': (1, 9, "Write ] here"),
    "{a: 1}": (1, 2, "A name between double quotation marks belongs here"),
    "{'a': 1}": (1, 2, "A name between double quotation marks belongs here"),
    "{\"a\": 'b'}": (1, 7, "Put text between straight double quotation marks"),
    '{"a": “b”}': (1, 7, "Put text between straight double quotation marks"),
    '{"a": True}': (1, 7, "Write true, in lower case"),
    '{"a": 01}': (1, 7, "This is not a number"),
    '{"a": +1}': (1, 7, "This is not a number"),
    '{"a": NaN}': (1, 7, "Put text between double quotation marks"),
    '{"a": "b\n}': (1, 7, "The closing quotation mark is missing"),
    '{"a": "b\t"}': (1, 9, "Write a tab inside quotation marks as \\t"),
    '{"a": "C:\\x"}': (1, 10, "This backslash means nothing"),
    '{\n// note\n"a": 1}': (2, 1, "JSON has no comments"),
    '{"😀": tru}': (1, 7, "Put text between double quotation marks"),
    '{"a": ' + "[" * 30 + "]" * 30 + "}": (1, 36, "nested deeper than 30 levels"),
}

READ = """
async texts => {
    const { parse, position } = await import(document.querySelector("script").src.replace("app.js", "json-text.js"))
    return texts.map((text) => {
        try {
            parse(text)
            return null
        } catch (fault) {
            const { line, column } = position(text, fault.start)
            return [line, column, fault.message]
        }
    })
}
"""

COMPARE = """
async () => {
    const { parse, format } = await import(document.querySelector("script").src.replace("app.js", "json-text.js"))
    const values = [1, -2.5e3, "x\\n\\u1234\\ud800", true, null, {}]
    const start = JSON.stringify({a: values, "b/~": {c: [[], "", 0]}}, null, 1)
    const letters = '{}[]:,"\\\\ \\n\\t019.-+eEtrufalsn/*\\u2028x'
    let seed = 1
    const random = (below) => (seed = (seed * 48271) % 2147483647) % below
    const different = []
    let good = 0
    for (let round = 0; round < 20000; round += 1) {
        let text = start
        for (let times = random(3); times >= 0; times -= 1) {
            const at = random(text.length)
            text = text.slice(0, at) + (random(2) ? letters[random(letters.length)] : "") + text.slice(at + random(2))
        }
        let expected, found
        try { expected = JSON.stringify(JSON.parse(text)) } catch {}
        try { found = JSON.stringify(JSON.parse(format(parse(text)))) } catch {}
        if (expected?.startsWith("{") === false) expected = undefined
        if (expected) good += 1
        if (expected !== found) different.push(text)
    }
    return [different.slice(0, 5), good]
}
"""


def test_each_mistake_has_its_place_and_its_name(editor):
    found = editor().page.evaluate(READ, list(MISTAKES))
    for (text, (line, column, message)), fault in zip(MISTAKES.items(), found, strict=True):
        assert fault[:2] == [line, column], (text, fault)
        assert message in fault[2], text


@pytest.mark.detail
def test_the_parser_accepts_exactly_what_json_allows(editor):
    different, good = editor().page.evaluate(COMPARE)
    assert different == []
    assert good > 1000
