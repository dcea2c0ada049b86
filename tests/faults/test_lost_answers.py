"""DynamoDB performs a write, but its response gets lost. No acknowledged write is lost, and no write happens twice.

If one response is lost, Roster retries and the client does not notice. If all responses are lost, the client gets 503
and retries after the outage.
"""

from typing import Any
from uuid import uuid4

import pytest

from chalicelib import records
from chalicelib.web import entity_tags
from tests.faults import proxy

WRITES = ("updateitem", "deleteitem")
BEFORE = {"n": 1, "kept": True}
MERGED = {"n": 2, "kept": True}

# Method, path, precondition, whether a record exists before, what is stored after, and the status of a retry.
CASES = {
    "PUT of a user": ("PUT", "/users/{name}", None, True, {"n": 2}, 200),
    "PUT of a new user": ("PUT", "/users/{name}", None, False, {"n": 2}, 200),
    "PUT with If-Match": ("PUT", "/users/{name}", "If-Match", True, {"n": 2}, 412),
    "PUT with If-None-Match": ("PUT", "/users/{name}", "If-None-Match", False, {"n": 2}, 412),
    "PATCH of a user": ("PATCH", "/users/{name}", None, True, MERGED, 200),
    "PATCH with If-Match": ("PATCH", "/users/{name}", "If-Match", True, MERGED, 412),
    "DELETE of a user": ("DELETE", "/users/{name}", None, True, None, 200),
    "DELETE with If-Match": ("DELETE", "/users/{name}", "If-Match", True, None, 412),
    "POST of a user with a userid": ("POST", "/users", None, True, {"n": 2}, 200),
    "POST with If-None-Match": ("POST", "/users", "If-None-Match", False, {"n": 2}, 412),
    "POST of a profile": ("POST", "/user/profile", None, True, {"n": 2}, 200),
    "POST of a profile with If-Match": ("POST", "/user/profile", "If-Match", True, {"n": 2}, 412),
    "PATCH of a profile": ("PATCH", "/user/profile", None, True, MERGED, 200),
    "DELETE of a profile with If-Match": ("DELETE", "/user/profile", "If-Match", True, None, 412),
}


class Write:
    """One of the cases, on its own record."""

    def __init__(self, broken, case):
        self._broken = broken
        self._method, self._path, precondition, exists, self.after, self.retry_status = CASES[case]
        self._name = uuid4().hex
        self._repository = broken.profiles if self._path == "/user/profile" else broken.users
        self._headers = {}
        if exists:
            record = records.stamp(self._name, BEFORE)
            self._repository.put(record)
            self._headers = {"If-Match": entity_tags.of(record)} if precondition else {}
        elif precondition:
            self._headers = {precondition: "*"}

    def send(self):
        """Send the request and return the response."""
        document: Any = ... if self._method == "DELETE" else {"n": 2}
        if self._path == "/users":
            document["userid"] = self._name
        sub = self._name if self._path == "/user/profile" else "admin"
        return self._broken.ask(self._method, self._path.format(name=self._name), document, sub, **self._headers)

    @property
    def stored(self):
        """The stored document, or ``None``."""
        record = self._repository.get(self._name)
        return record and record.document


@pytest.fixture(params=CASES)
def write(request, broken):
    return Write(broken, request.param)


def test_the_client_does_not_notice_one_lost_response(broken, write):
    with broken.proxy.breaking(proxy.only(WRITES, proxy.first(1, proxy.loses_the_answer))):
        answer = write.send()
    assert answer.status_code == 200
    assert write.stored == write.after


def test_a_rejected_delete_stays_rejected_when_it_is_retried(broken):
    """The stored record has another entity tag, so none of the attempts deletes it."""
    name = uuid4().hex
    broken.users.put(records.stamp(name, BEFORE))
    with broken.proxy.breaking(proxy.only(WRITES, proxy.first(1, proxy.loses_the_answer))):
        answer = broken.ask("DELETE", f"/users/{name}", **{"If-Match": '"another"'})
    assert answer.status_code == 412, answer.text
    assert broken.users.get(name).document == BEFORE


def test_a_write_whose_responses_are_all_lost_returns_503_and_is_safe_to_retry(broken, write):
    with broken.proxy.breaking(proxy.only(WRITES, proxy.loses_the_answer)):
        answer = write.send()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert write.stored == write.after  # DynamoDB has performed the write
    assert write.send().status_code == write.retry_status
    assert write.stored == write.after


def test_a_write_that_never_arrives_returns_503_and_is_safe_to_retry(broken, write):
    with broken.proxy.breaking(proxy.only(WRITES, proxy.resets_after_the_request)):
        answer = write.send()
    assert answer.status_code == 503
    assert write.send().status_code == 200
    assert write.stored == write.after


@pytest.mark.parametrize("fault", [proxy.loses_the_answer, proxy.resets_after_the_request])
def test_a_post_with_an_idempotency_key_creates_one_user_however_often_it_is_sent(broken, fault):
    key, marker = uuid4().hex, uuid4().hex
    with broken.proxy.breaking(proxy.only(WRITES, fault)):
        failed = [broken.ask("POST", "/users", {"marker": marker}, **{"Idempotency-Key": key}) for _ in range(2)]
    assert [answer.status_code for answer in failed] == [503, 503]
    made = [broken.ask("POST", "/users", {"marker": marker}, **{"Idempotency-Key": key}) for _ in range(2)]
    assert [answer.status_code for answer in made] == [200, 200]
    assert made[0].content == made[1].content
    assert made[0].headers["ETag"] == made[1].headers["ETag"]
    assert len(_marked(broken, marker)) == 1
    another = broken.ask("POST", "/users", {"marker": "another"}, **{"Idempotency-Key": key})
    assert another.status_code == 422


def test_a_conditional_delete_of_a_missing_user_is_rejected(broken):
    assert broken.ask("DELETE", f"/users/{uuid4().hex}", **{"If-Match": '"a"'}).status_code == 412


def _marked(broken, marker):
    """Return the users with this marker, read directly from the table."""
    found, after = [], None
    while True:
        page = broken.users.page(100, after)
        found += [record for record in page.records if record.document.get("marker") == marker]
        after = page.last
        if after is None:
            return found
