"""The registries that every part of Roster joins: personal data, and housekeeping."""

import logging

import pytest

from chalicelib import personal_data
from chalicelib.deadline import Deadline
from chalicelib.errors import Unavailable
from chalicelib.housekeeping import Housekeeping, HousekeepingFailed
from chalicelib.personal_data import PersonalData
from chalicelib.records import stamp
from chalicelib.users import to_json
from tests.in_memory import InMemoryRepository

LONG = Deadline(24 * 3600)
PAST = Deadline(0)


def nowhere(_):
    return ""


class Drawer:
    """A holding with ``items`` for each person, one of which is erased in each step."""

    def __init__(self, name, erased, items=1):
        self.name = name
        self.items = items
        self._erased = erased

    def export(self, userid, address_of):
        return {"items": self.items, "address": address_of("/drawer")}

    def erase(self, userid, deadline):
        while self.items and not deadline.is_over:
            self.items -= 1
            self._erased.append(self.name)
        return not self.items


@pytest.fixture
def erased():
    return []


@pytest.fixture
def data(erased):
    data = PersonalData()
    for name in ("first", "second", "third"):
        drawer = Drawer(name, erased)
        data.join(name, drawer.export, drawer.erase)
    return data


class TestPersonalData:
    def test_an_export_has_every_holding_under_its_name(self, data):
        exported = data.export("jane", lambda route: f"https://api.example.com{route}")
        item = {"items": 1, "address": "https://api.example.com/drawer"}
        assert exported == {"first": item, "second": item, "third": item}

    def test_the_holding_that_joined_last_is_erased_first(self, data, erased):
        assert data.erase("jane", LONG)
        assert erased == ["third", "second", "first"]

    def test_nothing_is_erased_after_the_deadline(self, data, erased):
        assert not data.erase("jane", PAST)
        assert erased == []

    def test_a_holding_that_is_not_finished_keeps_earlier_ones_from_being_erased(self, erased):
        data = PersonalData()
        data.join("record", nowhere, lambda userid, deadline: erased.append("record"))
        data.join("pictures", nowhere, lambda userid, deadline: False)
        assert not data.erase("jane", LONG)
        assert erased == []

    def test_two_holdings_of_one_name_are_rejected(self, data):
        with pytest.raises(ValueError, match="second has joined already"):
            data.join("second", nowhere, lambda userid, deadline: True)

    def test_a_record_is_exported_as_clients_see_it_and_is_null_if_there_is_none(self):
        users = InMemoryRepository()
        users.put(stamp("jane", {"name": "Jane"}))
        data = PersonalData(personal_data.of_records("record", users, to_json))
        assert data.export("jane", nowhere)["record"] == to_json(users.get("jane"))
        assert data.export("john", nowhere) == {"record": None}

    def test_erasing_a_record_deletes_that_of_nobody_else_and_can_be_repeated(self):
        users = InMemoryRepository()
        for userid in ("jane", "john"):
            users.put(stamp(userid, {}))
        data = PersonalData(personal_data.of_records("record", users, to_json))
        for _ in range(2):
            assert data.erase("jane", LONG)
            assert users.get("jane") is None
        assert users.get("john") is not None


class TestHousekeeping:
    def test_all_chores_are_done_and_one_line_says_what_was_removed(self, caplog):
        housekeeping = Housekeeping()
        housekeeping.join("accounts", lambda deadline: {"unconfirmed": 2})
        housekeeping.join("media", lambda deadline: {"orphans": 0})
        with caplog.at_level(logging.INFO, "roster"):
            housekeeping.run()
        (line,) = caplog.records
        assert (line.message, line.removed) == ("housekeeping", {"unconfirmed": 2, "orphans": 0})

    def test_a_chore_that_fails_does_not_keep_the_others_from_being_done(self, caplog):
        def fail(deadline):
            raise Unavailable("the database is away")

        housekeeping = Housekeeping()
        housekeeping.join("accounts", fail)
        housekeeping.join("media", lambda deadline: {"orphans": 3})
        with caplog.at_level(logging.INFO, "roster"), pytest.raises(HousekeepingFailed, match="accounts"):
            housekeeping.run()
        (line,) = caplog.records
        assert (line.removed, line.failed) == ({"orphans": 3}, {"accounts": "Unavailable"})

    def test_a_bug_in_a_chore_does_not_keep_the_others_from_being_done(self, caplog):
        def explode(deadline):
            raise KeyError("jane@example.com")

        housekeeping = Housekeeping()
        housekeeping.join("accounts", explode)
        housekeeping.join("media", lambda deadline: {"orphans": 3})
        with caplog.at_level(logging.INFO, "roster"), pytest.raises(HousekeepingFailed):
            housekeeping.run()
        (line,) = caplog.records
        assert (line.removed, line.failed) == ({"orphans": 3}, {"accounts": "KeyError"})

    def test_the_time_is_divided_among_the_chores(self):
        shares = []

        def chore(deadline):
            shares.append(round(deadline.seconds_left))
            return {}

        housekeeping = Housekeeping()
        for name in ("one", "two", "three"):
            housekeeping.join(name, chore)
        housekeeping.run(seconds=60)
        assert shares == [20, 30, 60]

    def test_two_chores_of_one_name_are_rejected(self):
        housekeeping = Housekeeping()
        housekeeping.join("accounts", lambda deadline: {})
        with pytest.raises(ValueError, match="accounts has joined already"):
            housekeeping.join("accounts", lambda deadline: {})
