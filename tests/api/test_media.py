"""Media items: announcing, listing, changing and deleting them, and what others see of them."""

import re
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib import timestamps
from chalicelib.errors import Unavailable
from chalicelib.media import items, objects
from chalicelib.media.index import FIRST_DAY
from chalicelib.media.items import DELETED, PROCESSING, REJECTED
from chalicelib.web import cursors
from testbed.targets import PASSWORD, Person
from tests.api.media import ANNOUNCED, PNG, announced, fetch, following, read, ready, stored, upload, walk

NOT_FOUND = "urn:roster:problem:not-found"
ADDRESSES = {"thumbnail_url", "display_url", "original_url", "expires"}


@pytest.fixture(scope="module")
def person(api):
    """A user who has media of other tests."""
    return api.sign_up()


@pytest.fixture
def newcomer(api):
    """A user without media."""
    return api.sign_up()


@pytest.fixture
def key():
    """An Idempotency-Key."""
    return str(uuid.uuid4())


def others_and_unknown(api, owner):
    """Two ids: that of an item of another person, and one that no item has."""
    return ready(api, owner)["mediaid"], str(uuid.uuid4())


def unavailable(*_):
    raise Unavailable("The object storage does not respond.")


def without_ids(answer, *ids):
    """The status, the headers and the body of a response, without what differs from request to request."""
    body = answer.body.replace(answer.headers["x-request-id"].encode(), b"")
    for one in ids:
        body = body.replace(one.encode(), b"<id>")
    return answer.status, answer.headers.get("etag"), body


class TestAnnouncing:
    def test_an_announced_picture_waits_for_its_upload(self, api, person):
        body = {**ANNOUNCED, "title": "Dawn 🌅", "description": "At the\nharbour", "visibility": "public"}
        answer = api.post("/media", token=person.token, json=body)
        assert answer.status == 201
        item = answer.json
        assert answer.headers["location"].endswith(f"/media/{item['mediaid']}")
        assert answer.headers["cache-control"] == "no-store"
        assert uuid.UUID(item["mediaid"]).version == 4
        assert {name: item[name] for name in body} == body
        assert (item["owner"], item["status"]) == (person.sub, "awaiting-upload")
        assert item["created"] == item["modified"]
        assert (item["width"], item["height"]) == (None, None)
        assert not ADDRESSES & item.keys()
        del item["upload"]
        again = read(api, person, item["mediaid"])
        assert again.json == item
        assert again.headers["etag"] == answer.headers["etag"]

    def test_a_picture_is_private_and_has_no_title_by_default(self, api, person):
        item = announced(api, person)
        assert (item["visibility"], item["title"], item["description"]) == ("private", None, None)

    def test_the_owners_name_is_the_one_in_the_id_token(self, api, person):
        assert announced(api, person)["owner_name"] == "Jane Doe"

    def test_with_an_access_token_the_owner_has_no_name(self, api, person):
        token = api.access_token(person.email)
        assert announced(api, Person(person.email, person.sub, lambda: token))["owner_name"] is None

    def test_a_name_that_is_an_email_address_is_not_published(self, api):
        assert announced(api, api.sign_up(name="jane@example.com"))["owner_name"] is None

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"content_type": ...}, "/content_type"),
            ({"content_type": "image/svg+xml"}, "/content_type"),
            ({"content_type": "IMAGE/PNG"}, "/content_type"),
            ({"size": ...}, "/size"),
            ({"size": 0}, "/size"),
            ({"size": items.MAX_SIZE + 1}, "/size"),
            ({"size": "70"}, "/size"),
            ({"size": True}, "/size"),
            ({"size": 1.5}, "/size"),
            ({"title": ""}, "/title"),
            ({"title": "x" * 201}, "/title"),
            ({"title": 1}, "/title"),
            ({"title": "a\nb"}, "/title"),
            ({"title": "a\u009fb"}, "/title"),
            ({"title": "gpj.\u202eexe"}, "/title"),
            ({"description": "a\rb"}, "/description"),
            ({"description": "a\x00b"}, "/description"),
            ({"description": "a\u2066b"}, "/description"),
            ({"description": "x" * 2001}, "/description"),
            ({"visibility": "secret"}, "/visibility"),
            ({"visibility": None}, "/visibility"),
            ({"status": "ready"}, "/status"),
            ({"owner": "jane"}, "/owner"),
        ],
        ids=str,
    )
    def test_an_invalid_member_is_rejected_with_its_pointer(self, api, person, change, pointer):
        body = {name: value for name, value in {**ANNOUNCED, **change}.items() if value is not ...}
        answer = api.post("/media", token=person.token, json=body)
        assert answer.status == 400
        assert [error["pointer"] for error in answer.json["errors"]] == [pointer]

    def test_the_largest_values_are_accepted(self, api, person):
        body = {
            "title": "😀" * 200,
            "description": "\n\t" * 1000,
            "size": items.MAX_SIZE,
            "content_type": "image/gif",
        }
        item = announced(api, person, **body)
        assert {name: read(api, person, item["mediaid"]).json[name] for name in body} == body

    def test_somebody_who_is_not_signed_in_is_rejected(self, api):
        assert api.post("/media", json=ANNOUNCED).status == 401
        assert api.get("/media").status == 401
        assert api.get(f"/media/{uuid.uuid4()}").status == 401


class TestIdempotency:
    def test_a_retry_returns_the_same_item(self, api, newcomer, key):
        first, again = (announced(api, newcomer, key=key, title="Dawn") for _ in range(2))
        assert uuid.UUID(first["mediaid"]).version == 5
        del first["upload"], again["upload"]
        assert again == first
        assert [item["mediaid"] for item in api.get("/media", token=newcomer.token).json] == [first["mediaid"]]

    def test_the_same_key_with_another_body_is_rejected(self, api, person, key):
        announced(api, person, key=key)
        answer = api.post(
            "/media", token=person.token, json={**ANNOUNCED, "title": "x"}, headers={"Idempotency-Key": key}
        )
        assert (answer.status, answer.json["type"]) == (422, "urn:roster:problem:idempotency-key-reused")

    def test_the_same_key_of_another_person_creates_another_item(self, api, person, stranger, key):
        assert announced(api, person, key=key)["mediaid"] != announced(api, stranger, key=key)["mediaid"]

    def test_requests_at_once_create_one_item(self, api, newcomer, key):
        created = api.at_once([lambda: announced(api, newcomer, key=key)["mediaid"] for _ in range(8)])
        assert len(set(created)) == 1
        assert len(api.get("/media", token=newcomer.token).json) == 1

    def test_a_retry_after_the_upload_has_no_form(self, api, person, key):
        item = announced(api, person, key=key)
        api.media.update(item["mediaid"], items.processing)
        again = announced(api, person, key=key)
        assert (again["status"], "upload" in again) == ("processing", False)

    @pytest.mark.parametrize("interrupted", [False, True])
    def test_a_key_cannot_create_an_item_again_that_was_deleted(self, api, newcomer, key, interrupted):
        path = f"/media/{announced(api, newcomer, key=key)['mediaid']}"
        if interrupted:
            api.media.update(path.rpartition("/")[2], items.deleted)
        else:
            assert api.delete(path, token=newcomer.token).status == 204
        for _ in range(2):
            answer = api.post("/media", token=newcomer.token, json=ANNOUNCED, headers={"Idempotency-Key": key})
            assert (answer.status, answer.json["type"]) == (409, "urn:roster:problem:media-deleted")
            assert api.get(path, token=newcomer.token).status == 404
            assert api.patch(path, token=newcomer.token, json={"title": "x"}).status == 404
            assert api.get("/media", token=newcomer.token).json == []
            assert api.delete(path, token=newcomer.token).status == 204

    def test_a_retry_after_an_hour_gets_no_form_for_an_item_that_is_about_to_be_removed(self, api, person, key):
        mediaid = announced(api, person, key=key)["mediaid"]
        for minutes, status, left in ((50, 201, 600), (61, 409, 0)):
            created = datetime.now(UTC) - timedelta(minutes=minutes)
            api.media.update(mediaid, lambda item, at=created: replace(items.changed(item), created=timestamps.of(at)))
            answer = api.post("/media", token=person.token, json=ANNOUNCED, headers={"Idempotency-Key": key})
            assert answer.status == status
            if left:
                expires = datetime.fromisoformat(answer.json["upload"]["expires"])
                assert left - 30 < (expires - datetime.now(UTC)).total_seconds() <= left

    def test_deletes_at_once_all_succeed(self, api, person, key):
        for more in ({}, {"key": key}):
            item = announced(api, person, **more)
            path = f"/media/{item['mediaid']}"
            requests = [lambda path=path: api.delete(path, token=person.token).status for _ in range(6)]
            assert api.at_once(requests) == [204] * 6
            assert stored(api, item) == []

    def test_a_key_and_if_none_match_create_only_once(self, api, person, key):
        headers = {"Idempotency-Key": key, "If-None-Match": "*"}
        statuses = [api.post("/media", token=person.token, json=ANNOUNCED, headers=headers).status for _ in range(2)]
        assert statuses == [201, 412]

    def test_a_new_item_matches_no_entity_tag(self, api, newcomer):
        answer = api.post("/media", token=newcomer.token, json=ANNOUNCED, headers={"If-Match": "*"})
        assert answer.status == 412
        assert api.get("/media", token=newcomer.token).json == []


class TestReading:
    def test_a_ready_item_has_addresses_that_expire_after_15_minutes(self, api, person):
        item = ready(api, person)
        assert item.keys() >= ADDRESSES
        assert (item["width"], item["height"]) == (1, 1)
        left = datetime.fromisoformat(item["expires"]) - datetime.now(UTC)
        assert 840 < left.total_seconds() <= 901
        for kind in objects.KINDS:
            assert f"/media/{person.sub}/{item['mediaid']}/{kind}?" in item[f"{kind}_url"]

    def test_a_rejected_item_has_a_reason_and_no_addresses(self, api, person):
        mediaid = announced(api, person)["mediaid"]
        api.media.update(mediaid, lambda item: items.rejected(items.processing(item), items.DAMAGED))
        item = read(api, person, mediaid).json
        assert (item["status"], item["reason"]) == (REJECTED, "damaged")
        assert not ADDRESSES & item.keys()

    def test_an_administrator_can_read_an_item_but_not_the_original(self, api, person, admin):
        item = ready(api, person)
        answer = read(api, admin, item["mediaid"])
        assert answer.status == 200
        assert "original_url" not in answer.json
        assert answer.json["owner"] == person.sub

    def test_anothers_item_and_an_unknown_one_give_the_same_response(self, api, person, stranger):
        theirs, unknown = others_and_unknown(api, stranger)
        answers = [read(api, person, mediaid) for mediaid in (theirs, unknown)]
        assert answers[0].json["type"] == NOT_FOUND
        assert without_ids(answers[0]) == without_ids(answers[1])

    @pytest.mark.parametrize("mediaid", ["x", "%00", "a" * 3000, "3F2B8C1E-6A4D-4F0B-9A57-7D1C2E3F4A5B", "..%2Fopen"])
    def test_text_that_is_no_mediaid_is_not_found(self, api, person, mediaid):
        assert read(api, person, mediaid).status == 404
        assert api.get(f"/public/media/{mediaid}").status == 404

    def test_the_entity_tag_does_not_cover_the_addresses(self, api, person):
        item = ready(api, person)
        tag = read(api, person, item["mediaid"]).headers["etag"]
        unchanged = read(api, person, item["mediaid"], headers={"If-None-Match": tag})
        assert (unchanged.status, unchanged.body) == (304, b"")
        assert read(api, person, item["mediaid"], headers={"If-Match": '"another"'}).status == 412

    def test_the_list_has_only_ones_own_items_newest_first(self, api, newcomer, stranger):
        announced(api, stranger)
        mine = [announced(api, newcomer)["mediaid"] for _ in range(5)]
        for limit in (1, 2, 5, 100):
            found, pages = walk(api, "/media", limit, token=newcomer.token)
            assert [item["mediaid"] for item in found] == mine[::-1]
            assert pages <= 5 // limit + 1

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=101", "limit=x", "cursor=x", "cursor=", "cursor=MjAyNi0xMS0yMg"]
    )
    @pytest.mark.parametrize("path", ["/media", "/public/media"])
    def test_a_bad_limit_or_cursor_is_rejected(self, api, person, path, query):
        token = {"token": person.token} if path == "/media" else {}
        answer = api.get(f"{path}?{query}", **token)
        assert answer.status == 400
        assert answer.json["errors"][0]["pointer"] == "/" + query.partition("=")[0]

    def test_a_cursor_of_a_day_without_public_media_is_rejected(self, api):
        today = datetime.now(UTC).date()
        days = {FIRST_DAY - timedelta(days=1): 400, FIRST_DAY: 200, today: 200, today + timedelta(days=2): 400}
        for day, status in days.items():
            cursor = cursors.encode(day.isoformat(), "public-media")
            assert api.get(f"/public/media?cursor={cursor}").status == status

    def test_a_cursor_of_another_list_is_rejected(self, api, person, stranger):
        for _ in range(2):
            ready(api, person, visibility="public")
        own = following(api.get("/media?limit=1", token=person.token)).partition("?")[2]
        public = following(api.get("/public/media?limit=1")).partition("?")[2]
        assert api.get(f"/media?{own}", token=person.token).status == 200
        assert api.get(f"/media?{own}", token=stranger.token).status == 400
        assert api.get(f"/media?{public}", token=person.token).status == 400
        assert api.get(f"/public/media?{own}").status == 400


class TestChanging:
    def test_a_patch_changes_what_it_names_and_null_removes_it(self, api, person):
        item = ready(api, person, title="Dawn", description="At the harbour")
        answer = api.patch(
            f"/media/{item['mediaid']}", token=person.token, json={"title": None, "visibility": "public"}
        )
        assert answer.status == 200
        changed = answer.json
        assert (changed["title"], changed["description"], changed["visibility"]) == (None, "At the harbour", "public")
        assert changed["modified"] >= item["modified"]
        assert read(api, person, item["mediaid"]).headers["etag"] == answer.headers["etag"]

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"title": ""}, "/title"),
            ({"title": "a\tb"}, "/title"),
            ({"description": "a\x1bb"}, "/description"),
            ({"visibility": None}, "/visibility"),
            ({"visibility": "x"}, "/visibility"),
            ({"size": 1}, "/size"),
            ({"owner_name": "x"}, "/owner_name"),
        ],
        ids=str,
    )
    def test_an_invalid_patch_is_rejected_with_its_pointer(self, api, person, body, pointer):
        mediaid = announced(api, person)["mediaid"]
        answer = api.patch(f"/media/{mediaid}", token=person.token, json=body)
        assert (answer.status, answer.json["errors"][0]["pointer"]) == (400, pointer)

    def test_a_patch_of_anothers_item_gives_the_same_response_as_of_an_unknown_one(self, api, person, stranger):
        ids = others_and_unknown(api, stranger)
        for headers, status in (({}, 404), ({"If-Match": "*"}, 412), ({"If-Match": '"x"'}, 412)):
            answers = [
                api.patch(f"/media/{one}", token=person.token, json={"title": "x"}, headers=headers) for one in ids
            ]
            assert answers[0].status == status
            assert without_ids(answers[0]) == without_ids(answers[1])
        assert read(api, stranger, ids[0]).json["title"] is None

    def test_an_administrator_cannot_change_or_delete_anothers_item(self, api, person, admin):
        item = ready(api, person)
        path = f"/media/{item['mediaid']}"
        assert api.patch(path, token=admin.token, json={"title": "x"}).status == 403
        assert api.delete(path, token=admin.token).status == 403
        assert read(api, person, item["mediaid"]).json["modified"] == item["modified"]

    def test_of_writers_with_the_same_entity_tag_one_wins(self, api, person):
        mediaid = announced(api, person)["mediaid"]
        tag = read(api, person, mediaid).headers["etag"]
        requests = [
            lambda n=n: api.patch(
                f"/media/{mediaid}", token=person.token, json={"title": str(n)}, headers={"If-Match": tag}
            )
            for n in range(6)
        ]
        answers = api.at_once(requests)
        assert sorted(answer.status for answer in answers) == [200, 412, 412, 412, 412, 412]
        (won,) = [answer for answer in answers if answer.status == 200]
        assert read(api, person, mediaid).json["title"] == won.json["title"]

    def test_patches_at_once_lose_no_update(self, api, person):
        mediaid = announced(api, person)["mediaid"]
        changes = [{"title": "Dawn"}, {"description": "At the harbour"}, {"visibility": "public"}]
        requests = [lambda c=c: api.patch(f"/media/{mediaid}", token=person.token, json=c) for c in changes]
        assert [answer.status for answer in api.at_once(requests)] == [200, 200, 200]
        item = read(api, person, mediaid).json
        assert (item["title"], item["description"], item["visibility"]) == ("Dawn", "At the harbour", "public")


class TestDeleting:
    def test_a_delete_removes_the_item_and_every_object(self, api, person):
        item = ready(api, person, visibility="public")
        assert len(stored(api, item)) == 3
        for _ in range(2):
            answer = api.delete(f"/media/{item['mediaid']}", token=person.token)
            assert (answer.status, answer.body) == (204, b"")
        assert stored(api, item) == []
        assert api.media.get(item["mediaid"]) is None
        assert read(api, person, item["mediaid"]).status == 404
        assert api.get(f"/public/media/{item['mediaid']}").status == 404

    def test_a_delete_of_anothers_item_gives_the_same_response_as_of_an_unknown_one(self, api, person, stranger):
        ids = others_and_unknown(api, stranger)
        for headers, status in (({}, 204), ({"If-Match": "*"}, 412)):
            answers = [api.delete(f"/media/{one}", token=person.token, headers=headers) for one in ids]
            assert answers[0].status == status
            assert without_ids(answers[0]) == without_ids(answers[1])
        item = read(api, stranger, ids[0])
        assert item.status == 200
        assert len(stored(api, item.json)) == 3

    def test_an_interrupted_delete_is_invisible_everywhere_and_repeating_finishes_it(self, api, newcomer):
        item = ready(api, newcomer, visibility="public")
        path = f"/media/{item['mediaid']}"
        tag = read(api, newcomer, item["mediaid"]).headers["etag"]
        api.media.update(item["mediaid"], items.deleted)  # and then the function ended
        assert read(api, newcomer, item["mediaid"]).status == 404
        assert api.patch(path, token=newcomer.token, json={"title": "x"}).status == 404
        assert api.get(f"/public{path}").status == 404
        assert api.get("/media", token=newcomer.token).json == []
        assert item["mediaid"] not in [one["mediaid"] for one in api.get("/public/media").json]
        assert api.delete(path, token=newcomer.token, headers={"If-Match": tag}).status == 204
        assert stored(api, item) == []
        assert api.media.get(item["mediaid"]) is None

    def test_an_interrupted_delete_cannot_be_seen_or_finished_by_others(self, api, person, stranger, admin):
        item = ready(api, person)
        api.media.update(item["mediaid"], items.deleted)
        for other in (stranger, admin):
            assert read(api, other, item["mediaid"]).status == 404
            assert api.delete(f"/media/{item['mediaid']}", token=other.token).status == 204
        assert api.media.get(item["mediaid"]).status == DELETED

    def test_a_delete_of_a_changed_item_is_rejected_if_it_must_match(self, api, person):
        item = announced(api, person)
        path = f"/media/{item['mediaid']}"
        old = read(api, person, item["mediaid"]).headers["etag"]
        new = api.patch(path, token=person.token, json={"title": "Dawn"}).headers["etag"]
        assert api.delete(path, token=person.token, headers={"If-Match": old}).status == 412
        assert api.delete(path, token=person.token, headers={"If-Match": new}).status == 204
        assert api.delete(path, token=person.token, headers={"If-Match": new}).status == 412

    @pytest.mark.parametrize("api", ["inprocess"], indirect=True)
    def test_while_s3_fails_a_delete_is_503_and_repeating_finishes_it(self, api, person, monkeypatch):
        item = ready(api, person)
        path = f"/media/{item['mediaid']}"
        with monkeypatch.context() as failing:
            failing.setattr("chalicelib.storage.s3.Bucket.delete", unavailable)
            answer = api.delete(path, token=person.token)
            assert answer.status == 503
            assert answer.headers["retry-after"]
        assert read(api, person, item["mediaid"]).status == 404
        assert len(stored(api, item)) == 3
        assert api.delete(path, token=person.token).status == 204
        assert stored(api, item) == []

    @pytest.mark.parametrize("status", ["awaiting-upload", PROCESSING, REJECTED])
    def test_an_item_of_any_status_can_be_deleted(self, api, person, status):
        item = announced(api, person)
        shown = objects.presentation(api.media.get(item["mediaid"]), "original", "image/png")
        api.bucket.put(objects.stored(person.sub, item["mediaid"], "original"), PNG, shown)
        if status != "awaiting-upload":
            api.media.update(item["mediaid"], items.processing)
        if status == REJECTED:
            api.media.update(item["mediaid"], lambda one: items.rejected(one, items.NOT_AN_IMAGE))
        assert api.delete(f"/media/{item['mediaid']}", token=person.token).status == 204
        assert stored(api, item) == []


class TestPublic:
    def test_only_what_is_public_and_ready_is_listed(self, api, person):
        shown = ready(api, person, visibility="public")
        hidden = [ready(api, person)["mediaid"], announced(api, person, visibility="public")["mediaid"]]
        listed = {item["mediaid"]: item for item in walk(api, "/public/media", 100)[0]}
        assert shown["mediaid"] in listed
        assert not listed.keys() & set(hidden)
        assert "original_url" not in listed[shown["mediaid"]]
        for mediaid in hidden:
            assert api.get(f"/public/media/{mediaid}").status == 404
        assert api.get(f"/public/media/{shown['mediaid']}").json == listed[shown["mediaid"]]

    def test_publishing_and_hiding_take_effect_at_once(self, api, person):
        mediaid = ready(api, person)["mediaid"]
        for visibility, status in (("public", 200), ("private", 404)):
            api.patch(f"/media/{mediaid}", token=person.token, json={"visibility": visibility})
            assert api.get(f"/public/media/{mediaid}").status == status
            listed = [item["mediaid"] for item in api.get("/public/media?limit=100").json]
            assert (mediaid in listed) == (status == 200)

    def test_a_page_can_be_cached_and_its_addresses_repeat(self, api, person):
        mediaid = ready(api, person, visibility="public")["mediaid"]
        if time.time() % 300 > 295:
            time.sleep(6)
        for path in ("/public/media?limit=1", f"/public/media/{mediaid}"):
            first = api.get(path)
            assert first.headers["cache-control"] == "public, max-age=10"
            assert api.get(path).body == first.body
            unchanged = api.get(path, headers={"If-None-Match": first.headers["etag"]})
            assert (unchanged.status, unchanged.headers["cache-control"]) == (304, "public, max-age=10")

    def test_no_response_has_an_email_address(self, api, person):
        item = ready(api, person, visibility="public")
        for answer in (api.get("/public/media"), api.get(f"/public/media/{item['mediaid']}")):
            assert not re.search(rb"[\w.+-]+@[\w-]+\.\w+", answer.body)


class TestLeaving:
    def test_an_export_has_the_address_of_the_list(self, api, person):
        answer = api.get("/account/export", token=api.access_token(person.email))
        assert answer.status == 200
        address = answer.json["media"]["href"]
        assert address.endswith("/media")
        assert api.get("/media" + address.partition("/media")[2], token=person.token).status == 200

    def test_an_erasure_leaves_nothing_of_that_person(self, api, newcomer, stranger):
        mine, theirs = [ready(api, newcomer) for _ in range(3)], ready(api, stranger)
        announced(api, newcomer)
        shown = objects.presentation(api.media.get(mine[0]["mediaid"]), "display", "image/png")
        api.bucket.put(objects.stored(newcomer.sub, str(uuid.uuid4()), "display"), PNG, shown)  # without an item
        token = api.access_token(newcomer.email)
        assert api.post("/account/deletion", token=token, json={"password": PASSWORD}).status == 204
        for prefix in (objects.INCOMING, objects.MEDIA):
            assert api.bucket.list(f"{prefix}{newcomer.sub}/") == []
        assert [api.media.get(item["mediaid"]) for item in mine] == [None, None, None]
        assert api.media.of_owner(newcomer.sub, 10).items == []
        assert len(stored(api, theirs)) == 3


class TestHousekeeping:
    def test_it_finishes_deletes_and_removes_uploads_that_never_arrived(self, api, person):
        kept, deleted, fresh = ready(api, person), ready(api, person), announced(api, person)
        api.media.update(deleted["mediaid"], items.deleted)
        two_hours_ago = timestamps.of(datetime.now(UTC) - timedelta(hours=2))
        abandoned = replace(api.media.get(fresh["mediaid"]), mediaid=str(uuid.uuid4()), created=two_hours_ago)
        api.media.create(abandoned, may_exist=False)
        api.housekeep()
        assert api.media.get(deleted["mediaid"]) is None
        assert api.media.get(abandoned.mediaid) is None
        assert stored(api, deleted) == []
        assert len(stored(api, kept)) == 3
        assert read(api, person, fresh["mediaid"]).status == 200


@pytest.mark.parametrize("api", ["local", "deployed"], indirect=True)
class TestS3:
    """What S3 itself allows, at the addresses that the API has signed."""

    def test_the_form_uploads_the_announced_picture(self, api, person):
        item = announced(api, person)
        assert upload(item["upload"], PNG).status_code == 204
        assert stored(api, item)

    @pytest.mark.parametrize(
        ("content", "fields"),
        [
            (PNG + b"x", {}),
            (PNG[:-1], {}),
            (b"", {}),
            (PNG, {"Content-Type": "text/html"}),
            (PNG, {"key": "media/x/y/original"}),
            (PNG, {"key": "incoming/another/key"}),
        ],
        ids=["one byte more", "one byte less", "nothing", "another type", "media", "another key"],
    )
    def test_the_form_uploads_nothing_else(self, api, person, content, fields):
        item = announced(api, person)
        assert 400 <= upload(item["upload"], content, **fields).status_code < 500
        assert stored(api, item) == []

    def test_a_form_that_has_expired_is_rejected(self, api, person):
        item = announced(api, person)
        form = api.bucket.upload_form(objects.incoming(person.sub, item["mediaid"]), "image/png", len(PNG), 1)
        time.sleep(2)
        assert upload(form._asdict(), PNG).status_code == 403

    def test_a_signed_address_returns_the_picture_as_a_picture(self, api, person):
        item = ready(api, person)
        for kind in objects.KINDS:
            answer = fetch(item[f"{kind}_url"])
            assert (answer.status_code, answer.content) == (200, PNG)
            assert answer.headers["content-type"] == "image/png"
            assert answer.headers["content-disposition"] == f'inline; filename="{item["mediaid"]}-{kind}.png"'
            assert answer.headers["cache-control"] == "private, max-age=900"

    def test_without_the_right_signature_s3_returns_403(self, api, person):
        item = ready(api, person)
        display, original = item["display_url"], item["original_url"]
        other = ready(api, person)
        forged = {
            "unsigned": display.partition("?")[0],
            "guessed signature": re.sub(r"Signature=\w{64}", f"Signature={'0' * 64}", display),
            "another object": display.replace("/display?", "/original?"),
            "another item": display.replace(item["mediaid"], other["mediaid"]),
            "a longer time": display.replace("Expires=900", "Expires=90000"),
            "an object that does not exist": original.partition("?")[0] + "x",
        }
        assert {name: fetch(address).status_code for name, address in forged.items()} == dict.fromkeys(forged, 403)

    def test_an_address_that_has_expired_returns_403(self, api, person):
        item = ready(api, person)
        key = objects.stored(person.sub, item["mediaid"], "display")
        now = int(time.time())
        assert fetch(api.bucket.address(key, now - 890, 900)).status_code == 200
        assert fetch(api.bucket.address(key, now - 901, 900)).status_code == 403
