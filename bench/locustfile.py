"""The simulated users of ``make load``: run by locust, which ``bench.load`` starts.

45% of the tasks are GETs of the user's own record, 20% PUTs and PATCHes of it, 10% lists (with an administrator's
token), 10% reads and writes of the profile, 7% sign people up and in, 5% read and change the user's own account, and 3%
are what an administrator does with it. Each simulated user remembers its acknowledged writes. A failed write may have
happened or not, so both states are possible until the next read. Every read, and the check at the end, must return a
possible state. Everybody whose account was confirmed must be able to sign in.
"""

import itertools
import json
import os
import random
import re
import time
import uuid
from collections import Counter
from pathlib import Path

import gevent
from locust import HttpUser, constant, events, task

from embedded import mail

ORDER = json.loads(Path(os.environ["ROSTER_LOAD"]).read_text())
PEOPLE = itertools.cycle(ORDER["people"])
NUMBERS = itertools.count(1)
COUNTS: Counter[str] = Counter()
REQUESTS: list[tuple[float, str, float]] = []
"""Time (seconds since the epoch), name and duration (milliseconds) of each request."""
ERRORS: Counter[str] = Counter()
PASSWORD = "Correct-horse-42"  # noqa: S105  (of accounts that last as long as the run)


@events.request.add_listener
def note(request_type, name, response_time, exception=None, **_):
    """Record every request, except those of the check at the end."""
    if name != "check":
        REQUESTS.append((time.time(), f"{request_type} {name}", response_time))
        if exception is not None:
            ERRORS[f"{request_type} {name}: {exception}"] += 1


@events.quitting.add_listener
def write(**_):
    """Write the results for ``bench.load``."""
    Path(ORDER["report"]).write_text(json.dumps({"counts": COUNTS, "errors": ERRORS, "requests": REQUESTS}))


class Kept:
    """A stored user, profile or account. ``possible`` lists its possible states: more than one after a failed write.

    ``token`` is sent instead of the user's ID token.
    """

    def __init__(self, path, view, before=None, token=None):
        self.path = path
        self.view = view
        self.possible = [before]
        self.headers = {} if token is None else {"Authorization": token}


class Somebody(HttpUser):
    """A user who sends the next request as soon as the response arrives."""

    wait_time = constant(0)

    def on_start(self):
        """Take a token, and store a user and a profile."""
        person = next(PEOPLE)
        self.client.trust_env = False
        self.client.headers.update({"Authorization": person["token"]})
        self.user = Kept(f"/users/{person['sub']}", lambda user: {"n": user.get("n"), "p": user.get("p")})
        self.profile = Kept("/user/profile", lambda profile: profile.get("profile_data"))
        account = f"/accounts/{person['sub']}"
        self.names = Kept("/account", lambda account: account["given_name"], token=person["access_token"])
        self.metadata = Kept(account, lambda account: account["app_metadata"], before={}, token=ORDER["admin"])
        self.emails = []
        self.refresh_token = None
        self.put()
        self.post_profile()
        self.patch_account()
        self.patch_metadata()
        self.sign_up()

    @task(45)
    def get(self):
        """Read the user."""
        self._read(self.user, "/users/{userid}")

    @task(10)
    def put(self):
        """Replace the user."""
        document = {"n": next(NUMBERS), "p": None}
        self._write(self.user, "PUT", "/users/{userid}", document, lambda _: document)

    @task(10)
    def patch(self):
        """Change one member of the user."""
        change = {"p": next(NUMBERS)}
        self._write(self.user, "PATCH", "/users/{userid}", change, lambda before: {**(before or {}), **change})

    @task(10)
    def list(self):
        """List users, as an administrator."""
        headers = {"Authorization": ORDER["admin"]}
        with self.client.get("/users", name="/users", headers=headers, catch_response=True) as response:
            if response.status_code != 200:
                self._failed(response)

    @task(5)
    def get_profile(self):
        """Read the profile."""
        self._read(self.profile, "/user/profile")

    @task(5)
    def post_profile(self):
        """Replace the profile."""
        document = {"n": next(NUMBERS)}
        self._write(self.profile, "POST", "/user/profile", document, lambda _: document)

    @task(3)
    def get_account(self):
        """Read one's own account."""
        self._read(self.names, "/account")

    @task(2)
    def patch_account(self):
        """Change a name of one's own account."""
        name = f"Jane {next(NUMBERS)}"
        self._write(self.names, "PATCH", "/account", {"given_name": name}, lambda _: name)

    @task(2)
    def get_metadata(self):
        """Read the account, as an administrator."""
        self._read(self.metadata, "/accounts/{userid}")

    @task(1)
    def patch_metadata(self):
        """Change one of two members of the account's metadata, as an administrator."""
        change = {random.choice("ab"): next(NUMBERS)}  # noqa: S311  (no secret)
        document = {"app_metadata": change}
        self._write(self.metadata, "PATCH", "/accounts/{userid}", document, lambda before: {**before, **change})

    @task(1)
    def sign_up(self):
        """Sign a new person up, and confirm the account with the code that was mailed."""
        person = {"email": f"{uuid.uuid4().hex}@example.com", "password": PASSWORD}
        if self._post("/accounts", {**person, "name": "Jane Doe"}, 202) is None:
            return
        code = next(m.text for m in mail.sent(ORDER["aws_port"]) if m.to == person["email"])
        body = {**person, "code": re.search(r"\b\d{6}\b", code)[0]}
        tokens = self._post("/accounts/confirmation", body, 200)
        if tokens is not None:
            self.emails.append(person["email"])
            self.refresh_token = tokens["refresh_token"]
            COUNTS["confirmed accounts"] += 1

    @task(2)
    def sign_in(self):
        """Sign one of these people in."""
        if self.emails:
            self._sign_in(random.choice(self.emails), "/sessions")  # noqa: S311  (no secret)

    @task(4)
    def refresh(self):
        """Refresh the tokens of the latest session."""
        if self.refresh_token is not None:
            self._post("/sessions/refresh", {"refresh_token": self.refresh_token}, 200)

    def on_stop(self):
        """Check that exactly the acknowledged writes are stored, and that every confirmed account can be used."""
        for email in self.emails:
            able = None
            while able is None:  # until Roster has decided
                able = self._sign_in(email, "check")
            COUNTS["signed in at the end"] += able
        for thing in (self.user, self.profile, self.names, self.metadata):
            right = None
            while right is None:  # until a read succeeds
                right = self._read(thing, "check")
            COUNTS["checked at the end"] += 1
            COUNTS["lost"] += not right

    def _sign_in(self, email, name):
        """Return whether the person could sign in, or ``None`` if Roster could not tell."""
        body = {"email": email, "password": PASSWORD}
        with self.client.post("/sessions", json=body, name=name, catch_response=True) as response:
            if response.status_code == 200:
                self.refresh_token = response.json()["refresh_token"]
                return True
            self._failed(response)
            if response.status_code != 401:
                return None
            COUNTS["rejected sign-ins"] += 1
            return False

    def _post(self, path, document, expected):
        """Return the response's JSON, or ``None`` if its status is not the expected one."""
        with self.client.post(path, json=document, name=path, catch_response=True) as response:
            if response.status_code == expected:
                return response.json()
            COUNTS["rejected sign-ins"] += response.status_code in (400, 401)
            self._failed(response)
            return None

    def _write(self, thing, method, name, document, after):
        sent = {"json": document, "headers": thing.headers}
        with self.client.request(method, thing.path, name=name, catch_response=True, **sent) as response:
            changed = [after(before) for before in thing.possible]
            if response.status_code == 200:
                thing.possible = changed
                COUNTS["acknowledged writes"] += 1
            else:
                thing.possible += changed
                self._failed(response)

    def _read(self, thing, name):
        """Return whether the stored state is one of the possible ones, or ``None`` if the read failed."""
        with self.client.get(thing.path, headers=thing.headers, name=name, catch_response=True) as response:
            if response.status_code != 200:
                self._failed(response)
                return None
            COUNTS["reads"] += 1
            seen = thing.view(response.json())
            right = seen in thing.possible
            if right:
                thing.possible = [seen]
            else:
                COUNTS["wrong reads"] += 1
                response.failure("not an acknowledged state")
            return right

    def _failed(self, response):
        """Record the failure, and wait for the time in ``Retry-After``, as clients should."""
        response.failure(f"status {response.status_code}")
        gevent.sleep(float(response.headers.get("Retry-After", 1)))
