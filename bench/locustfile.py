"""The simulated users of ``make load``: run by locust, which ``bench.load`` starts.

40% of the tasks are GETs of the user's own record, 20% PUTs and PATCHes of it, 20% reads and writes of records that all
users share, 5% lists (with an administrator's token), 10% reads and writes of the profile, 2% sign people up and in, 2%
read and change the user's own account, 0.5% are what an administrator does with it, and 0.5% upload a picture.

Each simulated user remembers its acknowledged writes (``bench.kept``). Every read, and the check at the end, must
return a possible state. Everybody whose account was confirmed must be able to sign in, and every picture that was sent
must be there, with the same bytes. What all users saw of a shared record is its history, which ``bench.load`` checks.
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

from bench.kept import Kept
from embedded import mail
from testbed import record_histories
from testbed.picture_files import encoded, photo
from testbed.record_histories import Row

ORDER = json.loads(Path(os.environ["ROSTER_LOAD"]).read_text())
PEOPLE = itertools.cycle(ORDER["people"])
NUMBERS = itertools.count(1)
ADMIN = {"token": ORDER["admin_token"], "since": time.monotonic()}
COUNTS: Counter[str] = Counter()
REQUESTS: list[tuple[float, str, float]] = []
"""Time (seconds since the epoch), name and duration (milliseconds) of each request."""
ERRORS: Counter[str] = Counter()
SHARED = [f"shared-{number}-{uuid.uuid4().hex}" for number in range(4)]
HISTORIES: dict[str, list[Row]] = {record: [] for record in SHARED}
RENEWED = 600
"""Seconds after which a user signs in again. Tokens are valid for 900."""
PATIENCE = 60
"""Seconds until every picture must be ready, after the last upload."""
PASSWORD = "Correct-horse-42"  # noqa: S105  (of accounts that last as long as the run)


@events.request.add_listener
def note(request_type, name, response_time, exception=None, **_):
    """Record every request, except those of the check at the end."""
    if name != "check":
        REQUESTS.append((time.time(), f"{request_type} {name}", response_time))
        if exception is not None:
            ERRORS[f"{request_type} {name}: {exception}"] += 1


@events.user_error.add_listener
def note_error(exception, **_):
    """Record what is wrong in a response in a way that nothing here expects."""
    COUNTS["exceptions"] += 1
    ERRORS[f"{type(exception).__name__}: {exception}"] += 1


@events.quitting.add_listener
def write(**_):
    """Write the results for ``bench.load``."""
    report = {"counts": COUNTS, "errors": ERRORS, "requests": REQUESTS, "histories": HISTORIES}
    Path(ORDER["report"]).write_text(json.dumps(report))


class Thing(Kept):
    """A stored user, profile or account, at ``path``. ``token`` is the kind of token that is sent.

    ``view`` returns the part of a response's JSON that is compared. A 404 has none, and means ``None``.
    """

    def __init__(self, path, token, view, state=None):
        super().__init__(state)
        self.path = path
        self.token = token
        self.view = view


class Somebody(HttpUser):
    """A user who sends the next request as soon as the response arrives."""

    wait_time = constant(0)

    def on_start(self):
        """Take a token, and store a user and a profile."""
        self.person = next(PEOPLE)
        self.client.trust_env = False
        sub = self.person["sub"]
        absent = {"n": None, "p": None}
        self.user = Thing(f"/users/{sub}", "id_token", lambda user: {name: user.get(name) for name in "np"}, absent)
        self.profile = Thing("/user/profile", "id_token", lambda profile: profile["profile_data"])
        self.names = Thing("/account", "access_token", lambda account: account.get("given_name"))
        self.metadata = Thing(f"/accounts/{sub}", "admin", lambda account: account["app_metadata"], {})
        self.emails = []
        self.pictures = {}
        self.tags = {}
        self.refresh_token = None
        self._renew()
        self.put()
        self.post_profile()
        self.patch_account()
        self.patch_metadata()
        self.sign_up()

    @task(400)
    def get(self):
        """Read the user."""
        self._read(self.user, "/users/{userid}")

    @task(100)
    def put(self):
        """Replace the user."""
        document = {"n": next(NUMBERS), "p": None}
        self._write(self.user, "PUT", "/users/{userid}", document, lambda _: document)

    @task(100)
    def patch(self):
        """Change one member of the user."""
        change = {"p": next(NUMBERS)}
        self._write(self.user, "PATCH", "/users/{userid}", change, lambda before: {**before, **change})

    @task(200)
    def share(self):
        """Read or write a record that all users share, often on the condition that it is as this user saw it last."""
        method = random.choices(["GET", "PUT", "PATCH", "DELETE"], [6, 2, 3, 1])[0]  # noqa: S311  (no secret)
        self._share(random.choice(SHARED), method)  # noqa: S311

    def _share(self, record, method):
        number = next(NUMBERS)
        document = {"PUT": {"n": number}, "PATCH": {random.choice("pq"): number}}.get(method)  # noqa: S311
        condition = self.tags.get(record) if random.random() < 0.5 else None  # noqa: S311
        headers = self._authorization("admin")
        if condition:
            headers["If-None-Match" if method == "GET" else "If-Match"] = condition
        path, name = f"/users/{record}", "/users/{userid}, shared"
        request = Row(time.monotonic(), None, method, document, condition)
        with self.client.request(
            method, path, json=document, headers=headers, name=name, catch_response=True
        ) as response:
            tag = response.headers.get("ETag")
            received = time.monotonic()
            try:
                body = response.json() if response.status_code == 200 else None
            except ValueError:
                body = {"not": "JSON"}
            # Without a status, there was no response.
            row = record_histories.seen(request, received, response.status_code or 504, tag, body)
            if row:
                HISTORIES[record].append(row)
                self.tags[record] = tag or self.tags.get(record)
            if response.status_code in (200, 304, 404, 412):
                response.success()
            else:
                self._failed(response)

    @task(5)
    def upload(self):
        """Announce a picture, and send it to the bucket."""
        number = next(NUMBERS)
        picture = encoded(photo(64 + number % 500, 64 + number // 500 % 500), "image/jpeg")
        item = self._post("/media", {"content_type": "image/jpeg", "size": len(picture)}, 201)
        if item is None:
            return
        form, file = item["upload"]["fields"], {"file": picture}
        headers = {"Authorization": None}  # the form is signed
        with self.client.post(
            item["upload"]["url"], data=form, files=file, headers=headers, name="to the bucket", catch_response=True
        ) as response:
            if response.status_code != 204:
                self._failed(response)
                return
            response.success()
            self.pictures[item["mediaid"]] = picture
            COUNTS["uploaded pictures"] += 1

    @task(50)
    def list(self):
        """List users, as an administrator."""
        headers = self._authorization("admin")
        with self.client.get("/users", name="/users", headers=headers, catch_response=True) as response:
            if response.status_code != 200:
                self._failed(response)

    @task(50)
    def get_profile(self):
        """Read the profile."""
        self._read(self.profile, "/user/profile")

    @task(50)
    def post_profile(self):
        """Replace the profile."""
        document = {"n": next(NUMBERS)}
        self._write(self.profile, "POST", "/user/profile", document, lambda _: document)

    @task(12)
    def get_account(self):
        """Read one's own account."""
        self._read(self.names, "/account")

    @task(8)
    def patch_account(self):
        """Change a name of one's own account."""
        name = f"Jane {next(NUMBERS)}"
        self._write(self.names, "PATCH", "/account", {"given_name": name}, lambda _: name)

    @task(3)
    def get_metadata(self):
        """Read the account, as an administrator."""
        self._read(self.metadata, "/accounts/{userid}")

    @task(2)
    def patch_metadata(self):
        """Change one of two members of the account's metadata, as an administrator."""
        change = {random.choice("ab"): next(NUMBERS)}  # noqa: S311  (no secret)
        document = {"app_metadata": change}
        self._write(self.metadata, "PATCH", "/accounts/{userid}", document, lambda before: {**before, **change})

    @task(5)
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

    @task(5)
    def sign_in(self):
        """Sign one of these people in."""
        if self.emails:
            self._sign_in(random.choice(self.emails), "/sessions")  # noqa: S311  (no secret)

    @task(10)
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
        deadline = time.monotonic() + PATIENCE
        for mediaid, picture in self.pictures.items():
            kept = self._is_kept(mediaid, picture, deadline)  # not in the next line, which other users would interrupt
            COUNTS["pictures at the end"] += kept
        for record in SHARED:
            self._share(record, "GET")
        for thing in (self.user, self.profile, self.names, self.metadata):
            right = None
            while right is None:  # until a read succeeds
                right = self._read(thing, "check")
            COUNTS["checked at the end"] += 1
            COUNTS["lost"] += not right

    def _is_kept(self, mediaid, picture, deadline):
        """Return whether the picture is ready before the deadline, and its original is what was sent."""
        while time.monotonic() < deadline:
            with self.client.get(f"/media/{mediaid}", name="check", catch_response=True) as response:
                item = response.json() if response.status_code == 200 else {}
            if item.get("status") == "ready":
                original = self.client.get(item["original_url"], headers={"Authorization": None}, name="check")
                if original.content == picture:
                    return True
            gevent.sleep(0.5)
        return False

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
        headers = self._authorization(thing.token)
        sent = time.monotonic()
        with self.client.request(
            method, thing.path, name=name, catch_response=True, json=document, headers=headers
        ) as response:
            if response.status_code == 200:
                thing.written(after)
                COUNTS["acknowledged writes"] += 1
                return
            if not response.status_code or response.status_code >= 500:
                thing.failed(after, sent)
            elif response.status_code == 404:
                self._wrong(response, "of what is stored")
            self._failed(response)

    def _read(self, thing, name):
        """Return whether the stored state is one of the possible ones, or ``None`` if the read failed."""
        headers = self._authorization(thing.token)
        with self.client.get(thing.path, headers=headers, name=name, catch_response=True) as response:
            if response.status_code not in (200, 404):
                self._failed(response)
                return None
            COUNTS["reads"] += 1
            try:
                seen = thing.view(response.json()) if response.status_code == 200 else None
            except (AttributeError, KeyError, TypeError, ValueError):
                return self._wrong(response, "is not what is documented")
            return thing.read(seen) or self._wrong(response, "is not an acknowledged state")

    def _wrong(self, response, reason):
        COUNTS["wrong reads"] += 1
        response.failure(f"status {response.status_code} {reason}")
        return False

    def _authorization(self, kind):
        """Return the header with a token: ``id_token``, ``access_token``, or ``admin`` for the administrator's."""
        if kind == "admin":
            if time.monotonic() - ADMIN["since"] > RENEWED:
                ADMIN["since"] = time.monotonic()  # so that no other user renews it, too
                ADMIN["token"] = self._tokens(ORDER["admin"])["id_token"]
            return {"Authorization": ADMIN["token"]}
        if time.monotonic() - self.since > RENEWED:
            self._renew()
        return {"Authorization": self.tokens[kind]}

    def _renew(self):
        self.since = time.monotonic()
        self.tokens = self._tokens(self.person["email"])
        self.client.headers["Authorization"] = self.tokens["id_token"]

    def _tokens(self, email):
        """Sign in, until that succeeds."""
        while True:
            body = {"email": email, "password": PASSWORD}
            with self.client.post("/sessions", json=body, name="/sessions", catch_response=True) as response:
                if response.status_code == 200:
                    return response.json()
                self._failed(response)

    def _failed(self, response):
        """Record the failure, and wait for the time in ``Retry-After``, as clients should."""
        response.failure(f"status {response.status_code}")
        gevent.sleep(float(response.headers.get("Retry-After", 1)))
