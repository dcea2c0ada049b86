"""`make run` keeps what it has acknowledged, even when it is killed at random moments or the documents are hostile.

``make test`` tries a few, ``make fuzz`` 20 kills and 500 documents, different ones every time.
"""

import json
import os
import random
import signal
import string
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal

import httpx
import psutil
import pytest

from chalicelib.json.strict_json import dumps
from embedded import aws, runs
from embedded.processes import Identity
from tests.embedded.test_make_run import Run, free_ports

IS_LONG = "FUZZ_EXAMPLES" in os.environ
KILLS = 20 if IS_LONG else 1
DOCUMENTS = 500 if IS_LONG else 60
WRITERS = 4


@pytest.fixture
def chance():
    """A random generator. Its seed is printed when the test fails, so that the failure can be reproduced."""
    seed = random.randrange(2**32) if IS_LONG else 1
    print(f"seed {seed}")
    return random.Random(seed)


def client(run, token):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return httpx.Client(base_url=run.api, headers=headers, timeout=30, trust_env=False)


# Kills


class Writer:
    """Writes increasing numbers to one user, and records when each was acknowledged."""

    def __init__(self, number):
        self.path = f"/users/writer-{number}"
        self.sent = self.at_least = 0
        self.acknowledged = {}

    def write_until_it_breaks(self, run, token):
        try:
            with client(run, token) as http:
                while True:
                    self.sent += 1
                    body = {"n": self.sent, "__bytes__": self.sent}
                    if http.put(self.path, content=json.dumps(body)).status_code == 200:
                        self.acknowledged[self.sent] = time.time()
        except httpx.TransportError:
            pass

    def was_saved(self, saved_at):
        """From now on, require everything that was acknowledged before ``saved_at``."""
        self.at_least = max([self.at_least, *(n for n, at in self.acknowledged.items() if at < saved_at)])

    def lost(self, saved_at, killed_at):
        """Return the seconds from the last save to the kill, or 0 if nothing was acknowledged in between."""
        return max((killed_at - saved_at for at in self.acknowledged.values() if at >= saved_at), default=0)

    def check(self, run, token):
        with client(run, token) as http:
            stored = http.get(self.path).json().get("n", 0)
        assert self.at_least <= stored <= self.sent, self.path
        self.at_least = stored  # a number that was read once must not disappear
        self.acknowledged.clear()


def kill(run, *, everything):
    """Send SIGKILL to make run or, with ``everything``, to all its processes at once, as in a power failure."""
    main = runs.look(run.state).process
    started = [Identity.of(process.pid) for process in run.processes() if process.is_running()]
    for process in [main, *(started if everything else [])]:
        process.signal(signal.SIGKILL)
    killed_at = time.time()
    run._make.wait(10)
    psutil.wait_procs([psutil.Process(p.pid) for p in started if p.is_alive], timeout=30)
    assert not [process for process in started if process.is_alive]
    return killed_at


def wait_for_a_save(state, writers):
    """Return when a save has begun after an acknowledged write: on a busy machine, that can take seconds."""
    deadline = time.monotonic() + 30
    while True:
        acknowledged = [at for writer in writers for at in list(writer.acknowledged.values())]
        saved_at = aws.saved_at(state)
        if acknowledged and saved_at and datetime.fromisoformat(saved_at).timestamp() > min(acknowledged):
            return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_writes_acknowledged_before_a_save_survive_every_kill(tmp_path, chance):
    ports, writers, windows = free_ports(), [Writer(number) for number in range(WRITERS)], []
    state = tmp_path / "state"
    for number in range(KILLS + 1):
        run = Run(state, ports)
        token = run.token()
        for writer in writers:
            writer.check(run, token)
        if number == KILLS:
            run.interrupt()
            break
        threads = [threading.Thread(target=writer.write_until_it_breaks, args=(run, token)) for writer in writers]
        for thread in threads:
            thread.start()
        if number == 0:
            wait_for_a_save(state, writers)
        time.sleep(chance.uniform(0.2, 3))
        everything = number % 2 == 0
        killed_at = kill(run, everything=everything)
        for thread in threads:
            thread.join()
        saved_at = datetime.fromisoformat(aws.saved_at(state)).timestamp() if everything else killed_at
        for writer in writers:
            writer.was_saved(saved_at)
        windows += [writer.lost(saved_at, killed_at) for writer in writers]
    assert sum(writer.at_least for writer in writers) > 0
    print(f"{KILLS} kills, {sum(writer.sent for writer in writers)} writes, last save at most {max(windows):.2f} s old")


# Documents

NAMES = [
    *(
        "__bytes__",
        "__scoped__",
        "__account_region_scoped__",
        "__pairs__",
        "__tuple__",
        "__ministack_format__",
        "payload",
    ),
    *(
        "userid ",
        "document",
        "revision",
        "origin",
        "timestamp.",
        "pk",
        "sk",
        "data",
        "S",
        "N",
        "M",
        "L",
        "NULL",
        "BOOL",
    ),
    *("#", ":", "#a", ":a", ".", "a.b", "a[0]", "$ref", "__proto__", "constructor", "toString", "size", "name", "\x00"),
    *(" ", "\n", '"', "\\", "/", "~", "~0~1", "é", "e\u0301", "\u202e", "\ufeff", "😀", "a" * 300, "null", "1", "-"),
]
TEXTS = [*NAMES, "", "x" * 2000, "NaN", "true", "\u2028", "\x7f", "\uffff", "1e125", "</script>", "'; DROP TABLE users"]
NUMBERS = [
    *(0, 1, -1, 2**53, 2**53 + 1, -(2**63), 2**64, 10**37, 10**38 - 1, -(10**38) + 1, 10**125, 9 * 10**125),
    *map(Decimal, ("0.1", "-0.1", "1E-130", "-1E-130", "1.5", "9.9999999999999999999999999999999999999E+125")),
    *map(Decimal, ("0.00000000000000000000000000000000000001", "12345678901234567890.123456789012345678", "1E-7")),
]


def value(chance, depth):
    kind = chance.random()
    if depth and kind < 0.3:
        return document(chance, depth - 1)
    if depth and kind < 0.5:
        return [value(chance, depth - 1) for _ in range(chance.randrange(4))]
    return chance.choice([chance.choice(TEXTS), chance.choice(NUMBERS), True, False, None, [], {}])


def document(chance, depth=4):
    return {
        chance.choice([chance.choice(NAMES), "".join(chance.choices(string.printable, k=5))]): value(chance, depth)
        for _ in range(chance.randrange(1, 6))
    }


def without_stamps(user):
    return {name: member for name, member in user.items() if name not in ("userid", "timestamp")}


def parsed(response):
    assert response.status_code == 200, response.text
    return json.loads(response.content, parse_float=Decimal)


def test_hostile_documents_survive_a_restart_and_every_operation(tmp_path, chance):
    state = tmp_path / "state"
    expected = {f"hostile-{number}": document(chance) for number in range(DOCUMENTS)}
    run = Run(state)
    token = run.token()
    with client(run, token) as http, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: parsed(http.put(f"/users/{item[0]}", content=dumps(item[1]))), expected.items()))
    run.interrupt()

    run = Run(state)

    def read_patch_and_put(userid):
        path = f"/users/{userid}"
        read = http.get(path)
        assert without_stamps(parsed(read)) == expected[userid]
        assert without_stamps(parsed(http.patch(path, content="{}"))) == expected[userid]
        assert without_stamps(parsed(http.put(path, content=read.content))) == expected[userid]

    with client(run, token) as http, ThreadPoolExecutor(8) as pool:
        list(pool.map(read_patch_and_put, expected))
        exported: dict[str, object] = {}
        target = "/users?limit=37"
        while target:
            page = http.get(target)
            exported |= {user["userid"]: without_stamps(user) for user in parsed(page)}
            target = page.headers.get("link", "").partition("<")[2].partition(">")[0]
    run.interrupt()
    assert exported == expected
