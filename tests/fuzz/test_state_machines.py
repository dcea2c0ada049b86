"""Compares any sequence of requests with a model, a dictionary: users and profiles over HTTP, and each repository.

``make test`` tries the same 200 or so steps on each every time, ``make fuzz`` more than 10,000 different ones.
"""

import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from moto import mock_aws

from chalicelib import records
from chalicelib.errors import Conflict, KeyReused, NotFound
from chalicelib.records import ABSENT, Precondition
from chalicelib.repository import ProfileRepository, UserRepository
from chalicelib.storage.dynamodb import DynamoDB
from testbed import backend_template, targets
from tests import documents
from tests.in_memory import InMemoryRepository

LONG = "FUZZ_EXAMPLES" in os.environ


def run(machine, examples):
    """Run a state machine, with ``examples`` examples under ``make fuzz``, and print the number of steps."""
    machine.steps = 0
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples if LONG else 10,
            stateful_step_count=50 if LONG else 20,
            deadline=None,
            derandomize=not LONG,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{machine.__name__}: {machine.steps} steps")
    assert machine.steps >= (10_000 if LONG else 100)


def merged(target, patch):
    """Apply a merge patch: RFC 7396, section 2, literally."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


# Over HTTP


@dataclass
class Stored:
    """The model of a user or profile: its document, its entity tag, and the body sent with its Idempotency-Key."""

    document: dict[str, Any]
    tag: str
    origin: dict[str, Any] | None = None


CONDITIONS = st.sampled_from(["none", "none", "none", "current", "outdated", "present", "absent"])
USERS = [f"{uuid4().hex}-{number}" for number in range(3)]
THINGS = st.sampled_from([*(f"/users/{name}" for name in USERS), "profile 0", "profile 1"])


class Directory(RuleBasedStateMachine):
    """Users and profiles as clients see them. The test sets ``api``, ``admin`` and two ``people``."""

    steps: ClassVar[int]
    api: targets.Target
    admin: targets.Person
    people: Sequence[targets.Person]

    def __init__(self):
        super().__init__()
        self.stored = {}
        self.outdated = ['"never-was"']
        self.last = None

    @rule(thing=THINGS, document=documents.attributes, condition=CONDITIONS)
    def replace(self, thing, document, condition):
        self.write("POST" if "profile" in thing else "PUT", thing, document, self.headers(thing, condition))

    @rule(name=st.sampled_from(USERS), document=documents.attributes, condition=CONDITIONS)
    def post(self, name, document, condition):
        thing = f"/users/{name}"
        self.write("POST", thing, {**document, "userid": name}, self.headers(thing, condition))

    @rule(thing=THINGS, patch=documents.attributes, condition=CONDITIONS)
    def patch(self, thing, patch, condition):
        self.write("PATCH", thing, patch, self.headers(thing, condition))

    @rule(thing=THINGS, condition=CONDITIONS)
    def delete(self, thing, condition):
        self.write("DELETE", thing, ..., self.headers(thing, condition))

    @rule()
    def repeat(self):
        """Repeat the last write, as a client does that has received no response."""
        if self.last:
            self.write(*self.last)

    @rule(key=st.sampled_from("abc"), body=st.sampled_from([{"n": 1}, {"n": 2}]))
    def post_once(self, key, body):
        type(self).steps += 1
        userid = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:roster:idempotency-key:{self.admin.sub}:{key}")
        thing = f"/users/{userid}"
        current = self.stored.get(thing)
        answer = self.send("POST", "/users", body, {"Idempotency-Key": key})
        if current is not None and current.origin != body:
            assert answer.status == 422
            return
        if current is None:
            self.stored[thing] = current = Stored(body, answer.headers["etag"], origin=body)
        self.shows(thing, answer)

    @rule(thing=THINGS, known=st.booleans())
    def get(self, thing, known):
        type(self).steps += 1
        current = self.stored.get(thing)
        headers = {"If-None-Match": current.tag} if known and current else {}
        answer = self.send("GET", thing, ..., headers)
        if current is None:
            assert (answer.status, answer.json) == (200, {}) if "users" in thing else answer.status == 404
        elif known:
            assert answer.status == 304
        else:
            self.shows(thing, answer)

    @rule(limit=st.integers(1, 4))
    def walk(self, limit):
        type(self).steps += 1
        address, seen = f"/users?limit={limit}", []
        while address:
            answer = self.api.get(address, token=self.admin.token)
            assert len(answer.json) <= limit
            seen += answer.json
            address = answer.headers.get("link", "").removeprefix("<").removesuffix('>; rel="next"')
        users = {thing: current for thing, current in self.stored.items() if "users" in thing}
        model = {thing.removeprefix("/users/"): current.document for thing, current in users.items()}
        assert len(seen) == len(model)
        assert {user.pop("userid"): without_timestamp(user) for user in seen} == model

    def teardown(self):
        for thing in list(self.stored):
            self.shows(thing, self.send("GET", thing, ..., {}))
            assert self.send("DELETE", thing, ..., {}).status == 200

    def headers(self, thing, condition):
        current = self.stored.get(thing)
        return {
            "none": {},
            "current": {"If-Match": current.tag if current else '"none"'},
            "outdated": {"If-Match": self.outdated[-1]},
            "present": {"If-Match": "*"},
            "absent": {"If-None-Match": "*"},
        }[condition]

    def write(self, method, thing, body, headers):
        """Send a write, and compare the response with the model."""
        type(self).steps += 1
        self.last = method, thing, body, headers
        current = self.stored.get(thing)
        path = "/users" if method == "POST" and "users" in thing else thing
        answer = self.send(method, path, body, headers)
        if not allowed(current, headers):
            assert answer.status == 412
        elif method == "DELETE":
            assert (answer.status, answer.json) == (200, {})
            self.stored.pop(thing, None)
        elif method == "PATCH" and current is None:
            assert answer.status == 404
        else:
            document = merged(current.document, body) if method == "PATCH" else dict(body)
            if "users" in thing:
                document.pop("userid", None)
            self.stored[thing] = Stored(document, answer.headers["etag"], current.origin if current else None)
            if current:
                assert answer.headers["etag"] != current.tag
                self.outdated.append(current.tag)
            self.shows(thing, answer)

    def send(self, method, path, body, headers):
        who = self.admin
        if path.startswith("profile"):
            who, path = self.people[int(path[-1])], "/user/profile"
        return self.api.request(method, path, token=who.token, json=body, headers=headers)

    def shows(self, thing, answer):
        """Assert that the response contains this user or profile, as the model has it."""
        current = self.stored[thing]
        assert (answer.status, answer.headers["etag"]) == (200, current.tag)
        if "profile" in thing:
            assert answer.json["profile_data"] == current.document
        else:
            assert without_timestamp(answer.json) == {**current.document, "userid": thing.removeprefix("/users/")}


def without_timestamp(user):
    return {name: value for name, value in user.items() if name != "timestamp"}


def allowed(current, headers):
    """Return whether RFC 9110's preconditions allow the write."""
    if "If-None-Match" in headers:
        return current is None
    if "If-Match" in headers:
        return current is not None and headers["If-Match"] in ("*", current.tag)
    return True


@pytest.mark.parametrize("start", [targets.in_process_target, targets.local], ids=["inprocess", "local"])
def test_any_sequence_of_requests_matches_the_model(start, tmp_path):
    with start(targets.rarely_saved(tmp_path)) as api:
        people = [api.sign_up(), api.sign_up()]
        admin = api.make_admin(api.sign_up())
        run(type(f"Directory_{api.name}", (Directory,), {"api": api, "admin": admin, "people": people}), examples=300)


# The repositories


class Repository(RuleBasedStateMachine):
    """Any repository. ``make`` creates a new one for each example."""

    steps: ClassVar[int]
    make: Callable[[], Any]

    names = st.sampled_from(["jane", "john", "j.doe"])
    conditions = st.sampled_from(["none", "current", "outdated", "present", "absent"])

    def __init__(self):
        super().__init__()
        self.repository = self.make()
        self.stored = {}
        self.origins = {}

    @rule(name=names, document=documents.objects, condition=conditions)
    def put(self, name, document, condition):
        record, only_if = records.stamp(name, document), self.precondition(name, condition)
        if self.tried(name, only_if, lambda: self.repository.put(record, only_if)):
            self.stored[name] = record

    @rule(name=names, document=documents.objects, origin=st.sampled_from("ab"))
    def create(self, name, document, origin):
        type(self).steps += 1
        record = records.stamp(name, document)
        if name in self.stored and self.origins.get(name) != origin:
            with pytest.raises(KeyReused):
                self.repository.create(record, origin)
            return
        made = self.repository.create(record, origin)
        assert made == self.stored.setdefault(name, record)
        self.origins[name] = origin

    @rule(name=names, condition=conditions)
    def delete(self, name, condition):
        only_if = self.precondition(name, condition)
        if self.tried(name, only_if, lambda: self.repository.delete(name, only_if)):
            self.stored.pop(name, None)
            self.origins.pop(name, None)

    @rule(name=names, patch=documents.objects, condition=conditions)
    def update(self, name, patch, condition):
        only_if = self.precondition(name, condition)
        before = self.stored.get(name)

        def update():
            self.stored[name] = self.repository.update(name, lambda found: records.patch(found, patch), only_if)

        if before is None and (only_if is None or only_if.holds(None)):
            with pytest.raises(NotFound):
                self.repository.update(name, lambda found: found, only_if)
        elif self.tried(name, only_if, update):
            assert self.stored[name].document == merged(before.document, patch)
            assert self.stored[name].revision != before.revision

    @rule(limit=st.integers(1, 4))
    def walk(self, limit):
        type(self).steps += 1
        if not hasattr(self.repository, "page"):
            return
        page = self.repository.page(limit)
        seen = list(page.records)
        while page.last is not None:
            page = self.repository.page(limit, page.last)
            assert len(page.records) <= limit
            seen += page.records
        assert sorted(seen, key=lambda record: record.userid) == [self.stored[name] for name in sorted(self.stored)]

    def teardown(self):
        for name in ("jane", "john", "j.doe"):
            assert self.repository.get(name) == self.stored.get(name)

    def precondition(self, name, condition):
        current = self.stored.get(name)
        return {
            "none": None,
            "current": Precondition(exists=True, revisions=frozenset({current.revision if current else "none"})),
            "outdated": Precondition(exists=True, revisions=frozenset({"outdated", "another"})),
            "present": Precondition(exists=True),
            "absent": ABSENT,
        }[condition]

    def tried(self, name, only_if, write):
        """Call ``write``, which must succeed if and only if its precondition holds. Return whether it did."""
        type(self).steps += 1
        if only_if is None or only_if.holds(self.stored.get(name)):
            write()
            return True
        with pytest.raises(Conflict):
            write()
        assert self.repository.get(name) == self.stored.get(name)
        return False


def in_memory(_):
    return InMemoryRepository()


def users_table(connection):
    return UserRepository(connection, _table(connection, "UsersTable"))


def profiles_table(connection):
    return ProfileRepository(connection, _table(connection, "ProfilesTable"))


def _table(connection, name):
    return backend_template.create_tables(connection.client, f"fuzz-{uuid4().hex}")[name]


@pytest.mark.parametrize("make", [in_memory, users_table, profiles_table])
def test_any_sequence_of_calls_on_a_repository_matches_the_model(make):
    with mock_aws():
        connection = DynamoDB("us-east-1")
        run(type(f"Repository_{make.__name__}", (Repository,), {"make": lambda _: make(connection)}), examples=400)
