"""The simulated users of ``make load``: run by locust, which ``bench.load`` starts.

60% of the requests are GETs of the user's own record, 20% PUTs and PATCHes of it, 10% lists (with an administrator's
token), and 10% reads and writes of the profile. Each simulated user remembers its acknowledged writes. A failed write
may have happened or not, so both states are possible until the next read. Every read, and the check at the end, must
return a possible state.
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
"""Time (seconds since the epoch), name and duration (milliseconds) of each request."""
ERRORS: Counter[str] = Counter()


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
    """A stored user or profile. ``possible`` lists its possible states: more than one after a failed write."""

    def __init__(self, path, view):
        self.path = path
        self.view = view
        self.possible = [None]


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
        self.put()
        self.post_profile()

    @task(60)
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

    def on_stop(self):
        """Check that exactly the acknowledged writes are stored."""
        for thing in (self.user, self.profile):
            right = None
            while right is None:  # until a read succeeds
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
        """Return whether the stored state is one of the possible ones, or ``None`` if the read failed."""
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
                response.failure("not an acknowledged state")
            return right

    def _failed(self, response):
        """Record the failure, and wait for the time in ``Retry-After``, as clients should."""
        response.failure(f"status {response.status_code}")
        gevent.sleep(float(response.headers.get("Retry-After", 1)))
