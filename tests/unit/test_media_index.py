"""The table of media items: conditional writes, and lists that cost the same however many items there are."""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from chalicelib import timestamps
from chalicelib.errors import Conflict, KeyReused, NotFound
from chalicelib.media import index as module
from chalicelib.media import items
from chalicelib.media.index import MAX_QUERIES, Index, Page, Position
from chalicelib.storage import attribute_values
from tests.unit.media import House, Services, new

TODAY = date(2027, 3, 1)


@pytest.fixture(scope="module")
def services():
    with mock_aws():
        yield Services()


@pytest.fixture(scope="module")
def house(services):
    return House(services)


@pytest.fixture
def fresh(services):
    """A house without items."""
    return House(services)


@pytest.fixture
def today(monkeypatch):
    """The day is ``TODAY``."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)

    monkeypatch.setattr(module, "datetime", Clock)


def shown(days_ago, number=0, **members):
    """Store an item that was published some days before ``TODAY``."""
    time = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) - timedelta(days=days_ago, seconds=-number)
    created = timestamps.of(time)
    ready = {"status": items.READY, "visibility": items.PUBLIC, "width": 1, "height": 1}
    return new(created=created, **{**ready, **members})


def store(house, several):
    for item in several:
        house.plain_index.create(item, may_exist=False)


class TestItems:
    def test_a_stored_item_can_be_read(self, house):
        for item in (new(), new(title="Dawn 🌅", description="a\nb", owner_name="Jane", width=3, height=2, origin="x")):
            assert house.index.create(item, may_exist=False) == item
            assert house.index.get(item.mediaid) == item

    def test_an_unknown_item_is_none(self, house):
        assert house.index.get("unknown") is None

    def test_each_item_can_be_the_random_one(self, fresh):
        assert fresh.index.any_item() is None
        several = [fresh.add_ready() for _ in range(3)]
        drawn = {fresh.index.any_item().mediaid for _ in range(200)}
        assert drawn == {item.mediaid for item in several}

    def test_an_item_is_created_once(self, house):
        item = new(origin="the body")
        house.index.create(item, may_exist=False)
        later = dataclasses.replace(item, title="Dawn", revision=items.revision())
        house.index.replace(item, later)
        assert house.index.create(dataclasses.replace(item, revision=items.revision()), may_exist=True) == later
        with pytest.raises(Conflict):
            house.index.create(dataclasses.replace(item, revision=items.revision()), may_exist=False)
        with pytest.raises(KeyReused):
            house.index.create(dataclasses.replace(item, origin="another", revision="r"), may_exist=True)
        assert house.index.get(item.mediaid) == later

    def test_a_replaced_or_deleted_item_cannot_be_replaced_again(self, house):
        item = house.add()
        house.index.replace(item, items.processing(item))
        with pytest.raises(Conflict):
            house.index.replace(item, items.ready(item, 1, 1))
        gone = house.add()
        house.index.delete(gone)
        with pytest.raises(Conflict):
            house.index.replace(gone, items.processing(gone))
        assert house.index.get(gone.mediaid) is None

    def test_an_update_that_loses_a_race_is_made_again(self, house):
        item = house.add(title="Dawn")
        seen: list[str] = []

        def change(stored):
            if not seen:  # the owner gets in between
                house.plain_index.replace(stored, items.changed(stored, title="Dusk"))
            seen.append(stored.title)
            return items.processing(stored)

        updated = house.index.update(item.mediaid, change)
        assert seen == ["Dawn", "Dusk"]
        assert house.index.get(item.mediaid) == updated
        assert (updated.title, updated.status) == ("Dusk", items.PROCESSING)

    def test_what_a_change_raises_ends_the_update(self, house):
        item = house.add()

        def change(stored):
            raise LookupError

        with pytest.raises(LookupError):
            house.index.update(item.mediaid, change)
        assert house.index.get(item.mediaid) == item
        with pytest.raises(NotFound):
            house.index.update("unknown", items.processing)

    def test_a_delete_can_be_repeated_but_spares_a_changed_item(self, house):
        item = house.add()
        changed = items.processing(item)
        house.index.replace(item, changed)
        with pytest.raises(Conflict):
            house.index.delete(item)
        house.index.delete(changed)
        house.index.delete(changed)
        assert house.index.get(item.mediaid) is None

    def test_missing_items_are_found_among_many(self, house):
        known = [house.add().mediaid for _ in range(3)]
        unknown = {str(number) for number in range(230)}
        assert house.index.missing_of([*known, *unknown]) == unknown
        assert house.index.missing_of([]) == set()


class TestStates:
    def test_each_change_has_a_new_revision(self):
        item = new()
        steps = [item, items.processing(item), items.ready(item, 4, 3), items.rejected(item, items.DAMAGED)]
        steps += [items.deleted(item), items.changed(item, title="Dawn")]
        assert len({step.revision for step in steps}) == len(steps)
        assert {step.created for step in steps} == {item.created}

    def test_an_unknown_reason_is_an_error(self):
        with pytest.raises(ValueError, match="ugly"):
            items.rejected(new(), "ugly")

    @pytest.mark.parametrize("visibility", [items.PRIVATE, items.PUBLIC])
    @pytest.mark.parametrize("status", ["awaiting-upload", "processing", "ready", "rejected", "deleted"])
    def test_only_what_is_public_and_ready_is_public(self, house, visibility, status):
        item = house.add(status=status, visibility=visibility)
        is_public = (visibility, status) == ("public", "ready")
        assert item.is_public == is_public
        position = Position(item.created[:10], "")
        assert (item in house.index.public(1000, position, queries=1).items) == is_public
        assert (item in list(house.index.with_status(status, "9"))) == (status != "ready")

    def test_an_item_is_listed_only_by_its_present_status(self, house):
        item = house.add(visibility=items.PUBLIC)
        for change in (items.processing, lambda one: items.ready(one, 1, 1), items.deleted):
            before, item = item, house.index.update(item.mediaid, change)
            if before.status != items.READY:
                assert before.mediaid not in [one.mediaid for one in house.index.with_status(before.status, "9")]
        assert house.index.public(1000, queries=1).items.count(item) == 0


def walk(index, limit, **more):
    """Each page of the public items, and the number of requests that each took."""
    pages, costs, after = [], [], None
    while True:
        before = len(index.requests)
        page = index.index.public(limit, after, **more)
        pages.append(page.items)
        costs.append(len(index.requests) - before)
        after = page.next
        if after is None:
            return pages, costs


class TestLists:
    def test_own_items_are_listed_newest_first_page_by_page(self, house):
        mine = [house.add(owner="ada", created=f"2027-01-01T00:00:0{n}.000Z") for n in range(7)]
        house.add(owner="bob")
        seen, after = [], None
        while True:
            page = house.index.of_owner("ada", 3, after)
            assert len(page.items) <= 3
            seen += page.items
            if page.next is None:
                break
            after = page.next
        assert seen == mine[::-1]

    def test_items_of_the_same_instant_are_each_listed_once(self, fresh, today):
        store(fresh, [shown(0, mediaid=f"{number:08}-0000-4000-8000-000000000000") for number in range(9)])
        pages, _ = walk(fresh, 2)
        assert len({item.mediaid for page in pages for item in page}) == sum(map(len, pages)) == 9
        own = fresh.index.of_owner("jane", 4)
        assert len({item.mediaid for item in own.items + fresh.index.of_owner("jane", 9, own.next).items}) == 9

    def test_five_thousand_public_pictures_over_40_days_are_each_listed_once_at_constant_cost(self, today):
        several = [shown(number % 40, number) for number in range(5000)]
        house = SimpleNamespace(requests=[])
        house.index = Index(SimpleNamespace(client=Partitions(several, house.requests)), "media")
        pages, costs = walk(house, 100)
        listed = [item for page in pages for item in page]
        assert len(listed) == 5000
        assert {item.mediaid for item in listed} == {item.mediaid for item in several}
        assert [item.created for item in listed] == sorted((item.created for item in listed), reverse=True)
        full = [cost for page, cost in zip(pages, costs, strict=True) if len(page) == 100]
        assert len(full) == 50
        assert max(full) == 2  # 125 a day: a page of 100 looks at one day, or at two
        assert max(costs) <= MAX_QUERIES

    def test_moto_lists_pictures_as_the_model_does(self, fresh, today):
        several = [shown(number % 12, number) for number in range(36)]
        store(fresh, several)
        store(fresh, [shown(number % 12, number, visibility=items.PRIVATE) for number in range(12)])
        model = SimpleNamespace(requests=[])
        model.index = Index(SimpleNamespace(client=Partitions(several, model.requests)), "media")
        for limit in (3, 7):
            assert walk(fresh, limit)[0] == walk(model, limit)[0]

    def test_a_page_looks_at_30_days_at_most(self, fresh, today):
        store(fresh, [shown(0), shown(100)])
        pages, costs = walk(fresh, 100)
        assert [len(page) for page in pages] == [1, 0, 0, 1, 0][: len(pages)]
        assert max(costs) == MAX_QUERIES

    def test_the_list_ends_before_the_first_day_of_all(self, fresh, today):
        pages, costs = walk(fresh, 10)
        assert sum(costs) == (TODAY - module.FIRST_DAY).days + 1
        assert not any(pages)

    def test_a_page_that_ends_with_a_day_continues_with_the_day_before(self, fresh, today):
        several = [shown(day, number) for day in range(3) for number in range(2)]
        store(fresh, several)
        pages, _ = walk(fresh, 2)
        assert [len(page) for page in pages if page] == [2, 2, 2]

    def test_a_position_before_the_first_day_is_the_end(self, house):
        assert house.index.public(5, Position("2001-01-01", "")) == Page([], None)


class Partitions:
    """DynamoDB's ``Query`` of the index ``public-by-day``, as its API reference states it. moto reads all items of the
    table for each request, which would take minutes."""

    def __init__(self, several, requests):
        self._days: dict[str, list[items.MediaItem]] = {}
        self._requests = requests
        for item in sorted(several, key=lambda item: (item.created, item.mediaid), reverse=True):
            self._days.setdefault(item.created[:10], []).append(item)

    def query(self, **request):
        self._requests.append("query")
        day = self._days.get(request["ExpressionAttributeValues"][":value"]["S"], [])
        start = 0
        if "ExclusiveStartKey" in request:
            start = [item.mediaid for item in day].index(request["ExclusiveStartKey"]["mediaid"]["S"]) + 1
        page = day[start : start + request["Limit"]]
        answer: dict[str, Any] = {"Items": [attributes(item) for item in page]}
        if len(page) == request["Limit"]:  # DynamoDB does not look whether there is another item
            answer["LastEvaluatedKey"] = {name: {"S": getattr(page[-1], name)} for name in ("created", "mediaid")}
        return answer


def attributes(item):
    members = {name: getattr(item, name) for name in module.MEMBERS}
    return {name: attribute_values.from_json(value) for name, value in members.items() if value is not None}
