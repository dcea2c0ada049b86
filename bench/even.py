"""``make even``: measure whether response times reveal who has an account.

Each route that must not reveal it gets pairs of calls over HTTP, one with the address of an account and one with an
address that nobody has used, in random order. The two sets of response times are compared with the two-sample
Kolmogorov-Smirnov test. Accounts are used once per route, so that no limit of a person decides.

The API is that of ``make run``, with a step of its own. The same calls without even times, a step of 0, show that the
measurement can tell the two apart.
"""

import argparse
import json
import os
import platform
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from scipy import stats

from bench.figures import Even, TwoTimes, write
from bench.lab import say
from embedded import aws, processes, stack
from testbed.routes import ROUTES, Route
from testbed.targets import PASSWORD, new_email

WRONG = "Wrong-horse-4242"
KNOWN = "confirmed"
OTHERS = ("unconfirmed", "disabled", "invited", "reset required")
EVEN_ROUTES = tuple(route for route in ROUTES if "email" in route.accepted)
"""The routes that take an address. Their bodies have a wrong code and a wrong password, where they have one."""


class Account(NamedTuple):
    """Makes accounts in the embedded AWS's user pool."""

    cognito: Any
    pool_id: str
    client_id: str

    def make(self, state: str) -> str:
        """Return the address of a new account in this state: ``KNOWN`` or one of ``OTHERS``."""
        email = new_email()
        user = {"UserPoolId": self.pool_id, "Username": email}
        attributes = [{"Name": "email", "Value": email}, {"Name": "name", "Value": "Jane Doe"}]
        if state == "unconfirmed":
            self.cognito.sign_up(ClientId=self.client_id, Username=email, Password=PASSWORD, UserAttributes=attributes)
            return email
        attributes.append({"Name": "email_verified", "Value": "true"})
        self.cognito.admin_create_user(**user, UserAttributes=attributes, MessageAction="SUPPRESS")
        if state != "invited":
            self.cognito.admin_set_user_password(**user, Password=PASSWORD, Permanent=True)
        if state == "disabled":
            self.cognito.admin_disable_user(**user)
        if state == "reset required":
            self.cognito.admin_reset_user_password(**user)
        return email


def main() -> None:
    """Measure, print and store the figures. Exit with status 1 if a route's times differ, or if nothing was proved."""
    parser = argparse.ArgumentParser(prog="python -m bench.even", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="folder for the figures")
    parser.add_argument("--step", type=int, default=250, help="EVEN_RESPONSE_MILLISECONDS, longer than the calls take")
    parser.add_argument("--pairs", type=int, default=200, help="pairs of calls per route, with confirmed accounts")
    parser.add_argument("--others", type=int, default=20, help="pairs per route and each other state of an account")
    options = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    even = Even(machine, time.strftime("%Y-%m-%d"), options.step)
    with (
        tempfile.TemporaryDirectory() as folder,
        stack.aws_running(processes.free_port(), Path(folder), say) as (running, _),
    ):
        with _api(running, Path(folder), 0) as api:
            even.at_once = api.compare([KNOWN], options.pairs)
        with _api(running, Path(folder), options.step) as api:
            even.held = api.compare([KNOWN], options.pairs)
            even.others = api.compare(OTHERS, options.others)
    print(even.table())
    print(even.others_table())
    options.folder.mkdir(exist_ok=True)
    write(even, options.folder / "even.json")
    say("Stored in .bench/even.json. To update docs/, run make figures.")
    sys.exit("\n".join(even.faults()) or None)


class Api(NamedTuple):
    """The API of ``make run``, with responses at multiples of ``step`` ms. ``account`` makes accounts for it."""

    http: httpx.Client
    step: int
    account: Account

    def compare(self, states: Sequence[str], pairs: int) -> dict[str, TwoTimes]:
        """Return the times by route and, if there are several states, by state."""
        found = {}
        for state in states:
            emails = [self.account.make(state) for _ in range(pairs)]
            for route in EVEN_ROUTES:
                name = str(route) if len(states) == 1 else f"{route}, {state}"
                found[name] = self._times(route, emails, name)
        return found

    def _times(self, route: Route, emails: Sequence[str], name: str) -> TwoTimes:
        known: list[float] = []
        unknown: list[float] = []
        for number, email in enumerate(emails, 1):
            say(f"\r{name}: pair {number} of {len(emails)} ", end="")
            pair = [(known, email), (unknown, new_email())]
            if secrets.randbelow(2):
                pair.reverse()
            for times, address in pair:
                times.append(self.call(route, address) * 1000)
        both = (known, unknown)
        test = stats.ks_2samp(*both)
        say(f"p = {test.pvalue:.3g}")
        return TwoTimes(
            len(emails),
            [round(statistics.median(times), 2) for times in both],
            float(test.statistic),
            float(test.pvalue),
            [sum(self.step > 0 and each >= 2 * self.step for each in times) for times in both],
        )

    def call(self, route: Route, email: str) -> float:
        """Call a route with an address, and return the seconds until the response starts."""
        body = {**route.accepted, "email": email}
        if route.path == "/sessions":
            body["password"] = WRONG
        content, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        started = time.perf_counter()
        # The body comes later: chalice local sends it as a second packet, which waits for an acknowledgement.
        with self.http.stream(route.method, route.path, content=content, headers=headers) as answer:
            took = time.perf_counter() - started
            text = answer.read()
        if answer.status_code not in (202, 400, 401):
            raise RuntimeError(f"{route}: {answer.status_code} {text!r}")
        return took


@contextmanager
def _api(running: stack.Stack, folder: Path, step: int) -> Iterator[Api]:
    port = processes.free_port()
    settings = stack.environ(running.aws_port, running.outputs)
    environ = {**settings, "EVEN_RESPONSE_MILLISECONDS": str(step)}
    cognito = aws.client("cognito-idp", running.aws_port)
    account = Account(cognito, running.outputs["UserPool"], running.outputs["UserPoolClient"])
    with (
        stack.serve(port, environ, folder / f"api-{step}.log"),
        httpx.Client(base_url=f"http://{processes.HOST}:{port}", timeout=30, trust_env=False) as http,
    ):
        api = Api(http, step, account)
        for route in EVEN_ROUTES:  # the first call imports and connects
            api.call(route, new_email())
        yield api


if __name__ == "__main__":
    main()
