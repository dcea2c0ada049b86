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
import statistics
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
from infra.backend import NOWHERE
from tests.lambda_events import TOKEN_EVENT, proxy_event
from tests.pool import Pool

HERE = Path(__file__).parent


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="where the candidates are built")
    parser.add_argument("--rounds", type=int, default=15, help="cold starts of each")
    parser.add_argument("--calls", type=int, default=300, help="warm calls of each")
    options = parser.parse_args()
    say("Building the candidates …")
    folder = options.folder.resolve()
    beside = runtime(folder)
    users, guards = apis(folder), authorizers(folder)
    pool = Pool()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, {time.strftime('%Y-%m-%d')}")
    token_event = {**TOKEN_EVENT, "authorizationToken": f"Bearer {pool.token()}"}
    with served(pool, 0) as address:
        lab = Lab(beside, environment(pool, address))
        for title, candidates, event in (
            ("API function", users, EVENTS["GET"]),
            ("Authorizer", guards, token_event),
        ):
            cold = lab.cold(candidates, event, options.rounds)
            table(f"Cold start, {title}: CPU milliseconds from process start to first answer", cold, "ms")
        for method, event in EVENTS.items():
            able = [candidate for candidate in users if method in ABLE.get(candidate.name, EVENTS)]
            table(f"Warm {method}: CPU microseconds a call", *lab.warm(able, event, options.calls))
        table("Warm authorizer: CPU microseconds a call", *lab.warm(guards, token_event, options.calls))
    with served(pool, 0.02) as address:
        crowd(users[0], Lab(beside, environment(pool, address)))
    growth.measure(say)


@dataclass(frozen=True)
class Lab:
    """Where candidates live and die: ``beside`` is what Lambda provides, ``environ`` what it sets."""

    beside: Path
    environ: Mapping[str, str]

    def cold(self, candidates: list[Candidate], event: Any, rounds: int) -> dict[str, list[float]]:
        """CPU milliseconds of ``rounds`` cold starts of each, in turns, so that all see the same machine."""
        taken: dict[str, list[float]] = {candidate.name: [] for candidate in candidates}
        for number in range(rounds + 1):  # the first round only warms the disk's cache
            say(f"\rCold start {number} of {rounds} ", end="")
            for candidate in candidates:
                milliseconds, _ = self.life(candidate, event)
                if number:
                    taken[candidate.name].append(milliseconds)
        say("")
        return taken

    def warm(
        self, candidates: list[Candidate], event: Any, calls: int
    ) -> tuple[dict[str, list[float]], str, dict[str, float]]:
        """CPU microseconds a call, five times; their unit; peak memory in MB."""
        taken: dict[str, list[float]] = {candidate.name: [] for candidate in candidates}
        memory: dict[str, float] = {}
        for _ in range(5):
            for candidate in candidates:
                _, (_, microseconds, kilobytes) = self.life(candidate, event, warm=calls)
                taken[candidate.name].append(microseconds)
                memory[candidate.name] = kilobytes / 1024
        return taken, "µs", memory

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


def crowd(candidate: Candidate, lab: Lab) -> None:
    """Print how many GETs a second one loaded app answers to ever more threads, DynamoDB taking 20 ms for each."""
    print("\nThreads in one loaded app, DynamoDB 20 ms slow: answers a second\n")
    print("| threads | answers a second | at the most possible |\n| --- | --- | --- |")
    for threads in (1, 4, 16, 32):
        _, (_, rate, _) = lab.life(candidate, EVENTS["GET"], warm=40 * threads, threads=threads)
        print(f"| {threads} | {rate:.0f} | {threads / 0.02:.0f} |", flush=True)


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


def table(title: str, taken: Mapping[str, list[float]], unit: str, memory: Mapping[str, float] | None = None) -> None:
    """Print medians, and Roster's ratio to each."""
    medians = {name: statistics.median(values) for name, values in taken.items()}
    print(f"\n{title}\n")
    print(f"| | median, {unit} | spread | Roster takes |" + (" peak memory, MB |" if memory else ""))
    print("| --- | --- | --- | --- |" + (" --- |" if memory else ""))
    for name, median in medians.items():
        low, high = min(taken[name]), max(taken[name])
        ratio = "1" if name == "roster" else f"{medians['roster'] / median:.2f} of it"
        line = f"| {name} | {median:.0f} | {low:.0f}–{high:.0f} | {ratio} |"
        print(line + (f" {memory[name]:.0f} |" if memory else ""), flush=True)


def say(text: str, end: str = "\n") -> None:
    """Progress, where the tables are not."""
    print(text, end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
