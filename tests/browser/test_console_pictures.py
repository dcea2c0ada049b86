"""One's own and public pictures in the console: journeys in Chromium."""

import io
import json
import time
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from testbed.picture_files import encoded, photo

JPEG = encoded(photo(320, 240), "image/jpeg")
PNG = encoded(Image.new("RGB", (64, 96), "teal"), "image/png")
MARKUP = '<img src=x onerror="document.title=1"><b>bold</b>'


def file(name, content=JPEG, media_type="image/jpeg"):
    """A file as the browser's file chooser gives it to the page."""
    return {"name": name, "mimeType": media_type, "buffer": content}


@pytest.fixture(scope="module")
def person(console):
    return console.person("Grace Hopper")


@pytest.fixture(scope="module")
def api(console, person):
    """A function that sends a request in another session of this person, and returns the response."""
    token = console.tokens(person)["id_token"]

    def request(method, path, **sent):
        answer = console.request(method, path, token, **sent)
        assert answer.is_success, answer.text
        return answer

    return request


@pytest.fixture
def uploaded(api):
    """A function that uploads a picture without the page, and returns the ready item."""

    def upload(**about):
        item = api("POST", "/media", json={"content_type": "image/png", "size": len(PNG), **about}).json()
        form = item["upload"]
        assert httpx.post(form["url"], data=form["fields"], files={"file": PNG}, trust_env=False).is_success
        end = time.monotonic() + 30
        while item["status"] != "ready" and time.monotonic() < end:
            time.sleep(0.05)
            item = api("GET", f"/media/{item['mediaid']}").json()
        assert item["status"] == "ready"
        return item

    return upload


@pytest.fixture
def pictures(visit, person, api):
    """A function with which the person looks at their pictures. There are none at first."""
    for item in api("GET", "/media").json():
        api("DELETE", f"/media/{item['mediaid']}")

    def opened(query="", **options):
        visitor = visit(f"#/pictures{query}", person=person, **options)
        visitor.arrives("Your pictures")
        return visitor

    return opened


def add(visitor, *files):
    visitor.page.locator("input[type=file]").set_input_files(list(files))


def answered_404(route, methods):
    """Answer a request as if nothing were there, and note its method."""
    methods.append(route.request.method)
    route.fulfill(status=404, json={"type": "urn:roster:problem:x"})


def cards(visitor, count):
    """Wait until the gallery has so many pictures, which can be seen, and return their titles."""
    shown = visitor.page.locator(".gallery li:has(img)")
    visitor.page.wait_for_function(
        "count => [...document.querySelectorAll('.gallery img')].filter(image => image.naturalWidth).length == count",
        arg=count,
    )
    return shown.locator(".card-title").all_inner_texts()


def uploads(visitor):
    """The uploads that are shown: their names, and what is said of them."""
    return dict(
        zip(
            visitor.page.locator(".upload-name").all_inner_texts(),
            visitor.page.locator(".upload-name ~ p:not(.row)").all_inner_texts(),
            strict=True,
        )
    )


def keys_sent(visitor):
    """The Idempotency-Keys of the announced pictures."""
    return [
        request.headers["idempotency-key"]
        for request in visitor.requests
        if request.method == "POST" and request.url.endswith("/media")
    ]


def fail_once(visitor, pattern, method="GET"):
    """Let the next request to such an address fail, as without a connection."""
    failed: list[str] = []

    def handle(route):
        if route.request.method != method or failed:
            return route.fallback()
        failed.append(route.request.url)
        return route.abort("internetdisconnected")

    visitor.page.route(pattern, handle)
    return failed


class TestUploads:
    def test_from_an_upload_to_a_public_picture_and_its_end(self, visit, pictures, person):
        visitor = pictures()
        visitor.sees("No pictures yet")
        add(visitor, file("harbour.jpg"))
        assert cards(visitor, 1) == ["Untitled picture"]
        visitor.sees("Only you")
        assert visitor.page.locator(".uploads").count() == 0

        visitor.link("Untitled picture").click()
        title = f"Harbour {person.email}"
        visitor.field("Title (optional)").fill(title)
        visitor.field("Description (optional)").fill("At dawn.\nIt was cold.")
        visitor.field("Public").check()
        visitor.presses("Save")
        visitor.sees("Saved.", visitor.dialog)
        visitor.presses("Close")
        visitor.sees("Public", visitor.page.locator(".gallery"))

        stranger = visit("#/public")
        stranger.link(title).click()
        stranger.sees("By Grace Hopper.", stranger.dialog)
        stranger.sees("It was cold.", stranger.dialog)
        stranger.page.wait_for_function("() => document.querySelector('dialog img').naturalWidth == 320")
        assert person.email not in stranger.page.content().replace(title, "")

        visitor.link(title).click()
        visitor.presses("Delete picture")
        visitor.sees("It is deleted for good.")
        asking = visitor.page.get_by_role("dialog", name="Delete this picture?")
        visitor.field("Type “delete” to go on", asking).fill("delete")
        visitor.presses("Delete picture", asking)
        visitor.sees("No pictures yet")
        assert visitor.focused.inner_text() == "Your pictures"
        stranger.page.reload()
        stranger.sees("This picture is not public any more.")

    def test_what_is_no_picture_is_not_sent_or_not_accepted_and_says_why(self, pictures, tmp_path):
        visitor = pictures()
        for name, content in {
            "notes.jpg": b"Only a text.",
            "empty.png": b"",
            "large.jpg": JPEG + bytes(10 * 1024 * 1024),
            "damaged.jpg": JPEG[: len(JPEG) // 2],
            "really-a-png.jpg": PNG,
        }.items():
            (tmp_path / name).write_bytes(content)
        add(visitor, *sorted(tmp_path.iterdir()))
        cards(visitor, 1)
        visitor.sees("Not accepted.", visitor.page.locator(".uploads"))
        assert uploads(visitor) == {
            "notes.jpg": "Not sent. This is not a JPEG, PNG, WebP or GIF picture.",
            "empty.png": "Not sent. The file is empty.",
            "large.jpg": "Not sent. It is larger than 10 MB. Make it smaller, then add it again.",
            "damaged.jpg": "Not accepted. The file is damaged. Open it and save it again, or choose another copy.",
        }
        assert len(keys_sent(visitor)) == 2
        assert visitor.violations() == []

    def test_an_upload_that_fails_can_be_tried_again_and_makes_one_picture(self, pictures, api):
        visitor = pictures()
        bucket = visitor.place.outputs["MediaBucket"]
        failed = fail_once(visitor, f"**/{bucket}", "POST")
        add(visitor, file("harbour.jpg"))
        visitor.sees("The upload was interrupted. Check your connection, then try again.")
        visitor.presses("Try again")
        cards(visitor, 1)
        assert len(failed) == 1
        first, second = keys_sent(visitor)
        assert first == second
        assert [item["status"] for item in api("GET", "/media").json()] == ["ready"]

    @pytest.mark.detail
    def test_an_upload_that_is_under_way_can_be_cancelled(self, pictures, api):
        visitor, held = pictures(), []
        visitor.page.route(f"**/{visitor.place.outputs['MediaBucket']}", lambda route: held.append(route))  # noqa: PLW0108
        add(visitor, file("harbour.jpg"))
        with visitor.page.expect_response(lambda response: response.request.method == "DELETE"):
            visitor.presses("Cancel")
        visitor.sees("No pictures yet")
        assert api("GET", "/media").json() == []

    @pytest.mark.detail
    def test_an_upload_that_is_cancelled_while_it_is_announced_leaves_nothing(self, pictures, api):
        visitor, held = pictures(), []
        visitor.page.route("**/media", lambda route: held.append(route))  # noqa: PLW0108
        add(visitor, file("harbour.jpg"))
        visitor.presses("Cancel")
        visitor.sees("No pictures yet")
        with visitor.page.expect_response(lambda response: response.request.method == "DELETE"):
            held[0].continue_()
        assert api("GET", "/media").json() == []

    @pytest.mark.detail
    def test_a_picture_that_has_arrived_is_not_deleted_by_removing_a_failed_upload(self, pictures, api):
        visitor = pictures()
        methods: list[str] = []
        visitor.page.route("**/media/*", lambda route: answered_404(route, methods))
        add(visitor, file("harbour.jpg"))
        visitor.presses("Remove from this list")
        visitor.page.wait_for_timeout(300)
        assert set(methods) == {"GET"}
        visitor.page.unroute_all()
        visitor.page.reload()
        cards(visitor, 1)
        assert [item["status"] for item in api("GET", "/media").json()] == ["ready"]

    @pytest.mark.detail
    def test_an_upload_without_a_connection_goes_on_with_it(self, pictures):
        visitor = pictures()
        visitor.context.set_offline(True)
        add(visitor, file("harbour.jpg"))
        visitor.sees("You are offline. Try again once you are connected.")
        visitor.context.set_offline(False)
        cards(visitor, 1)

    @pytest.mark.detail
    def test_pictures_can_be_dropped_and_go_on_while_somebody_looks_at_another_view(self, pictures):
        visitor = pictures()
        held = []
        is_holding = True
        visitor.page.route("**/media/*", lambda route: held.append(route) if is_holding else route.continue_())
        files = visitor.page.evaluate_handle(
            """bytes => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([new Uint8Array(bytes)], "dropped.png", {type: "image/png"}));
                return transfer;
            }""",
            list(PNG),
        )
        visitor.page.dispatch_event("main", "dragover", {"dataTransfer": files})
        visitor.sees("Drop pictures to add them")
        visitor.page.dispatch_event("main", "drop", {"dataTransfer": files})
        visitor.sees("Sent. It is being processed…")
        visitor.link("Public pictures").click()
        visitor.arrives("Public pictures")
        is_holding = False
        for route in held:
            route.continue_()
        visitor.link("Pictures").click()
        cards(visitor, 1)

    @pytest.mark.detail
    def test_a_picture_that_takes_long_to_process_can_be_looked_at_later(self, pictures):
        visitor = pictures(locale="en-GB")  # in a browser of its own, because of the clock
        visitor.page.clock.install()
        visitor.page.route("**/media/*", processing)
        add(visitor, file("slow.jpg"))
        visitor.sees("Sent. It is being processed…")
        shown = visitor.page.get_by_text("Processing takes longer than usual.")
        for _ in range(100):
            visitor.page.clock.run_for(1000)
            if shown.count():
                break
        visitor.page.unroute("**/media/*")
        visitor.presses("Look again")
        visitor.page.clock.resume()
        cards(visitor, 1)

    @pytest.mark.detail
    def test_many_pictures_are_uploaded_once_each(self, pictures, api):
        visitor = pictures()
        add(visitor, *(file(f"{number}.png", PNG, "image/png") for number in range(5)))
        cards(visitor, 5)
        assert len(set(keys_sent(visitor))) == len(keys_sent(visitor)) == 5
        assert len(api("GET", "/media").json()) == 5


def processing(route):
    """Respond that the picture is still being processed."""
    if route.request.method != "GET":
        return route.fallback()
    response = route.fetch()
    return route.fulfill(response=response, json={**response.json(), "status": "processing"})


class TestOwnPictures:
    @pytest.mark.detail
    def test_they_are_shown_page_by_page(self, pictures, uploaded):
        visitor = pictures()
        for number in range(3):
            uploaded(title=f"Picture {number}")
        visitor.page.route("**/media?limit=24", lambda route: route.continue_(url=route.request.url[:-2] + "1"))
        visitor.page.reload()
        assert cards(visitor, 1) == ["Picture 2"]
        visitor.presses("Show more")
        cards(visitor, 2)
        assert visitor.focused.inner_text() == "Picture 1"
        visitor.presses("Show more")
        assert cards(visitor, 3) == ["Picture 2", "Picture 1", "Picture 0"]

    @pytest.mark.detail
    def test_each_has_an_address_of_its_own(self, pictures, uploaded):
        mediaid = uploaded(title="Harbour")["mediaid"]
        visitor = pictures(f"?picture={mediaid}")
        visitor.page.get_by_role("dialog", name="Harbour").wait_for()
        visitor.page.keyboard.press("Escape")
        assert visitor.address == "#/pictures"
        visitor.link("Harbour").click()
        visitor.field("Title (optional)").wait_for()
        assert visitor.address == f"#/pictures?picture={mediaid}"
        visitor.page.go_back()
        visitor.dialog.wait_for(state="detached")
        assert visitor.focused.get_attribute("data-picture") == mediaid
        visitor.open("#/pictures?picture=unknown")
        visitor.sees("This picture does not exist any more.", visitor.dialog)

    @pytest.mark.detail
    def test_an_expired_address_is_renewed(self, pictures, uploaded):
        uploaded(title="Harbour")
        visitor = pictures()
        failed = fail_once(visitor, "**/thumbnail?*")
        visitor.page.reload()
        assert cards(visitor, 1) == ["Harbour"]
        assert len(failed) == 1
        assert visitor.sent("GET", "/media?limit=100") == 1

    @pytest.mark.detail
    def test_a_picture_that_cannot_be_loaded_has_its_name(self, pictures, uploaded):
        uploaded(title="Harbour")
        visitor = pictures()
        visitor.page.route("**/thumbnail?*", lambda route: route.abort("internetdisconnected"))
        visitor.page.reload()
        visitor.sees("This picture can’t be loaded now.")
        visitor.link("Harbour: This picture can’t be loaded now.").wait_for()
        assert visitor.sent("GET", "/media?limit=100") == 3

    def test_only_addresses_of_the_bucket_are_used(self, pictures, uploaded):
        mediaid = uploaded()["mediaid"]
        visitor = pictures()
        addresses = ["https://elsewhere.example/a.png", "javascript:alert(1)", "data:image/png,x"]
        kinds = ("thumbnail_url", "display_url", "original_url")

        def elsewhere(route):
            item = route.fetch().json()
            if isinstance(item, list):
                cards = [
                    {**item[0], "mediaid": f"{n}", "thumbnail_url": address} for n, address in enumerate(addresses)
                ]
                return route.fulfill(json=cards)
            return route.fulfill(json={**item, "mediaid": "0", **dict(zip(kinds, addresses, strict=True))})

        visitor.page.route(lambda url: urlsplit(url).path.startswith("/media"), elsewhere)
        visitor.page.reload()
        visitor.open(f"#/pictures?picture={mediaid}")
        visitor.field("Title (optional)").wait_for()
        visitor.page.locator(".card").nth(2).wait_for()
        assert visitor.page.locator("img").count() == 0
        assert visitor.link("Open the original").count() == 0
        assert not [request for request in visitor.requests if request.url in addresses]

    @pytest.mark.detail
    def test_titles_are_text(self, pictures, uploaded):
        uploaded(title=MARKUP, description=MARKUP)
        visitor = pictures()
        assert cards(visitor, 1) == [MARKUP]
        visitor.page.locator(".card").click()
        assert visitor.field("Title (optional)").input_value() == MARKUP
        assert visitor.dialog.get_by_role("heading").inner_text() == MARKUP
        assert visitor.page.locator("b").count() == 0

    @pytest.mark.detail
    def test_what_the_api_rejects_is_said_beside_its_field(self, pictures, uploaded):
        item = uploaded()
        visitor = pictures(f"?picture={item['mediaid']}")
        visitor.field("Title (optional)").fill("Hidden\u202etext")
        visitor.presses("Save")
        assert "Change the title: it is too long, or has unusual characters" in visitor.alert
        assert visitor.field("Title (optional)").input_value() == "Hidden\u202etext"

    @pytest.mark.detail
    @pytest.mark.parametrize("choice", ["Keep mine", "Take theirs"])
    def test_of_two_changes_at_once_one_is_chosen(self, pictures, uploaded, api, choice):
        path = f"/media/{uploaded(title='Before')['mediaid']}"
        visitor = pictures(f"?picture={path.rpartition('/')[2]}")
        visitor.field("Title (optional)").fill("Mine")
        api("PATCH", path, json={"title": "Theirs"})
        visitor.presses("Save")
        visitor.sees("This picture has changed since you opened it")
        assert visitor.dialog.locator("tbody td").all_inner_texts() == ["Mine", "Theirs"]
        assert visitor.violations() == []
        visitor.presses(choice)
        visitor.field("Title (optional)").wait_for()
        kept = "Mine" if choice == "Keep mine" else "Theirs"
        assert visitor.field("Title (optional)").input_value() == kept
        visitor.page.wait_for_function("() => document.activeElement.name == 'title'")
        assert api("GET", path).json()["title"] == kept

    @pytest.mark.detail
    def test_a_change_that_was_saved_although_its_response_was_lost_is_not_a_conflict(self, pictures, uploaded, api):
        path = f"/media/{uploaded()['mediaid']}"
        visitor = pictures(f"?picture={path.rpartition('/')[2]}")
        visitor.field("Title (optional)").fill("Mine")
        api("PATCH", path, json={"title": "Mine"})
        visitor.presses("Save")
        visitor.sees("Saved.", visitor.dialog)

    @pytest.mark.detail
    def test_everything_can_be_done_by_keyboard(self, pictures, uploaded, api):
        item = uploaded(title="Harbour")
        visitor = pictures()
        keys = visitor.page.keyboard
        cards(visitor, 1)
        tab_to(visitor, "Add pictures")
        with visitor.page.expect_file_chooser() as chooser:
            keys.press("Enter")
        chooser.value.set_files([file("second.jpg")])
        cards(visitor, 2)
        tab_to(visitor, "Harbour")
        keys.press("Enter")
        visitor.field("Title (optional)").wait_for()
        tab_to(visitor, "title")
        keys.press("End")
        keys.type(" at dawn")
        tab_to(visitor, "is_public")
        keys.press("Space")
        tab_to(visitor, "Save")
        keys.press("Enter")
        visitor.sees("Saved.", visitor.dialog)
        keys.press("Escape")
        visitor.dialog.wait_for(state="detached")
        assert visitor.focused.get_attribute("data-picture") == item["mediaid"]
        stored = api("GET", f"/media/{item['mediaid']}").json()
        assert (stored["title"], stored["visibility"]) == ("Harbour at dawn", "public")

    @pytest.mark.detail
    def test_axe_finds_nothing(self, pictures, uploaded):
        uploaded(title="Harbour")
        visitor = pictures()
        cards(visitor, 1)
        assert visitor.violations() == []
        visitor.link("Harbour").click()
        visitor.field("Title (optional)").wait_for()
        assert visitor.violations() == []
        visitor.presses("Delete picture")
        assert visitor.violations() == []

    @pytest.mark.detail
    def test_nothing_is_cut_on_a_phone_or_with_large_text(self, pictures, uploaded):
        uploaded(title="Harbour" * 20)
        visitor = pictures()
        cards(visitor, 1)
        assert visitor.cut_off() == []
        visitor.page.locator(".card").click()
        visitor.field("Title (optional)").wait_for()
        assert visitor.cut_off() == []


def tab_to(visitor, name):
    """Press Tab until the focus is on the control with this text, label or name."""
    for _ in range(40):
        visitor.page.keyboard.press("Tab")
        if visitor.page.evaluate(
            """name => {
                const { innerText, name: own, firstElementChild } = document.activeElement;
                const alt = document.activeElement.querySelector("img")?.alt;
                return innerText?.trim() === name || own === name || alt === name;
            }""",
            name,
        ):
            return
    raise AssertionError(f"Tab does not reach {name}")


class TestPublicPictures:
    @pytest.mark.detail
    def test_empty_pages_are_passed_at_once_but_not_without_end(self, visit):
        visitor = visit()
        sent = []

        def pages(route):
            sent.append(route.request.url)
            link = '<https://api.example/public/media?limit=24&cursor=older>; rel="next"'
            item = {"mediaid": "one", "title": "Old", "created": "2026-11-02T00:00:00.000Z", "owner_name": None}
            body = [item] if len(sent) == 9 else []
            route.fulfill(body=json.dumps(body), headers={"Link": link, "Content-Type": "application/json"})

        visitor.page.route("**/public/media?*", pages)
        visitor.open("#/public")
        visitor.sees("No pictures for a while")
        assert len(sent) == 6
        assert visitor.violations() == []
        visitor.presses("Show more")
        visitor.page.locator(".card").wait_for()
        assert len(sent) == 9
        assert sent[1] == f"{visitor.place.api}/public/media?limit=24&cursor=older"

    @pytest.mark.detail
    def test_a_list_that_cannot_be_loaded_can_be_tried_again(self, visit, uploaded):
        title = f"Harbour {uuid4()}"
        uploaded(title=title, visibility="public")
        visitor = visit()
        fail_once(visitor, "**/public/media?*")
        visitor.open("#/public")
        assert "Roster can’t be reached." in visitor.alert
        visitor.presses("Try again")
        visitor.link(title).click()
        visitor.sees("By Grace Hopper.", visitor.dialog)
        assert visitor.violations() == []
        visitor.presses("Close")
        visitor.dialog.wait_for(state="detached")
        assert visitor.focused.get_attribute("data-picture")
        assert visitor.violations() == []
        assert "Authorization" not in visitor.requests[-1].headers


@pytest.mark.detail
def test_the_large_picture_has_its_size_before_it_is_loaded(pictures, uploaded):
    item = uploaded()
    visitor = pictures(f"?picture={item['mediaid']}")
    image = visitor.page.locator("dialog img")
    image.wait_for()
    assert (image.get_attribute("width"), image.get_attribute("height")) == ("64", "96")
    assert image.get_attribute("alt") == "Untitled picture"
    with visitor.page.expect_popup() as original:
        visitor.link("Open the original").click()
    content = httpx.get(original.value.url, trust_env=False).content
    assert Image.open(io.BytesIO(content)).size == (64, 96)
