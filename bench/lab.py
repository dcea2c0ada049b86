"""Run candidates in processes like Lambda's, with a fake DynamoDB, Cognito and key server."""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from bench.candidates import Candidate
from bench.figures import Comparison
from chalicelib.media import items, objects
from chalicelib.media.index import Index
from chalicelib.media.items import MediaItem
from infra import parts
from testbed.events import proxy_event
from testbed.picture_files import encoded, photo
from testbed.pool import Pool

if TYPE_CHECKING:
    from chalicelib.storage.dynamodb import DynamoDB

HERE = Path(__file__).parent
STATUSES = (items.READY, items.AWAITING_UPLOAD)
PICTURE = "8308d973-cea5-435b-9386-ea7614f8e802"

DOCUMENT = '{"name": "Jane Doe", "likes": ["chess", "tea"]}'
EVENTS = {
    "GET": proxy_event("GET", "/users/{userid}"),
    "PUT": proxy_event("PUT", "/users/{userid}", DOCUMENT),
    "PATCH": proxy_event("PATCH", "/users/{userid}", '{"likes": ["tea"]}'),
    "list": proxy_event("GET", "/users"),
}
SIGN_INS = {
    "sign-in": proxy_event("POST", "/sessions", '{"email": "jane@example.com", "password": "Correct-horse-42"}'),
    "refresh": proxy_event("POST", "/sessions/refresh", f'{{"refresh_token": "{"A" * 1700}"}}'),
}
"""A refresh token of Cognito has about 1,700 characters."""


def of_capabilities(pool: Pool) -> dict[str, dict[str, Any]]:
    """Return the events of routes that capabilities add, by name. Each has an access token of the caller."""
    sub = pool.claims()["sub"]
    caller = {"principalId": sub, "token_use": "access"}
    admin = {**caller, "admin": "true"}
    announced = '{"content_type": "image/jpeg", "size": 1000000}'
    events = {
        "own account": proxy_event("GET", "/account", authorizer=caller),
        "announcing a picture": proxy_event("POST", "/media", announced, caller),
        "list of pictures": proxy_event("GET", "/media", authorizer=caller),
        "public pictures": proxy_event("GET", "/public/media", authorizer={}),
        "an administrator reads an account": proxy_event("GET", "/accounts/{userid}", authorizer=admin, userid=sub),
    }
    bearer = f"Bearer {pool.token('access')}"
    for event in events.values():
        event["headers"]["Authorization"] = bearer
        event["multiValueHeaders"]["Authorization"] = [bearer]
    return events


def upload(pool: Pool) -> dict[str, Any]:
    """Return the event of the images function for an upload that nobody has processed yet."""
    stored = {
        "bucket": {"name": parts.examples()["MEDIA_BUCKET"]},
        "object": {"key": objects.incoming(pool.claims()["sub"], PICTURE)},
    }
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Post", "s3": stored}
    body = json.dumps({"Records": [record]})
    return {"Records": [{"messageId": "1", "receiptHandle": "1", "eventSource": "aws:sqs", "body": body}]}


def _stored_picture(owner: str, status: str) -> Any:
    """Return a picture as it is in the table: what the index sends to DynamoDB."""
    sent: list[Any] = []
    client = SimpleNamespace(put_item=lambda **request: sent.append(request["Item"]))
    written = "2026-11-21T08:00:00.000Z"
    picture = MediaItem(
        *(PICTURE, owner, status, items.PUBLIC, "image/jpeg", 1_000_000),
        *(written, written, items.revision(), "Jane Doe", "The harbour at dawn"),
        width=4000,
        height=3000,
    )
    Index(cast("DynamoDB", SimpleNamespace(client=client)), "media").create(picture, may_exist=False)
    return sent[0]


@dataclass(frozen=True)
class Lab:
    """Runs candidates. ``beside`` is the folder of what Lambda provides, ``environ`` the environment that it sets."""

    beside: Path
    environ: Mapping[str, str]

    def cold(self, name: str, candidates: list[Candidate], event: Any, rounds: int) -> Comparison:
        """Measure ``rounds`` cold starts of each candidate, in turns, so that all run under the same conditions."""
        taken: dict[str, list[float]] = {candidate.name: [] for candidate in candidates}
        for number in range(rounds + 1):  # the first round only fills the disk cache
            say(f"\rCold start {number} of {rounds} ", end="")
            for candidate in candidates:
                milliseconds, _ = self.life(candidate, event)
                if number:
                    taken[candidate.name].append(milliseconds)
        say("")
        return Comparison(f"Cold start, {name}: CPU milliseconds from process start to first response", "ms", taken)

    def warm(self, name: str, candidates: list[Candidate], event: Any, calls: int) -> Comparison:
        """Measure ``calls`` of each candidate in a process that has responded before: nine times, in turns."""
        taken: dict[str, list[float]] = {candidate.name: [] for candidate in candidates}
        memory: dict[str, float] = {}
        for _ in range(9):
            for candidate in candidates:
                _, (_, microseconds, kilobytes) = self.life(candidate, event, warm=calls)
                taken[candidate.name].append(microseconds)
                memory[candidate.name] = kilobytes / 1024
        return Comparison(f"Warm {name}: CPU microseconds per call", "µs", taken, memory)

    def command(self, candidate: Candidate, script: str) -> list[str]:
        """Return a command that runs this script of ``bench`` as if only the candidate were on Lambda's disk."""
        folders = (candidate.task, candidate.layer, self.beside)
        path = [str(folder) for folder in folders if folder]
        code = f"import sys; sys.path[:0] = {path!r}; exec(open({str(HERE / script)!r}).read())"
        # Without this virtual environment. No bytecode is written, as on a read-only disk.
        return [sys.executable, "-I", "-S", "-B", "-c", code]

    def life(
        self, candidate: Candidate, event: Any, *, warm: int = 0, threads: int = 0
    ) -> tuple[float, tuple[int, float, int]]:
        """Run the candidate in a new process. Return its CPU milliseconds and its output (see call.py)."""
        order = json.dumps({"handler": candidate.handler, "event": event, "warm": warm, "threads": threads})
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            self.command(candidate, "call.py"),
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
        if status not in (200, 201):
            sys.exit(f"{candidate.name} returned status {status}: {done.stdout}")
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return cpu * 1000, (status, microseconds, kilobytes)


@contextmanager
def served(pool: Pool, delay: float = 0, breaks: int = 0) -> Iterator[str]:
    """Run a fake DynamoDB, Cognito and key server, and yield their address.

    DynamoDB responds after ``delay`` seconds, and drops one in ``breaks`` requests (0: none).
    """
    keys = json.dumps({"keys": [pool.key.jwk]})
    pictures = json.dumps([_stored_picture(pool.claims()["sub"], status) for status in STATUSES])
    command = [sys.executable, str(HERE / "served.py"), keys, str(delay), str(breaks), pictures]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin as upload:
            upload.write(encoded(photo(640, 480), "image/jpeg"))
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def environment(pool: Pool, address: str) -> dict[str, str]:
    """Return the environment variables that Lambda would set."""
    return {
        **parts.examples(),
        **pool.settings(f"{address}/keys"),
        "AWS_ENDPOINT_URL": address,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "POWERTOOLS_SERVICE_NAME": "bench",
    }


def say(text: str, end: str = "\n") -> None:
    """Print progress to standard error: standard output is for the tables."""
    print(text, end=end, file=sys.stderr, flush=True)
