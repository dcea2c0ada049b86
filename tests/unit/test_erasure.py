"""Erasing people: it can stop after any step and be repeated, and what is written afterwards is erased again."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from moto import mock_aws

from chalicelib import personal_data, profiles, users
from chalicelib.accounts import erasure as module
from chalicelib.accounts.erasure import MARKERS_EXPIRE, TOKENS_EXPIRE, Erasure
from chalicelib.accounts.errors import LastAdmin
from chalicelib.accounts.housekeeping import UNCONFIRMED, AccountsHousekeeping
from chalicelib.deadline import Deadline
from chalicelib.errors import Unavailable
from chalicelib.personal_data import PersonalData
from chalicelib.records import stamp
from chalicelib.repository import ProfileRepository, UserRepository
from chalicelib.storage.cognito.directory import Account
from chalicelib.storage.dynamodb import DynamoDB
from testbed import backend_template

NOW = 1_800_000_000
LONG = Deadline(3600)
STEPS = 4
"""An erasure: the marker, the profile, the record, the account."""


class Killed(BaseException):
    """The function ended at this point."""


def account(userid, status="confirmed", age=timedelta(), *, enabled=True):
    """An account that was created some time ago."""
    created = (datetime.now(UTC) - age).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Account(userid, status, enabled, created, created, {})


class Pool:
    """A user pool. Its list of unconfirmed accounts is stale: it has accounts of every status."""

    def __init__(self, *userids):
        self.accounts = {userid: account(userid) for userid in userids}

    def all_members(self, group):
        return [self.accounts[userid] for userid in self.accounts if userid.startswith("admin")]

    def unconfirmed(self, deadline):
        return list(self.accounts.values())

    def find(self, userid):
        return self.accounts.get(userid)

    def delete(self, userid):
        self.accounts.pop(userid, None)


class Anybody:
    """Administrators of whom enough remain. ``left`` are those who have left."""

    def __init__(self):
        self.left = []
        self.known = []

    def leave(self, userid, *, is_admin):
        self.left.append((userid, is_admin))

    def refresh(self, userids):
        self.known = list(userids)


class NobodyElse:
    def leave(self, userid, *, is_admin):
        raise LastAdmin


@pytest.fixture(scope="module")
def database():
    with mock_aws():
        yield DynamoDB("us-east-1")


@pytest.fixture
def clock(monkeypatch):
    """The time, which tests set."""
    clock = SimpleNamespace(now=NOW)
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


class House:
    """Two people's records, profiles and accounts. The ``budget`` of requests to DynamoDB can be limited."""

    def __init__(self, database, administrators=None):
        self.client = database.client
        self.tables = backend_template.create_tables(self.client, f"unit-{uuid4().hex}")
        self.budget = None
        connection = SimpleNamespace(client=self)
        self.users = UserRepository(database, self.tables["UsersTable"])
        self.profiles = ProfileRepository(database, self.tables["ProfilesTable"])
        self.pool = Pool("jane", "john")
        for userid in ("jane", "john"):
            self.write(userid)
        data = PersonalData(
            personal_data.of_records("record", UserRepository(connection, self.tables["UsersTable"]), users.to_json),
            personal_data.of_records(
                "profile", ProfileRepository(connection, self.tables["ProfilesTable"]), profiles.to_json
            ),
        )
        self.administrators = administrators or Anybody()
        self.erasure = Erasure(connection, self.tables["AccountsTable"], data, self.administrators)

    def __getattr__(self, operation):
        """A client's operation, after which the function ends if the budget is used up."""
        call = getattr(self.client, operation)

        def counted(**request):
            answer = call(**request)
            self.spend()
            return answer

        return counted

    def spend(self):
        if self.budget is not None:
            self.budget -= 1
            if self.budget < 0:
                raise Killed

    def delete_account(self, userid="jane"):
        self.pool.delete(userid)
        self.spend()

    def write(self, userid):
        """Write what a token of this person permits."""
        self.users.put(stamp(userid, {"n": 1}))
        self.profiles.put(stamp(userid, {"n": 1}))

    def erase(self, deadline=LONG):
        return self.erasure.erase("jane", self.delete_account, deadline, is_admin=False)

    def housekeep(self, deadline=LONG):
        chores = AccountsHousekeeping(self.pool, self.erasure, self.administrators, "apiAdmins")
        return {**chores.erase_again(deadline), **chores.delete_unconfirmed(deadline)}

    def holds(self, userid):
        """Whether anything is stored about a person, the marker aside."""
        return bool(self.users.get(userid) or self.profiles.get(userid) or userid in self.pool.accounts)

    def markers(self):
        return self.client.scan(TableName=self.tables["AccountsTable"])["Items"]


@pytest.fixture
def house(database, clock):
    return House(database)


class TestErase:
    def test_nothing_of_the_person_remains_and_nobody_else_loses_anything(self, house):
        assert house.erase()
        assert not house.holds("jane")
        assert house.users.get("john")
        assert house.profiles.get("john")
        assert "john" in house.pool.accounts

    @pytest.mark.parametrize("steps", range(STEPS))
    def test_killed_after_any_step_and_sent_again_it_ends_erased(self, house, steps):
        house.budget = steps
        with pytest.raises(Killed):
            house.erase()
        house.budget = None
        assert house.erase()
        assert not house.holds("jane")

    @pytest.mark.parametrize("steps", range(STEPS))
    def test_killed_after_any_step_an_account_that_exists_waits_for_its_owner(self, house, steps):
        house.budget = steps
        with pytest.raises(Killed):
            house.erase()
        house.budget = None
        house.write("jane")
        house.housekeep()
        assert house.holds("jane") == (steps < STEPS - 1)

    def test_the_steps_above_are_all_steps(self, house):
        house.budget = STEPS
        assert house.erase()

    def test_it_can_be_repeated_once_it_is_done(self, house):
        for _ in range(2):
            assert house.erase()
        assert not house.holds("jane")

    def test_if_the_time_is_over_the_account_stays_until_it_is_sent_again(self, house):
        assert not house.erase(Deadline(0))
        assert "jane" in house.pool.accounts
        assert house.erase()
        assert not house.holds("jane")

    def test_the_last_administrator_loses_nothing(self, database, clock):
        house = House(database, NobodyElse())
        with pytest.raises(LastAdmin):
            house.erase()
        assert house.holds("jane")
        assert house.markers() == []

    def test_a_marker_tells_that_it_has_begun_and_expires(self, house):
        assert not house.erasure.is_marked("jane")
        house.erase()
        assert house.erasure.is_marked("jane")
        (marker,) = house.markers()
        assert int(marker["expires"]["N"]) == NOW + MARKERS_EXPIRE


class TestErasingAgain:
    def test_what_a_token_wrote_after_an_erasure_is_gone_after_the_next_housekeeping(self, house):
        house.erase()
        house.write("jane")
        house.housekeep()
        assert not house.holds("jane")
        assert house.holds("john")

    def test_it_is_erased_again_until_every_token_has_expired_and_then_the_marker_is_removed(self, house, clock):
        house.erase()
        for passed in (3600, TOKENS_EXPIRE - 1):
            clock.now = NOW + passed
            house.write("jane")
            assert house.housekeep()["erasure_markers"] == 0
            assert not house.holds("jane")
        clock.now = NOW + TOKENS_EXPIRE + 1
        house.write("jane")
        assert house.housekeep()["erasure_markers"] == 1
        assert not house.holds("jane")
        assert house.markers() == []

    def test_an_erasure_that_is_sent_again_starts_the_time_anew(self, house, clock):
        house.erase()
        clock.now = NOW + TOKENS_EXPIRE
        house.erase()
        clock.now += 1
        assert house.housekeep()["erasure_markers"] == 0

    def test_a_marker_does_nothing_to_an_account_that_exists(self, house, clock):
        """Whoever can write markers cannot make the housekeeping erase anybody."""
        house.erasure._mark("john")
        clock.now += 2 * TOKENS_EXPIRE
        assert house.housekeep()["erasure_markers"] == 0
        assert house.holds("john")
        assert house.erasure.is_marked("john")

    def test_a_marker_that_fails_does_not_keep_the_others_from_being_processed(self, house, clock):
        people = [uuid4().hex for _ in range(5)]
        for userid in people:
            house.erasure.erase(userid, lambda: None, LONG, is_admin=False)
            house.write(userid)
        asked = []

        def exists(userid):
            asked.append(userid)
            if len(asked) == 1:
                raise Unavailable("away")
            return False

        with pytest.raises(Unavailable):
            house.erasure.erase_again(exists, LONG)
        assert [userid for userid in people if house.holds(userid)] == asked[:1]

    def test_many_markers_are_all_found_page_by_page(self, house, monkeypatch, clock):
        monkeypatch.setattr(module, "PAGE", 3)
        people = [uuid4().hex for _ in range(25)]
        for userid in people:
            house.write(userid)
            house.erasure.erase(userid, lambda: None, LONG, is_admin=False)
            house.write(userid)
        clock.now += TOKENS_EXPIRE + 1
        assert house.housekeep()["erasure_markers"] == len(people)
        assert not any(house.holds(userid) for userid in people)

    def test_after_the_deadline_nothing_is_touched(self, house):
        house.erase()
        house.write("jane")
        assert house.housekeep(Deadline(0)) == {"erasure_markers": 0, "unconfirmed_accounts": 0}
        assert house.holds("jane")


class TestUnconfirmedAccounts:
    @pytest.fixture
    def old(self):
        return UNCONFIRMED + timedelta(seconds=1)

    def test_an_account_that_nobody_confirmed_within_a_week_is_deleted(self, house, old):
        new = account("new", "unconfirmed", UNCONFIRMED - timedelta(minutes=1))
        house.pool.accounts |= {"old": account("old", "unconfirmed", old), "new": new}
        assert house.housekeep()["unconfirmed_accounts"] == 1
        assert set(house.pool.accounts) == {"jane", "john", "new"}

    @pytest.mark.parametrize("status", ["confirmed", "invited", "reset-required"])
    def test_an_account_of_another_status_stays_whatever_the_list_says(self, house, old, status):
        house.pool.accounts["late"] = account("late", status, old)
        assert house.housekeep()["unconfirmed_accounts"] == 0
        assert "late" in house.pool.accounts

    def test_two_runs_at_once_are_harmless(self, house, old):
        house.pool.accounts["old"] = account("old", "unconfirmed", old)
        house.erase()
        house.write("jane")
        for _ in range(2):
            house.housekeep()
        assert not house.holds("jane")
        assert "old" not in house.pool.accounts


def test_the_housekeeping_learns_who_is_an_enabled_and_confirmed_administrator(house):
    house.pool.accounts |= {
        "admin1": account("admin1"),
        "admin2": account("admin2", enabled=False),
        "admin3": account("admin3", "reset-required"),
    }
    chores = AccountsHousekeeping(house.pool, house.erasure, house.administrators, "apiAdmins")
    assert chores.refresh_administrators(LONG) == {}
    assert house.administrators.known == ["admin1"]
