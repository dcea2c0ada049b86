"""What is written with a token after an erasure, and what the housekeeping does on each target."""

from testbed.targets import PASSWORD
from tests.api.accounts import confirm, signed_up


def erased(api):
    """A userid whose owner has left, and their tokens, which are still valid."""
    tokens = confirm(api, signed_up(api)).json
    userid = api.get("/account", token=tokens["access_token"]).json["userid"]
    body = {"password": PASSWORD}
    assert api.post("/account/deletion", token=tokens["access_token"], json=body).status == 204
    return userid, tokens


def test_what_a_token_writes_after_an_erasure_is_gone_after_the_next_housekeeping(api, person):
    userid, tokens = erased(api)
    assert api.put(f"/users/{userid}", token=tokens["access_token"], json={"n": 1}).status == 200
    assert api.post("/user/profile", token=tokens["id_token"], json={"n": 1}).status == 200
    api.put(f"/users/{person.sub}", token=person.token, json={"n": 1})
    api.housekeep()
    assert api.users.get(userid) is None
    assert api.profiles.get(userid) is None
    assert api.users.get(person.sub) is not None


def test_housekeeping_can_run_twice(api):
    for _ in range(2):
        api.housekeep()


def test_a_marker_does_nothing_to_an_account_that_still_exists(api, person):
    """As after an erasure that was interrupted, or if somebody could write a marker for another person."""
    api.put(f"/users/{person.sub}", token=person.token, json={"n": 1})
    marker = {"id": f"erasure#{person.sub}", "userid": person.sub}
    item = {name: {"S": value} for name, value in marker.items()} | {"erased": {"N": "1700000000"}}
    api.connection.client.put_item(TableName=api.tables["accounts"], Item=item)
    api.housekeep()
    assert api.users.get(person.sub) is not None
    assert api.sign_in(person.email)
