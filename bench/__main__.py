"""``make bench``: every candidate in one run, medians and ratios as tables.

Cold: whole processes from their start to their first answer, artefacts on a read-only path (no bytecode is written),
boto3 installed beside and compiled, as Lambda has it, unless a candidate bundles it. Warm: CPU time a call in a process
that has answered before. DynamoDB and the key server answer from a process of their own.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import growth
from bench.candidates import Candidate, apis, authorizers, runtime
from bench.figures import Comparison, Figures
from infra.backend import NOWHERE
from tests.lambda_events import TOKEN_EVENT, proxy_event
from tests.pool import Pool

HERE = Path(__file__).parent
SLOW = 0.02
"""Seconds that DynamoDB takes while threads are counted."""


def main() -> None:
    """Build, measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="where candidates and figures are kept")
    parser.add_argument("--rounds", type=int, default=15, help="cold starts of each")
    parser.add_argument("--calls", type=int, default=300, help="warm calls of each")
    options = parser.parse_args()
    say("Building the candidates …")
    folder = options.folder.resolve()
    beside = runtime(folder)
    users, guards = apis(folder), authorizers(folder)
    pool = Pool()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    figures = Figures(machine, time.strftime("%Y-%m-%d"))
    print(f"{figures.machine}, {figures.date}\n")
    token_event = {**TOKEN_EVENT, "authorizationToken": f"Bearer {pool.token()}"}
    with served(pool, 0) as address:
        lab = Lab(beside, environment(pool, address))
        for name, candidates, event in (("API function", users, EVENTS["GET"]), ("authorizer", guards, token_event)):
            figures.cold[name] = lab.cold(name, candidates, event, options.rounds)
            show(figures.cold[name].table())
        for name, event in EVENTS.items():
            able = [candidate for candidate in users if name in ABLE.get(candidate.name, EVENTS)]
            figures.warm[name] = lab.warm(name, able, event, options.calls)
            show(figures.warm[name].table())
        figures.warm["authorizer"] = lab.warm("authorizer", guards, token_event, options.calls)
        show(figures.warm["authorizer"].table())
    with served(pool, SLOW) as address:
        figures.threads = crowd(users[0], Lab(beside, environment(pool, address)))
    show(figures.threads_table(SLOW))
    figures.growth = growth.measure(EVENTS, say)
    show(figures.growth_table())
    figures.write(folder / "measured.json")
    say("Kept in .bench/measured.json: make figures puts them into docs/.")


@dataclass(frozen=True)
class Lab:
    """Where candidates live and die: ``beside`` is what Lambda provides, ``environ`` what it sets."""

    beside: Path
    environ: Mapping[str, str]

    def cold(self, name: str, candidates: list[Candidate], event: Any, rounds: int) -> Comparison:
        """``rounds`` cold starts of each, in turns, so that all see the same machine."""
        taken: dict[str, list[float]] = {candidate.name: [] for candidate in candidates}
        for number in range(rounds + 1):  # the first round only warms the disk's cache
            say(f"\rCold start {number} of {rounds} ", end="")
            for candidate in candidates:
                milliseconds, _ = self.life(candidate, event)
                if number:
                    taken[candidate.name].append(milliseconds)
        say("")
        return Comparison(f"Cold start, {name}: CPU milliseconds from process start to first answer", "ms", taken)

    def warm(self, name: str, candidates: list[Candidate], event: Any, calls: int) -> Comparison:
        """``calls`` of each in a process that has answered before, five times."""
        taken: dict[str, list[float]] = {candidate.name: [] for candidate in candidates}
        memory: dict[str, float] = {}
        for _ in range(5):
            for candidate in candidates:
                _, (_, microseconds, kilobytes) = self.life(candidate, event, warm=calls)
                taken[candidate.name].append(microseconds)
                memory[candidate.name] = kilobytes / 1024
        return Comparison(f"Warm {name}: CPU microseconds a call", "µs", taken, memory)

    def life(
        self, candidate: Candidate, event: Any, *, warm: int = 0, threads: int = 0
    ) -> tuple[float, tuple[int, float, int]]:
        """A process of its own: its CPU milliseconds in all, and what it said (see call.py)."""
        order = json.dumps({"handler": candidate.handler, "event": event, "warm": warm, "threads": threads})
        path = [str(candidate.task), str(self.beside)]
        script = f"import sys; sys.path[:0] = {path!r}; exec(open({str(HERE / 'call.py')!r}).read())"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            # Nothing of this environment; no bytecode written, as on a read-only disk.
            [sys.executable, "-I", "-S", "-B", "-c", script],
            input=order,
            env=dict(self.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            sys.exit(f"{candidate.name} failed:\n{done.stderr}")
        status, microseconds, kilobytes = json.loads(done.stdout.splitlines()[-1])
        if status != 200:
            sys.exit(f"{candidate.name} answered {status}: {done.stdout}")
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return cpu * 1000, (status, microseconds, kilobytes)


def crowd(candidate: Candidate, lab: Lab) -> dict[str, float]:
    """GETs a second that one loaded app answers to ever more threads."""
    return {
        str(threads): lab.life(candidate, EVENTS["GET"], warm=40 * threads, threads=threads)[1][1]
        for threads in (1, 4, 16, 32)
    }


@contextmanager
def served(pool: Pool, delay: float) -> Iterator[str]:
    """The address of a canned DynamoDB, ``delay`` seconds slow, and key server."""
    command = [sys.executable, str(HERE / "served.py"), json.dumps({"keys": [pool.key.jwk]}), str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def environment(pool: Pool, address: str) -> dict[str, str]:
    """What Lambda would set."""
    return {
        **NOWHERE,
        "USER_POOL_ID": pool.id,
        "USER_POOL_ARN": pool.arn,
        "APPLICATION_CLIENT_ID": pool.client_id,
        "JWKS_URL": f"{address}/keys",
        "AWS_ENDPOINT_URL": address,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "POWERTOOLS_SERVICE_NAME": "bench",
    }


DOCUMENT = '{"name": "Jane Doe", "likes": ["chess", "tea"]}'
EVENTS = {
    "GET": proxy_event("GET", "/users/{userid}"),
    "PUT": proxy_event("PUT", "/users/{userid}", DOCUMENT),
    "PATCH": proxy_event("PATCH", "/users/{userid}", '{"likes": ["tea"]}'),
    "list": proxy_event("GET", "/users"),
}
ABLE = {
    "stock": ["GET", "PUT", "list"],
    "workshop": ["GET", "PUT", "list"],
    "fastapi": ["GET", "PUT", "list"],
    "powertools": ["GET", "PUT", "list"],
    "floor": ["GET"],
}


def show(table: str) -> None:
    """Print a table now: the next takes a while."""
    print(table, flush=True)


def say(text: str, end: str = "\n") -> None:
    """Progress, where the tables are not."""
    print(text, end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
