"""Every route that must not reveal who has an account holds its response back, once, whatever the account's state.

``make even`` measures it, with a clock. Here, nothing waits.
"""

import pytest

from chalicelib.accounts.even_time import EvenTime
from testbed.routes import ROUTES, Who
from testbed.targets import new_email
from tests.api.accounts import STATES, confirm, confirmed, in_state, sign_in, signed_up

WITH_ADDRESS = [route for route in ROUTES if route.who is Who.ANYONE and "email" in route.accepted]


@pytest.fixture(scope="module")
def api(running):
    """The API in this process, where the waiting can be counted."""
    return running("inprocess")


@pytest.fixture
def waits(monkeypatch):
    """What has waited."""
    waits = []
    monkeypatch.setattr(EvenTime, "_wait", lambda self, started: waits.append(self))
    return waits


def body(route, email):
    """A body with a wrong code and a wrong password, where the route takes one."""
    wrong = {"password": "Wrong-horse-4242"} if route.path == "/sessions" else {}
    return {**route.accepted, "email": email, **wrong}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("route", WITH_ADDRESS, ids=str)
def test_a_response_that_every_address_gets_is_held_back_once(api, waits, route, state):
    email = in_state(api, state)
    waits.clear()
    answer = api.request(route.method, route.path, json=body(route, email))
    assert answer.status in (202, 400, 401)
    assert len(waits) == 1


def test_who_proves_to_own_an_account_does_not_wait(api, waits):
    email = signed_up(api)
    waits.clear()
    assert confirm(api, email).status == 200
    assert sign_in(api, email).status == 200
    assert waits == []


@pytest.mark.parametrize("make", [lambda _: new_email(), confirmed], ids=["unknown", "known"])
def test_a_password_that_the_pool_would_not_accept_is_rejected_at_once(api, waits, make):
    email = make(api)
    waits.clear()
    answers = [
        api.post("/accounts", json={"email": email, "password": "weak", "name": "Jane"}),
        api.put("/accounts/password-reset", json={"email": email, "password": "weak", "code": "271828"}),
    ]
    assert [answer.status for answer in answers] == [422, 422]
    assert waits == []
