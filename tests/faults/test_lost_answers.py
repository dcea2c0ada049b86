"""DynamoDB has done as asked, and its answer gets lost. Nothing acknowledged is lost by it, nothing happens twice.

Once: Roster itself asks again, and the client never hears of it. Always: the client gets 503, and sends the same again
when the trouble is over.
"""

from uuid import uuid4

import pytest

from chalicelib import records
from chalicelib.web import entity_tags
from tests.faults import proxy

WRITES = ("updateitem", "deleteitem")
BEFORE = {"n": 1, "kept": True}
MERGED = {"n": 2, "kept": True}

# Method, path, precondition, whether something is there before, what is there after, what the repeated request gets.
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
    """One of the cases, on a record of its own."""

    def __init__(self, broken, case):
        self._broken = broken
        self._method, self._path, precondition, exists, self.after, self.repeated = CASES[case]
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
        """The answer."""
        document = ... if self._method == "DELETE" else {"n": 2}
        if self._path == "/users":
            document["userid"] = self._name
        sub = self._name if self._path == "/user/profile" else "admin"
        return self._broken.ask(self._method, self._path.format(name=self._name), document, sub, **self._headers)

    @property
    def stored(self):
        """The document that is there, if any."""
        record = self._repository.get(self._name)
        return record and record.document


@pytest.fixture(params=CASES)
def write(request, broken):
    return Write(broken, request.param)


def test_one_lost_answer_goes_unnoticed(broken, write):
    with broken.proxy.breaking(proxy.only(WRITES, proxy.first(1, proxy.loses_the_answer))):
        answer = write.send()
    assert answer.status_code == 200
    assert write.stored == write.after


def test_a_delete_that_was_refused_stays_refused_although_it_was_sent_again(broken):
    """What is there is another record: none of the attempts has deleted it."""
    name = uuid4().hex
    broken.users.put(records.stamp(name, BEFORE))
    with broken.proxy.breaking(proxy.only(WRITES, proxy.first(1, proxy.loses_the_answer))):
        answer = broken.ask("DELETE", f"/users/{name}", **{"If-Match": '"another"'})
    assert answer.status_code == 412, answer.text
    assert broken.users.get(name).document == BEFORE


def test_a_write_whose_answers_all_got_lost_is_503_and_safe_to_repeat(broken, write):
    with broken.proxy.breaking(proxy.only(WRITES, proxy.loses_the_answer)):
        answer = write.send()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert write.stored == write.after  # DynamoDB had done it
    assert write.send().status_code == write.repeated
    assert write.stored == write.after


def test_a_write_that_never_arrived_is_503_and_safe_to_repeat(broken, write):
    with broken.proxy.breaking(proxy.only(WRITES, proxy.resets_after_the_request)):
        answer = write.send()
    assert answer.status_code == 503
    assert write.send().status_code == 200
    assert write.stored == write.after


@pytest.mark.parametrize("fault", [proxy.loses_the_answer, proxy.resets_after_the_request])
def test_a_post_with_an_idempotency_key_makes_one_user_however_often_it_is_sent(broken, fault):
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


def test_a_conditional_delete_of_nothing_is_refused(broken):
    assert broken.ask("DELETE", f"/users/{uuid4().hex}", **{"If-Match": '"a"'}).status_code == 412


def _marked(broken, marker):
    """The users that have it, straight from the table."""
    found, after = [], None
    while True:
        page = broken.users.page(100, after)
        found += [record for record in page.records if record.document.get("marker") == marker]
        after = page.last
        if after is None:
            return found
