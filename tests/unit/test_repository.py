"""The repositories: the in-memory one and those in DynamoDB behave the same.

DynamoDB is emulated by moto, in process. ``TestRecords`` runs against all three repositories.
"""

import re
import threading
from typing import Any
from uuid import uuid4

import botocore.exceptions
import pytest
from hypothesis import HealthCheck, given, settings
from moto import mock_aws

from chalicelib import records
from chalicelib.errors import Conflict, KeyReused, Misconfigured, NotFound, TooLarge, Unavailable
from chalicelib.records import ABSENT, Precondition, still
from chalicelib.repository import ProfileRepository, UserRepository
from chalicelib.storage import connections
from chalicelib.storage.dynamodb import DynamoDB
from testbed import backend_template
from tests import documents
from tests.in_memory import InMemoryRepository


class _OneAtATime:
    """A client that sends one request at a time: moto's conditional writes, unlike DynamoDB's, are not atomic."""

    def __init__(self, client):
        self._client = client
        self._lock = threading.Lock()

    def __getattr__(self, operation):
        call = getattr(self._client, operation)

        def locked(**request):
            with self._lock:
                return call(**request)

        return locked


@pytest.fixture(scope="module")
def connection():
    with mock_aws():
        connection: Any = DynamoDB("us-east-1")
        connection.client = _OneAtATime(connection.client)
        yield connection


@pytest.fixture
def tables(connection):
    return backend_template.create_tables(connection.client, f"unit-{uuid4().hex}")


@pytest.fixture
def users(connection, tables):
    return UserRepository(connection, tables["UsersTable"])


@pytest.fixture
def profiles(connection, tables):
    return ProfileRepository(connection, tables["ProfilesTable"])


@pytest.fixture(params=["memory", "users", "profiles"])
def repository(request):
    return InMemoryRepository() if request.param == "memory" else request.getfixturevalue(request.param)


class TestRecords:
    def test_a_stored_record_can_be_read(self, repository):
        record = records.stamp("jane", {"name": "Jane", "age": 30, "tags": [None, True, {}], "empty": ""})
        repository.put(record)
        assert repository.get("jane") == record

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
    @given(document=documents.objects)
    def test_any_document_is_read_back_unchanged(self, repository, document):
        repository.put(records.stamp("jane", document))
        assert repository.get("jane").document == document

    def test_reading_a_missing_record_returns_none(self, repository):
        assert repository.get("nobody") is None

    def test_a_second_put_replaces_the_whole_record(self, repository):
        repository.put(records.stamp("jane", {"a": 1, "b": 2}))
        repository.put(records.stamp("jane", {"a": 3}))
        assert repository.get("jane").document == {"a": 3}

    def test_attribute_names_do_not_collide_with_rosters_own(self, repository):
        document = dict.fromkeys(["userid", "document", "timestamp", "revision", "pk", "sk", "id", "_"], "mine")
        record = records.stamp("jane", document)
        repository.put(record)
        assert repository.get("jane") == record

    def test_a_put_with_the_current_revision_succeeds(self, repository):
        first, second = records.stamp("jane", {"n": 1}), records.stamp("jane", {"n": 2})
        repository.put(first)
        repository.put(second, only_if=still(first))
        assert repository.get("jane") == second

    def test_a_put_with_an_outdated_revision_conflicts_and_changes_nothing(self, repository):
        first, second = records.stamp("jane", {"n": 1}), records.stamp("jane", {"n": 2})
        repository.put(first)
        repository.put(second)
        with pytest.raises(Conflict):
            repository.put(records.stamp("jane", {"n": 3}), only_if=still(first))
        assert repository.get("jane") == second

    def test_a_put_with_the_revision_of_a_deleted_record_conflicts(self, repository):
        record = records.stamp("jane", {})
        repository.put(record)
        repository.delete("jane")
        with pytest.raises(Conflict):
            repository.put(records.stamp("jane", {}), only_if=still(record))
        assert repository.get("jane") is None

    @pytest.mark.parametrize("stored", [True, False])
    @pytest.mark.parametrize(
        ("precondition", "with_one", "with_none"),
        [
            (None, True, True),
            (ABSENT, False, True),
            (Precondition(exists=True), True, False),
            (Precondition(exists=True, revisions=frozenset({"current"})), True, False),
            (Precondition(exists=True, revisions=frozenset({"current", "another"})), True, False),
            (Precondition(exists=True, revisions=frozenset({"another"})), False, False),
            (Precondition(exists=True, revisions=frozenset()), False, False),
        ],
        ids=["none", "absent", "present", "current", "current or another", "another", "empty set of revisions"],
    )
    def test_a_write_succeeds_only_if_its_precondition_holds(
        self, repository, precondition, with_one, with_none, stored
    ):
        current = records.stamp("jane", {"n": 1})._replace(revision="current")
        changed = records.stamp("jane", {"n": 2})._replace(revision="changed")
        happens = with_one if stored else with_none
        attempts = {
            "put": (lambda: repository.put(changed, precondition), changed),
            "delete": (lambda: repository.delete("jane", precondition), None),
        }
        if stored:
            attempts["update"] = (lambda: repository.update("jane", lambda _: changed, precondition), changed)
        for attempt, result in attempts.values():
            repository.delete("jane")
            if stored:
                repository.put(current)
            if happens:
                attempt()
                assert repository.get("jane") == result
            else:
                with pytest.raises(Conflict):
                    attempt()
                assert repository.get("jane") == (current if stored else None)

    def test_updating_a_missing_record_with_a_precondition_conflicts(self, repository):
        with pytest.raises(Conflict):
            repository.update("nobody", lambda stored: stored, Precondition(exists=True))

    def test_creating_a_record_again_with_the_same_origin_returns_the_first_one(self, repository):
        first = repository.create(records.stamp("jane", {"n": 1}), origin="a")
        assert repository.create(records.stamp("jane", {"n": 1}), origin="a") == first
        assert repository.get("jane") == first

    def test_creating_a_record_with_another_origin_is_rejected_and_changes_nothing(self, repository):
        first = repository.create(records.stamp("jane", {"n": 1}), origin="a")
        with pytest.raises(KeyReused):
            repository.create(records.stamp("jane", {"n": 2}), origin="b")
        repository.put(records.stamp("john", {}))
        with pytest.raises(KeyReused):
            repository.create(records.stamp("john", {}), origin="a")
        assert repository.get("jane") == first

    def test_the_origin_is_kept_by_puts_and_updates_and_removed_by_a_delete(self, repository):
        repository.create(records.stamp("jane", {"n": 1}), origin="a")
        repository.put(records.stamp("jane", {"n": 2}))
        updated = repository.update("jane", lambda stored: records.patch(stored, {"n": 3}))
        assert repository.create(records.stamp("jane", {"n": 1}), origin="a") == updated
        with pytest.raises(KeyReused):
            repository.create(records.stamp("jane", {"n": 9}), origin="b")
        repository.delete("jane")
        assert repository.create(records.stamp("jane", {"n": 9}), origin="b").document == {"n": 9}

    def test_deleting_a_record_twice_succeeds(self, repository):
        repository.put(records.stamp("jane", {}))
        repository.put(records.stamp("john", {}))
        repository.delete("jane")
        repository.delete("jane")
        assert repository.get("jane") is None
        assert repository.get("john") is not None

    def test_an_update_stores_the_changed_record(self, repository):
        repository.put(records.stamp("jane", {"a": 1, "b": 2}))
        after = repository.update("jane", lambda stored: records.patch(stored, {"a": None, "c": 3}))
        assert after.document == {"b": 2, "c": 3}
        assert repository.get("jane") == after

    def test_updating_a_missing_record_fails_and_stores_nothing(self, repository):
        with pytest.raises(NotFound):
            repository.update("nobody", lambda stored: stored)
        assert repository.get("nobody") is None

    def test_an_update_that_loses_a_race_is_applied_again_to_the_new_record(self, repository):
        repository.put(records.stamp("jane", {"a": 1}))
        rival = iter([{"b": 2}, {"c": 3}])

        def change(stored):
            for interference in rival:
                repository.put(records.patch(stored, interference))
                break
            return records.patch(stored, {"mine": True})

        after = repository.update("jane", change)
        assert after.document == {"a": 1, "b": 2, "c": 3, "mine": True}
        assert repository.get("jane") == after

    def test_an_update_does_not_restore_a_record_that_is_deleted_meanwhile(self, repository):
        repository.put(records.stamp("jane", {}))

        def change(stored):
            repository.delete("jane")
            return records.patch(stored, {"mine": True})

        with pytest.raises(NotFound):
            repository.update("jane", change)
        assert repository.get("jane") is None

    def test_none_of_sixteen_concurrent_updates_is_lost(self, repository):
        repository.put(records.stamp("jane", {}))
        writers = [
            threading.Thread(
                target=repository.update, args=("jane", lambda stored, n=n: records.patch(stored, {str(n): n}))
            )
            for n in range(16)
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert repository.get("jane").document == {str(n): n for n in range(16)}


@pytest.fixture(params=["memory", "users"])
def listed(request):
    return InMemoryRepository() if request.param == "memory" else request.getfixturevalue(request.param)


class TestPages:
    def test_an_empty_table_has_one_empty_page(self, listed):
        page = listed.page(10)
        assert (page.records, page.last) == ([], None)

    @pytest.mark.parametrize("limit", [1, 3, 7, 20])
    def test_a_walk_through_all_pages_returns_every_record_once(self, listed, limit):
        for n in range(20):
            listed.put(records.stamp(f"user-{n}", {"n": n}))
        met, after, pages = [], None, 0
        while pages < 30:
            page = listed.page(limit, after)
            assert len(page.records) <= limit
            met += [record.document["n"] for record in page.records]
            after, pages = page.last, pages + 1
            if after is None:
                break
        assert sorted(met) == list(range(20))

    def test_a_walk_continues_if_the_last_record_of_a_page_is_deleted(self, listed):
        for n in range(10):
            listed.put(records.stamp(f"user-{n}", {}))
        first = listed.page(4)
        listed.delete(first.last)
        rest = listed.page(100, first.last)
        assert len({record.userid for record in first.records + rest.records}) == 10


class TestDynamoDB:
    def test_each_profile_has_its_own_partition(self, connection, profiles, tables):
        profiles.put(records.stamp("jane", {}))
        profiles.put(records.stamp("john", {}))
        items = connection.client.scan(TableName=tables["ProfilesTable"])["Items"]
        assert {(item["pk"]["S"], item["sk"]["S"]) for item in items} == {
            ("USER#jane", "PROFILE#jane"),
            ("USER#john", "PROFILE#john"),
        }

    def test_the_inverted_index_finds_the_user_of_a_profile(self, connection, profiles, tables):
        profiles.put(records.stamp("jane", {}))
        found = connection.client.query(
            TableName=tables["ProfilesTable"],
            IndexName="sk-pk-index",
            KeyConditionExpression="sk = :sk",
            ExpressionAttributeValues={":sk": {"S": "PROFILE#jane"}},
        )
        assert [item["pk"]["S"] for item in found["Items"]] == ["USER#jane"]

    def test_a_document_that_exceeds_the_item_limit_is_too_large(self, users):
        # The body of such a request would be rejected even earlier.
        with pytest.raises(TooLarge, match="400 KB"):
            users.put(records.stamp("jane", {"a": ["x" * 1000] * 420}))
        assert users.get("jane") is None

    def test_an_update_that_loses_every_race_fails_within_the_time_limit(self, users, monkeypatch):
        monkeypatch.setattr(connections, "PATIENCE", 0.2)
        users.put(records.stamp("jane", {}))

        def overtaken(stored):
            users.put(records.stamp("jane", {"by": "somebody else"}))
            return records.patch(stored, {"by": "this update"})

        with pytest.raises(Unavailable, match="too many clients are writing"):
            users.update("jane", overtaken)
        assert users.get("jane").document == {"by": "somebody else"}

    def test_the_client_is_created_on_first_use_with_timeouts_and_retries(self):
        connection = DynamoDB("eu-central-1")
        assert "client" not in vars(connection)
        config: Any = connection.client.meta.config
        assert (config.connect_timeout, config.read_timeout) == (0.5, 1)
        assert config.retries == {"mode": "standard", "total_max_attempts": 3}
        assert connection.client.meta.region_name == "eu-central-1"

    def test_the_health_probe_fails_after_the_table_is_deleted(self, connection, users, tables):
        users.ping()
        connection.client.delete_table(TableName=tables["UsersTable"])
        with pytest.raises(Misconfigured, match="GetItem: ResourceNotFoundException"):
            users.ping()


class _Resending:
    """A client that loses the first response to every request, and so sends every request twice."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, operation):
        call = getattr(self._client, operation)

        def twice(**request):
            call(**request)
            return call(**request)

        return twice


class TestLostResponses:
    @pytest.fixture
    def resending(self, connection, tables):
        unreliable: Any = DynamoDB("us-east-1")
        unreliable.client = _Resending(connection.client)
        return UserRepository(unreliable, tables["UsersTable"])

    def test_retrying_a_conditional_write_whose_response_was_lost_succeeds(self, resending, users):
        first = records.stamp("jane", {"n": 1})
        resending.put(first, only_if=ABSENT)
        assert users.get("jane") == first
        second = records.stamp("jane", {"n": 2})
        resending.put(second, only_if=still(first))
        assert users.get("jane") == second
        third = resending.update("jane", lambda stored: records.patch(stored, {"n": 3}), only_if=still(second))
        assert users.get("jane") == third

    def test_retrying_a_create_whose_response_was_lost_succeeds(self, resending, users):
        made = resending.create(records.stamp("jane", {"n": 1}), origin="a")
        assert users.get("jane") == made

    def test_a_retry_still_conflicts_with_the_record_of_another_writer(self, resending, users):
        users.put(records.stamp("jane", {"n": 1}))
        with pytest.raises(Conflict):
            resending.put(records.stamp("jane", {"n": 2}), only_if=ABSENT)


class _Failing:
    """A client whose every call fails."""

    def __init__(self, error):
        self._error = error

    def __getattr__(self, operation):
        def call(**_):
            raise self._error

        return call


def _client_error(code, status=400):
    response: Any = {
        "Error": {"Code": code, "Message": "secret-table jane@example.com"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return botocore.exceptions.ClientError(response, "GetItem")


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (_client_error("ThrottlingException"), Unavailable),
        (_client_error("ProvisionedThroughputExceededException"), Unavailable),
        (_client_error("TransactionConflictException"), Unavailable),
        (_client_error("InternalServerError", 500), Unavailable),
        (_client_error("503", 503), Unavailable),
        (botocore.exceptions.ConnectTimeoutError(endpoint_url="https://secret-table"), Unavailable),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="https://secret-table"), Unavailable),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="https://secret-table"), Unavailable),
        (botocore.exceptions.ConnectionClosedError(endpoint_url="https://secret-table"), Unavailable),
        (_client_error("AccessDeniedException"), Misconfigured),
        (_client_error("ResourceNotFoundException"), Misconfigured),
        (_client_error("ExpiredTokenException"), Misconfigured),
        (botocore.exceptions.NoCredentialsError(), Misconfigured),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:60],
)
def test_database_errors_are_translated_without_their_messages(failure, expected):
    connection: Any = DynamoDB("us-east-1")
    connection.client = _Failing(failure)
    with pytest.raises(expected) as error:
        UserRepository(connection, "secret-table").get("jane")
    assert not re.search("secret|example", str(error.value))
