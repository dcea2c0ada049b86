"""What simulated users do under ``make load``: run by locust, started by ``bench.load``.

60 % GET of one's user, 20 % PUT and PATCH of it, 10 % the list (with an administrator's token), 10 % the profile. Each
keeps what was acknowledged to it. A write that failed may have happened or not: from then on both are right, until a
read tells. What is read must be right each time, and at the end.
"""

import itertools
import json
import os
import time
from collections import Counter
from pathlib import Path

import gevent
from locust import HttpUser, constant, events, task

ORDER = json.loads(Path(os.environ["ROSTER_LOAD"]).read_text())
PEOPLE = itertools.cycle(ORDER["people"])
NUMBERS = itertools.count(1)
COUNTS: Counter[str] = Counter()
REQUESTS: list[tuple[float, str, float]] = []
"""When (seconds since the epoch), what, how long (milliseconds)."""
ERRORS: Counter[str] = Counter()


@events.request.add_listener
def note(request_type, name, response_time, exception=None, **_):
    """Every request, but those of the check at the end."""
    if name != "check":
        REQUESTS.append((time.time(), f"{request_type} {name}", response_time))
        if exception is not None:
            ERRORS[f"{request_type} {name}: {exception}"] += 1


@events.quitting.add_listener
def write(**_):
    """Leave all of it to ``bench.load``."""
    Path(ORDER["report"]).write_text(json.dumps({"counts": COUNTS, "errors": ERRORS, "requests": REQUESTS}))


class Kept:
    """A user or profile, as it may be stored: ``possible`` is more than one while an answer is missing."""

    def __init__(self, path, view):
        self.path = path
        self.view = view
        self.possible = [None]


class Somebody(HttpUser):
    """A person with a browser tab that asks again as soon as it has an answer."""

    wait_time = constant(0)

    def on_start(self):
        """Sign in, so to say, and store a user and a profile."""
        person = next(PEOPLE)
        self.client.trust_env = False
        self.client.headers.update({"Authorization": person["token"]})
        self.user = Kept(f"/users/{person['sub']}", lambda user: {"n": user.get("n"), "p": user.get("p")})
        self.profile = Kept("/user/profile", lambda profile: profile.get("profile_data"))
        self.put()
        self.post_profile()

    @task(60)
    def get(self):
        """Read one's user."""
        self._read(self.user, "/users/{userid}")

    @task(10)
    def put(self):
        """Store one's user whole."""
        document = {"n": next(NUMBERS), "p": None}
        self._write(self.user, "PUT", "/users/{userid}", document, lambda _: document)

    @task(10)
    def patch(self):
        """Change one member."""
        change = {"p": next(NUMBERS)}
        self._write(self.user, "PATCH", "/users/{userid}", change, lambda before: {**(before or {}), **change})

    @task(10)
    def list(self):
        """A page of users, as an administrator."""
        headers = {"Authorization": ORDER["admin"]}
        with self.client.get("/users", name="/users", headers=headers, catch_response=True) as response:
            if response.status_code != 200:
                self._failed(response)

    @task(5)
    def get_profile(self):
        """Read one's profile."""
        self._read(self.profile, "/user/profile")

    @task(5)
    def post_profile(self):
        """Store one's profile."""
        document = {"n": next(NUMBERS)}
        self._write(self.profile, "POST", "/user/profile", document, lambda _: document)

    def on_stop(self):
        """Exactly what was acknowledged is stored."""
        for thing in (self.user, self.profile):
            right = None
            while right is None:  # until it can be said
                right = self._read(thing, "check")
            COUNTS["checked at the end"] += 1
            COUNTS["lost"] += not right

    def _write(self, thing, method, name, document, after):
        with self.client.request(method, thing.path, json=document, name=name, catch_response=True) as response:
            changed = [after(before) for before in thing.possible]
            if response.status_code == 200:
                thing.possible = changed
                COUNTS["acknowledged writes"] += 1
            else:
                thing.possible += changed
                self._failed(response)

    def _read(self, thing, name):
        """Whether what is stored is one of what is possible; ``None`` if there was no answer to tell."""
        with self.client.get(thing.path, name=name, catch_response=True) as response:
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
                response.failure("not what was acknowledged")
            return right

    def _failed(self, response):
        """Note it, and wait as told before the next request, as clients should."""
        response.failure(f"status {response.status_code}")
        gevent.sleep(float(response.headers.get("Retry-After", 1)))
