"""Removing media items: it can stop after any request, be repeated, and be finished by the housekeeping."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from moto import mock_aws

from chalicelib import timestamps
from chalicelib.deadline import Deadline
from chalicelib.errors import Conflict, Misconfigured, Unavailable
from chalicelib.media import housekeeping as module
from chalicelib.media import items, objects
from chalicelib.media.housekeeping import MAX_PAGES, MediaHousekeeping
from chalicelib.media.removal import Removal
from tests.unit.media import House, Killed, Services, ago, new

LONG = Deadline(24 * 3600)
NOTHING = {
    "interrupted_media_deletes": 0,
    "abandoned_uploads": 0,
    "rejected_media": 0,
    "forgotten_media": 0,
    "orphaned_media_objects": 0,
}


@pytest.fixture(scope="module")
def services():
    with mock_aws():
        yield Services()


@pytest.fixture
def house(services):
    return House(services)


@pytest.fixture
def clean_up(house, monkeypatch):
    """A function that runs the housekeeping. By default, all objects are old enough to be orphans."""

    def run(fresh=timedelta(seconds=-5), deadline=LONG):
        monkeypatch.setattr(module, "FRESH", fresh)
        chores = MediaHousekeeping(house.index, house.bucket, house.removal)
        return {
            **chores.finish_deletes(deadline),
            **chores.remove_abandoned(deadline),
            **chores.remove_rejected(deadline),
            **chores.forget_removed(deadline),
            **chores.delete_orphans(deadline),
        }

    return run


class TestRemoval:
    def test_an_item_is_removed_with_its_objects_and_no_others(self, house):
        item, other = house.add_ready(), house.add_ready()
        house.put(item, "incoming")
        house.removal.remove(item)
        assert house.get(item) is None
        assert house.get(other) == other
        assert house.keys() == sorted(objects.stored("jane", other.mediaid, kind) for kind in objects.KINDS)

    def test_it_takes_three_requests(self, house):
        house.removal.remove(house.add_ready())
        assert house.requests == ["put_item", "delete_objects", "delete_item"]

    @pytest.mark.parametrize("budget", [1, 2, 3])
    def test_a_removal_that_ended_after_any_request_is_invisible_and_can_be_finished(self, house, budget):
        item = house.add_ready(visibility=items.PUBLIC)
        house.budget = budget
        with pytest.raises(Killed):
            house.removal.remove(item)
        assert item.mediaid not in [one.mediaid for one in house.plain_index.public(10).items]
        left = house.get(item)
        if budget < 3:
            assert left.status == items.DELETED
            house.removal.remove(left)
        assert house.get(item) is None
        assert house.keys() == []

    def test_a_changed_item_is_not_removed(self, house):
        item = house.add_ready()
        house.plain_index.replace(item, items.changed(item, title="Dawn"))
        with pytest.raises(Conflict):
            house.removal.remove(item)
        assert len(house.keys()) == 3

    def test_an_object_that_s3_does_not_delete_leaves_the_item_to_be_removed_later(self, house, monkeypatch):
        item = house.add_ready()
        for code, error in (("SlowDown", Unavailable), ("AccessDenied", Misconfigured)):
            failed = {"Errors": [{"Key": "x", "Code": code}]}
            monkeypatch.setattr(house.bucket.client, "delete_objects", lambda failed=failed, **_: failed, raising=False)
            with pytest.raises(error):
                house.removal.remove(house.get(item))
            assert house.get(item).status == items.DELETED
            monkeypatch.undo()
        house.removal.remove(house.get(item))
        assert house.get(item) is None


class TestKeys:
    """What has an Idempotency-Key could be created again, while something is still at work on it."""

    def test_a_removed_item_is_kept_without_what_its_owner_has_said(self, house):
        item = house.add_ready(origin="hash", title="Dawn", description="At the harbour", owner_name="Jane")
        house.removal.remove(item)
        kept = house.get(item)
        assert (kept.status, kept.title, kept.description, kept.owner_name) == (items.REMOVED, None, None, None)
        assert house.keys() == []
        again = replace(item, revision=items.revision())
        assert house.plain_index.create(again, may_exist=True) == kept
        house.removal.remove(kept)
        assert house.get(item) == kept

    @pytest.mark.parametrize("origin", [None, "hash"])
    def test_two_removals_at_once_both_end_well(self, house, origin):
        item = house.add_ready(origin=origin)
        marked = house.plain_index.update(item.mediaid, items.deleted)
        house.removal.remove(marked)
        house.removal.remove(marked)
        assert house.keys() == []

    def test_a_removed_item_is_forgotten_after_a_day(self, house, clean_up):
        old = house.add(status=items.REMOVED, created=ago(days=9), modified=ago(hours=25), origin="hash")
        young = house.add(status=items.REMOVED, created=ago(days=9), modified=ago(hours=23), origin="hash")
        assert clean_up() == {**NOTHING, "forgotten_media": 1}
        assert (house.get(old), house.get(young)) == (None, young)


class TestErasure:
    def test_nothing_is_kept_for_idempotency_keys(self, house):
        several = [house.add_ready(origin="hash"), house.add(origin="hash", status=items.REMOVED)]
        assert house.removal.remove_all("jane", LONG)
        assert [house.get(item) for item in several] == [None, None]

    @pytest.mark.parametrize("other", ["remove", "forget", "remove_all"])
    @pytest.mark.parametrize("at", range(1, 7))
    def test_another_removal_in_between_does_no_harm(self, house, other, at):
        item = house.add_ready(origin="hash")
        plain = Removal(house.plain_index, house.plain_bucket)

        def interrupt():
            if other == "remove_all":
                plain.remove_all("jane", LONG)
            elif stored := house.get(item):
                getattr(plain, other)(stored)

        house.interrupt_at(at, interrupt)
        assert house.removal.remove_all("jane", LONG)
        assert (house.get(item), house.keys()) == (None, [])

    def test_everything_of_one_person_is_removed_and_nothing_of_others(self, house):
        several = [house.add_ready() for _ in range(3)] + [house.add("incoming"), house.add(status=items.DELETED)]
        other = house.add_ready(owner="jane-2")
        house.put(new(owner="jane"), "display")  # an orphan
        house.put(new(owner="jane"), "incoming")
        assert house.removal.remove_all("jane", LONG)
        assert [house.get(item) for item in several] == [None] * 5
        assert house.keys() == sorted(objects.stored("jane-2", other.mediaid, kind) for kind in objects.KINDS)
        assert house.removal.remove_all("jane", LONG)

    def test_it_reads_all_pages(self, house, monkeypatch):
        monkeypatch.setattr("chalicelib.media.removal.PAGE", 2)
        several = [house.add_ready() for _ in range(5)]
        assert house.removal.remove_all("jane", LONG)
        assert [house.get(item) for item in several] == [None] * 5

    def test_it_stops_at_the_deadline_and_continues_later(self, house):
        house.add_ready()
        assert not house.removal.remove_all("jane", Deadline(0))
        assert len(house.keys()) == 3
        assert house.removal.remove_all("jane", LONG)
        assert house.keys() == []

    @pytest.mark.parametrize("budget", range(1, 14, 2))
    def test_it_can_end_after_any_request_and_be_repeated(self, house, budget):
        several = [house.add_ready(), house.add("incoming")]
        house.budget = budget
        try:
            house.removal.remove_all("jane", LONG)
        except Killed:
            assert house.removal.remove_all("jane", LONG)
        assert [house.get(item) for item in several] == [None, None]
        assert house.keys() == []


class TestHousekeeping:
    def test_nothing_is_removed_that_is_in_use(self, house, clean_up):
        house.add_ready(created=ago(days=30))
        house.add_ready(created=ago(days=30), visibility=items.PUBLIC)
        house.add(created=ago(minutes=50))
        house.add("incoming", created=ago(days=6))  # has arrived, but the images function has not looked at it yet
        house.add("incoming", created=ago(days=6), status=items.PROCESSING)
        house.add(created=ago(days=6), status=items.REJECTED, reason=items.DAMAGED)
        before = house.keys()
        assert clean_up() == NOTHING
        assert house.keys() == before

    def test_uploads_that_never_arrived_are_removed_after_an_hour(self, house, clean_up):
        item = house.add(created=ago(minutes=61))
        assert clean_up() == {**NOTHING, "abandoned_uploads": 1}
        assert house.get(item) is None

    @pytest.mark.parametrize("status", [items.REJECTED, items.PROCESSING])
    def test_what_was_rejected_or_could_not_be_processed_is_removed_after_a_week(self, house, clean_up, status):
        item = house.add("incoming", created=ago(days=8), status=status)
        assert clean_up() == {**NOTHING, "rejected_media": 1}
        assert house.get(item) is None
        assert house.keys() == []

    def test_an_upload_that_nobody_looked_at_is_removed_after_a_week(self, house, clean_up):
        house.add("incoming", created=ago(days=8))
        assert clean_up() == {**NOTHING, "abandoned_uploads": 1}
        assert house.keys() == []

    def test_an_interrupted_delete_is_finished(self, house, clean_up):
        item = house.add_ready(created=ago(days=100), status=items.DELETED)
        assert clean_up() == {**NOTHING, "interrupted_media_deletes": 1}
        assert (house.get(item), house.keys()) == (None, [])

    def test_objects_without_an_item_are_deleted(self, house, clean_up):
        known = house.add_ready()
        for kind in (*objects.KINDS, "incoming"):
            house.put(new(), kind)
        for key in ("media/x", "media/jane/x/y/z"):
            house.plain_bucket.put(key, b"x", objects.presentation(known, "display", "image/png"))
        assert clean_up() == {**NOTHING, "orphaned_media_objects": 6}
        assert house.keys() == sorted(objects.stored("jane", known.mediaid, kind) for kind in objects.KINDS)

    def test_objects_of_the_last_hour_are_left_alone(self, house, clean_up):
        house.put(new(), "display")
        assert clean_up(fresh=timedelta(hours=1)) == NOTHING
        assert len(house.keys()) == 1

    def test_all_objects_are_reached_wherever_a_run_starts(self, house, clean_up, monkeypatch):
        monkeypatch.setattr(module, "MAX_KEYS", 3)
        real = house.bucket.list
        monkeypatch.setattr(house.bucket, "list", lambda prefix, after="", limit=3: real(prefix, after, limit))
        owners = [f"{number:x}0000000-0000-4000-8000-000000000000" for number in range(8)]
        for start in (0, 5):
            monkeypatch.setattr(house.index, "any_item", partial(new, owner=f"{start}5"))
            for owner in owners:
                house.put(new(owner=owner), "display")
            assert clean_up()["orphaned_media_objects"] == 8

    def test_objects_of_an_owner_with_more_than_a_run_reads_are_reached(self, house, clean_up, monkeypatch):
        monkeypatch.setattr(module, "MAX_KEYS", 1)
        real = house.bucket.list
        monkeypatch.setattr(house.bucket, "list", lambda prefix, after="", limit=1: real(prefix, after, limit))
        for kind in ("display", "incoming"):
            for number in range(16):
                house.put(new(mediaid=f"{number:x}0000000-0000-4000-8000-000000000000"), kind)
        monkeypatch.setattr(house.index, "any_item", partial(new, mediaid="9"))
        clean_up()
        assert objects.incoming("jane", "90000000-0000-4000-8000-000000000000") not in house.keys("incoming/")
        assert [key.split("/")[2][0] for key in house.keys("media/")] == [*"12345678"]

    def test_a_run_reads_a_limited_number_of_pages(self, house, clean_up, monkeypatch):
        pages = []

        def page(prefix, after="", limit=1000):
            pages.append(limit)
            return real("media/", limit=1) * 1000

        real = house.bucket.list
        house.add_ready()
        monkeypatch.setattr(house.bucket, "list", page)
        clean_up()
        assert pages.count(1000) <= MAX_PAGES + 1  # uploads are listed again from a random start

    @pytest.mark.parametrize("budget", range(1, 25, 3))
    def test_it_can_end_after_any_request_and_the_next_run_finishes(self, house, clean_up, budget):
        kept = house.add_ready()
        for status in (items.AWAITING_UPLOAD, items.REJECTED, items.DELETED):
            house.add_ready(status=status, created=ago(days=9))
        house.put(new(), "display")
        house.budget = budget
        try:
            clean_up()
        except Killed:
            clean_up()
        assert house.get(kept) == kept
        assert house.keys() == sorted(objects.stored("jane", kept.mediaid, kind) for kind in objects.KINDS)

    def test_it_does_nothing_after_the_deadline(self, house, clean_up):
        house.add(created=ago(days=9))
        house.put(new(), "display")
        assert clean_up(deadline=Deadline(0)) == NOTHING

    def test_an_item_that_changes_meanwhile_is_left_alone(self, house, clean_up, monkeypatch):
        item = house.add(created=ago(hours=2))
        stale = list(house.plain_index.with_status(item.status, "9"))
        house.plain_index.replace(item, items.processing(item))
        monkeypatch.setattr(house.index, "with_status", lambda status, before: stale if status == item.status else [])
        assert clean_up() == NOTHING
        assert house.get(item).status == items.PROCESSING


def test_the_times_of_the_lists_are_in_the_form_of_the_items():
    assert timestamps.of(datetime(2027, 1, 2, 3, 4, 5, 678900, UTC)) == "2027-01-02T03:04:05.678Z"
