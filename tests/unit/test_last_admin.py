"""At least one administrator remains, however the steps of concurrent requests interleave."""

import itertools
import threading
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.accounts import last_admin
from chalicelib.accounts.errors import LastAdmin
from chalicelib.accounts.last_admin import MAX_MEMBERS, SECONDS_AWAY, SECONDS_NOTED, Administrators
from chalicelib.errors import Unavailable
from chalicelib.storage.connections import Backoff
from chalicelib.storage.dynamodb import ConditionFailed


class Table:
    """A table with one item, as its client and its connection. ``before_each`` is called before each request."""

    def __init__(self, before_each=lambda: None):
        self.item = None
        self.before_each = before_each
        self.requests = 0

    @property
    def client(self):
        return self

    def get_item(self, **_):
        self._count()
        return {"Item": dict(self.item)} if self.item else {}

    def update_item(self, ConditionExpression, ExpressionAttributeValues, **_):  # noqa: N803  (DynamoDB's names)
        self._count()
        expected = ExpressionAttributeValues.get(":was")
        assert ConditionExpression == ("attribute_not_exists(id)" if expected is None else "version = :was")
        if (self.item or {}).get("version") != expected:
            raise ConditionFailed(self.item, is_resent=False)
        self.item = {name: ExpressionAttributeValues[f":{name}"] for name in ("members", "removed", "version")}

    def _count(self):
        self.before_each()
        self.requests += 1

    @property
    def members(self):
        return set(self.item["members"]["M"]) if self.item else set()


@pytest.fixture
def table():
    return Table()


@pytest.fixture
def known(table):
    return Administrators(table, "accounts")


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Two clocks that tests move; nothing waits."""

    class Clock:
        now = 1000.0

        def time(self):
            return self.now

        monotonic = time

    clock = Clock()
    monkeypatch.setattr(last_admin, "time", clock)
    monkeypatch.setattr(Backoff, "wait", lambda self: None)
    return clock


class TestTheSet:
    def test_an_account_leaves_if_another_one_remains(self, known, table):
        known.refresh(["a", "b"])
        known.leave("a", is_admin=True)
        assert table.members == {"b"}
        with pytest.raises(LastAdmin):
            known.leave("b", is_admin=True)
        assert table.members == {"b"}

    def test_without_a_known_administrator_none_may_leave(self, known, table):
        with pytest.raises(LastAdmin):
            known.leave("a", is_admin=True)
        assert table.item is None

    def test_somebody_who_is_no_administrator_leaves_without_a_trace(self, known, table):
        known.refresh(["a"])
        before = table.item
        known.leave("b")
        assert table.item == before

    def test_a_known_administrator_leaves_whatever_the_caller_knows(self, known, table):
        known.refresh(["a", "b"])
        known.leave("a")
        assert table.members == {"b"}

    def test_leaving_again_succeeds(self, known, table):
        known.refresh(["a", "b"])
        for _ in range(2):
            known.leave("a", is_admin=True)
        assert table.members == {"b"}

    def come(self, known, way):
        if way == "note":
            known.note("a")
        else:
            known.refresh(["a", "b"])

    @pytest.mark.parametrize("way", ["note", "refresh"])
    def test_who_has_left_comes_back_only_later(self, known, table, clock, way):
        known.refresh(["a", "b"])
        known.leave("a", is_admin=True)
        clock.now += SECONDS_AWAY - 1
        known.refresh(["b", "c"])
        known.note("d")
        known.refresh(["b"])
        self.come(known, way)
        assert table.members == {"b"}
        clock.now += 1
        self.come(known, way)
        assert table.members == {"a", "b"}

    def test_who_is_found_to_be_no_administrator_is_forgotten_even_if_nobody_remains(self, known, table):
        known.note("ada")
        known.forget("ada")
        known.forget("ada")
        assert table.members == set()
        known.note("ada")
        assert table.members == set()  # not within a minute

    def test_somebody_else_can_be_required_without_leaving(self, known, table):
        known.note("ada")
        with pytest.raises(LastAdmin):
            known.require_another("ada")
        known.note("grace")
        known.require_another("ada")
        assert table.members == {"ada", "grace"}

    def test_a_refresh_forgets_whom_cognito_does_not_list(self, known, table):
        known.note("a")
        known.refresh(["b", "c"])
        assert table.members == {"b", "c"}

    def test_it_does_not_grow_without_limit(self, known, table, clock):
        known.refresh([str(number) for number in range(1000)])
        assert len(table.members) == MAX_MEMBERS
        clock.now += 1
        known.note("newest")
        assert len(table.members) == MAX_MEMBERS
        assert "newest" in table.members
        for member in sorted(table.members)[: MAX_MEMBERS - 1]:
            clock.now += SECONDS_AWAY / 2
            known.leave(member, is_admin=True)
        assert len(table.item["removed"]["M"]) <= 2

    def test_a_note_is_written_once(self, known, table, clock):
        known.note("a")
        requests = table.requests
        clock.now += SECONDS_NOTED - 1
        known.note("a")
        assert table.requests == requests
        clock.now += 1
        known.note("a")
        assert table.requests == requests + 1

    def test_a_note_may_fail(self, known, table):
        def fail():
            raise Unavailable("")

        table.before_each = fail
        known.note("a")
        table.before_each = lambda: None
        known.note("a")
        assert table.members == {"a"}

    def test_a_lost_response_of_a_write_is_not_a_conflict(self, known, table):
        update_item = table.update_item

        def twice(**request):
            update_item(**request)
            update_item(**request)

        table.update_item = twice
        known.refresh(["a", "b"])
        known.leave("a", is_admin=True)
        assert table.members == {"b"}

    def test_endless_conflicts_end(self, known, table):
        table.item = {"members": {"M": {}}, "removed": {"M": {}}, "version": {"S": "1"}}

        def change():
            table.item = {**table.item, "version": {"S": table.item["version"]["S"] + "1"}}

        table.before_each = change
        with pytest.raises(Unavailable):
            known.refresh(["a"])


class World:
    """Cognito's group, and processes that remove members of it. A schedule decides whose next step is done."""

    def __init__(self, members):
        self.group = set(members)
        self.table = Table(self._wait)
        self.removed = []
        self._turn = threading.Condition()
        self._whose = None
        self._running = {}
        self._me = threading.local()

    def remove(self, target, listed=None):
        """What ``DELETE /accounts/{userid}/groups/{group}`` does. ``listed`` is a list that Cognito has out of date."""
        known = Administrators(self.table, "accounts")
        self._wait()
        known.refresh(self.group if listed is None else listed)
        try:
            known.leave(target, is_admin=True)
        except LastAdmin:
            return
        self._wait()
        self.group.discard(target)
        self.removed.append(target)

    def use(self, userid):
        """What any route of administration does."""
        self._wait()
        if userid in self.group:
            Administrators(self.table, "accounts").note(userid)

    def run(self, processes, schedule):
        """Run functions step by step, each step by the process whose number is next, and then all to their ends."""

        def process(number, function):
            self._me.number = number
            try:
                function()
            finally:
                with self._turn:
                    del self._running[number]
                    self._whose = None
                    self._turn.notify_all()

        threads = []
        for number, function in enumerate(processes):
            self._running[number] = "started"
            threads.append(threading.Thread(target=process, args=(number, function)))
        for thread in threads:
            thread.start()
        for number in itertools.chain(schedule, itertools.cycle(range(len(processes)))):
            with self._turn:
                self._turn.wait_for(lambda: self._whose is None and "started" not in self._running.values())
                if not self._running:
                    break
                if number in self._running:
                    self._whose = number
                    self._running[number] = "started"
                    self._turn.notify_all()
        for thread in threads:
            thread.join()

    def _wait(self):
        number = getattr(self._me, "number", None)
        if number is None:
            return
        with self._turn:
            self._running[number] = "waiting"
            if self._whose == number:
                self._whose = None
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._whose == number)


class TestInterleavings:
    def test_of_two_who_remove_each_other_exactly_one_succeeds_whatever_the_order(self):
        # Each makes at least six steps: a list, two requests for each change of the set, and the removal.
        for places in itertools.combinations(range(12), 6):
            world = World({"a", "b"})
            schedule = [0 if step in places else 1 for step in range(12)]
            world.run([partial(world.remove, "b"), partial(world.remove, "a")], schedule)
            assert len(world.removed) == len(world.group) == 1, schedule
            assert world.table.members == world.group, schedule

    @settings(max_examples=150)
    @given(st.lists(st.integers(0, 4), max_size=40))
    def test_somebody_remains_although_lists_lag_behind_and_others_are_noted(self, schedule):
        world = World({"a", "b", "c"})
        stale = {"a", "b", "c"}
        targets = ("a", "b", "c")
        processes = [partial(world.remove, target, stale) for target in targets]
        processes += [partial(world.use, "a"), partial(world.use, "b")]
        world.run(processes, schedule)
        assert len(world.group) == 1
        assert world.table.members == world.group
