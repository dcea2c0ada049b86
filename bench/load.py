"""``make load``: many users send mixed requests to ``make run`` for two minutes, then to ``STAGE=local``.

Each simulated user remembers its acknowledged writes, confirmed accounts and pictures. It checks at the end that
exactly those are stored, and that everybody can sign in. What all users saw of the records that they share must be
linearizable. Everything runs on this machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import psutil

from bench import figures
from bench.figures import LoadRun
from bench.lab import say
from testbed import record_histories, targets
from testbed.histories import Undecided
from testbed.record_histories import Row

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
TARGETS: dict[str, Callable[[Path], AbstractContextManager[Any]]] = {
    "make run": targets.local,
    "make deploy STAGE=local": targets.deployed,
}


def main() -> None:
    """Run the load test, print and store the results. Exit with status 1 if anything was lost or wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="folder for the figures")
    parser.add_argument("--users", type=int, default=20, help="number of concurrent users")
    parser.add_argument("--seconds", type=int, default=120, help="duration of each run")
    options = parser.parse_args()
    load: dict[str, LoadRun] = {}
    for name, start in TARGETS.items():
        say(f"{name}: starting …")
        with tempfile.TemporaryDirectory() as folder, start(Path(folder)) as api:
            load[name] = _run(api, Path(folder), options.users, options.seconds)
            print(load[name].table(), flush=True)
    options.folder.mkdir(exist_ok=True)
    figures.write(load, options.folder / "load.json")
    say("Stored in .bench/load.json. To update docs/, run make figures.")
    sys.exit(not all(_is_kept(run) for run in load.values()))


def _is_kept(run: LoadRun) -> bool:
    """Return whether everything was checked and right: each user has a record, a profile, a name and metadata."""
    checked = run.counts["checked at the end"] == 4 * run.users
    confirmed = run.counts.get("confirmed accounts", 0)
    usable = run.counts.get("signed in at the end") == confirmed and confirmed > 0
    uploaded = run.counts.get("uploaded pictures", 0)
    shown = run.counts.get("pictures at the end") == uploaded and uploaded > 0
    raced = run.counts["statuses in histories"] == len(record_histories.STATUSES)
    wrong = ("lost", "wrong reads", "rejected sign-ins", "impossible histories", "undecided histories", "exceptions")
    return checked and usable and shown and raced and not any(run.counts.get(name) for name in wrong)


def _run(api: Any, folder: Path, users: int, seconds: int) -> LoadRun:
    people = [api.sign_up() for _ in range(users)]
    admin = api.make_admin(api.sign_up())
    order, report = folder / "load.json", folder / "report.json"
    members = {
        "people": [{"sub": person.sub, "email": person.email} for person in people],
        "admin": admin.email,
        "admin_token": admin.token,
        "aws_port": api.aws_port,
        "report": str(report),
    }
    order.write_text(json.dumps(members))
    before = _process()
    say(f"{users} users for {seconds} seconds …")
    command = [
        *(sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), "--headless", "--only-summary"),
        *("--host", api.base_url, "--users", str(users), "--spawn-rate", str(users), "--run-time", f"{seconds}s"),
        *("--stop-timeout", "120", "--loglevel", "ERROR", "--exit-code-on-error", "0"),
    ]
    with (folder / "locust.log").open("w+") as log:
        environ = {**os.environ, "ROSTER_LOAD": str(order)}
        subprocess.run(command, env=environ, stdout=log, stderr=subprocess.STDOUT, check=False)
        if not report.exists():
            log.seek(0)
            sys.exit(f"locust failed:\n{log.read()[-4000:]}")
    found = json.loads(report.read_text())
    after = _process()
    histories = [[Row(*row) for row in history] for history in found["histories"].values()]
    say(f"Checking the histories of {len(histories)} shared records …")
    found["counts"] |= {
        "histories": len(histories),
        "operations in histories": sum(map(len, histories)),
        "statuses in histories": len({row.status for history in histories for row in history if row.status}),
        **Counter(map(_verdict, histories)),
    }
    return LoadRun(
        users,
        seconds,
        found["counts"],
        found["errors"],
        _latencies(found["requests"]),
        _timeline(found["requests"]),
        [before, after] if before and after else None,
    )


def _verdict(history: list[Row]) -> str:
    try:
        return "possible histories" if record_histories.is_possible(history) else "impossible histories"
    except Undecided:
        return "undecided histories"


def _latencies(requests: list[tuple[float, str, float]]) -> dict[str, list[float]]:
    by_name: dict[str, list[float]] = {}
    for _, name, milliseconds in requests:
        by_name.setdefault(name, []).append(milliseconds)
    by_name = dict(sorted(by_name.items())) | {"all": [milliseconds for _, _, milliseconds in requests]}
    return {name: [len(taken), *(_percentile(taken, at) for at in (50, 95, 99))] for name, taken in by_name.items()}


def _timeline(requests: list[tuple[float, str, float]]) -> list[list[float]]:
    start = min(when for when, _, _ in requests)
    by_second: dict[int, list[float]] = {}
    for when, _, milliseconds in requests:
        by_second.setdefault(int(when - start), []).append(milliseconds)
    return [[second, len(taken), _percentile(taken, 95)] for second, taken in sorted(by_second.items())]


def _percentile(values: list[float], at: int) -> float:
    ranked = sorted(values)
    return round(ranked[min(len(ranked) - 1, len(ranked) * at // 100)], 1)


def _process() -> list[float] | None:
    """Return memory in MB and open connections of the ``chalice local`` that this run has started, if any."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "local" in process.cmdline() and any("chalice" in word for word in process.cmdline()):
                return [round(process.memory_info().rss / 2**20, 1), len(process.net_connections())]
    return None


if __name__ == "__main__":
    main()
