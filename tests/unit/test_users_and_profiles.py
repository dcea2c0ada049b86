"""Users and profiles."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given

from chalicelib import profiles, records, users
from chalicelib.errors import Invalid, TooLarge
from tests import documents


@given(documents.attributes)
def test_a_user_has_the_clients_attributes_and_the_two_of_the_service(attributes):
    user = users.new(attributes)
    assert users.to_json(user) == {**attributes, "userid": user.userid, "timestamp": user.timestamp}


def test_a_user_without_a_userid_gets_a_random_uuid():
    first, second = users.new({}), users.new({})
    assert uuid.UUID(first.userid).version == 4
    assert first.userid != second.userid


def test_a_user_can_have_a_userid_of_the_clients_choice():
    assert users.new({"userid": "jane.doe-1_X"}).userid == "jane.doe-1_X"


def test_the_userid_in_the_path_replaces_the_one_in_the_body():
    assert users.to_json(users.stored_as("path", {"userid": "body"}))["userid"] == "path"


def test_a_timestamp_from_the_client_is_replaced():
    assert users.to_json(users.new({"timestamp": "yesterday"}))["timestamp"] != "yesterday"


def test_the_timestamp_is_the_current_utc_time_in_iso_8601_format():
    stamped = records.stamp("jane", {}).timestamp
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stamped)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(stamped)) < timedelta(seconds=5)


def test_every_write_gets_a_new_revision():
    assert records.stamp("jane", {}).revision != records.stamp("jane", {}).revision


@pytest.mark.parametrize("userid", ["a", "...", "A.b_c-9", "x" * 128, "0e1c4ba4-26f7-4a5d-9d0e-3c6a3f6f3b52"])
def test_a_valid_userid_is_accepted(userid):
    assert records.checked(userid) == userid


@pytest.mark.parametrize(
    "userid", ["", ".", "..", "x" * 129, "a b", "a/b", "a%2Fb", "a*", "a?", "ä", "a\n", "a@b", "#ping", "１"]
)
def test_an_invalid_userid_is_rejected(userid):
    with pytest.raises(Invalid) as rejected:
        records.checked(userid)
    assert rejected.value.violations[0].pointer == "/userid"


@pytest.mark.parametrize("userid", [None, 1, True, [], {}])
def test_a_userid_that_is_not_a_string_is_rejected(userid):
    with pytest.raises(Invalid) as rejected:
        users.new({"userid": userid})
    assert rejected.value.violations[0].pointer == "/userid"


def test_a_patch_keeps_the_userid_and_sets_a_new_revision():
    before = users.new({"userid": "jane", "a": 1, "b": 2})
    after = users.patch(before, {"a": None, "c": {"d": 3}, "userid": "john", "timestamp": None})
    assert (after.userid, after.document) == ("jane", {"b": 2, "c": {"d": 3}})
    assert after.revision != before.revision


def test_a_patch_cannot_grow_a_record_beyond_the_limit():
    grown = users.new({"a": "x" * 300_000})
    with pytest.raises(TooLarge):
        users.patch(grown, {"b": "x" * 100_000})


def test_a_profile_has_its_document_as_profile_data():
    record = records.stamp("jane", {"theme": "dark"})
    assert profiles.to_json(record) == {
        "userid": "jane",
        "profile_data": {"theme": "dark"},
        "timestamp": record.timestamp,
    }
