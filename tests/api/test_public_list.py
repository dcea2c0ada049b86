"""The list of public pictures in the embedded AWS's DynamoDB. ``tests/unit/test_media_index.py`` has 5,000 of them."""

from types import SimpleNamespace
from uuid import uuid4

import pytest

from chalicelib.media import items
from chalicelib.media.index import Index
from testbed import backend_template
from tests.unit.media import Counted
from tests.unit.test_media_index import Partitions, shown, today, walk

__all__ = ["today"]  # a fixture
DAYS, PICTURES, PAGE = 40, 120, 12


@pytest.mark.parametrize("api", ["local"], indirect=True)
@pytest.mark.usefixtures("today")
def test_public_pictures_over_40_days_are_each_listed_once_at_constant_cost(api):
    table = backend_template.create_table(api.connection.client, "MediaTable", f"list-{uuid4().hex}")
    several = [shown(number % DAYS, number) for number in range(PICTURES)]
    others = [shown(number, number, visibility=items.PRIVATE) for number in range(0, DAYS, 4)]
    others += [shown(number, number, status=items.PROCESSING) for number in range(0, DAYS, 4)]
    for item in several + others:
        Index(api.connection, table).create(item, may_exist=False)
    stored = SimpleNamespace(requests=[], budget=None)
    stored.index = Index(SimpleNamespace(client=Counted(api.connection.client, stored)), table)
    pages, costs = walk(stored, PAGE)
    listed = [item for page in pages for item in page]
    assert listed == sorted(several, key=lambda item: item.created, reverse=True)
    full = [cost for page, cost in zip(pages, costs, strict=True) if len(page) == PAGE]
    assert len(full) == PICTURES // PAGE
    assert max(full) <= PAGE // (PICTURES // DAYS) + 1  # 3 a day: a page of 12 looks at four days, or at five
    model = SimpleNamespace(requests=[])
    model.index = Index(SimpleNamespace(client=Partitions(several, model.requests)), "media")
    assert (pages, costs) == walk(model, PAGE)
